"""A database of the bench's own on the same server: it never sees the rows of the one in use."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import connection, connections
from psycopg import sql

from accounts.services import service_users
from ila.core.errors import DomainError

SUFFIX = "_bench"
MAX_NAME = 63
ALIASES = ("default", "owner")
_ALONE = 0x62656E63


@contextmanager
def scratch_database() -> Iterator[None]:
    """Let Django's aliases mean an empty, migrated database for the code inside; it is removed afterwards.

    An owner that may create databases gets one; another gets a schema in its own database. What a killed
    bench left behind is removed first. Raises: DomainError `busy` while another bench is at work;
    DatabaseRefused (one line) where the database in use is not prepared.
    """
    connection.ensure_connection()
    owner = connections["owner"]
    name = f"{owner.settings_dict['NAME'][: MAX_NAME - len(SUFFIX)]}{SUFFIX}"
    # A second connection keeps the lock, because the aliases are about to mean another database.
    keeper = owner.copy()
    try:
        with keeper.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", [_ALONE, name])
            if not cursor.fetchone()[0]:
                raise DomainError("busy", what="another bench is at work on this server")
            cursor.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
            own_database = cursor.fetchone()[0]
            create, drop = _statements(name, own_database=own_database)
            cursor.execute(drop)
            cursor.execute(create)
            try:
                with _pointed_at(name, own_database=own_database):
                    call_command("migrate", verbosity=0)
                    if not own_database:
                        _keep_functions_inside(name)
                    yield
            finally:
                cursor.execute(drop)
    finally:
        keeper.close()


def _statements(name: str, *, own_database: bool) -> tuple[str, str]:
    identifier = sql.Identifier(name)
    if own_database:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(identifier)
        drop = sql.SQL("DROP DATABASE IF EXISTS {}").format(identifier)
    else:
        create = sql.SQL("CREATE SCHEMA {}").format(identifier)
        drop = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(identifier)
    return create.as_string(None), drop.as_string(None)


@contextmanager
def _pointed_at(name: str, *, own_database: bool) -> Iterator[None]:
    """Django's connections of this process, and of those it forks, lead to the scratch database."""
    before = {}
    for alias in ALIASES:
        connections[alias].close()
        settings = connections[alias].settings_dict
        before[alias] = (settings["NAME"], settings["OPTIONS"])
        if own_database:
            _point(alias, name, settings["OPTIONS"])
        else:
            options = f"{settings['OPTIONS'].get('options', '')} -c search_path={name}"
            _point(alias, settings["NAME"], {**settings["OPTIONS"], "options": options})
    service_users.get.cache_clear()
    try:
        yield
    finally:
        for alias, (former, options) in before.items():
            connections[alias].close()
            _point(alias, former, options)
        service_users.get.cache_clear()


def _point(alias: str, name: str, options: dict[str, str]) -> None:
    # Both: the connection of this thread, and what other threads' connections are made from.
    for settings in (connections.settings[alias], connections[alias].settings_dict):
        settings["NAME"] = name
        settings["OPTIONS"] = options


def _keep_functions_inside(schema: str) -> None:
    """Functions that run as their owner name the schema they look in: here it is the scratch one."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = %s::regnamespace"
            " AND EXISTS (SELECT 1 FROM unnest(proconfig) AS setting WHERE setting LIKE 'search_path=%%')",
            [schema],
        )
        for (function,) in cursor.fetchall():
            cursor.execute(f'ALTER FUNCTION {function} SET search_path = "{schema}", pg_temp')
