"""Did the learner want this? Mass enrolments, accounts that are opened and emptied, consent that is denied."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Annotated, Any

from django.utils.translation import gettext_lazy as _
from psycopg import Cursor

from fraud.detection.detector import (
    Detector,
    Deviations,
    Factor,
    Finding,
    NotBelow,
    Number,
    Parameters,
    Percent,
    Places,
    Share,
    Term,
    asked_in_sql,
    banded,
)
from fraud.detection.peers import beyond_peers


class BatchEnrolment(Parameters):
    """D01. So many different learners within so many minutes, or within a day, of one address, device or agent.

    own_hands, z: so many consents of a month on the device of the agent or provider that booked, and so far beyond
    the rate of the others (at least usual_share: to help somebody to consent is lawful).
    sitting_minutes, sitting_z: between a booking and the next one of another learner in the same session, and how far
    the share of such bookings in the last sitting_days is beyond the others', from sitting_learners on.
    """

    learners: Number = 8
    minutes: Number = 10
    learners_of_a_day: Annotated[Number, NotBelow("learners")] = 40
    shared_places: Places = ["library", "employer", "prison"]
    own_hands: Number = 6
    usual_share: Share = 0.1
    z: Deviations = 3.0
    sitting_minutes: Number = 15
    sitting_days: Term = 28
    sitting_learners: Number = 4
    sitting_z: Deviations = 2.5


# A learner counts once per day and key; the n-th before each row tells whether n of them fit into the window. Whatever
# happened before the end of a window that had begun belongs to it: no row is compared with another one.
# An employer may book for its people in one go; that they also consent on one device is another matter, unless the
# place is known.
BATCH_ENROLMENT = """
WITH act AS (
    SELECT b.booking_id, b.provider_id, b.learner_id, k.kind, k.key, k.at
      FROM bk b, LATERAL (VALUES ('ip', b.ip_hash, b.created_at, true),
                                 ('device', b.device_hash, b.created_at, true),
                                 ('person', b.agent_id, b.created_at, true),
                                 ('ip', b.consent_ip_hash, b.consent_at, true),
                                 ('device', b.consent_device_hash, b.consent_at, false)) k(kind, key, at, of_employer)
     WHERE k.key <> '' AND k.at IS NOT NULL
       AND NOT (k.of_employer AND b.actor IS NOT DISTINCT FROM 'employer' AND b.employer_id IS NOT NULL)
       AND coalesce(b.place_kind = ANY(%(shared_places)s) OR b.consent_place_kind = ANY(%(shared_places)s), false)
           IS FALSE
), one AS (
    SELECT kind, key, learner_id, min(at) AS at FROM act
     GROUP BY kind, key, learner_id, (at AT TIME ZONE 'UTC')::date
), back AS (
    SELECT kind, key, at,
           lag(at, %(learners)s - 1) OVER w AS short, lag(at, %(learners_of_a_day)s - 1) OVER w AS long
      FROM one WINDOW w AS (PARTITION BY kind, key ORDER BY at)
), hit AS (
    SELECT kind, key, short AS first, at AS last FROM back WHERE at - short <= make_interval(mins => %(minutes)s)
    UNION ALL
    SELECT kind, key, long, at FROM back WHERE at - long <= interval '24 hours'
), mark AS (
    SELECT kind, key, at AS t, NULL::timestamptz AS last, provider_id, booking_id, learner_id FROM act
    UNION ALL SELECT kind, key, first, last, NULL, NULL, NULL FROM hit
), found AS (
    SELECT DISTINCT kind, key, provider_id, booking_id, learner_id
      FROM (SELECT *, max(last) OVER (PARTITION BY kind, key ORDER BY t) AS open_until FROM mark) m
     WHERE booking_id IS NOT NULL AND open_until >= t
)
SELECT provider_id, CASE kind WHEN 'ip' THEN 'device' ELSE kind END, key,
       least(0.9, 0.4 + 0.02 * count(DISTINCT learner_id)), 'R', array_agg('bookings:' || booking_id)
  FROM found GROUP BY provider_id, kind, key HAVING count(DISTINCT learner_id) >= %(learners)s / 2
UNION ALL
SELECT t.provider_id, t.kind, t.key, least(0.8, 0.5 + 0.01 * count(DISTINCT r)), 'R', array_agg(DISTINCT r)
  FROM (SELECT x.*, sum(same) OVER () - same AS other_same, sum(n) OVER () - n AS other_n FROM (
          SELECT provider_id, CASE WHEN agent_id <> '' THEN 'person' ELSE 'device' END AS kind,
                 CASE WHEN agent_id <> '' THEN agent_id ELSE device_hash END AS key,
                 count(*) AS n, count(*) FILTER (WHERE own_hand) AS same,
                 array_agg('bookings:' || booking_id) FILTER (WHERE own_hand) AS rows
            FROM (SELECT b.*, device_hash = consent_device_hash
                              AND consent_at - created_at < interval '1 hour' AS own_hand
                    FROM bk b WHERE actor IN ('agent', 'provider') AND device_hash <> '' AND consent_at IS NOT NULL
                     AND coalesce(b.place_kind = ANY(%(shared_places)s)
                                  OR b.consent_place_kind = ANY(%(shared_places)s), false) IS FALSE) h
           GROUP BY 1, 2, 3, date_trunc('month', created_at AT TIME ZONE 'UTC')) x) t
, LATERAL unnest(t.rows) r
 WHERE t.same >= %(own_hands)s
   AND 2 * (sqrt(t.same + 0.375) - sqrt(0.375 + t.n * greatest(%(usual_share)s, (t.other_same + 1.0)
                                                                / greatest(t.other_n + 20, 20)))) >= %(z)s
 GROUP BY t.provider_id, t.kind, t.key
"""

# People decide at hours of their own; whoever has a list enters it in one sitting, from whatever device. Of a sitting
# each booking has a neighbour, nearer than so many bookings of a day (as of a launch) would have by themselves: a
# quarter of what lies between them in twelve hours. What an employer enters or is entered in a known place is known
# to come at once.
SITTINGS = """
WITH one AS (
    SELECT DISTINCT ON (session_id, learner_id) provider_id, session_id, learner_id, booking_id, created_at FROM bk
     WHERE (created_at AT TIME ZONE 'UTC')::date > %(day)s::date - %(sitting_days)s::int
       AND coalesce(employer_id, '') = '' AND actor IS DISTINCT FROM 'employer'
       AND coalesce(place_kind = ANY(%(shared_places)s) OR consent_place_kind = ANY(%(shared_places)s), false) IS FALSE
     ORDER BY session_id, learner_id, created_at, booking_id
), step AS (
    SELECT one.*, created_at - lag(created_at) OVER w AS before, lead(created_at) OVER w - created_at AS after,
           least(make_interval(mins => %(sitting_minutes)s), interval '3 hours'
                 / count(*) OVER (PARTITION BY session_id, (created_at AT TIME ZONE 'UTC')::date)) AS near
      FROM one WINDOW w AS (PARTITION BY session_id ORDER BY created_at, booking_id)
)
SELECT provider_id, count(DISTINCT learner_id) FILTER (WHERE sits), count(*) FILTER (WHERE sits), count(*),
       array_agg('bookings:' || booking_id) FILTER (WHERE sits)
  FROM (SELECT *, coalesce(before <= near, false) OR coalesce(after <= near, false) AS sits FROM step) x
 GROUP BY provider_id ORDER BY provider_id
"""
_batches = asked_in_sql(BATCH_ENROLMENT)


def find_batches(cursor: Cursor[Any], day: date, parameters: BatchEnrolment) -> Iterable[Finding]:
    """Mass enrolment by what was used for it, and learners whom somebody entered one after another."""
    yield from _batches(cursor, day, parameters)
    cursor.execute(SITTINGS.encode(), {"day": day, **parameters.model_dump()})
    yield from _unlike_peers(cursor.fetchall(), parameters.sitting_learners, parameters.sitting_z)


# What only unlikely shares say ranks a provider, and is no evidence to hold money on.
_MOST = 0.45


def _unlike_peers(rows: Iterable[tuple[Any, ...]], least: int, z: float) -> Iterable[Finding]:
    """Providers (with learners, hits, bookings and evidence) that have a larger share of hits than others have."""
    found = {provider: (learners, hits, size, named) for provider, learners, hits, size, named in rows}
    counts = {provider: (hits, size) for provider, (_learners, hits, size, _named) in found.items()}
    beyond = beyond_peers(counts, least)
    for provider, (learners, _hits, _size, named) in found.items():
        if learners >= least and beyond[provider] >= z:
            score = min(_MOST, 0.1 + 0.1 * beyond[provider])
            yield Finding(provider, "provider", provider, banded(score), "R", tuple(sorted(named)))


class CreateAndDrain(Parameters):
    """D02. spent_percent of the balance within hours of the registration; a provider's share against its peers.

    idle_days: since when an account had been open that nothing was ever booked with; idle_z: how far the share of
    such bookings in the last window_days is beyond the others', from least_idle learners on.
    """

    hours: Number = 24
    spent_percent: Percent = 80
    least: Number = 5
    times_peers: Factor = 3.0
    idle_days: Term = 60
    window_days: Term = 28
    least_idle: Number = 4
    idle_z: Deviations = 2.5
    shared_places: Places = ["library", "employer", "prison"]


CREATE_AND_DRAIN = """
WITH spent AS (
    SELECT b.booking_id, b.provider_id, b.learner_id,
           sum(b.amount_cents) OVER (PARTITION BY b.learner_id) AS spent
      FROM bk b JOIN learners l USING (learner_id)
     WHERE b.created_at BETWEEN l.registered_at - interval '1 hour'
                            AND l.registered_at + make_interval(hours => %(hours)s)
), balance AS (
    SELECT c.learner_id, sum(c.amount_cents) AS cents
      FROM credits c JOIN learners l USING (learner_id)
     WHERE c.at <= l.registered_at + make_interval(hours => %(hours)s) GROUP BY c.learner_id
), drained AS (
    SELECT s.* FROM spent s JOIN balance USING (learner_id)
     WHERE cents > 0 AND s.spent * 100 >= cents * %(spent_percent)s
), size AS (
    SELECT provider_id, count(*) AS bookings FROM bk GROUP BY provider_id
), mine AS (
    SELECT d.provider_id, count(DISTINCT d.learner_id) AS drains, s.bookings,
           array_agg('bookings:' || d.booking_id) AS rows
      FROM drained d JOIN size s USING (provider_id) GROUP BY d.provider_id, s.bookings
), peers AS (
    SELECT sum(bookings) AS bookings, (SELECT count(*) FROM drained) AS drains FROM size
)
SELECT m.provider_id, 'provider', m.provider_id,
       0.3 + 0.05 * (m.drains::numeric / m.bookings)
           / ((p.drains - m.drains + 1)::numeric / greatest(p.bookings - m.bookings + 20, 20)), 'R', m.rows
  FROM mine m, peers p
 WHERE m.drains >= %(least)s
   AND m.drains::numeric / m.bookings
       >= %(times_peers)s * (p.drains - m.drains + 1)::numeric / greatest(p.bookings - m.bookings + 20, 20)
"""

# Accounts that nobody used: those who look for money to spend look for these, and a firm whose customers all are such
# has not found them by chance.
IDLE_ACCOUNTS = """
SELECT b.provider_id, count(DISTINCT b.learner_id) FILTER (WHERE idle), count(*) FILTER (WHERE idle), count(*),
       array_agg('bookings:' || b.booking_id) FILTER (WHERE idle)
  FROM (SELECT b.*, b.created_at - l.registered_at > make_interval(days => %(idle_days)s)
                    AND row_number() OVER (PARTITION BY b.learner_id ORDER BY b.created_at, b.booking_id) = 1 AS idle
          FROM bk b JOIN learners l USING (learner_id)) b
 WHERE (b.created_at AT TIME ZONE 'UTC')::date > %(day)s::date - %(window_days)s::int
   AND coalesce(place_kind = ANY(%(shared_places)s) OR consent_place_kind = ANY(%(shared_places)s), false) IS FALSE
 GROUP BY b.provider_id ORDER BY b.provider_id
"""
_drains = asked_in_sql(CREATE_AND_DRAIN)


def find_drains(cursor: Cursor[Any], day: date, parameters: CreateAndDrain) -> Iterable[Finding]:
    """Accounts that were opened to be emptied, and accounts that slept until this provider's courses."""
    found = {finding.provider_id: finding for finding in _drains(cursor, day, parameters)}
    cursor.execute(IDLE_ACCOUNTS.encode(), {"day": day, **parameters.model_dump()})
    for finding in _unlike_peers(cursor.fetchall(), parameters.least_idle, parameters.idle_z):
        # One alert of a provider: what says more counts, the rows of both are shown.
        drained = found.get(finding.provider_id, finding)
        rows = tuple(sorted({*finding.evidence, *drained.evidence}))
        more = max(finding.score, drained.score)
        found[finding.provider_id] = replace(finding, score=more, evidence=rows)
    yield from found.values()


class ConsentDenied(Parameters):
    """D03. days: before a booking, in which a change of contact data from an unknown device counts.

    hold_days: from the denial on, for which money that nobody claimed is held.
    """

    days: Term = 7
    hold_days: Term = 45
    taken_over_score: Share = 0.6
    unconfirmed_score: Share = 0.4


# A change counts from a device that had not signed in before; the latest one before a booking is found by a window,
# so that no change is compared with every booking.
# What was paid or cancelled cannot be held any more, and what was never claimed need not be held for ever: the denial
# stays, to be reviewed.
CONSENT_DENIED = """
WITH seen AS (
    SELECT subject_id, device_hash, min(at) AS at FROM logins WHERE subject_kind = 'learner' GROUP BY 1, 2
), strange AS (
    SELECT DISTINCT c.subject_id AS learner_id, c.at
      FROM contact_changes c LEFT JOIN seen s ON s.subject_id = c.subject_id AND s.device_hash = c.device_hash
     WHERE c.subject_kind = 'learner' AND c.field IN ('email', 'phone') AND c.device_hash <> ''
       AND coalesce(s.at >= c.at - interval '1 day', true)
), mark AS (
    SELECT learner_id, at, at AS changed_at, NULL AS booking_id FROM strange
    UNION ALL
    SELECT learner_id, created_at, NULL, booking_id FROM bk WHERE learner_id IN (SELECT learner_id FROM strange)
), taken AS (
    SELECT booking_id FROM (SELECT booking_id, at, max(changed_at) OVER (PARTITION BY learner_id ORDER BY at) AS last
                              FROM mark) m
     WHERE booking_id IS NOT NULL AND last >= at - make_interval(days => %(days)s)
)
SELECT b.provider_id, 'booking', b.booking_id, 1.0,
       CASE WHEN b.cancelled_at IS NULL AND coalesce(b.paid_cents, 0) < b.amount_cents
                 AND (b.claimed_cents > coalesce(b.paid_cents, 0)
                      OR coalesce(b.denied_at, s.answered_at) >= %(day)s::date - %(hold_days)s::int)
            THEN 'H' ELSE 'R' END,
       array['bookings:' || b.booking_id]
       || CASE WHEN s.answer = 'denied' THEN array['surveys:' || b.booking_id] ELSE '{}' END
       || CASE WHEN b.denied_at IS NOT NULL THEN array['booking_events:' || b.booking_id] ELSE '{}' END
  FROM bk b LEFT JOIN surveys s USING (booking_id)
 WHERE s.answer = 'denied' OR b.denied_at IS NOT NULL
UNION ALL
SELECT b.provider_id, 'booking', b.booking_id, %(unconfirmed_score)s, 'R', array['bookings:' || b.booking_id]
  FROM bk b LEFT JOIN surveys s USING (booking_id)
 WHERE b.consent_at IS NULL AND b.claim_at IS NOT NULL AND b.denied_at IS NULL
   AND s.answer IS DISTINCT FROM 'denied' AND s.answer IS DISTINCT FROM 'confirmed'
UNION ALL
SELECT b.provider_id, 'booking', b.booking_id, %(taken_over_score)s, 'R',
       array['bookings:' || b.booking_id, 'learners:' || b.learner_id]
  FROM bk b LEFT JOIN surveys s USING (booking_id)
 WHERE b.denied_at IS NULL AND s.answer IS DISTINCT FROM 'denied' AND s.answer IS DISTINCT FROM 'confirmed'
   AND b.booking_id IN (SELECT booking_id FROM taken)
"""

DETECTORS = (
    Detector(
        id="D01",
        name="batch_enrolment",
        version=3,
        family="consent",
        explanation=_(
            "Many different learners were enrolled in a short time, from one address, device or agent or one by one."
        ),
        needs="bookings(agent_id employer_id actor ip_hash device_hash consent_at consent_ip_hash"
        " consent_device_hash) places(ip_hash kind)",
        parameters=BatchEnrolment(),
        find=find_batches,
        rises=True,
    ),
    Detector(
        id="D02",
        name="create_and_drain",
        version=3,
        family="consent",
        explanation=_(
            "Accounts were emptied within a day of being opened, or had never been used before, far more often than"
            " elsewhere."
        ),
        needs="learners(registered_at) credits(amount_cents at)",
        parameters=CreateAndDrain(),
        find=find_drains,
    ),
    Detector(
        id="D03",
        name="consent_denied",
        version=2,
        family="consent",
        explanation=_(
            "The learner says that they did not want this booking, or somebody else may have made it."
        ),
        needs="bookings(consent_at) surveys(answer) booking_events(event at) contact_changes(at device_hash)"
        " logins(at device_hash)",
        parameters=ConsentDenied(),
        find=asked_in_sql(CONSENT_DENIED),
        weight=1.2,
        hard=True,
    ),
)
