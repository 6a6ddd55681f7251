"""Statements sent to the server in one message, each planned once per connection.

psycopg's own pipeline sends statement by statement and asks for answers in between; here everything is
written at once and the answers are read together, which halves the time that a walk of many small
statements spends outside the database (docs/performance.md).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.generators import fetch
from psycopg.types.numeric import Int8Dumper
from psycopg.waiting import Ready, Wait

# A plan is a statement with the types of its parameters. Those of all walks together are far fewer.
PLANNED_AT_MOST = 500

_PLACEHOLDER = re.compile(r"%(.)")
_names = count(1)
_planned: WeakKeyDictionary[psycopg.Connection[Any], dict[tuple[str, tuple[int, ...]], bytes]] = (
    WeakKeyDictionary()
)


@dataclass(frozen=True, slots=True)
class Result:
    """What a statement did: rows touched or found, and the rows."""

    rowcount: int
    rows: list[tuple[Any, ...]] = field(default_factory=list)


def exchange(
    connection: psycopg.Connection[Any], statements: Sequence[tuple[str, Sequence[Any]]]
) -> list[Result]:
    """Run the statements in order, in the open transaction (begun here if need be), in one round trip.

    Parameters are written `%s`. Raises: the psycopg error of the first statement that fails; none of those
    after it has run then.
    """
    pgconn = connection.pgconn
    planned = _plans(connection)
    if len(planned) > PLANNED_AT_MOST:
        connection.execute("DEALLOCATE ALL")
        planned.clear()
    transformer = Transformer(connection)
    with connection.lock:
        pgconn.enter_pipeline_mode()
        try:
            sent = _send(connection, transformer, planned, statements)
            results: list[pq.abc.PGresult] = connection.wait(_receive(pgconn, len(sent)))
            pgconn.exit_pipeline_mode()
        except BaseException:
            # Interrupted with answers outstanding: nobody could make sense of this connection any more.
            connection.close()
            raise
    kept = []
    for plan, result in zip(sent, results, strict=True):
        if result.status not in {pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK}:
            raise error_from_result(result, encoding=connection.info.encoding)
        if plan is None:
            kept.append(_result(transformer, result))
        elif plan.name:
            planned[plan.key] = plan.name
    return kept


@dataclass(frozen=True, slots=True)
class _Plan:
    """A command of ours, and not of the caller: BEGIN, or the preparing of a statement."""

    key: tuple[str, tuple[int, ...]] = ("", ())
    name: bytes = b""


def _plans(connection: psycopg.Connection[Any]) -> dict[tuple[str, tuple[int, ...]], bytes]:
    planned = _planned.get(connection)
    if planned is None:
        planned = _planned[connection] = {}
        # One type for all numbers: a plan does not depend on how great they are today.
        connection.adapters.register_dumper(int, Int8Dumper)
    return planned


def _send(
    connection: psycopg.Connection[Any],
    transformer: Any,
    planned: dict[tuple[str, tuple[int, ...]], bytes],
    statements: Sequence[tuple[str, Sequence[Any]]],
) -> list[_Plan | None]:
    """Queue everything; returns one item for each answer to expect, None for those of the statements."""
    pgconn = connection.pgconn
    sent: list[_Plan | None] = []
    new: dict[tuple[str, tuple[int, ...]], bytes] = {}
    if not connection.autocommit and pgconn.transaction_status == pq.TransactionStatus.IDLE:
        pgconn.send_query_params(b"BEGIN", None)
        sent.append(_Plan())
    for sql, params in statements:
        values = transformer.dump_sequence(params, [PyFormat.AUTO] * len(params))
        key = (sql, tuple(transformer.types or ()))
        name = planned.get(key) or new.get(key)
        if name is None:
            name = new[key] = b"ila_%d" % next(_names)
            pgconn.send_prepare(name, _numbered(sql), transformer.types)
            sent.append(_Plan(key, name))
        pgconn.send_query_prepared(name, values, transformer.formats)
        sent.append(None)
    pgconn.pipeline_sync()
    return sent


def _receive(pgconn: pq.abc.PGconn, answers: int) -> Generator[Wait, Ready | int, list[pq.abc.PGresult]]:
    while True:
        ready = yield Wait.RW
        if ready & Ready.R:
            pgconn.consume_input()
        if ready & Ready.W and pgconn.flush() == 0:
            break
    results: list[pq.abc.PGresult] = []
    while len(results) < answers:
        # Each answer ends with a null one.
        result = yield from fetch(pgconn)
        if result is not None:
            results.append(result)
    while (result := (yield from fetch(pgconn))) is None or result.status != pq.ExecStatus.PIPELINE_SYNC:
        pass
    return results


def _result(transformer: Any, result: pq.abc.PGresult) -> Result:
    if result.status == pq.ExecStatus.COMMAND_OK:
        return Result(result.command_tuples or 0)
    transformer.set_pgresult(result)
    return Result(result.ntuples, transformer.load_rows(0, result.ntuples, tuple))


@lru_cache(maxsize=1000)
def _numbered(sql: str) -> bytes:
    """The statement with the server's placeholders: `%s` becomes $1, $2 …, and `%%` one percent sign."""
    numbers = count(1)
    return _PLACEHOLDER.sub(lambda found: f"${next(numbers)}" if found.group(1) == "s" else "%", sql).encode()
