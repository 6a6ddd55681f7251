"""How `manage.py` ends: one line for what an operator can mend, a traceback for what a programmer must."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.core.management import ManagementUtility
from django.db import Error as DatabaseError
from django.db import OperationalError

from ila.core.errors import DomainError

_EXPECTED = (DomainError, ImproperlyConfigured, OperationalError, psycopg.OperationalError, OSError)
USAGE = 2


class Utility(ManagementUtility):
    """Django's command line, where an unknown command is wrong usage."""

    def fetch_command(self, subcommand: str) -> object:  # type: ignore[override]
        try:
            return super().fetch_command(subcommand)
        except SystemExit as error:
            raise SystemExit(USAGE) from error


def run(argv: Sequence[str]) -> int:
    """Run the command of `argv`; returns the exit status."""
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGTERM, _terminate)
    try:
        Utility(list(argv)).execute()
    except SystemExit as error:
        return _status(error)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # The reader of our output has gone; what could not be written is no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except (*_EXPECTED, DatabaseError) as error:
        if "--traceback" in argv or not isinstance(error, _EXPECTED):
            raise
        sys.stderr.write(f"{one_line(error)}\n")
        return 1
    return 0


def one_line(error: BaseException) -> str:
    """The error's message on one line."""
    return " ".join(str(error).split()) or type(error).__name__


def _status(error: SystemExit) -> int:
    if error.code is None or isinstance(error.code, int):
        return error.code or 0
    sys.stderr.write(f"{error.code}\n")
    return 1


def _terminate(signum: int, _frame: FrameType | None) -> None:
    # An orderly end, so that the embedded server is left as after any other command.
    raise SystemExit(128 + signum)
