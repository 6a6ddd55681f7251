"""Several writes in one round trip, for the few walks where each round trip counts.

The statements run in order, each seeing the ones before, in the open transaction. A statement may say
how many rows it must touch; if it touches another number the whole walk fails.
"""

from collections.abc import Callable, Sequence
from typing import Any

from django.db import connections, models
from django.db.models import sql

from ila.core.errors import DomainError


class Batch:
    """Collects statements and sends them as one message."""

    def __init__(self, using: str = "default") -> None:
        self._using = using
        self._statements: list[str] = []
        self._params: list[Any] = []
        self._checks: list[Callable[[Any], None] | None] = []

    def add(self, statement: str, params: Sequence[Any], check: Callable[[Any], None] | None = None) -> None:
        """Add a statement; `check` is called with the cursor on its result."""
        self._statements.append(statement)
        self._params.extend(params)
        self._checks.append(check)

    def insert(self, *rows: models.Model) -> None:
        """Insert new rows of one model with one statement. Their keys are not read back."""
        model = type(rows[0])
        fields = [
            field for field in model._meta.local_concrete_fields if not isinstance(field, models.AutoField)
        ]
        query = sql.InsertQuery(model)
        query.insert_values(fields, list(rows), raw=False)
        for statement, params in query.get_compiler(using=self._using).as_sql():
            self.add(statement, params)

    def update(self, row: models.Model, *names: str, **conditions: Any) -> None:
        """Write the named fields of a row the transaction has locked, if `conditions` still hold of it.

        Raises (on send): RuntimeError when the row is gone or no longer as the conditions say.
        """
        query = (
            type(row)
            ._base_manager.using(self._using)
            .filter(pk=row.pk, **conditions)
            .query.chain(sql.UpdateQuery)
        )
        assert isinstance(query, sql.UpdateQuery)
        query.add_update_fields(
            [(field, None, getattr(row, field.attname)) for field in map(type(row)._meta.get_field, names)]  # type: ignore[union-attr,misc]
        )
        statement, params = query.get_compiler(using=self._using).as_sql()
        label = f"{row._meta.label} {row.pk}"
        self.add(statement, params, lambda cursor: _one_row(cursor, label))

    def send(self) -> None:
        """Run all statements. Raises: what a check raises, and the database's own errors."""
        connection = connections[self._using]
        if not connection.in_atomic_block:
            raise RuntimeError("a batch is sent inside a transaction only")
        with connection.cursor() as cursor:
            cursor.execute("; ".join(self._statements), self._params)
            for position, check in enumerate(self._checks):
                if position:
                    cursor.nextset()
                if check is not None:
                    check(cursor)


def _one_row(cursor: Any, label: str) -> None:
    if cursor.rowcount != 1:
        raise RuntimeError(f"{label} changed under its lock")


def refuse_unless_one_row(code: str, **params: Any) -> Callable[[Any], None]:
    """A check that turns "no row touched" into a DomainError with that code."""

    def check(cursor: Any) -> None:
        if cursor.rowcount != 1:
            raise DomainError(code, **params)

    return check
