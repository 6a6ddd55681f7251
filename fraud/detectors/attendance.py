"""Are these records of something that happened? Attendance that is too perfect, rows entered long afterwards."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _
from psycopg import Cursor

from fraud.detection.detector import (
    Detector,
    Deviations,
    Factor,
    Finding,
    Number,
    Parameters,
    Percent,
    Share,
    Term,
    banded,
)
from fraud.detection.peers import entropy, excess


class TooPerfect(Parameters):
    """D14. A booking's signatures are clockwork when they spread by less than so many seconds over so many slots.

    clump_seconds: within which a room of clump_people signed one device. z: beyond the other providers' rate.
    entropy_quantile: timing entropy lower than that of so many of the providers with enough signatures.
    contradicted: learners who say that nothing was taught. settled_days: for a signature to be entered.
    """

    slots: Number = 3
    clockwork_seconds: Factor = 20
    clump_people: Number = 5
    clump_seconds: Factor = 12
    least_bookings: Number = 6
    least_rate: Share = 0.02
    z: Deviations = 4.0
    least_signatures: Number = 40
    entropy_quantile: Share = 0.02
    device_percent: Percent = 90
    contradicted: Number = 2
    settled_days: Term = 3


@dataclass
class _Habit:
    """What a provider's signatures look like."""

    bookings: int = 0
    perfect: int = 0
    clockwork: list[str] = field(default_factory=list)
    minutes: Counter[int] = field(default_factory=Counter)
    busiest_device: int = 0


# Signatures in slots that are over and entered. Paper has no device: its times are those of the timetable, and say
# nothing. The database counts; what is read is a row a provider, and the bookings that look made by one hand.
_DUE = """
CREATE TEMP TABLE due ON COMMIT DROP AS
SELECT b.provider_id, b.session_id, b.booking_id, s.starts_at, a.signed_at IS NOT NULL AS signed,
       CASE WHEN a.device_hash <> '' THEN extract(epoch FROM a.signed_at - s.starts_at)::float END AS late,
       CASE WHEN a.signed_at IS NOT NULL THEN a.device_hash END AS device
  FROM attendance a JOIN bk b USING (booking_id)
  JOIN slots s ON s.session_id = b.session_id AND s.starts_at = a.slot_starts_at
 WHERE b.status IS DISTINCT FROM 'cancelled' AND s.ends_at < %(day)s::date - %(settled_days)s::int
"""
_BOOKINGS = """
WITH room AS (
    SELECT session_id, starts_at, device FROM due WHERE late IS NOT NULL GROUP BY 1, 2, 3
    HAVING count(*) >= %(clump_people)s AND stddev_samp(late) <= %(clump_seconds)s
), over AS (
    SELECT session_id, count(*) AS slots FROM slots WHERE ends_at < %(day)s::date - %(settled_days)s::int
     GROUP BY session_id
), hand AS (
    SELECT d.booking_id, count(*) FILTER (WHERE d.signed) AS signed,
           coalesce(count(d.late) >= %(slots)s AND stddev_samp(d.late) <= %(clockwork_seconds)s, false)
           OR coalesce(count(r.device) * 2 > count(d.late), false) AS even
      FROM due d LEFT JOIN room r ON r.session_id = d.session_id AND r.starts_at = d.starts_at AND r.device = d.device
     GROUP BY d.booking_id
)
SELECT b.provider_id, count(*), count(*) FILTER (WHERE o.slots >= %(slots)s AND h.signed = o.slots),
       coalesce(array_agg(b.booking_id) FILTER (WHERE h.even), '{}')
  FROM bk b JOIN over o USING (session_id) LEFT JOIN hand h USING (booking_id)
 WHERE b.attended > 0 AND b.status IS DISTINCT FROM 'cancelled'
 GROUP BY b.provider_id
"""
_MINUTES = "SELECT provider_id, floor(late / 60)::int, count(*) FROM due WHERE late IS NOT NULL GROUP BY 1, 2"
_DEVICES = """
SELECT provider_id, max(n)::bigint FROM (SELECT provider_id, count(*) AS n FROM due
 WHERE late IS NOT NULL GROUP BY provider_id, device) x GROUP BY provider_id
"""


def _habits(cursor: Cursor[Any], day: date, parameters: TooPerfect) -> dict[str, _Habit]:
    found: dict[str, _Habit] = defaultdict(_Habit)
    values = {"day": day, **parameters.model_dump()}
    cursor.execute(_DUE.encode(), values)
    cursor.execute(_BOOKINGS.encode(), values)
    for provider, bookings, perfect, even in cursor:
        found[provider] = _Habit(bookings, perfect, even)
    cursor.execute(_MINUTES)
    for provider, minute, number in cursor:
        found[provider].minutes[minute] += number
    cursor.execute(_DEVICES)
    for provider, number in cursor:
        found[provider].busiest_device = number
    cursor.execute("DROP TABLE pg_temp.due")
    return found


def find_too_perfect(cursor: Cursor[Any], day: date, parameters: TooPerfect) -> Iterable[Finding]:
    """Providers whose learners sign like one hand, always, far more often than at other providers.

    Also bookings whose learner says that nothing was taught although the attendance is there.
    """
    habits = _habits(cursor, day, parameters)
    bookings = sum(habit.bookings for habit in habits.values())
    even = sum(len(habit.clockwork) for habit in habits.values())
    always = sum(habit.perfect for habit in habits.values())
    orders = {
        provider: entropy(habit.minutes)
        for provider, habit in habits.items()
        if habit.minutes.total() >= parameters.least_signatures
    }
    ranked = sorted(orders.values())
    lowest = ranked[int(len(ranked) * parameters.entropy_quantile)] if len(ranked) >= 50 else -1.0
    for provider in sorted(habits):
        habit = habits[provider]
        hits = len(habit.clockwork)
        beyond = excess(hits, habit.bookings, even, bookings, least_rate=parameters.least_rate)
        if hits < parameters.least_bookings or beyond < parameters.z:
            continue
        full = excess(habit.perfect, habit.bookings, always, bookings) >= parameters.z
        same = habit.busiest_device * 100 >= habit.minutes.total() * parameters.device_percent
        orderly = orders.get(provider, 99.0) <= lowest
        score = banded(0.55 + 0.1 * full + 0.1 * orderly + 0.05 * same)
        rows = tuple(sorted(f"attendance:{booking}" for booking in habit.clockwork))
        yield Finding(provider, "provider", provider, score, "R", rows)
    cursor.execute(_CONTRADICTED, {"least": parameters.contradicted})
    for provider, booking in cursor.fetchall():
        rows = (f"bookings:{booking}", f"surveys:{booking}")
        yield Finding(provider, "booking", booking, 0.7, "R", rows)


# Learners of the provider who say that nothing was taught, where the provider has claimed that it was.
_CONTRADICTED = """
SELECT b.provider_id, b.booking_id FROM surveys s JOIN bk b USING (booking_id)
 WHERE s.answer = 'not_taught' AND b.claim_at IS NOT NULL
   AND (SELECT count(*) FROM surveys t JOIN bk c USING (booking_id)
         WHERE t.answer = 'not_taught' AND c.claim_at IS NOT NULL AND c.provider_id = b.provider_id) >= %(least)s
"""


class Backdating(Parameters):
    """D15. Days between what happened and its record; so many bookings at once; hours before a claim.

    z: late rows beyond the other providers' rate, and times what that rate explains.
    """

    late_days: Term = 10
    mass: Number = 12
    z: Deviations = 6.0
    times: Factor = 3.0
    edit_hours: Number = 48


# Late rows by provider and by the day on which they were recorded and the day that they tell of; what is
# completed just before the money is claimed counts apart.
BACKDATING = """
SELECT b.provider_id, b.booking_id, (a.recorded_at AT TIME ZONE 'UTC')::date,
       (a.slot_starts_at AT TIME ZONE 'UTC')::date,
       a.recorded_at - a.slot_starts_at > make_interval(days => %(late_days)s),
       b.claim_at - a.recorded_at BETWEEN interval '0' AND make_interval(hours => %(edit_hours)s), 'attendance'
  FROM attendance a JOIN bk b USING (booking_id)
UNION ALL
SELECT b.provider_id, b.booking_id, (e.recorded_at AT TIME ZONE 'UTC')::date, (e.at AT TIME ZONE 'UTC')::date,
       e.recorded_at - e.at > make_interval(days => %(late_days)s), false, 'booking_events'
  FROM booking_events e JOIN bk b USING (booking_id)
 WHERE e.event IN ('entry', 'exit', 'assessment', 'certificate')
UNION ALL
SELECT b.provider_id, b.booking_id, (b.recorded_at AT TIME ZONE 'UTC')::date,
       (b.created_at AT TIME ZONE 'UTC')::date,
       b.recorded_at - b.created_at > make_interval(days => %(late_days)s)
         AND b.recorded_at - coalesce(b.consent_at, b.created_at) > make_interval(days => %(late_days)s),
       false, 'bookings'
  FROM bk b
"""
_COUNTED = f"""
WITH late(provider_id, booking_id, written, about, is_late, edited, source) AS ({BACKDATING}), per AS (
    SELECT provider_id, count(*) AS all_rows, count(*) FILTER (WHERE is_late) AS late_rows,
           count(DISTINCT booking_id) FILTER (WHERE is_late AND edited) AS edits,
           array_agg(DISTINCT source || ':' || booking_id) FILTER (WHERE is_late) AS rows
      FROM late GROUP BY provider_id
), once AS (
    SELECT provider_id, max(n) AS most FROM (SELECT provider_id, written, about, count(DISTINCT booking_id) AS n
      FROM late WHERE is_late GROUP BY provider_id, written, about) x GROUP BY provider_id
), total AS (
    SELECT sum(all_rows) AS all_rows, sum(late_rows) AS late_rows FROM per
)
SELECT p.provider_id, p.all_rows, p.late_rows, p.edits, o.most, t.all_rows::bigint, t.late_rows::bigint, p.rows
  FROM per p JOIN once o USING (provider_id), total t WHERE p.late_rows >= %(mass)s
"""


def find_backdated(cursor: Cursor[Any], _day: date, parameters: Backdating) -> Iterable[Finding]:
    """Providers with many rows written at once about one past day, or far more late rows than others have."""
    cursor.execute(_COUNTED.encode(), parameters.model_dump())
    for provider, size, late, edits, most, all_size, all_late, rows in cursor.fetchall():
        rate = (all_late - late + 1) / max(all_size - size + 20, 20)
        beyond = excess(late, size, all_late, all_size)
        many = beyond >= parameters.z and late >= parameters.times * rate * size
        at_once = most >= parameters.mass
        if not (many or at_once):
            continue
        score = 0.4 * many + 0.4 * at_once + (0.1 if edits >= parameters.mass else 0)
        yield Finding(provider, "provider", provider, banded(max(score, 0.4)), "H", tuple(sorted(rows)))


DETECTORS = (
    Detector(
        id="D14",
        name="attendance_too_perfect",
        version=2,
        family="attendance",
        explanation=_("Everybody was always there, and signatures follow each other like one person's."),
        needs="slots(ends_at) attendance(signed_at device_hash) sessions(status) booking_events(event at)"
        " surveys(answer)",
        parameters=TooPerfect(),
        find=find_too_perfect,
    ),
    Detector(
        id="D15",
        name="backdating",
        version=2,
        family="attendance",
        explanation=_("Many rows were entered at once, long after what they tell of."),
        needs="attendance booking_events(event at)",
        parameters=Backdating(),
        find=find_backdated,
    ),
)
