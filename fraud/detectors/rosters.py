"""Do the same people sit in many rooms?"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fraud.detection.detector import Detector, Number, Parameters, Share, Term, asked_in_sql


class RosterReuse(Parameters):
    """D18. jaccard: the shared part of two rosters; days: between their starts.

    most_sessions: who sits in more than that is no member of a roster, but somebody for D12 and D13.
    """

    jaccard: Share = 0.8
    least: Number = 5
    days: Term = 90
    most_sessions: Number = 100


# Two rosters at two sites or providers; whom an employer sent together is no roster of a provider's making.
ROSTER_REUSE = """
WITH place AS (
    SELECT DISTINCT session_id, learner_id FROM bk
     WHERE cancelled_at IS NULL AND actor IS DISTINCT FROM 'employer' AND starts_at IS NOT NULL
), often AS (
    SELECT learner_id FROM place GROUP BY learner_id HAVING count(*) BETWEEN 2 AND %(most_sessions)s
), size AS (
    SELECT session_id, count(*) AS n FROM place GROUP BY session_id HAVING count(*) >= %(least)s
), seat AS (
    SELECT session_id, learner_id FROM place JOIN often USING (learner_id) JOIN size USING (session_id)
), pair AS (
    SELECT a.session_id AS one, b.session_id AS two, count(*) AS both
      FROM seat a JOIN seat b ON b.learner_id = a.learner_id AND b.session_id <> a.session_id
     GROUP BY a.session_id, b.session_id HAVING count(*) >= %(least)s
), alike AS (
    SELECT x.provider_id, p.one, p.both::numeric / (s.n + t.n - p.both) AS jaccard
      FROM pair p JOIN size s ON s.session_id = p.one JOIN size t ON t.session_id = p.two
      JOIN span x ON x.session_id = p.one JOIN span y ON y.session_id = p.two
     WHERE p.both >= %(jaccard)s * (s.n + t.n - p.both)
       AND abs(extract(epoch FROM x.starts_at - y.starts_at)) <= %(days)s * 86400
       AND (x.provider_id <> y.provider_id OR x.venue_id <> y.venue_id)
)
SELECT a.provider_id, 'session', a.one, 0.4 + 0.4 * max(a.jaccard), 'R',
       array_agg(DISTINCT 'bookings:' || b.booking_id)
  FROM alike a JOIN bk b ON b.session_id = a.one
 GROUP BY a.provider_id, a.one
"""

DETECTORS = (
    Detector(
        id="D18",
        name="roster_reuse",
        version=2,
        family="network",
        explanation=_("The same learners fill sessions of different providers or places."),
        needs="slots sessions(venue_id) bookings(actor) booking_events(event at)",
        parameters=RosterReuse(),
        find=asked_in_sql(ROSTER_REUSE),
    ),
)
