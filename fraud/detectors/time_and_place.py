"""Can somebody be there? Trainers and learners in two places at once, learners from far away."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fraud.detection.detector import Detector, Parameters, asked_in_sql

# Kilometres between two places, by the spherical law of cosines.
KM = """6371 * acos(least(1, greatest(-1,
        sin(radians({0}.lat)) * sin(radians({1}.lat))
        + cos(radians({0}.lat)) * cos(radians({1}.lat)) * cos(radians({0}.lon - {1}.lon)))))"""


class Overlap(Parameters):
    """D11 and D12. minutes: that two slots must share; km_per_hour: faster than anybody travels."""

    minutes: int = 30
    km_per_hour: int = 200
    certain_from: int = 4


TRAINER_OVERLAP = f"""
WITH part AS (
    SELECT x.trainer_id, x.provider_id, x.session_id, x.mode, x.venue_id, x.lat, x.lon, s.starts_at, s.ends_at,
           (s.starts_at AT TIME ZONE 'UTC')::date AS day
      FROM span x JOIN slots s USING (session_id)
     WHERE x.trainer_id <> '' AND x.status IS DISTINCT FROM 'cancelled' AND s.ends_at > s.starts_at
       AND s.ends_at < %(day)s::date + 1
), clash AS (
    SELECT a.trainer_id, a.provider_id, a.session_id, b.session_id AS other, a.day
      FROM part a JOIN part b ON b.trainer_id = a.trainer_id AND b.session_id <> a.session_id
                             AND b.day BETWEEN a.day - 1 AND a.day + 1
     WHERE NOT (a.venue_id IS NOT NULL AND a.venue_id IS NOT DISTINCT FROM b.venue_id)
       AND NOT (a.mode IS NOT DISTINCT FROM 'online' AND b.mode IS NOT DISTINCT FROM 'online'
                AND a.provider_id = b.provider_id)
       AND (least(a.ends_at, b.ends_at) - greatest(a.starts_at, b.starts_at) >= make_interval(mins => %(minutes)s)
            OR (a.mode = 'in_person' AND b.mode = 'in_person'
                AND {KM.format("a", "b")} / %(km_per_hour)s
                    > abs(extract(epoch FROM greatest(a.starts_at, b.starts_at) - least(a.ends_at, b.ends_at))) / 3600
                      + %(minutes)s / 60.0))
)
SELECT c.provider_id, 'person', c.trainer_id, 0.3 + 0.5 * least(count(DISTINCT c.day), %(certain_from)s)
           / %(certain_from)s, CASE WHEN count(DISTINCT c.day) > 1 THEN 'H' ELSE 'R' END,
       array_agg(DISTINCT 'sessions:' || c.session_id)
       || coalesce(array_agg(DISTINCT 'bookings:' || b.booking_id) FILTER (WHERE b.booking_id IS NOT NULL), '{{}}')
  FROM clash c LEFT JOIN bk b ON b.session_id = c.session_id AND b.cancelled_at IS NULL
 GROUP BY c.provider_id, c.trainer_id
"""

LEARNER_OVERLAP = """
WITH part AS (
    SELECT b.learner_id, b.provider_id, b.booking_id, b.session_id, s.starts_at, s.ends_at,
           (s.starts_at AT TIME ZONE 'UTC')::date AS day
      FROM attendance a JOIN bk b USING (booking_id)
      JOIN slots s ON s.session_id = b.session_id AND s.starts_at = a.slot_starts_at
     WHERE s.ends_at > s.starts_at
), clash AS (
    SELECT a.learner_id, a.provider_id, a.booking_id, a.day
      FROM part a JOIN part b ON b.learner_id = a.learner_id AND b.session_id <> a.session_id
                             AND b.day BETWEEN a.day - 1 AND a.day + 1
     WHERE least(a.ends_at, b.ends_at) - greatest(a.starts_at, b.starts_at) >= make_interval(mins => %(minutes)s)
), per AS (
    SELECT provider_id, learner_id, count(DISTINCT day) AS days, array_agg(DISTINCT booking_id) AS bookings
      FROM clash GROUP BY provider_id, learner_id
), size AS (
    SELECT provider_id, count(*) AS learners FROM per GROUP BY provider_id
)
SELECT p.provider_id, 'learner', p.learner_id,
       least(0.8, 0.2 + 0.1 * least(p.days, %(certain_from)s) + 0.05 * (s.learners - 1)), 'R',
       (SELECT array_agg('attendance:' || x) FROM unnest(p.bookings) x)
  FROM per p JOIN size s USING (provider_id)
"""


class FarLearners(Parameters):
    """D22. percentile of the distances of a kind of course; share of a provider's learners beyond it."""

    percentile: float = 0.99
    least: int = 5
    percent: int = 10
    least_km: int = 50


FAR_LEARNERS = f"""
WITH way AS (
    SELECT b.provider_id, b.kind, b.booking_id, {KM.format("b", "l")} AS km
      FROM bk b JOIN learners l USING (learner_id)
     WHERE b.mode = 'in_person' AND b.lat IS NOT NULL AND b.lon IS NOT NULL
       AND l.lat IS NOT NULL AND l.lon IS NOT NULL
), far AS (
    SELECT kind, greatest(percentile_disc(%(percentile)s) WITHIN GROUP (ORDER BY km), %(least_km)s) AS km
      FROM way GROUP BY kind
)
SELECT w.provider_id, 'provider', w.provider_id,
       0.2 + 0.2 * count(*) FILTER (WHERE w.km >= f.km)::numeric / count(*), 'N',
       array_agg('bookings:' || w.booking_id) FILTER (WHERE w.km >= f.km)
  FROM way w JOIN far f ON f.kind IS NOT DISTINCT FROM w.kind
 GROUP BY w.provider_id
HAVING count(*) FILTER (WHERE w.km >= f.km) >= %(least)s
   AND count(*) FILTER (WHERE w.km >= f.km) * 100 >= count(*) * %(percent)s
"""

DETECTORS = (
    Detector(
        id="D11",
        name="trainer_overlap",
        version=1,
        family="time_and_place",
        explanation=_(
            "A trainer would have been in two places at once, or would have travelled impossibly fast."
        ),
        needs="slots(ends_at) sessions(trainer_id venue_id mode lat lon status)",
        parameters=Overlap(),
        find=asked_in_sql(TRAINER_OVERLAP),
    ),
    Detector(
        id="D12",
        name="learner_overlap",
        version=1,
        family="time_and_place",
        explanation=_("A learner signed in to two trainings at the same time."),
        needs="slots(ends_at) attendance",
        parameters=Overlap(),
        find=asked_in_sql(LEARNER_OVERLAP),
    ),
    Detector(
        id="D22",
        name="far_learners",
        version=1,
        family="time_and_place",
        explanation=_("Many learners live far from the place where they are said to learn."),
        needs="learners(lat lon) sessions(mode lat lon) credentials(kind)",
        parameters=FarLearners(),
        find=asked_in_sql(FAR_LEARNERS),
        weight=0.4,
    ),
)
