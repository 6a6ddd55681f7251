"""Filling the scratch database fast: rows by the hundred thousand from one template row."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connections, models

Range = tuple[int, int]


def execute(statement: str, params: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    """Run a statement as the owner; returns its rows, if it has any."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall()) if cursor.description else []


def fill(template: models.Model, numbers: Range, **columns: str) -> None:
    """Insert a copy of `template` for each n of the range (both ends included).

    columns: SQL expressions of n, by column name, for what differs from row to row.
    """
    connection = connections["owner"]
    names: list[str] = []
    values: list[str] = []
    params: list[Any] = []
    for field in template._meta.local_concrete_fields:
        column = str(field.column)
        if column in columns:
            names.append(column)
            values.append(columns[column])
        elif field.generated or field.primary_key or field.has_db_default():
            continue
        else:
            names.append(column)
            values.append("%s")
            params.append(field.get_db_prep_save(field.pre_save(template, add=True), connection))
    unknown = set(columns) - set(names)
    if unknown:
        raise ValueError(f"{template._meta.db_table} has no column {', '.join(sorted(unknown))}")
    execute(
        f"INSERT INTO {template._meta.db_table} ({', '.join(names)})"
        f" SELECT {', '.join(values)} FROM generate_series(%s, %s) AS n ORDER BY n",
        [*params, *numbers],
    )


def continue_numbers(*tables: type[models.Model]) -> None:
    """New rows get numbers after those that `fill` gave."""
    for model in tables:
        table = model._meta.db_table
        execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), greatest(1, (SELECT max(id) FROM {table})))"
        )


@contextmanager
def bare_tables() -> Iterator[None]:
    """Without foreign keys and secondary indexes inside; they are built again, and checked, at the end."""
    keys = execute(
        """
        SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid)
          FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY 1, 2
        """
    )
    indexes = execute(
        """
        SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
          FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
         WHERE relnamespace = current_schema()::regnamespace AND NOT indisprimary
           AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid) ORDER BY 1
        """
    )
    for table, name, _ in keys:
        execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _ in indexes:
        execute(f"DROP INDEX {name}")
    yield
    for _, definition in indexes:
        execute(definition)
    for table, name, definition in keys:
        execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


def settle() -> None:
    """Fresh statistics and all pages written, so that a measurement starts from rest."""
    execute("VACUUM ANALYZE")
    rights = execute(
        "SELECT pg_has_role(current_user, 'pg_checkpoint', 'MEMBER') OR rolsuper FROM pg_roles"
        " WHERE rolname = current_user"
    )
    if rights[0][0]:
        execute("CHECKPOINT")
