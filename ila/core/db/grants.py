"""What the application role may do with each table: taken from the models, given after every migration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.apps import apps
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from ila.core.db.roles import APP_ROLE_PREFIX

if TYPE_CHECKING:
    from django.db.models import Model

DEFAULT_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
READ_ONLY_TABLES = ("django_migrations",)
_RIGHT = re.compile(r"^(SELECT|INSERT|UPDATE|DELETE)(?: ?\(([a-z0-9_, ]+)\))?$")


def ensure_application_role(connection: BaseDatabaseWrapper, name: str, password: str) -> bool:
    """Create the application role when it is missing; returns whether it was.

    An existing one is the right one, because its name follows from the owner's name and password.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
        if cursor.fetchone():
            return False
        secret: sql.Composable = sql.SQL("")
        if password:
            # Hashed here, so that no server log ever holds the password.
            hashed = connection.connection.pgconn.encrypt_password(
                password.encode(), name.encode(), b"scram-sha-256"
            )
            secret = sql.SQL("PASSWORD {}").format(sql.Literal(hashed.decode()))
        statement = sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS {}")
        _execute(connection, statement.format(sql.Identifier(name), secret))
    return True


def grant_rights(connection: BaseDatabaseWrapper, role: str) -> None:
    """Give the role exactly what the models say, in one transaction; what it had before is taken away."""
    role_sql = sql.Identifier(role)
    with transaction.atomic(using=connection.alias):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT n.nspname, current_database(), pg_has_role(n.nspowner, 'USAGE')"
                "  FROM pg_namespace n WHERE n.nspname = current_schema()"
            )
            schema, database, owns_schema = cursor.fetchone()
            cursor.execute(
                "SELECT relname FROM pg_class"
                " WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'p', 'v', 'm')",
                [schema],
            )
            tables = {row[0] for row in cursor.fetchall()}
        schema_sql = sql.Identifier(schema)
        statements: list[sql.Composed] = []
        if owns_schema:
            statements += [
                sql.SQL("REVOKE ALL ON SCHEMA {} FROM {}").format(schema_sql, role_sql),
                sql.SQL("REVOKE CREATE ON SCHEMA {} FROM PUBLIC").format(schema_sql),
                sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema_sql, role_sql),
            ]
        statements += [
            # Detection looks at a day in temporary tables; PUBLIC may have been denied them.
            sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(
                sql.Identifier(database), role_sql
            ),
            sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA {} FROM {}").format(schema_sql, role_sql),
            sql.SQL("REVOKE ALL ON ALL SEQUENCES IN SCHEMA {} FROM {}").format(schema_sql, role_sql),
            sql.SQL("GRANT USAGE ON ALL SEQUENCES IN SCHEMA {} TO {}").format(schema_sql, role_sql),
            # Functions are open to everybody by default; some act with the owner's rights.
            sql.SQL("REVOKE ALL ON ALL ROUTINES IN SCHEMA {} FROM PUBLIC").format(schema_sql),
            sql.SQL("GRANT EXECUTE ON ALL ROUTINES IN SCHEMA {} TO {}").format(schema_sql, role_sql),
            *_table_grants(tables, schema, role),
        ]
        _execute(connection, sql.SQL("; ").join(statements))


def keep_triggers_awake(connection: BaseDatabaseWrapper) -> None:
    """Let no session switch the guards off: their library would let anybody name triggers to be ignored.

    It also spares each call the library's look at a setting that is never there.
    """
    statement = """
        DO $$ BEGIN
            IF to_regprocedure('_pgtrigger_should_ignore(name)') IS NOT NULL THEN
                CREATE OR REPLACE FUNCTION _pgtrigger_should_ignore(trigger_name name) RETURNS boolean
                LANGUAGE sql IMMUTABLE AS 'SELECT false';
            END IF;
        END $$
    """
    _execute(connection, sql.SQL(statement))


def revoke_former_roles(connection: BaseDatabaseWrapper, role: str) -> list[str]:
    """Take this database away from application roles of an earlier owner password; returns their names."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT r.rolname
              FROM pg_class c, aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
             WHERE c.relnamespace = current_schema()::regnamespace AND r.rolname LIKE %s AND r.rolname <> %s
            """,
            [APP_ROLE_PREFIX.replace("_", r"\_") + "%", role],
        )
        former = sorted(row[0] for row in cursor.fetchall())
        cursor.execute("SELECT current_schema()")
        schema = sql.Identifier(cursor.fetchone()[0])
        for name in former:
            for kind in ("ALL TABLES IN SCHEMA", "ALL SEQUENCES IN SCHEMA", "SCHEMA"):
                _execute(
                    connection,
                    sql.SQL("REVOKE ALL ON {} {} FROM {}").format(
                        sql.SQL(kind), schema, sql.Identifier(name)
                    ),
                )
    return former


def rights_by_table() -> dict[str, tuple[str, ...]]:
    """Each table of a model (many-to-many tables too) with the rights of the application role."""
    rights: dict[str, tuple[str, ...]] = {}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            rights[model._meta.db_table] = _rights_of(model)
    return rights


def _rights_of(model: type[Model]) -> tuple[str, ...]:
    rights = tuple(getattr(model, "APP_RIGHTS", DEFAULT_RIGHTS))
    for right in rights:
        if not _RIGHT.match(right):
            raise ValueError(f"{model._meta.label}.APP_RIGHTS: {right!r} is no right")
    return rights


def _table_grants(tables: set[str], schema: str, role: str) -> Iterator[sql.Composed]:
    wanted = rights_by_table()
    for table in sorted(tables):
        if table in READ_ONLY_TABLES:
            rights: tuple[str, ...] = ("SELECT",)
        else:
            rights = wanted.get(table, DEFAULT_RIGHTS)
        if not rights:
            continue
        yield sql.SQL("GRANT {} ON {} TO {}").format(
            sql.SQL(", ").join(_right_sql(right) for right in rights),
            sql.Identifier(schema, table),
            sql.Identifier(role),
        )


def _right_sql(right: str) -> sql.Composable:
    match = _RIGHT.match(right)
    if match is None:
        raise ValueError(f"{right!r} is no right")
    verb, columns = sql.SQL(match.group(1)), match.group(2)
    if not columns:
        return verb
    names = sql.SQL(", ").join(sql.Identifier(name.strip()) for name in columns.split(","))
    return sql.SQL("{} ({})").format(verb, names)


def _execute(connection: BaseDatabaseWrapper, statement: sql.Composable) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement.as_string(cursor.connection))
