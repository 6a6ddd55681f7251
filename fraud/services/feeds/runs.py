"""Runs of the feed: what changed, a round at a time; and the comparison of everything, which misses nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from django.db import connection, transaction
from psycopg import Cursor

from fraud.facts.tables import TABLES
from fraud.models import FeedState, live_table
from fraud.services.feeds import sources
from fraud.services.feeds.feed import Feed
from fraud.services.feeds.hashing import hash_keys
from fraud.services.feeds.registry import FEEDS
from ila.core import clock

logger = structlog.get_logger(__name__)

# One run at a time, whoever asks: what two wrote at once could be told twice.
_LOCK = 0x696C61_FEED


@dataclass
class FeedResult:
    """What a run brought. rows: new facts by table. failed: table → the kind of error. found_late: rows that only the
    comparison of everything found.
    """

    rounds: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    found_late: int = 0

    @property
    def total(self) -> int:
        """New facts in all."""
        return sum(self.rows.values())


def catch_up(*, at_most: int | None = None) -> FeedResult:
    """Tell the facts of everything that has changed, to the last row. at_most: rounds, each a transaction.

    May run at any time, twice, or be killed: a round is there whole or not at all, and nothing is told twice.
    Locks: the feed, so that a second run waits.
    """
    result = FeedResult()
    while at_most is None or result.rounds < at_most:
        result.rounds += 1
        if not _round(result):
            break
    return result


def compare_everything() -> FeedResult:
    """Catch up, then compare all facts with the platform, table by table, and tell what differs.

    What it finds has no row of its own that says it changed (an e-mail address, a price, an ended detail), or was
    missed; its number is kept for everybody to see.
    """
    result = catch_up()
    for feed in FEEDS:
        before = result.rows.get(feed.table, 0)
        with transaction.atomic(), connection.cursor() as wrapped:
            cursor: Cursor[Any] = wrapped.cursor
            _lock(cursor)
            now = clock.now()
            for name in sources.SETS:
                cursor.execute(f"CREATE TEMP TABLE feed_{name} (id bigint) ON COMMIT DROP".encode())
            _tell(cursor, feed, now, result, everything=True)
            late = result.rows.get(feed.table, 0) - before
            result.found_late += late
            if feed.table not in result.failed:
                FeedState.objects.filter(table=feed.table).update(compared_at=now, found_late=late)
            for name in sources.SETS:
                cursor.execute(f"DROP TABLE feed_{name}".encode())
    return result


def _round(result: FeedResult) -> bool:
    """One round; whether there is more."""
    with transaction.atomic(), connection.cursor() as wrapped:
        cursor: Cursor[Any] = wrapped.cursor
        _lock(cursor)
        now = clock.now()
        found = sources.gather(cursor)
        failed = False
        for feed in FEEDS:
            # Where nothing changed, only the few that no row of a source leads to are compared.
            if found.touched or feed.is_small:
                failed = not _tell(cursor, feed, now, result, everything=False) or failed
            else:
                _stand(feed.table, now, 0)
        for name in sources.SETS:
            cursor.execute(f"DROP TABLE feed_{name}".encode())
        if failed:
            # What one table could not take is read again by the next run; the others told it already, and once.
            return False
        for mark in found.cursors:
            mark.save()
    return found.behind


def _lock(cursor: Cursor[Any]) -> None:
    # Whoever needs the facts now waits for the run under way, rather than go without what it tells.
    cursor.execute("SET LOCAL lock_timeout = '120s'")
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _tell(cursor: Cursor[Any], feed: Feed, now: datetime, result: FeedResult, *, everything: bool) -> bool:
    """Tell one table's facts, by themselves: what fails is seen, and the others go on. Returns whether it worked."""
    try:
        with transaction.atomic():
            values = {**hash_keys(), "now": now, **(feed.values() if feed.values is not None else {})}
            cursor.execute(statement(feed, everything=everything).encode(), values)
            rows = max(cursor.rowcount, 0)
    except Exception as error:
        logger.exception("fraud_feed_failed", table=feed.table)
        kind = type(error).__name__
        result.failed[feed.table] = kind
        FeedState.objects.get_or_create(table=feed.table)
        FeedState.objects.filter(table=feed.table).update(failed_at=now, error=kind)
        return False
    result.rows[feed.table] = result.rows.get(feed.table, 0) + rows
    _stand(feed.table, now, rows)
    return True


def _stand(table: str, now: datetime, rows: int) -> None:
    state, _ = FeedState.objects.get_or_create(table=table)
    state.fed_at, state.rows, state.error = now, state.rows + rows, ""
    if rows:
        state.last_rows = rows
    state.save()


def statement(feed: Feed, *, everything: bool) -> str:
    """The one statement that tells a table's facts."""
    table = TABLES[feed.table]
    query = feed.over(everything=everything)
    columns = ", ".join(feed.columns)
    into = f"INSERT INTO {live_table(feed.table)}"
    if not table.key and table.required:
        return (
            f"{into} ({columns}, recorded_at, fed_from)"
            f" SELECT {columns}, changed_at, fed_from FROM ({query}) told"
            " ON CONFLICT (fed_from) DO NOTHING"
        )
    match = feed.match or table.key
    compared = feed.compares or tuple(name for name in feed.columns if name not in match)
    return f"""
WITH told AS MATERIALIZED ({query}), before AS (
    {_before(feed.table, match)}
)
{into} ({columns}, recorded_at)
SELECT {", ".join(_value(name, feed) for name in feed.columns)},
       CASE WHEN b.id IS NULL OR t.changed_at > b.recorded_at THEN t.changed_at
            ELSE greatest(%(now)s::timestamptz, b.recorded_at + interval '1 microsecond') END
  FROM told t LEFT JOIN before b ON {_joined(match, "t", "b")}
 WHERE b.id IS NULL OR {_differs(compared, feed)}
"""


def _before(name: str, match: tuple[str, ...]) -> str:
    if not match:
        return f"SELECT * FROM {live_table(name)} ORDER BY recorded_at DESC, id DESC LIMIT 1"
    keys = ", ".join(f"l.{key}" for key in match)
    return (
        f"SELECT DISTINCT ON ({keys}) l.* FROM {live_table(name)} l"
        f" JOIN (SELECT DISTINCT {', '.join(match)} FROM told) n ON {_joined(match, 'l', 'n')}"
        f" ORDER BY {keys}, l.recorded_at DESC, l.id DESC"
    )


def _joined(match: tuple[str, ...], one: str, two: str) -> str:
    return " AND ".join(f"{one}.{name} = {two}.{name}" for name in match) or "TRUE"


def _value(name: str, feed: Feed) -> str:
    return f"coalesce(nullif(b.{name}, ''), t.{name})" if name in feed.keeps else f"t.{name}"


def _differs(compared: tuple[str, ...], feed: Feed) -> str:
    if not compared:
        return "FALSE"
    ours = ", ".join(_value(name, feed) for name in compared)
    theirs = ", ".join(f"b.{name}" for name in compared)
    return f"({ours}) IS DISTINCT FROM ({theirs})"
