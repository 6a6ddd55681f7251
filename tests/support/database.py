"""The suite's own PostgreSQL: one server per run, one migrated template, one copy of it per worker."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from django.db import connections
from psycopg import sql

from ila.core.db.dsn import make_dsn, parse_dsn
from ila.core.db.embedded import OWNER, EmbeddedServer
from ila.core.db.roles import application_parts
from ila.core.db.setup import databases
from tests.support import prepared

ROOT = Path(__file__).resolve().parent.parent.parent
PREFIX = "ila-tests-"
# The system's folder in memory: a database of three thousand files is copied there ten times as fast as on a disk.
MEMORY = Path("/dev/shm")  # noqa: S108 - what is made in it is made by mkdtemp
ROOM_BYTES = 6 * 1024**3
TEMPLATE = "ila_template"
# The suite's data is thrown away after the run: nothing has to survive a power cut.
TUNING = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
}


class SuiteServer(EmbeddedServer):
    """An embedded server that asks everybody but its superuser for a password, as a real one would."""

    def _write_settings(self) -> None:
        super()._write_settings()
        hba = self.data / "pg_hba.conf"
        hba.write_text("local all postgres trust\nlocal all all scram-sha-256\n")


@dataclass(frozen=True)
class WorkerDatabase:
    """One worker's database: a copy of the migrated template."""

    server: SuiteServer
    name: str
    owner_password: str

    @property
    def owner_dsn(self) -> str:
        """The owner role's address: what an operator would put into DATABASE_URL."""
        return self.server.dsn(user=OWNER, database=self.name, password=self.owner_password)

    @property
    def app_dsn(self) -> str:
        """The application role's address."""
        return make_dsn(application_parts(parse_dsn(self.owner_dsn)))

    @property
    def superuser_dsn(self) -> str:
        """The superuser's address: only for what neither role may do."""
        return self.server.superuser_dsn(self.name)

    def recreate(self) -> None:
        """A fresh copy of the template, whoever is still connected to the old one."""
        copy_database(self.server, TEMPLATE, self.name)

    def point_django_here(self) -> None:
        """Make Django's aliases of this process mean this database."""
        for alias, values in databases({"DATABASE_URL": self.owner_dsn}).items():
            connections.settings[alias].update(values)
            if hasattr(connections, alias):
                connections[alias].settings_dict.update(values)


def copy_database(server: EmbeddedServer, template: str, name: str) -> None:
    """Drop the database of that name, if any, and make it anew from the template.

    A connection to the template that a thread has left open (a live server's) would forbid the copy: it is ended.
    This thread's own are closed first: the next test would be handed one that has been ended.
    """
    connections.close_all()
    with psycopg.connect(server.superuser_dsn(), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [template]
        )
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(
            # As files, not page by page through the log: little is written since the last checkpoint.
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY FILE_COPY").format(
                *map(sql.Identifier, (name, template, OWNER))
            )
        )


def create_empty_database(server: EmbeddedServer, name: str) -> None:
    """An empty database that belongs to the owner role."""
    copy_database(server, "template1", name)


# -- the run's directory ---------------------------------------------------------------------------------


def make_run_directory() -> Path:
    """A directory for this run's server; directories of killed runs are removed on the way."""
    for parent in {Path(tempfile.gettempdir()), MEMORY}:
        for stale in parent.glob(f"{PREFIX}*"):
            with contextlib.suppress(OSError):
                if stale.is_dir() and not stale.is_symlink() and stale.stat().st_uid == os.geteuid():
                    _remove_if_stale(stale)
    directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=MEMORY if _has_room() else None))
    # The server may run as another system user, who has to pass through.
    directory.chmod(0o711)
    _alive(directory, fcntl.LOCK_SH)
    return directory


def _has_room() -> bool:
    """Whether the folder in memory may grow by what a run needs, and as much memory is free."""
    try:
        folder = os.statvfs(MEMORY)
        told = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    except OSError:
        return False
    room = min(folder.f_bavail * folder.f_frsize, int(told["MemAvailable"].split()[0]) * 1024)
    return room >= ROOM_BYTES and os.access(MEMORY, os.W_OK)


def remove_run_directory(directory: Path) -> None:
    """Stop what still runs there and remove it."""
    for server in _servers:
        if server.data.parent == directory.resolve():
            server.leave()
    SuiteServer(directory / "pg", tuning=TUNING).stop_if_unused()
    shutil.rmtree(directory, ignore_errors=True)


_handles: list[int] = []
_servers: list[SuiteServer] = []


def _alive(directory: Path, mode: int) -> int:
    handle = os.open(directory / "alive", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(handle, mode)
    _handles.append(handle)
    return handle


def _remove_if_stale(directory: Path) -> None:
    handle = os.open(directory / "alive", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove_run_directory(directory)
    finally:
        os.close(handle)


# -- the worker's database -------------------------------------------------------------------------------


def worker_database(directory: Path, worker: str) -> WorkerDatabase:
    """Start or join the run's server, migrate the template if nobody has, and copy it for this worker."""
    server = SuiteServer(directory / "pg", tuning=TUNING)
    with _template_lock(directory):
        if not server.data.exists():
            prepared.restore(directory)
        server.start()
        _servers.append(server)
        _alive(directory, fcntl.LOCK_SH)
        password_file = directory / "password"
        if not password_file.exists():
            made_from = prepared.fingerprint()
            password_file.write_text(_migrate_template(server, directory))
            with psycopg.connect(server.superuser_dsn(), autocommit=True) as connection:
                connection.execute("CHECKPOINT")
            prepared.keep(directory, made_from)
    database = WorkerDatabase(server, f"ila_{worker}", password_file.read_text())
    database.recreate()
    return database


def _migrate_template(server: SuiteServer, directory: Path) -> str:
    password = secrets.token_hex(8)
    with psycopg.connect(server.superuser_dsn(), autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(OWNER), password))
    create_empty_database(server, TEMPLATE)
    template = WorkerDatabase(server, TEMPLATE, password)
    environ = {"ILA_DATA_DIR": str(directory)}
    done = run_manage(template, "migrate", "--skip-checks", "-v0", environ=environ, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"The template could not be migrated:\n{done.stderr}")
    return password


@contextlib.contextmanager
def _template_lock(directory: Path) -> Iterator[None]:
    handle = os.open(directory / "template.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def command_environ(database: WorkerDatabase, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment in which a subprocess uses this database as an operator would set it up."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_APP_URL", "ILA_PROCESS", "PYTEST_CURRENT_TEST", "SECRET_KEY"}
    }
    return {
        **inherited,
        "DJANGO_SETTINGS_MODULE": "ila.settings.dev",
        "DATABASE_URL": database.owner_dsn,
        "ILA_DATA_DIR": str(database.server.data.parent),
        "PYTHONPATH": str(ROOT),
        **(environ or {}),
    }


def run_forked(
    database: WorkerDatabase, commands: Sequence[Sequence[str]], environ: Mapping[str, str] | None = None
) -> list[list[Any]]:
    """Run these commands, one after the other, by `forked_commands`: exit status and standard error of each."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.forked_commands"],
        cwd=ROOT,
        env=command_environ(database, environ),
        input=json.dumps([list(each) for each in commands]),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    found: list[list[Any]] = json.loads(done.stdout)
    return found


def run_manage(
    database: WorkerDatabase,
    *arguments: str,
    environ: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` with these arguments against this database, and wait for it."""
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        cwd=ROOT,
        env=command_environ(database, environ),
        input=stdin if stdin is not None else "",
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
