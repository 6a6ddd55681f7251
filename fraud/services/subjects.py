"""From the ids of facts to what they name on the platform, and to the rows behind evidence."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from itertools import chain, islice
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg import sql

from catalogue.models import Provider
from fraud.detection.snapshot import end_of
from fraud.facts.tables import TABLES
from fraud.models import live_table
from funding.models import Booking

# A frozen copy shows what was seen; beyond so many rows the ids alone are kept.
MOST_ROWS = 1_000
# Evidence of so many ids is read in one query for each table.
AT_ONCE = 5_000
# Evidence of these tables names the subject, not the first column.
_NAMED_BY = {"contact_changes": "subject_id", "logins": "subject_id"}


def providers_of(refs: Iterable[str]) -> dict[str, Provider]:
    """The providers that facts name; what is no provider of the platform is left out."""
    numbers = [int(ref) for ref in set(refs) if ref.isascii() and ref.isdigit() and len(ref) < 19]
    return {str(found.pk): found for found in Provider.objects.filter(pk__in=numbers)}


def bookings_of(provider: Provider, refs: Collection[str]) -> list[Booking]:
    """The bookings of this provider that facts name, by id."""
    known = [found for ref in refs if (found := _uuid(ref)) is not None]
    return list(Booking.objects.filter(public_id__in=known, provider=provider).order_by("pk"))


def rows_behind(evidence: Collection[str], day: date) -> list[dict[str, Any]]:
    """The rows that evidence names, as they were known at the end of the day, each with its table."""
    (found,) = rows_behind_each([evidence], day)
    return found


def rows_behind_each(asked: Sequence[Collection[str]], day: date) -> list[list[dict[str, Any]]]:
    """As `rows_behind`, for each of many: a query for each table and some thousands of ids, not for each of them."""
    found: list[list[dict[str, Any]]] = []
    waiting: list[Collection[str]] = []
    for evidence in asked:
        if waiting and sum(map(len, waiting)) + len(evidence) > AT_ONCE:
            found += _rows_behind(waiting, day)
            waiting = []
        waiting.append(evidence)
    return found + _rows_behind(waiting, day)


def _rows_behind(asked: Sequence[Collection[str]], day: date) -> list[list[dict[str, Any]]]:
    wanted: dict[str, set[str]] = defaultdict(set)
    for evidence in asked:
        for word in evidence:
            table, _, identity = word.partition(":")
            if table in TABLES:
                wanted[table].add(identity)
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with connection.cursor() as cursor:
        for table in sorted(wanted):
            for identity, row in _facts(cursor, table, wanted[table], day):
                rows[f"{table}:{identity}"].append({"table": table, **_read(row)})
    return [
        list(islice(chain.from_iterable(rows.get(word, ()) for word in sorted(set(evidence))), MOST_ROWS))
        for evidence in asked
    ]


def _facts(cursor: Any, table: str, ids: Collection[str], day: date) -> list[tuple[str, Any]]:
    """(id, row) of a table's facts, of each id no more than are kept of all evidence."""
    key = _NAMED_BY.get(table, TABLES[table].names[0])
    columns = sql.SQL(", ").join(map(sql.Identifier, TABLES[table].names))
    query = sql.SQL(
        "SELECT identity, to_jsonb(fact) - 'identity' - 'place' FROM (SELECT {key} AS identity, {columns},"
        " row_number() OVER (PARTITION BY {key} ORDER BY recorded_at, id) AS place FROM {table}"
        " WHERE {key} = ANY(%s) AND recorded_at <= %s) AS fact WHERE place <= %s ORDER BY identity, place"
    ).format(key=sql.Identifier(key), columns=columns, table=sql.Identifier(live_table(table)))
    cursor.execute(query.as_string(), [sorted(ids), end_of(day), MOST_ROWS])
    return list(cursor.fetchall())


def hash_of(evidence: Iterable[str], rows: Iterable[Any]) -> str:
    """SHA-256 of evidence and the rows behind it."""
    said = json.dumps([sorted(evidence), list(rows)], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()


def _read(value: Any) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return read


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
