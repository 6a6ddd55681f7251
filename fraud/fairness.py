"""Are honest people held more often in one group than in others? By learners' age, provider's size, region.

Nothing but age, size and region is compared: nationality, language, disability and the like are never read for this.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from fraud.detection.peers import excess
from fraud.groups import AGES, UNKNOWN, band_name
from fraud.models import MeasureKind, MeasureState
from fraud.models.cases import AT_FAULT, CaseState
from ila.core import clock

# What concerns fewer people could tell who they are.
LEAST: Final = 5
# So many deviations beyond the others' rate are no chance.
CLEAR: Final = 3.0
PERIOD_DAYS: Final = 365
SIZES: Final = ("small", "medium", "large")
DIMENSIONS: Final = ("age", "size", "region")

# Each booking of the period once: its group in each dimension, whether its money was ever held by a measure of fraud
# or before a payment, and whether the last word on it was that nothing is wrong. A hold on a whole provider is
# counted at the bookings of its case.
_COUNTED = """
WITH hold AS (
    SELECT coalesce(e.booking_id, b.booking_id) AS booking_id,
           m.state = %(overturned)s OR c.outcome = %(refuted)s
             OR (m.state = %(lifted)s AND NOT c.outcome = ANY(%(at_fault)s)) AS wrong,
           m.state <> %(overturned)s AND c.outcome = ANY(%(at_fault)s) AS sound
      FROM fraud_measureeffect e
      JOIN fraud_measure m ON m.id = e.measure_id
      JOIN fraud_case c ON c.id = m.case_id
      LEFT JOIN fraud_casebooking b ON b.case_id = c.id AND e.booking_id IS NULL
     WHERE m.kind = %(hold)s AND e.kind = 'held' AND e.undoes_id IS NULL
    UNION ALL
    SELECT a.booking_id, h.released_at IS NOT NULL, false
      FROM fraud_automatichold a JOIN funding_hold h ON h.id = a.hold_id
     WHERE NOT EXISTS (SELECT FROM fraud_measureeffect e WHERE e.hold_id = h.id)
), held AS (
    SELECT booking_id, bool_or(wrong) AND NOT bool_or(sound) AS wrong FROM hold
     WHERE booking_id IS NOT NULL GROUP BY booking_id
), made AS (
    SELECT b.id, b.account_id, b.provider_id, b.requested_at FROM funding_booking b
     WHERE b.requested_at >= %(since)s AND b.requested_at < %(until)s
), size AS (
    SELECT provider_id, ntile(3) OVER (ORDER BY count(*), provider_id) AS third FROM made GROUP BY provider_id
), booking AS (
    SELECT width_bucket(extract(year FROM age(b.requested_at, c.birth_date::timestamptz))::int, %(ages)s::int[]) AS age,
           s.third AS size, coalesce(nullif(p.region, ''), p.country) AS region,
           h.booking_id IS NOT NULL AS held, coalesce(h.wrong, false) AS wrong
      FROM made b
      JOIN funding_learningaccount a ON a.id = b.account_id
      JOIN accounts_citizen c ON c.id = a.citizen_id
      JOIN catalogue_provider p ON p.id = b.provider_id
      JOIN size s ON s.provider_id = b.provider_id
      LEFT JOIN held h ON h.booking_id = b.id
)
SELECT CASE WHEN grouping(age) = 0 THEN 'age' WHEN grouping(size) = 0 THEN 'size' ELSE 'region' END, age, size, region,
       count(*), count(*) FILTER (WHERE held), count(*) FILTER (WHERE wrong)
  FROM booking GROUP BY GROUPING SETS ((age), (size), (region)) ORDER BY age, size, region COLLATE "C"
"""


@dataclass(frozen=True)
class Row:
    """A group: bookings of the period, how many were held, how many of these wrongly.

    None: too few to be shown, or what too few could be reckoned from. clear: wrongly held clearly more often than the
    bookings of the other groups.
    """

    name: str
    bookings: int
    held: int | None
    wrong: int | None
    clear: bool = False

    @property
    def wrong_per_thousand(self) -> float | None:
        """Wrongly held, of a thousand bookings."""
        return None if self.wrong is None else 1000 * self.wrong / self.bookings


@dataclass(frozen=True)
class Compared:
    """All groups of one dimension. left_out: groups of fewer than LEAST bookings, which are not shown."""

    dimension: str
    rows: list[Row]
    left_out: int


@dataclass(frozen=True)
class Report:
    """Holds on the bookings of a period, compared between groups."""

    since: datetime
    until: datetime
    compared: list[Compared]


def report(until: datetime | None = None) -> Report:
    """Compare the bookings of the year before that moment (now). One query."""
    until = until or clock.now()
    since = until - timedelta(days=PERIOD_DAYS)
    values: dict[str, Any] = {
        "since": since,
        "until": until,
        "hold": MeasureKind.HOLD,
        "overturned": MeasureState.OVERTURNED,
        "lifted": MeasureState.LIFTED,
        "refuted": CaseState.REFUTED,
        "at_fault": [str(state) for state in AT_FAULT],
        "ages": [low for low, _high in AGES[1:]],
    }
    found: dict[str, list[tuple[str, int, int, int]]] = {name: [] for name in DIMENSIONS}
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, values)
        for dimension, age, size, region, *counts in cursor.fetchall():
            name = (
                band_name(AGES[age])
                if dimension == "age"
                else SIZES[size - 1]
                if dimension == "size"
                else region
            )
            found[dimension].append((name or UNKNOWN, *counts))
    return Report(since, until, [compare(name, found[name]) for name in DIMENSIONS])


def compare(dimension: str, counts: list[tuple[str, int, int, int]]) -> Compared:
    """Groups as (name, bookings, held, wrongly held); small numbers, and what gives them away, are hidden."""
    shown = [row for row in counts if row[1] >= LEAST]
    held = hidden([row[2] for row in shown])
    wrong = hidden([row[3] for row in shown])
    bookings, wrongly = sum(row[1] for row in counts), sum(row[3] for row in counts)
    rows = [
        Row(
            name,
            size,
            None if few else hits,
            None if few_wrong else bad,
            bad >= LEAST <= bookings - size and excess(bad, size, wrongly, bookings) >= CLEAR,
        )
        for (name, size, hits, bad), few, few_wrong in zip(shown, held, wrong, strict=True)
    ]
    return Compared(dimension, rows, len(counts) - len(shown))


def hidden(numbers: list[int]) -> list[bool]:
    """Which of these are 1 to LEAST - 1; a single one of that kind takes the next larger with it.

    Otherwise it would be the difference to a sum that another table shows.
    """
    few = [0 < number < LEAST for number in numbers]
    others = [number for number, hide in zip(numbers, few, strict=True) if number and not hide]
    if sum(few) == 1 and others:
        few[numbers.index(min(others))] = True
    return few
