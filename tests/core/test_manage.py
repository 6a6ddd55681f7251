"""How commands end: one line and status 1 for errors, 2 for wrong usage; and `migrate` for operators."""

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from ila.core.db.embedded import EmbeddedServer
from ila.core.errors import DomainError
from ila.core.management.main import one_line, run
from tests.support.database import ROOT

NOT_PREPARED = "The database is not prepared: run `manage.py migrate`.\n"


def _manage(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE", "DJANGO"))}
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**kept, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def live_socket():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.parametrize(
    "arguments", [("no_such_command",), ("serve", "--no-such-option"), ("serve", "--port", "x")]
)
def test_wrong_usage_is_two(tmp_path, arguments):
    done = _manage(*arguments, ILA_DATA_DIR=str(tmp_path))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        (
            {"DATABASE_URL": "mysql://a:geheim@b/c"},
            "DATABASE_URL must look like postgresql://role:password@host:port/name.",
        ),
        ({"DATABASE_URL": "postgresql://host/name"}, "DATABASE_URL names no role."),
        (
            {"DATABASE_URL": "postgresql://a:geheim@h:x/d?nix=1"},
            "DATABASE_URL is not a valid postgresql:// address.",
        ),
        (
            {"DATABASE_APP_URL": "postgresql://a:b@c/d"},
            "DATABASE_APP_URL needs DATABASE_URL, the address of the owner role.",
        ),
        ({"DEBUG": "perhaps"}, "DEBUG must be 1 or 0."),
        ({"DJANGO_SETTINGS_MODULE": "ila.settings.production"}, "SECRET_KEY must be set in the environment."),
    ],
)
def test_wrong_settings_are_one_line(tmp_path, environ, line):
    done = _manage("migrate", ILA_DATA_DIR=str(tmp_path), **environ)
    assert (done.returncode, done.stderr) == (1, f"{line}\n")


def test_production_starts_with_its_settings_only(tmp_path):
    environ = {"DJANGO_SETTINGS_MODULE": "ila.settings.production", "ILA_DATA_DIR": str(tmp_path)}
    environ["SECRET_KEY"] = "0123456789abcdefghijklmnopqrstuvwxyz" * 2
    assert _manage("check", **environ).stderr == "ALLOWED_HOSTS must be set in the environment.\n"
    environ["ALLOWED_HOSTS"] = "ila.example.org"
    assert _manage("check", **environ).stderr == "DATABASE_URL must be set in the environment.\n"
    environ["DATABASE_URL"] = "postgresql://a:b@c/d"
    done = _manage("check", "--deploy", "--fail-level", "WARNING", **environ)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "error", [DomainError("too_late", rule="F-22", days=3), OSError(2, "no such", "file")]
)
def test_errors_of_operators_are_one_line(monkeypatch, capsys, error):
    def fail(_self):
        raise error

    monkeypatch.setattr("ila.core.management.main.Utility.execute", fail)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert run(["manage.py", "x"]) == 1
    assert capsys.readouterr().err == f"{one_line(error)}\n"
    with pytest.raises(type(error)):
        run(["manage.py", "x", "--traceback"])


def test_errors_of_programmers_keep_their_traceback(monkeypatch):
    def fail(_self):
        raise KeyError("x")

    monkeypatch.setattr("ila.core.management.main.Utility.execute", fail)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(KeyError):
        run(["manage.py", "x"])


def test_a_port_in_use_is_one_line(committed_db, run_manage, live_socket):
    done = run_manage("serve", "--port", str(live_socket))
    assert done.returncode == 1
    assert done.stderr == f"CommandError: Cannot listen on 127.0.0.1:{live_socket}: Address already in use.\n"


# -- migrate ---------------------------------------------------------------------------------------------


def test_migrating_twice_changes_nothing_and_says_so(committed_db, run_manage):
    done = run_manage("migrate")
    assert done.returncode == 0, done.stderr
    assert "No migrations to apply." in done.stdout
    assert "rights granted" in done.stdout


def test_a_fresh_checkout_needs_nothing_but_migrate(tmp_path):
    tmp_path.chmod(0o711)
    first = _manage("worker", "--once", ILA_DATA_DIR=str(tmp_path))
    assert (first.returncode, first.stderr) == (1, NOT_PREPARED)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _n: _manage("migrate", ILA_DATA_DIR=str(tmp_path)), range(2)))
    assert [done.returncode for done in both] == [0, 0], [done.stderr for done in both]
    assert sorted("No migrations to apply." in done.stdout for done in both) == [False, True]
    assert _manage("worker", "--once", ILA_DATA_DIR=str(tmp_path)).returncode == 0
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()


def test_an_older_server_and_a_new_owner_password(tmp_path):
    tmp_path.chmod(0o711)
    server = EmbeddedServer(tmp_path / "pg16", version=16).start()
    for password, said in (("first", ""), ("second", "Rights taken from former application roles: ila_app_")):
        environ = {"ILA_DATA_DIR": str(tmp_path), "DATABASE_URL": server.dsn(password=password)}
        refused = _manage("worker", "--once", **environ)
        assert (refused.returncode, refused.stderr) == (1, NOT_PREPARED)
        done = _manage("migrate", **environ)
        assert done.returncode == 0, done.stderr
        assert said in done.stdout
        done = _manage("worker", "--once", **environ)
        assert (done.returncode, done.stderr) == (0, "")
    with psycopg.connect(server.superuser_dsn("ila")) as connection:
        # Who knew the first password only can do nothing any more.
        rows = connection.execute(
            "SELECT rolname, has_table_privilege(oid, 'accounts_user', 'SELECT') FROM pg_roles"
            " WHERE rolname LIKE 'ila_app_%%' ORDER BY oid",
            [],
        ).fetchall()
    assert [allowed for _name, allowed in rows] == [False, True]
    server.leave()
