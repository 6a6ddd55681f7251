"""Keeping the list that searches read up to date, a set of entries at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from catalogue import registers
from catalogue.selectors import traits
from catalogue.selectors.bookability import earliest_start
from catalogue.services.listing_sql import (
    COUNT_WORDS,
    REMOVE_LINES,
    STORE_LINES,
    STORE_SPOTS,
    STORE_WORDS,
)
from ila.core import clock

LOCK_KEY = 0x494C41_0002  # one at a time makes lines
BATCH = 500
NOTES = 5_000
HORIZON_DAYS = 60

_OUTDATED = """
    (SELECT entry_id FROM catalogue_outdatedentry ORDER BY id LIMIT %(limit)s)
    UNION (SELECT entry_id FROM catalogue_listing WHERE good_until <= %(now)s LIMIT %(limit)s)
    UNION (SELECT entry_id FROM catalogue_listing WHERE computed_at > %(now)s LIMIT %(limit)s)
    LIMIT %(limit)s
"""
_TAKE_NOTES = """
    DELETE FROM catalogue_outdatedentry WHERE id IN (
        SELECT id FROM catalogue_outdatedentry WHERE entry_id = ANY(%s) ORDER BY id LIMIT %s)
"""


def bring_up_to_date(*, limit: int = BATCH) -> int:
    """Make the lines again of entries that changed, or whose day has come: at most so many. Returns how many.

    Nobody waits: while another is at it, nothing is done here.
    """
    with connection.cursor() as cursor:
        cursor.execute(_OUTDATED, {"limit": limit, "now": clock.now()})
        if cursor.fetchone() is None:
            return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK_KEY])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(_OUTDATED, {"limit": limit, "now": clock.now()})
        ids = [pk for (pk,) in cursor.fetchall()]
        # Notes are taken first: what changes from here on leaves a note of its own.
        cursor.execute(_TAKE_NOTES, [ids, NOTES])
        _make_lines(cursor, ids)
    return len(ids)


def bring_all_up_to_date() -> int:
    """As `bring_up_to_date`, until nothing is left to be done. Returns how many lines were made."""
    done = 0
    while made := bring_up_to_date():
        done += made
    return done


def count_words() -> int:
    """Count anew in how many entries each word of titles, providers and towns is; returns how many words there are.

    Locks: none; a line made meanwhile adds its new words again.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(COUNT_WORDS)
        return int(cursor.rowcount)


def _make_lines(cursor: Any, ids: Iterable[int]) -> None:
    params = _params(list(ids), clock.now())
    for statement in (REMOVE_LINES, STORE_SPOTS, STORE_LINES, STORE_WORDS):
        cursor.execute(statement, params)


def _params(ids: list[int], now: datetime) -> dict[str, Any]:
    """What the statements ask for. days: for each register, from when on which start is the first to be booked."""
    codes, days, begins, firsts = [], [], [], []
    for one in registers.REGISTERS.values():
        today = now.astimezone(one.calendar.zone).date()
        for offset in range(HORIZON_DAYS):
            day = today + timedelta(days=offset)
            codes.append(one.code)
            days.append(day)
            begins.append(one.calendar.start_of_day(day))
            firsts.append(one.calendar.start_of_day(earliest_start(one.code, day)))
    t = traits.TRAITS
    return {
        "ids": ids,
        "now": now,
        "codes": codes,
        "days": days,
        "begins": begins,
        "firsts": firsts,
        "kinds": list(t["kind"].codes),
        "modes": list(t["mode"].codes),
        "languages": list(t["language"].codes),
        "fields": list(traits.FIELDS),
        "field_of_cip": json.dumps(traits.FIELD_OF_CIP),
        "field_of_kind": json.dumps(traits.FIELD_OF_KIND),
        "prices": list(traits.PRICES),
        "hours": list(traits.HOURS),
    } | {f"{name}_at": one.shift for name, one in t.items()}
