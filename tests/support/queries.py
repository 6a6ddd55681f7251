"""Counting queries: what a page or a service asks of the database must not grow with the data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection
from django.test.utils import CaptureQueriesContext


class CapturedQueries:
    """The statements run inside the block, in order."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def __len__(self) -> int:
        return len(self.statements)


@contextmanager
def captured_queries() -> Iterator[CapturedQueries]:
    """Collect the statements that the block runs on the default connection."""
    captured = CapturedQueries()
    with CaptureQueriesContext(connection) as context:
        yield captured
    captured.statements = [query["sql"] for query in context.captured_queries]


def assert_queries_constant(
    grow: Callable[[int], object], run: Callable[[], object], *, n: int = 3, expected: int | None = None
) -> None:
    """Run at N and at 2N: the number of queries must be the same (and `expected`, when given).

    `grow(n)` adds n more rows of what the code under test reads; `run` is the code under test.
    """
    grow(n)
    run()  # what is read once per process (content types, settings rows) is not counted
    with captured_queries() as first:
        run()
    grow(n)
    with captured_queries() as second:
        run()
    both = "\n".join(["at N:", *first.statements, "at 2N:", *second.statements])
    assert len(first) == len(second), f"{len(first)} queries at N={n}, {len(second)} at 2N\n{both}"
    if expected is not None:
        assert len(first) == expected, f"{len(first)} queries, expected {expected}\n{both}"
