"""The database backend: what it tells about transactions, and how its connections are set up."""

import pytest
from django.db import OperationalError, connection, connections, transaction

from ila.core.db.backend.base import DatabaseWrapper
from ila.core.db.dsn import make_dsn, parse_dsn
from ila.core.db.setup import databases, dsn_of


def _serial() -> int:
    wrapper = connections["default"]
    assert isinstance(wrapper, DatabaseWrapper)
    return wrapper.transaction_serial


def _setting(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting FROM pg_settings WHERE name = %s", [name])
        return str(cursor.fetchone()[0])


def test_the_serial_is_the_same_throughout_a_transaction_and_its_savepoints(committed_db):
    before = _serial()
    with transaction.atomic():
        first = _serial()
        assert first != before
        with transaction.atomic():
            assert _serial() == first
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            raise ZeroDivisionError
        assert _serial() == first
    after = _serial()
    assert after != first
    with transaction.atomic():
        assert _serial() not in {before, first, after}


def test_the_serial_changes_when_a_transaction_is_rolled_back_or_its_connection_lost(committed_db):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        inside = _serial()
        raise ZeroDivisionError
    assert _serial() != inside
    connection.close()
    before = _serial()
    connection.ensure_connection()
    assert _serial() != before


def test_connections_give_up_on_locks_and_speak_utc(db):
    assert _setting("lock_timeout") == "5000"
    assert _setting("TimeZone") == "UTC"
    assert _setting("statement_timeout") == "0"


def test_a_lock_that_is_not_given_ends_in_an_error(committed_db, app_dsn, monkeypatch):
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")
        cursor.execute("SELECT id FROM accounts_user ORDER BY id LIMIT 1")
        (pk,) = cursor.fetchone()
    other = connections.create_connection("default")
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM accounts_user WHERE id = %s FOR UPDATE", [pk])
            with other.cursor() as cursor, pytest.raises(OperationalError, match="lock timeout"):
                cursor.execute("SET lock_timeout = '50ms'")
                cursor.execute("SELECT 1 FROM accounts_user WHERE id = %s FOR UPDATE", [pk])
    finally:
        other.close()


def test_several_statements_go_in_one_round_trip(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s; SELECT %s", [1, "two"])
        assert cursor.fetchone() == (1,)
        assert cursor.nextset()
        assert cursor.fetchone() == ("two",)


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://owner:secret@db.example.org:5433/ila",
        "postgresql://owner:p%40ss%2Fw%3Ard@127.0.0.1:5432/ila",
        "postgresql://owner:x@[::1]:5432/ila",
        "postgresql://owner@/ila?host=%2Fvar%2Frun%2Fpostgresql",
        "postgresql://owner:x@db.example.org/ila?sslmode=verify-full&sslrootcert=%2Fca.pem",
        "postgres://owner:x@db.example.org/na%20me",
    ],
)
def test_addresses_survive_being_taken_apart(dsn):
    parts = parse_dsn(dsn)
    assert parse_dsn(make_dsn(parts)) == parts
    setting = databases({"DATABASE_URL": dsn})["owner"]
    for name in ("user", "password", "host", "port", "dbname"):
        assert parse_dsn(dsn_of(setting)).get(name) == parts.get(name)
    for name in ("sslmode", "sslrootcert"):
        assert setting["OPTIONS"].get(name) == parts.get(name)


def test_web_processes_keep_connections_and_give_up_on_long_statements():
    web = databases({"DATABASE_URL": "postgresql://a:b@c/d"}, conn_max_age=600, statement_timeout="30s")
    assert web["default"]["CONN_MAX_AGE"] == 600
    assert web["default"]["CONN_HEALTH_CHECKS"] is True
    assert "statement_timeout=30s" in web["default"]["OPTIONS"]["options"]
    assert "statement_timeout" not in web["owner"]["OPTIONS"]["options"]


def test_the_operators_own_application_role_takes_the_place_of_the_derived_one():
    both = databases({"DATABASE_URL": "postgresql://a:b@c/d", "DATABASE_APP_URL": "postgresql://e:f@g/h"})
    assert (both["default"]["USER"], both["default"]["HOST"]) == ("e", "g")
    assert (both["owner"]["USER"], both["owner"]["HOST"]) == ("a", "c")
