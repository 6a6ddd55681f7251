"""The suite's own ground: what tests rely on."""

import socket
import urllib.request

import psycopg
import pytest
from django.db import connection
from pytest_socket import SocketConnectBlockedError

from accounts.models import User
from tests.support import database
from tests.support.queries import assert_queries_constant, captured_queries


def _people(number: int) -> None:
    start = User.objects.count()
    User.objects.bulk_create(User(email=f"p{start + n}@example.org") for n in range(number))


def test_the_outside_cannot_be_reached():
    with pytest.raises(SocketConnectBlockedError), socket.socket() as outside:
        outside.connect(("192.0.2.1", 80))


@pytest.mark.parametrize("attempt", [1, 2])
def test_committed_data_are_gone_afterwards(committed_db, attempt):
    assert not User.objects.filter(email="x@example.org").exists()
    User.objects.create(email="x@example.org")
    connection.close()
    assert User.objects.filter(email="x@example.org").exists()


def test_committed_data_are_seen_by_other_processes(committed_db, run_manage):
    User.objects.create(email="x@example.org")
    done = run_manage(
        "shell",
        "-c",
        "from accounts.models import User; print(User.objects.filter(is_service=False).count())",
    )
    assert done.stdout.splitlines()[-1] == "1", done.stderr


def test_roles_of_the_fixtures(db, owner_connection, app_connection, superuser_dsn):
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone()[0] == app_connection.info.user
    assert owner_connection.info.user == "ila_owner"
    with psycopg.connect(superuser_dsn) as superuser:
        assert superuser.info.user == "postgres"


def test_growing_numbers_of_queries_are_found(db):
    def one_query_each() -> None:
        for user in User.objects.all():
            user.refresh_from_db()

    with pytest.raises(AssertionError, match="queries at N=3"):
        assert_queries_constant(_people, one_query_each)
    assert_queries_constant(_people, lambda: list(User.objects.all()), expected=1)
    with pytest.raises(AssertionError, match="1 queries, expected 2"):
        assert_queries_constant(_people, lambda: list(User.objects.all()), expected=2)
    with captured_queries() as captured:
        User.objects.count()
    assert len(captured) == 1


@pytest.mark.parametrize("in_memory", [True, False])
def test_directories_of_killed_runs_are_removed(tmp_path, monkeypatch, in_memory):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "disk"))
    monkeypatch.setattr(database, "MEMORY", tmp_path / "memory")
    monkeypatch.setattr(database, "ROOM_BYTES", 1 if in_memory else 2**60)
    stale = [tmp_path / place / f"{database.PREFIX}stale" for place in ("disk", "memory")]
    for each in stale:
        (each / "pg").mkdir(parents=True)
    kept = database.make_run_directory()
    assert kept.parent.name == ("memory" if in_memory else "disk")
    assert not any(each.exists() for each in stale)
    another = database.make_run_directory()
    assert kept.exists()
    for directory in (kept, another):
        database.remove_run_directory(directory)


@pytest.mark.browser
def test_a_page_in_a_real_browser(page, server):
    response = page.goto("/accounts/login/")
    assert response is not None
    assert response.status == 200
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    with urllib.request.urlopen(f"{server.url}/accounts/login/") as answer:  # noqa: S310 - our own server
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Permissions-Policy"]
