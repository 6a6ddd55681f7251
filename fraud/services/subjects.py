"""From the ids of facts to what they name on the platform, and to the rows behind evidence."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date
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
    wanted: dict[str, set[str]] = defaultdict(set)
    for word in evidence:
        table, _, identity = word.partition(":")
        if table in TABLES:
            wanted[table].add(identity)
    found: list[dict[str, Any]] = []
    with connection.cursor() as cursor:
        for table in sorted(wanted):
            key = _NAMED_BY.get(table, TABLES[table].names[0])
            columns = sql.SQL(", ").join(map(sql.Identifier, TABLES[table].names))
            query = sql.SQL(
                "SELECT to_jsonb(fact) FROM (SELECT {} FROM {} WHERE {} = ANY(%s) AND recorded_at <= %s"
                " ORDER BY {}, recorded_at LIMIT %s) AS fact"
            ).format(columns, sql.Identifier(live_table(table)), sql.Identifier(key), sql.Identifier(key))
            cursor.execute(query.as_string(), [sorted(wanted[table]), end_of(day), MOST_ROWS - len(found)])
            found += [{"table": table, **_read(row)} for (row,) in cursor.fetchall()]
            if len(found) >= MOST_ROWS:
                break
    return found


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
