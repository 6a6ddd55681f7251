"""What is checked once per process before the application uses a database.

An application that could rewrite the ledger must not run at all: the role is looked at, not trusted.
"""

from __future__ import annotations

import functools
import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import psycopg
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.base import BaseDatabaseWrapper

from ila.core.db.grants import rights_by_table
from ila.core.db.roles import APP_ROLE_PREFIX

NOT_PREPARED = "The database is not prepared: run `manage.py migrate`."

_checked: set[tuple[str, str, str, str]] = set()


class DatabaseRefused(ImproperlyConfigured):
    """The application will not run on this database as this role; one line says why."""


@functools.cache
def migrations_on_disk() -> frozenset[tuple[str, str]]:
    """(app label, name) of every migration the code has, read from file names: nothing is imported."""
    found: set[tuple[str, str]] = set()
    for config in apps.get_app_configs():
        try:
            package = import_module(f"{config.name}.migrations")
        except ModuleNotFoundError:
            continue
        names = (
            module.name
            for module in pkgutil.iter_modules(getattr(package, "__path__", ()))
            if not module.ispkg
        )
        found.update((config.label, name) for name in names if name[0] not in "_~")
    return frozenset(found)


def append_only_tables() -> list[str]:
    """Tables of which the application may only read and add rows."""
    return sorted(
        table
        for table, rights in rights_by_table().items()
        if not any(right.startswith(("UPDATE", "DELETE")) for right in rights)
    )


def check_new_connection(*, connection: BaseDatabaseWrapper, **_kwargs: Any) -> None:
    """Signal receiver: check the application's connection, once per process and database.

    Raises: DatabaseRefused when the role is too mighty or the database is not migrated.
    """
    if connection.alias != "default":
        return
    config = connection.settings_dict
    key = (str(config["HOST"]), str(config["PORT"]), str(config["NAME"]), str(config["USER"]))
    if key in _checked:
        return
    try:
        check(connection.connection)
    except BaseException:
        connection.close()
        raise
    _checked.add(key)


def role_is_missing(application: Mapping[str, Any], owner: BaseDatabaseWrapper) -> bool:
    """Whether the derived application role does not exist, or may not enter the database: nobody migrated it.

    Asked as the owner, once the application's connection has failed: a server tells a stranger nothing.
    """
    if not str(application["USER"]).startswith(APP_ROLE_PREFIX):
        return False
    try:
        with psycopg.connect(**owner.get_connection_params()) as connection:
            row = connection.execute(
                "SELECT has_database_privilege(oid, current_database(), 'CONNECT')"
                "  FROM pg_catalog.pg_roles WHERE rolname = %s",
                [application["USER"]],
            ).fetchone()
    except psycopg.OperationalError:
        return False
    return row is None or not row[0]


def check(connection: Any) -> None:
    """The check itself, on an open psycopg connection: two queries."""
    role, superuser, bypass = connection.execute(
        "SELECT rolname, rolsuper, rolbypassrls FROM pg_catalog.pg_roles WHERE rolname = current_user"
    ).fetchone()
    if superuser:
        raise DatabaseRefused(
            f"Refusing to run: the role {role} is a superuser and bypasses every privilege."
        )
    if bypass:
        raise DatabaseRefused(f"Refusing to run: the role {role} has BYPASSRLS.")
    try:
        applied, mighty = connection.execute(
            """
            SELECT (SELECT array_agg(app || '.' || name) FROM django_migrations),
                   (SELECT array_agg(t.name::text || ' (' || p.privilege || ')')
                      FROM unnest(%s::text[]) AS t(name),
                           unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS p(privilege)
                     WHERE CASE WHEN to_regclass(quote_ident(t.name)) IS NULL THEN false
                                WHEN p.privilege = 'UPDATE'
                                THEN has_any_column_privilege(quote_ident(t.name), p.privilege)
                                ELSE has_table_privilege(quote_ident(t.name), p.privilege) END)
            """,
            [append_only_tables()],
        ).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege) as error:
        raise DatabaseRefused(NOT_PREPARED) from error
    if mighty:
        raise DatabaseRefused(
            f"Refusing to run: the role {role} may change append-only tables: {', '.join(mighty)}."
        )
    done = set(applied or ())
    if any(f"{label}.{name}" not in done for label, name in migrations_on_disk()):
        raise DatabaseRefused(NOT_PREPARED)
