"""Can somebody be there? Trainers and learners in two places at once, learners from far away."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fraud.detection.detector import Detector, Number, Parameters, Percent, Share, asked_in_sql

# Kilometres between two places, by the spherical law of cosines.
KM = """6371 * acos(least(1, greatest(-1,
        sin(radians({0}.lat)) * sin(radians({1}.lat))
        + cos(radians({0}.lat)) * cos(radians({1}.lat)) * cos(radians({0}.lon - {1}.lon)))))"""


class Overlap(Parameters):
    """D11 and D12. minutes: that two slots must share; km_per_hour: faster than anybody travels."""

    minutes: Number = 30
    km_per_hour: Number = 200
    certain_from: Number = 4


# Nobody's times are compared with all their others: what overlaps within one place (or session) is joined to one piece
# first, so that a piece clashes exactly if one that began before it lasts into it, or the next begins before it ends.
# `until` is the moment up to which another may begin to share the minutes asked for.
_CLASH = """
), step AS (
    SELECT *, coalesce(starts_at > max(until) OVER (PARTITION BY who, place ORDER BY starts_at, until
                                                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), true) AS opens
      FROM part WHERE until >= starts_at
), numbered AS (
    SELECT *, count(*) FILTER (WHERE opens) OVER (PARTITION BY who, place ORDER BY starts_at, until
                                                  ROWS UNBOUNDED PRECEDING) AS piece FROM step
), piece AS (
    SELECT who, min(starts_at) AS starts_at, max(until) AS until,
           array_agg(provider_id) AS providers, array_agg(item) AS items, array_agg(day) AS days
      FROM numbered GROUP BY who, place, piece
), beside AS (
    SELECT *, max(until) OVER (PARTITION BY who ORDER BY starts_at, until
                               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before,
           lead(starts_at) OVER (PARTITION BY who ORDER BY starts_at, until) AS after
      FROM piece
), overlap AS (
    SELECT b.who, e.provider_id, e.item, e.day
      FROM beside b, LATERAL unnest(b.providers, b.items, b.days) e(provider_id, item, day)
     WHERE b.before >= b.starts_at OR b.after <= b.until
"""

# Trainings in one room, or webinars of one provider, are one place. How far it is matters between what follows
# one another.
TRAINER_OVERLAP = f"""
WITH part AS (
    SELECT x.trainer_id AS who, x.provider_id, x.session_id AS item, x.mode, x.lat, x.lon, s.starts_at, s.ends_at,
           least(s.ends_at, s.starts_at + interval '1 day') - make_interval(mins => %(minutes)s) AS until,
           (s.starts_at AT TIME ZONE 'UTC')::date AS day,
           CASE WHEN x.mode = 'online' THEN 'online ' || x.provider_id
                ELSE coalesce('venue ' || x.venue_id, 'session ' || x.session_id) END AS place
      FROM span x JOIN slots s USING (session_id)
     WHERE x.trainer_id <> '' AND x.status IS DISTINCT FROM 'cancelled' AND s.ends_at > s.starts_at
       AND s.ends_at < %(day)s::date + 1
{_CLASH}), walk AS (
    SELECT *, lag(provider_id) OVER w AS from_provider, lag(item) OVER w AS from_item, lag(day) OVER w AS from_day,
           lag(place) OVER w AS from_place, lag(lat) OVER w AS from_lat, lag(lon) OVER w AS from_lon,
           lag(starts_at) OVER w AS began_at, lag(ends_at) OVER w AS ended_at
      FROM part WHERE mode = 'in_person'
    WINDOW w AS (PARTITION BY who ORDER BY starts_at, ends_at, lat, lon, place)
), journey AS (
    SELECT b.who, e.provider_id, e.item, e.day
      FROM walk b, LATERAL (VALUES (b.from_lat, b.from_lon)) a(lat, lon),
           LATERAL (VALUES (b.from_provider, b.from_item, b.from_day), (b.provider_id, b.item, b.day))
           e(provider_id, item, day)
     WHERE b.from_place <> b.place AND {KM.format("a", "b")} / %(km_per_hour)s
           > abs(extract(epoch FROM greatest(b.began_at, b.starts_at) - least(b.ended_at, b.ends_at))) / 3600
             + %(minutes)s / 60.0
), clash AS (
    SELECT * FROM overlap UNION SELECT * FROM journey
), per AS (
    SELECT provider_id, who, count(DISTINCT day) AS days FROM clash GROUP BY provider_id, who
), room AS (
    SELECT DISTINCT provider_id, who, item AS session_id FROM clash
)
SELECT c.provider_id, 'person', c.who, 0.3 + 0.5 * least(max(p.days), %(certain_from)s) / %(certain_from)s,
       CASE WHEN max(p.days) > 1 THEN 'H' ELSE 'R' END,
       array_agg(DISTINCT 'sessions:' || c.session_id)
       || coalesce(array_agg(DISTINCT 'bookings:' || b.booking_id) FILTER (WHERE b.booking_id IS NOT NULL), '{{}}')
  FROM room c JOIN per p USING (provider_id, who)
  LEFT JOIN bk b ON b.session_id = c.session_id AND b.cancelled_at IS NULL
 GROUP BY c.provider_id, c.who
"""

LEARNER_OVERLAP = f"""
WITH part AS (
    SELECT b.learner_id AS who, b.provider_id, b.booking_id AS item, b.session_id AS place, s.starts_at,
           least(s.ends_at, s.starts_at + interval '1 day') - make_interval(mins => %(minutes)s) AS until,
           (s.starts_at AT TIME ZONE 'UTC')::date AS day
      FROM attendance a JOIN bk b USING (booking_id)
      JOIN slots s ON s.session_id = b.session_id AND s.starts_at = a.slot_starts_at
     WHERE s.ends_at > s.starts_at
{_CLASH}), per AS (
    SELECT provider_id, who, count(DISTINCT day) AS days, array_agg(DISTINCT item) AS bookings
      FROM overlap GROUP BY provider_id, who
), size AS (
    SELECT provider_id, count(*) AS learners FROM per GROUP BY provider_id
)
SELECT p.provider_id, 'learner', p.who,
       least(0.8, 0.2 + 0.1 * least(p.days, %(certain_from)s) + 0.05 * (s.learners - 1)), 'R',
       (SELECT array_agg('attendance:' || x) FROM unnest(p.bookings) x)
  FROM per p JOIN size s USING (provider_id)
"""


class FarLearners(Parameters):
    """D22. percentile of the distances of a kind of course; share of a provider's learners beyond it."""

    percentile: Share = 0.99
    least: Number = 5
    percent: Percent = 10
    least_km: Number = 50


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
        version=2,
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
        version=2,
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
