"""Run many commands one after the other, each in a fork of a process that has imported everything already.

`python -m tests.support.forked_commands < argvs.json`: a list of argument lists on standard input; on standard output,
for each its exit status and what it wrote to standard error. Starting Python anew takes seconds for each.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile

import django
from django.core.management import get_commands, load_command_class

from ila.core.management.main import run


def main() -> None:
    """Everything that a command imports is imported here once."""
    django.setup()
    wanted = json.load(sys.stdin)
    for argv in wanted:
        load_command_class(get_commands()[argv[0]], argv[0])
    json.dump([_forked(["manage.py", *argv]) for argv in wanted], sys.stdout)


def _forked(argv: list[str]) -> tuple[int, str]:
    with tempfile.TemporaryFile() as told:
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_RDWR), 0)
            os.dup2(os.open(os.devnull, os.O_RDWR), 1)
            os.dup2(told.fileno(), 2)
            status = 1
            try:
                status = run(argv)
            finally:
                sys.stderr.flush()
                os._exit(status)
        _pid, ended = os.waitpid(child, 0)
        told.seek(0)
        return os.waitstatus_to_exitcode(ended), told.read().decode()


if __name__ == "__main__":
    main()
