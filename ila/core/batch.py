"""Several statements in one round trip, for the few walks where each round trip counts.

The statements run in order, each seeing the ones before and what was committed before it, in the open
transaction. They are planned once per connection. A statement may say how many rows it must touch; if it
touches another number the whole walk fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

from django.db import connections, models

from ila.core import locks
from ila.core.errors import DomainError
from ila.core.pipeline import Result, exchange
from ila.core.prepared import Prepared

Row = TypeVar("Row")

Check = Callable[[Result], None]


class Answer(Generic[Row]):
    """The rows of a statement; there when its batch has been sent."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    @property
    def first(self) -> Row | None:
        """The first row, if there is one."""
        return self.rows[0] if self.rows else None


class Batch:
    """Collects statements and sends them together."""

    def __init__(self, using: str = "default") -> None:
        self._using = using
        self._statements: list[tuple[str, Sequence[Any], Check | None]] = []

    def add(self, statement: str, params: Sequence[Any], check: Check | None = None) -> None:
        """Add a statement; `check` is called with its result."""
        self._statements.append((statement, params, check))

    def lock(self, *wanted: locks.RowLock) -> None:
        """Lock rows in the house's order. Of a row that is not there nothing is said: read it to know."""
        for one in locks.in_order(wanted):
            self.add(*locks.statement(one, columns=False))

    def fetch(self, query: Prepared[Row], **values: Any) -> Answer[Row]:
        """Add a query; its rows are in the answer once the batch is sent."""
        answer: Answer[Row] = Answer()

        def keep(result: Result) -> None:
            answer.rows = query.read(result.rows)

        self.add(*query.statement(**values), keep)
        return answer

    def insert(self, *rows: models.Model) -> None:
        """Insert new rows of one model with one statement. Keys they carry are written; no key is read back."""
        model = type(rows[0])
        keyed = rows[0].pk is not None
        fields = _insertable(model, keyed=keyed)
        connection = connections[self._using]
        params = [
            field.get_db_prep_save(field.pre_save(row, add=True), connection)
            for row in rows
            for field in fields
        ]
        self.add(_insert_sql(model, len(rows), keyed=keyed), params)

    def update(self, row: models.Model, *names: str, **conditions: Any) -> None:
        """Write the named fields of a row the transaction has locked, if `conditions` (exact values) still hold.

        Raises (on send): RuntimeError when the row is gone or no longer as the conditions say.
        """
        connection = connections[self._using]
        values = {name: getattr(row, row._meta.get_field(name).attname) for name in names}  # type: ignore[union-attr]
        given = {**values, **{f"if {name}": value for name, value in conditions.items()}}
        params = [
            row._meta.get_field(name.removeprefix("if ")).get_db_prep_save(value, connection)  # type: ignore[union-attr]
            for name, value in given.items()
        ]
        label = f"{row._meta.label} {row.pk}"
        statement = _update_sql(type(row), names, tuple(conditions))
        self.add(statement, [*params, row.pk], lambda result: _one_row(result, label))

    def send(self) -> None:
        """Run all statements. Raises: what a check raises, and the database's own errors."""
        connection: Any = connections[self._using]
        if not connection.in_atomic_block:
            raise RuntimeError("a batch is sent inside a transaction only")
        connection.validate_no_broken_transaction()
        with connection.wrap_database_errors:
            results = exchange(connection.connection, [statement[:2] for statement in self._statements])
        if connection.queries_logged:
            connection.queries_log.extend(
                {"sql": statement[0], "time": "0"} for statement in self._statements
            )
        for result, (_, _, check) in zip(results, self._statements, strict=True):
            if check is not None:
                check(result)


def refuse_unless_one_row(code: str, **params: Any) -> Check:
    """A check that turns "no row touched" into a DomainError with that code."""

    def check(result: Result) -> None:
        if result.rowcount != 1:
            raise DomainError(code, **params)

    return check


def _one_row(result: Result, label: str) -> None:
    if result.rowcount != 1:
        raise RuntimeError(f"{label} changed under its lock")


@cache
def _insertable(model: type[models.Model], *, keyed: bool) -> list[models.Field[Any, Any]]:
    return [
        field
        for field in model._meta.local_concrete_fields
        if (keyed or not isinstance(field, models.AutoField))
        and not field.has_db_default()
        and not field.generated
    ]


@cache
def _insert_sql(model: type[models.Model], rows: int, *, keyed: bool) -> str:
    fields = _insertable(model, keyed=keyed)
    columns = ", ".join(f'"{field.column}"' for field in fields)
    values = f"({', '.join(['%s'] * len(fields))})"
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES {", ".join([values] * rows)}'


@cache
def _update_sql(model: type[models.Model], names: tuple[str, ...], conditions: tuple[str, ...]) -> str:
    def equals(name: str) -> str:
        return f'"{model._meta.get_field(name).column}" = %s'  # type: ignore[union-attr]

    wanted = " AND ".join([*map(equals, conditions), f'"{model._meta.pk.column}" = %s'])
    return f'UPDATE "{model._meta.db_table}" SET {", ".join(map(equals, names))} WHERE {wanted}'
