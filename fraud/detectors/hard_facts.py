"""Facts that may hold money by themselves: shared accounts, impossible hours, early certificates, nothing refunded."""

from __future__ import annotations

from typing import Annotated

from django.utils.translation import gettext_lazy as _

from fraud.detection.detector import (
    Cents,
    Detector,
    Factor,
    Few,
    Hours,
    NotBelow,
    Number,
    Parameters,
    Percent,
    Share,
    Term,
    asked_in_sql,
)


class BankShare(Parameters):
    """D05. director_days: for how long a common director must have been declared."""

    director_days: Term = 365
    provider_score: Share = 0.9
    person_score: Share = 0.9


# Accounts with everybody who ever gave them, changes included; what a family chain or a merger explains is left out.
BANK_SHARE = """
WITH owner AS (
    SELECT iban_hash, 'provider' AS side, provider_id AS id, provider_id FROM providers WHERE iban_hash <> ''
    UNION SELECT new_hash, 'provider', subject_id, subject_id FROM contact_changes
           WHERE subject_kind = 'provider' AND field = 'iban' AND new_hash <> ''
), other AS (
    SELECT iban_hash, side, id, provider_id FROM owner
    UNION SELECT l.iban_hash, 'learner', l.learner_id, b.provider_id
            FROM (SELECT learner_id, iban_hash FROM learners WHERE iban_hash <> ''
                  UNION SELECT subject_id, new_hash FROM contact_changes
                         WHERE subject_kind = 'learner' AND field = 'iban' AND new_hash <> '') l
            JOIN bk b USING (learner_id)
    UNION SELECT iban_hash, 'person', person_id, provider_id FROM persons p
           WHERE iban_hash <> '' AND provider_id IS NOT NULL AND role IN ('trainer', 'agent', 'staff')
             AND NOT EXISTS (SELECT FROM persons o WHERE o.person_id = p.person_id AND o.provider_id = p.provider_id
                                                     AND o.role IN ('director', 'shareholder'))
), head AS (
    SELECT DISTINCT person_id, provider_id, valid_from IS NOT NULL AS dated FROM persons
     WHERE role = 'director' AND coalesce(valid_from <= %(day)s::date - %(director_days)s::int, true)
       AND coalesce(valid_until >= %(day)s::date, true)
), common AS (
    SELECT DISTINCT a.provider_id AS one, b.provider_id AS two
      FROM head a JOIN head b ON a.person_id = b.person_id AND a.provider_id <> b.provider_id
     WHERE a.dated OR b.dated
), pair AS (
    SELECT o.provider_id, o.iban_hash, t.side, t.id
      FROM owner o JOIN other t USING (iban_hash)
     WHERE (t.side = 'provider' AND t.id <> o.provider_id
            AND NOT EXISTS (SELECT FROM common c WHERE c.one = o.provider_id AND c.two = t.id))
        OR (t.side <> 'provider' AND t.provider_id = o.provider_id)
)
SELECT p.provider_id, 'account', p.iban_hash,
       max(CASE WHEN p.side = 'provider' THEN %(provider_score)s ELSE %(person_score)s END), 'H',
       array_agg(DISTINCT p.side || 's:' || p.id) || array['providers:' || p.provider_id]
       || coalesce((SELECT array_agg('bookings:' || b.booking_id) FROM bk b
                     WHERE b.provider_id = p.provider_id
                       AND coalesce(b.paid_cents, 0) - coalesce(b.refunded_cents, 0) < b.amount_cents
                       AND b.cancelled_at IS NULL), '{}')
  FROM pair p GROUP BY p.provider_id, p.iban_hash
"""


class ImpossibleHours(Parameters):
    """D13. Hours of one person in one local day; grace_minutes around the opening hours of a venue."""

    hard_hours: Annotated[Hours, NotBelow("long_hours")] = 24
    long_hours: Hours = 14
    grace_minutes: Few = 60
    closed_slots: Number = 5
    over_capacity: Factor = 1.1


# A day's hours of a trainer or learner, whatever provider they were declared by. A trainer's hours are those that were
# held; slots of one room (or of one provider's webinars) at the very same times are one training, whatever its titles.
IMPOSSIBLE_HOURS = """
WITH signed AS (
    SELECT DISTINCT b.session_id, a.slot_starts_at FROM attendance a JOIN bk b USING (booking_id)
), part AS (
    SELECT 'learner' AS side, b.learner_id AS id, b.provider_id, 'attendance:' || b.booking_id AS row, '' AS room,
           (s.starts_at + z.utc_offset)::date AS day, s.starts_at, s.ends_at
      FROM attendance a JOIN bk b USING (booking_id)
      JOIN slots s ON s.session_id = b.session_id AND s.starts_at = a.slot_starts_at, zone z
    UNION
    SELECT 'person', x.trainer_id, x.provider_id, 'sessions:' || x.session_id,
           CASE WHEN x.mode IS NOT DISTINCT FROM 'online' THEN x.provider_id
                ELSE coalesce(x.venue_id, x.session_id) END,
           (s.starts_at + z.utc_offset)::date, s.starts_at, s.ends_at
      FROM span x JOIN slots s USING (session_id)
      LEFT JOIN signed g ON g.session_id = x.session_id AND g.slot_starts_at = s.starts_at
      LEFT JOIN (SELECT DISTINCT session_id FROM bk) k ON k.session_id = x.session_id, zone z
     WHERE x.trainer_id <> '' AND x.status IS DISTINCT FROM 'cancelled'
       AND (g.session_id IS NOT NULL OR (x.status IS NOT DISTINCT FROM 'held' AND k.session_id IS NOT NULL))
), day AS (
    SELECT side, id, day, sum(extract(epoch FROM ends_at - starts_at)) / 3600 AS hours
      FROM (SELECT DISTINCT side, id, day, starts_at, ends_at,
                   CASE WHEN side = 'learner' THEN row ELSE room END AS place
              FROM part WHERE ends_at > starts_at) x
     GROUP BY side, id, day
    HAVING sum(extract(epoch FROM ends_at - starts_at)) / 3600 > %(long_hours)s
)
SELECT p.provider_id, p.side, p.id,
       CASE WHEN max(p.hours) > %(hard_hours)s THEN 1.0 ELSE 0.5 END,
       CASE WHEN max(p.hours) > %(hard_hours)s THEN 'H' ELSE 'R' END,
       array_agg(DISTINCT p.row) || coalesce(array_agg(DISTINCT 'bookings:' || b.booking_id)
                                             FILTER (WHERE b.booking_id IS NOT NULL), '{}')
  FROM (SELECT provider_id, side, id, row, max(hours) AS hours FROM day JOIN part USING (side, id, day)
         GROUP BY provider_id, side, id, row) p
  LEFT JOIN bk b ON p.row = 'sessions:' || b.session_id
 GROUP BY p.provider_id, p.side, p.id
UNION ALL
SELECT x.provider_id, 'session', x.session_id, least(0.6, 0.2 + 0.02 * count(*)), 'R',
       array['sessions:' || x.session_id, 'venues:' || x.venue_id]
  FROM span x JOIN slots s USING (session_id) JOIN venues v USING (venue_id), zone z
 WHERE v.opens < v.closes AND x.status IS DISTINCT FROM 'cancelled' AND x.mode = 'in_person'
   AND (extract(hour FROM (s.starts_at AT TIME ZONE 'UTC') + z.utc_offset) * 60
        + extract(minute FROM (s.starts_at AT TIME ZONE 'UTC') + z.utc_offset) + %(grace_minutes)s < v.opens
     OR extract(hour FROM (s.ends_at AT TIME ZONE 'UTC') + z.utc_offset) * 60
        + extract(minute FROM (s.ends_at AT TIME ZONE 'UTC') + z.utc_offset) - %(grace_minutes)s > v.closes)
 GROUP BY x.provider_id, x.session_id, x.venue_id HAVING count(*) >= %(closed_slots)s
UNION ALL
SELECT f.provider_id, 'session', f.session_id, 0.5, 'R',
       array['venues:' || f.venue_id] || f.rows
  FROM (SELECT b.provider_id, b.session_id, b.venue_id, a.slot_starts_at, v.capacity, count(*) AS present,
               array_agg('attendance:' || b.booking_id) AS rows
          FROM attendance a JOIN bk b USING (booking_id) JOIN venues v USING (venue_id)
          JOIN (SELECT session_id, min(starts_at) AS at FROM slots GROUP BY session_id) f USING (session_id)
         WHERE v.capacity > 0 AND b.mode = 'in_person' AND a.slot_starts_at = f.at
         GROUP BY 1, 2, 3, 4, 5) f
 WHERE f.present > f.capacity * %(over_capacity)s
"""


class EarlyCertificate(Parameters):
    """D16. grace_minutes: a certificate that is handed out a little before the last slot ends is none.

    entry_days: how long an assessment may take to be entered before it is missed.
    """

    grace_minutes: Few = 60
    score: Share = 0.9
    unassessed_score: Share = 0.6
    entry_days: Term = 14
    slack_cents: Cents = 100


EARLY_CERTIFICATE = """
SELECT provider_id, 'booking', booking_id, %(score)s, 'B', array['bookings:' || booking_id]
  FROM bk WHERE certificate_at < ends_at - make_interval(mins => %(grace_minutes)s)
UNION ALL
SELECT provider_id, 'booking', booking_id, %(unassessed_score)s, 'R', array['bookings:' || booking_id]
  FROM bk
 WHERE assessed AND coalesce(assessment_at > certificate_at, true)
   AND certificate_at < %(day)s::date - %(entry_days)s::int
   AND coalesce(certificate_at >= ends_at - make_interval(mins => %(grace_minutes)s), true)
UNION ALL
SELECT b.provider_id, 'booking', b.booking_id, %(score)s, 'B',
       array['bookings:' || b.booking_id, 'booking_events:' || b.booking_id]
  FROM bk b, scheme x
 WHERE coalesce(b.certificate_at >= b.ends_at - make_interval(mins => %(grace_minutes)s), true)
   AND (b.claim_at < b.starts_at - make_interval(days => x.first_claim_days_before_start::int)
        OR (SELECT sum(e.amount_cents) FROM booking_events e
             WHERE e.booking_id = b.booking_id AND e.event = 'claim' AND e.at < b.starts_at)
           > b.amount_cents * x.advance_percent / 100 + %(slack_cents)s)
"""


class NotRefunded(Parameters):
    """D17. Days since the later of cancellation and payment; a session nobody came to counts from check_in_days."""

    check_in_days: Term = 3
    review_days: Annotated[Term, NotBelow("check_in_days")] = 14
    hold_days: Annotated[Term, NotBelow("review_days")] = 21
    least_bookings: Number = 2
    slack_percent: Percent = 2
    usual_percent: Percent = 25
    note_score: Share = 0.45


# Called off: the session, or each of its bookings by somebody else than the learner. Where in a mode of teaching
# sessions usually have no signatures, their absence says nothing. Before the review there is a note: money for a
# training nobody came to.
NOT_REFUNDED = """
WITH came AS (
    SELECT session_id, sum(coalesce(attended, 0)) AS attended, count(*) AS bookings FROM bk
     WHERE cancelled_at IS NULL GROUP BY session_id
), unsigned AS MATERIALIZED (
    SELECT x.mode FROM came c JOIN span x USING (session_id)
     WHERE c.bookings >= %(least_bookings)s AND x.status IS DISTINCT FROM 'cancelled' AND x.ends_at < %(day)s::date - 14
     GROUP BY x.mode
    HAVING count(*) >= 20 AND count(*) FILTER (WHERE c.attended = 0) * 100 > count(*) * %(usual_percent)s
), dropped AS (
    SELECT b.session_id, max(b.cancelled_at) AS at FROM bk b
      LEFT JOIN (SELECT booking_id, bool_or(reason ILIKE '%%learner%%') AS own FROM booking_events
                  WHERE event = 'cancelled' GROUP BY booking_id) r USING (booking_id)
     GROUP BY b.session_id
    HAVING count(*) >= %(least_bookings)s AND count(b.cancelled_at) = count(*) AND NOT bool_or(coalesce(r.own, false))
), lost AS (
    SELECT b.provider_id, b.booking_id, b.session_id, coalesce(b.paid_cents, 0) > 0 AS paid,
           NOT (b.status IS NOT DISTINCT FROM 'cancelled' OR d.session_id IS NOT NULL) AS nobody_came,
           greatest(b.last_paid_at,
                    CASE WHEN b.status = 'cancelled' THEN coalesce(b.cancelled_at, b.status_at)
                         WHEN d.session_id IS NOT NULL THEN d.at
                         ELSE b.starts_at + make_interval(days => %(check_in_days)s) END) AS since
      FROM bk b LEFT JOIN came c USING (session_id) LEFT JOIN dropped d USING (session_id)
     WHERE (b.paid_cents > 0 OR b.claimed_cents > 0)
       AND coalesce(b.refunded_cents, 0) <= coalesce(b.paid_cents, 0) * (100 - %(slack_percent)s) / 100
       AND ((b.paid_cents > 0 AND (b.status = 'cancelled' OR d.session_id IS NOT NULL))
            OR (b.status IS DISTINCT FROM 'cancelled' AND b.cancelled_at IS NULL
                AND c.attended = 0 AND c.bookings >= %(least_bookings)s
                AND b.starts_at + make_interval(days => %(check_in_days)s) <= %(day)s::date + 1
                AND NOT EXISTS (SELECT FROM unsigned u WHERE u.mode IS NOT DISTINCT FROM b.mode)))
), due AS (
    SELECT *, CASE WHEN paid THEN %(day)s::date - (since AT TIME ZONE 'UTC')::date ELSE 0 END AS days FROM lost
), many AS (
    SELECT provider_id, count(*) FILTER (WHERE days >= %(review_days)s) AS late, count(*) AS n FROM due
     GROUP BY provider_id
), late AS (
    SELECT DISTINCT session_id FROM due WHERE days >= %(review_days)s
)
SELECT d.provider_id, 'session', d.session_id,
       CASE WHEN max(d.days) >= %(hold_days)s THEN 1.0 ELSE 0.6 END,
       CASE WHEN max(d.days) >= %(hold_days)s THEN 'H' ELSE 'R' END,
       array_agg('bookings:' || d.booking_id)
  FROM due d JOIN many m USING (provider_id)
 WHERE d.days >= %(review_days)s AND m.late >= %(least_bookings)s
 GROUP BY d.provider_id, d.session_id
UNION ALL
SELECT d.provider_id, 'session', d.session_id, %(note_score)s, 'N', array_agg('bookings:' || d.booking_id)
  FROM due d JOIN many m USING (provider_id) LEFT JOIN late l ON l.session_id = d.session_id
 WHERE m.n >= %(least_bookings)s AND d.nobody_came AND (m.late < %(least_bookings)s OR l.session_id IS NULL)
 GROUP BY d.provider_id, d.session_id
"""

DETECTORS = (
    Detector(
        id="D05",
        name="bank_share",
        version=2,
        family="identity",
        explanation=_(
            "The provider's bank account is also that of another provider, of a learner or of its own staff."
        ),
        needs="providers(iban_hash) learners(iban_hash) contact_changes(field new_hash)"
        " persons(role provider_id valid_from valid_until iban_hash) booking_events(event amount_cents)",
        parameters=BankShare(),
        find=asked_in_sql(BANK_SHARE),
        weight=1.2,
        hard=True,
    ),
    Detector(
        id="D13",
        name="impossible_hours",
        version=2,
        family="time_and_place",
        explanation=_("More hours in a day, more people in a room or other times of day than are possible."),
        needs="slots(ends_at) attendance sessions(trainer_id venue_id mode status) venues(capacity opens closes)"
        " scheme(utc_offset_minutes)",
        parameters=ImpossibleHours(),
        find=asked_in_sql(IMPOSSIBLE_HOURS),
        hard=True,
    ),
    Detector(
        id="D16",
        name="early_certificate",
        version=2,
        family="attendance",
        explanation=_(
            "A certificate was given before the training ended or without its assessment, or money was claimed"
            " earlier than the rules allow."
        ),
        needs="slots(ends_at) booking_events(event at amount_cents) credentials(assessed)"
        " scheme(first_claim_days_before_start advance_percent)",
        parameters=EarlyCertificate(),
        find=asked_in_sql(EARLY_CERTIFICATE),
        hard=True,
    ),
    Detector(
        id="D17",
        name="unrefunded_non_delivery",
        version=2,
        family="money_back",
        explanation=_("The training did not take place and the money paid for it has not come back."),
        needs="slots booking_events(event at amount_cents reason) attendance sessions(status mode)",
        parameters=NotRefunded(),
        find=asked_in_sql(NOT_REFUNDED),
        weight=1.5,
        hard=True,
    ),
)
