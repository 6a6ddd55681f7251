"""Queries whose SQL is put together once per process, for the few walks where each millisecond counts.

A `Prepared` is written as any queryset, with `Param("name")` where a value comes in. Sent in a
`ila.core.batch.Batch` it is planned once per connection too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar, cast

from django.db import connections, models
from django.db.models import query as django_query
from django.db.models.expressions import Value
from django.db.models.query import ModelIterable

Row = TypeVar("Row")


class Param(Value):
    """The place of a value in a prepared query, by name."""

    def __init__(self, name: str, output_field: models.Field[Any, Any] | None = None) -> None:
        super().__init__(name, output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:  # noqa: ARG002 - Django's signature
        """A placeholder, whose parameter is this object until a value takes its place."""
        return "%s", [self]


class Prepared(Generic[Row]):
    """A queryset of model instances (with what `select_related` names) or of `values_list` tuples."""

    def __init__(self, build: Callable[[], models.QuerySet[Any, Row]], *, using: str = "default") -> None:
        self._build = build
        self._using = using
        self._sql = ""
        self._params: tuple[Any, ...] = ()
        self._read: Callable[[tuple[Any, ...]], Any] = tuple

    def statement(self, **values: Any) -> tuple[str, list[Any]]:
        """The SQL and its parameters. Raises: KeyError for a parameter without a value."""
        if not self._sql:
            self._compile()
        return self._sql, [values[one.name] if isinstance(one, Param) else one for one in self._params]

    def read(self, rows: Iterable[tuple[Any, ...]]) -> list[Row]:
        """What rows of the database are in Python."""
        return cast("list[Row]", [self._read(row) for row in rows])

    def _compile(self) -> None:
        queryset = self._build()
        compiler: Any = queryset.query.get_compiler(using=self._using)
        sql, self._params = compiler.as_sql()
        converters = compiler.get_converters([column[0] for column in compiler.select])
        connection = connections[self._using]

        def convert(row: tuple[Any, ...]) -> tuple[Any, ...]:
            values = list(row)
            for position, (functions, expression) in converters.items():
                for function in functions:
                    values[position] = function(values[position], expression, connection)
            return tuple(values)

        plain = convert if converters else tuple
        makes_instances = issubclass(queryset._iterable_class, ModelIterable)
        self._read = _instances(compiler, self._using, plain) if makes_instances else plain
        self._sql = sql


def _instances(compiler: Any, using: str, convert: Callable[[tuple[Any, ...]], Any]) -> Callable[[Any], Any]:
    """As Django's own ModelIterable makes them, with the preparations made once."""
    info = compiler.klass_info
    fields = info["select_fields"]
    first, end = fields[0], fields[-1] + 1
    names = [column[0].target.attname for column in compiler.select[first:end]]
    # Its stubs are those of a later Django, which asks for one argument more.
    populators = cast("Any", django_query).get_related_populators(info, compiler.select, using)
    model = info["model"]

    def make(row: tuple[Any, ...]) -> Any:
        values = convert(row)
        made = model.from_db(using, names, values[first:end])
        for populator in populators:
            populator.populate(values, made)
        return made

    return make
