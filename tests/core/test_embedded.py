"""The embedded server: shared, stopped by the last one, and unharmed by whatever is killed."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ila.core.db.embedded import EmbeddedServer, EmbeddedServerError
from tests.support.database import ROOT

USE = """
import sys, time
from pathlib import Path
import psycopg
from ila.core.db.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1])).start()
with psycopg.connect(server.dsn()) as connection:
    print(connection.execute("SELECT current_user, current_database()").fetchone(), flush=True)
    if len(sys.argv) > 2:
        time.sleep(float(sys.argv[2]))
"""
ANSWER = "('ila_owner', 'ila')\n"


@pytest.fixture
def directory() -> Iterator[Path]:
    """A short path that every system user can pass through."""
    path = Path(tempfile.mkdtemp(prefix="ila-embedded-"))
    path.chmod(0o711)
    yield path
    if (path / "pg").exists():
        EmbeddedServer(path / "pg").stop_if_unused()
    shutil.rmtree(path)


def _use(directory: Path, *arguments: str, **options) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", USE, str(directory / "pg"), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def _answer(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    return out


def _server_runs(directory: Path) -> bool:
    try:
        pid = int((directory / "pg" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True


def test_commands_at_the_same_moment_share_one_server_and_the_last_one_stops_it(directory):
    processes = [_use(directory, "0.5") for _ in range(4)]
    assert [_answer(process) for process in processes] == [ANSWER] * 4
    assert not _server_runs(directory)


def test_a_command_that_ends_leaves_the_server_to_the_others(directory):
    long = _use(directory, "3")
    assert long.stdout is not None
    assert long.stdout.readline() == ANSWER
    assert _answer(_use(directory)) == ANSWER
    assert _server_runs(directory)
    _answer(long)
    assert not _server_runs(directory)


@pytest.mark.parametrize("seconds", [0.15, 0.3, 0.45, 0.6, 1.2])
def test_a_killed_command_leaves_the_next_one_nothing_to_mend(directory, seconds):
    killed = _use(directory, "30")
    time.sleep(seconds)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert _answer(_use(directory)) == ANSWER
    assert not _server_runs(directory)
    assert sorted(path.name for path in directory.iterdir()) == ["pg", "pg.lock", "pg.users"]


def test_a_killed_server_recovers(directory):
    killed = _use(directory, "30")
    assert killed.stdout is not None
    assert killed.stdout.readline() == ANSWER
    os.kill(int((directory / "pg" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert _answer(_use(directory)) == ANSWER


def test_a_pid_file_that_names_another_living_process_is_no_obstacle(directory):
    assert _answer(_use(directory)) == ANSWER
    pid_file = directory / "pg" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{directory / 'pg'}\n0\n5432\n\n\n\nready\n")
    assert _answer(_use(directory)) == ANSWER


def test_a_copy_made_while_the_server_runs_has_its_own(directory):
    server = EmbeddedServer(directory / "pg").start()
    copy = directory / "copy"
    copy.mkdir(mode=0o711)
    shutil.copytree(directory / "pg", copy / "pg", ignore=shutil.ignore_patterns(".s.*"))
    (copy / "pg").chmod(0o700)
    try:
        assert _answer(_use(copy)) == ANSWER
        with psycopg.connect(server.dsn()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.leave()
    assert not _server_runs(directory)


def test_a_path_too_long_for_a_socket(directory):
    deep = directory / ("d" * 90)
    deep.mkdir(mode=0o711)
    assert _answer(_use(deep)) == ANSWER
    server = EmbeddedServer(deep / "pg")
    assert len(str(server.socket_dir)) < 60
    assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
    shutil.rmtree(server.socket_dir)


def test_the_data_are_for_one_user_alone(directory):
    server = EmbeddedServer(directory / "pg").start()
    server.leave()
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700


def test_a_directory_of_another_version_is_refused(directory):
    EmbeddedServer(directory / "pg", version=16).start().leave()
    with pytest.raises(EmbeddedServerError, match="made by PostgreSQL 16, and this is 18"):
        EmbeddedServer(directory / "pg").start()


def test_it_writes_through(directory):
    server = EmbeddedServer(directory / "pg").start()
    with psycopg.connect(server.superuser_dsn()) as connection:
        for name, value in {"fsync": "on", "synchronous_commit": "on", "listen_addresses": ""}.items():
            row = connection.execute("SELECT setting FROM pg_settings WHERE name = %s", [name]).fetchone()
            assert row == (value,)
    server.leave()


def _as_nobody() -> dict[str, Any]:
    """Options of a subprocess that runs as `nobody`, if that user can reach this Python and this checkout."""
    if os.geteuid() != 0:
        pytest.skip("already runs as an ordinary user")
    nobody = pwd.getpwnam("nobody")
    options: dict[str, Any] = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    try:
        subprocess.run([sys.executable, "-c", "import psycopg, ila.core"], check=True, cwd=ROOT, **options)
    except (PermissionError, subprocess.CalledProcessError):
        pytest.skip("the user nobody cannot reach this Python or this checkout")
    return options


def test_an_ordinary_user_has_a_server_of_their_own(directory):
    options = _as_nobody()
    home = directory / "home"
    home.mkdir()
    os.chown(home, options["user"], options["group"])
    assert _answer(_use(home, **options)) == ANSWER
    assert (home / "pg").stat().st_uid == options["user"]
    # Root uses it too, as the same system user, and leaves it usable.
    assert _answer(_use(home)) == ANSWER
    assert _answer(_use(home, **options)) == ANSWER


def test_another_users_server_is_refused_in_one_line(directory):
    options = _as_nobody()
    EmbeddedServer(directory / "pg").start().leave()
    process = _use(directory, **options)
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "belongs to another user" in err.splitlines()[-1]
