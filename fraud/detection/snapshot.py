"""The facts as they were known on a day, as temporary tables with the names of the exchange format.

Detectors are written against these names, so that the same query runs on the platform's facts and on a population's.
Of rows that share a key the one recorded last counts; where two were recorded together, their content decides, so
that no order of rows changes an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

from psycopg import Cursor, sql

from fraud.facts.tables import ENDED_PLACE, TABLES, Table

INDEXES = (
    "bk (booking_id)",
    "bk (learner_id)",
    "bk (provider_id)",
    "bk (session_id)",
    "span (session_id)",
    "slots (session_id)",
    "attendance (booking_id)",
    "booking_events (booking_id)",
    "logins (device_hash)",
)

# One row a session: whose it is, from when to when, how long.
SPAN = """
CREATE TEMP TABLE span ON COMMIT DROP AS
SELECT s.session_id, s.credential_id, c.provider_id, c.kind, c.hours AS credential_hours, c.assessed, s.trainer_id,
       s.venue_id, s.mode, s.lat, s.lon, s.seats, s.private_payers, s.status, s.recorded_at AS status_at,
       t.starts_at, t.ends_at, t.hours, t.slots
  FROM sessions s
  JOIN credentials c USING (credential_id)
  LEFT JOIN (SELECT session_id, min(starts_at) AS starts_at, max(ends_at) AS ends_at, count(*) AS slots,
                    sum(extract(epoch FROM ends_at - starts_at) / 3600) AS hours
               FROM slots WHERE ends_at > starts_at GROUP BY session_id) t USING (session_id)
"""
# One row a booking, with what happened to it and to its money, and whether it was made at a known place.
BOOKING = """
CREATE TEMP TABLE bk ON COMMIT DROP AS
SELECT b.*, s.credential_id, s.provider_id, s.kind, s.assessed, s.starts_at, s.ends_at, s.hours, s.slots, s.mode,
       s.status, s.status_at, s.venue_id, s.lat, s.lon, s.trainer_id,
       e.claim_at, e.claimed_cents, e.paid_at, e.last_paid_at, e.paid_cents, e.refunded_cents, e.cancelled_at,
       e.denied_at, e.certificate_at, e.assessment_at, e.complaints, a.attended, a.first_signed_at,
       f.kind AS place_kind, g.kind AS consent_place_kind,
       f.ip_hash IS NOT NULL OR g.ip_hash IS NOT NULL AS known_place
  FROM bookings b
  JOIN span s USING (session_id)
  LEFT JOIN places f ON f.ip_hash = b.ip_hash
  LEFT JOIN places g ON g.ip_hash = b.consent_ip_hash
  LEFT JOIN (SELECT booking_id,
                    min(at) FILTER (WHERE event = 'claim') AS claim_at,
                    sum(amount_cents) FILTER (WHERE event = 'claim') AS claimed_cents,
                    min(at) FILTER (WHERE event = 'paid') AS paid_at,
                    max(at) FILTER (WHERE event = 'paid') AS last_paid_at,
                    sum(amount_cents) FILTER (WHERE event = 'paid') AS paid_cents,
                    sum(amount_cents) FILTER (WHERE event = 'refunded') AS refunded_cents,
                    min(at) FILTER (WHERE event = 'cancelled') AS cancelled_at,
                    min(at) FILTER (WHERE event = 'denied') AS denied_at,
                    min(at) FILTER (WHERE event = 'certificate') AS certificate_at,
                    min(at) FILTER (WHERE event = 'assessment') AS assessment_at,
                    count(*) FILTER (WHERE event = 'complaint') AS complaints
               FROM booking_events GROUP BY booking_id) e USING (booking_id)
  LEFT JOIN (SELECT booking_id, count(*) AS attended, min(signed_at) AS first_signed_at
               FROM attendance GROUP BY booking_id) a USING (booking_id)
"""


def end_of(day: date) -> datetime:
    """The last second of the day in UTC: what was recorded later is not known on it."""
    return datetime.combine(day, time(23, 59, 59), UTC)


def take_snapshot(cursor: Cursor[Any], day: date, database_table: Callable[[str], str]) -> None:
    """Make the temporary tables of the day, until the transaction ends. database_table: where facts are kept.

    Besides one table a file there are `span` (a row a session), `bk` (a row a booking) and `zone` (minutes to UTC).
    """
    for table in TABLES.values():
        cursor.execute(_as_of(table, database_table(table.name)), {"end": end_of(day)})
    cursor.execute("DELETE FROM pg_temp.places WHERE kind = %s", [ENDED_PLACE])
    cursor.execute(SPAN)
    cursor.execute(BOOKING)
    cursor.execute(
        "CREATE TEMP TABLE zone ON COMMIT DROP AS"
        " SELECT make_interval(mins => coalesce((SELECT utc_offset_minutes FROM scheme), 0)::int) AS utc_offset"
    )
    for place in INDEXES:
        cursor.execute(b"CREATE INDEX ON " + place.encode())
    for name in (*TABLES, "span", "bk"):
        cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier("pg_temp", name)))


def _as_of(table: Table, source: str) -> sql.Composed:
    """The latest row of each key; of a table of one row the latest row; of a table without a key every row."""
    keys = sql.SQL(", ").join(map(sql.Identifier, table.key))
    others = [name for name in table.names if name not in {*table.key, "recorded_at"}]
    latest = sql.SQL(", ").join(
        sql.SQL("{} DESC").format(sql.Identifier(name)) for name in ("recorded_at", *others)
    )
    distinct: sql.Composable = sql.SQL("")
    order: sql.Composable = sql.SQL("")
    if table.name == "scheme":
        order = sql.SQL("ORDER BY {} LIMIT 1").format(latest)
    elif table.key:
        distinct = sql.SQL("DISTINCT ON ({})").format(keys)
        order = sql.SQL("ORDER BY {}, {}").format(keys, latest)
    return sql.SQL(
        "CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} {} FROM {} WHERE recorded_at <= %(end)s {}"
    ).format(
        sql.Identifier(table.name),
        distinct,
        sql.SQL(", ").join(map(sql.Identifier, table.names)),
        sql.Identifier(source),
        order,
    )
