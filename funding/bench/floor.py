"""The floor: `pgbench` with the least statements that write the same rows."""

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.db import connections

from ila.core.db.dsn import make_dsn
from ila.core.db.embedded import programs

_RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_DONE = re.compile(r"number of transactions actually processed: (\d+)")
_FAILED = re.compile(r"number of failed transactions: (\d+)")


def run_pgbench(
    script: str,
    *,
    clients: int,
    transactions: int | None = None,
    seconds: int | None = None,
    variables: Mapping[str, int] | None = None,
) -> float:
    """Transactions a second that `clients` reach with this script on the scratch database, as its owner.

    transactions: of each client; or seconds. In the script, `:client_id` tells the clients apart.
    Raises: RuntimeError with pgbench's words when a statement fails.
    """
    with tempfile.TemporaryDirectory(prefix="ila-bench-") as directory:
        path = Path(directory) / "floor.sql"
        path.write_text(script)
        limit = ["-t", str(transactions)] if transactions is not None else ["-T", str(seconds)]
        given = [f"-D{name}={value}" for name, value in (variables or {}).items()]
        owner = connections["owner"]
        owner.ensure_connection()  # the embedded server's address is known from here on
        settings = owner.settings_dict
        address = _address(settings)
        done = subprocess.run(  # noqa: S603 - the server's own program
            [
                str(programs() / "pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2)),
                *limit, *given, "-f", str(path), address,
            ],
            capture_output=True, text=True, check=False,
            env={
                **os.environ,
                "PGPASSWORD": settings["PASSWORD"],
                "PGOPTIONS": settings["OPTIONS"].get("options", ""),
            },
        )  # fmt: skip
    failed = _FAILED.search(done.stdout)
    rate, processed = _RATE.search(done.stdout), _DONE.search(done.stdout)
    if done.returncode != 0 or rate is None or processed is None or (failed and failed.group(1) != "0"):
        raise RuntimeError(f"pgbench failed: {' '.join(done.stderr.split())[:400]}")
    return float(rate.group(1)) if int(processed.group(1)) else 0.0


def _address(settings: Mapping[str, Any]) -> str:
    """Where the scratch database is; the password and the session's options travel by the environment."""
    names = {"USER": "user", "HOST": "host", "PORT": "port", "NAME": "dbname"}
    parts = {part: str(settings[name]) for name, part in names.items() if settings.get(name)}
    rest = {name: str(value) for name, value in settings["OPTIONS"].items() if name != "options"}
    return make_dsn({**rest, **parts})
