"""Are these records of something that happened? Attendance that is too perfect, rows entered long afterwards."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fraud.detection.detector import Detector, Parameters, asked_in_sql


class TooPerfect(Parameters):
    """D14. Of providers with so many signatures: presence, the spread of signing times, and of devices.

    percent_present: of all slots that could be signed. seconds: within which signatures follow on one another.
    """

    least_signatures: int = 40
    percent_present: int = 99
    seconds: int = 15
    percent_in_a_row: int = 80
    percent_same_offset: int = 60


TOO_PERFECT = """
WITH due AS (
    SELECT b.provider_id, b.booking_id, s.starts_at
      FROM bk b JOIN slots s USING (session_id)
     WHERE b.status IS DISTINCT FROM 'cancelled' AND b.cancelled_at IS NULL AND s.ends_at < %(day)s::date - 7
), sign AS (
    SELECT d.provider_id, d.booking_id, d.starts_at, a.signed_at, a.device_hash,
           a.signed_at - lag(a.signed_at) OVER (PARTITION BY b.session_id, d.starts_at ORDER BY a.signed_at) AS gap,
           floor(extract(epoch FROM a.signed_at - d.starts_at) / 60) AS offset_minutes
      FROM due d JOIN bk b USING (booking_id)
      LEFT JOIN attendance a ON a.booking_id = d.booking_id AND a.slot_starts_at = d.starts_at
), common AS (
    SELECT provider_id, max(n) AS n
      FROM (SELECT provider_id, offset_minutes, count(*) AS n FROM sign WHERE signed_at IS NOT NULL
             GROUP BY provider_id, offset_minutes) x GROUP BY provider_id
), rate AS (
    SELECT s.provider_id, count(*) AS due, count(s.signed_at) AS signed,
           count(*) FILTER (WHERE gap <= make_interval(secs => %(seconds)s)) AS close, count(gap) AS gaps,
           count(DISTINCT device_hash) AS devices, c.n AS same,
           array_agg(DISTINCT 'attendance:' || booking_id) FILTER (WHERE s.signed_at IS NOT NULL) AS rows
      FROM sign s JOIN common c USING (provider_id) GROUP BY s.provider_id, c.n
), sum AS (
    SELECT *, CASE WHEN signed * 100 >= due * %(percent_present)s THEN 1 ELSE 0 END AS all_there,
           CASE WHEN gaps > 0 AND close * 100 >= gaps * %(percent_in_a_row)s THEN 1 ELSE 0 END AS in_a_row,
           CASE WHEN same * 100 >= signed * %(percent_same_offset)s THEN 1 ELSE 0 END AS same_offset
      FROM rate WHERE signed >= %(least_signatures)s
)
SELECT provider_id, 'provider', provider_id,
       CASE all_there + in_a_row + same_offset WHEN 3 THEN 0.8 WHEN 2 THEN 0.6 ELSE 0.3 END, 'R', rows
  FROM sum WHERE all_there + in_a_row + same_offset >= 2
"""


class Backdating(Parameters):
    """D15. Days between what happened and its record; so many rows at once, and their share of all."""

    late_days: int = 14
    mass: int = 12
    percent: int = 25
    edit_hours: int = 48


# Late rows by the day on which they were recorded; attendance completed just before the money was claimed.
BACKDATING = """
WITH late AS (
    SELECT b.provider_id, b.booking_id, (a.recorded_at AT TIME ZONE 'UTC')::date AS written,
           (a.slot_starts_at AT TIME ZONE 'UTC')::date AS about,
           a.recorded_at - a.slot_starts_at > make_interval(days => %(late_days)s) AS is_late,
           b.claim_at - a.recorded_at BETWEEN interval '0' AND make_interval(hours => %(edit_hours)s)
             AND a.recorded_at - a.slot_starts_at > make_interval(days => %(late_days)s) AS before_claim
      FROM attendance a JOIN bk b USING (booking_id)
    UNION ALL
    SELECT b.provider_id, b.booking_id, (e.recorded_at AT TIME ZONE 'UTC')::date, (e.at AT TIME ZONE 'UTC')::date,
           e.recorded_at - e.at > make_interval(days => %(late_days)s), false
      FROM booking_events e JOIN bk b USING (booking_id)
     WHERE e.event IN ('entry', 'exit', 'assessment', 'certificate')
    UNION ALL
    SELECT b.provider_id, b.booking_id, (b.recorded_at AT TIME ZONE 'UTC')::date,
           (b.created_at AT TIME ZONE 'UTC')::date,
           b.recorded_at - b.created_at > make_interval(days => %(late_days)s), false
      FROM bk b
), per AS (
    SELECT provider_id, count(*) AS all_rows, count(*) FILTER (WHERE is_late) AS late_rows,
           count(*) FILTER (WHERE before_claim) AS edits,
           array_agg(DISTINCT 'bookings:' || booking_id) FILTER (WHERE is_late) AS rows
      FROM late GROUP BY provider_id
), once AS (
    SELECT provider_id, max(n) AS most FROM (SELECT provider_id, written, count(*) AS n
      FROM late WHERE is_late GROUP BY provider_id, written) x GROUP BY provider_id
)
SELECT p.provider_id, 'provider', p.provider_id,
       least(0.9, 0.3 + 0.4 * p.late_rows::numeric / p.all_rows
                  + CASE WHEN p.edits >= %(mass)s THEN 0.2 ELSE 0 END), 'H', p.rows
  FROM per p JOIN once o USING (provider_id)
 WHERE p.late_rows >= %(mass)s AND p.late_rows * 100 >= p.all_rows * %(percent)s AND o.most >= %(mass)s
"""

DETECTORS = (
    Detector(
        id="D14",
        name="attendance_too_perfect",
        version=1,
        family="attendance",
        explanation=_("Everybody was always there, and signatures follow each other like one person's."),
        needs="slots(ends_at) attendance(signed_at device_hash) sessions(status) booking_events(event at)",
        parameters=TooPerfect(),
        find=asked_in_sql(TOO_PERFECT),
    ),
    Detector(
        id="D15",
        name="backdating",
        version=1,
        family="attendance",
        explanation=_("Many rows were entered at once, long after what they tell of."),
        needs="attendance booking_events(event at)",
        parameters=Backdating(),
        find=asked_in_sql(BACKDATING),
    ),
)
