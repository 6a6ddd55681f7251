"""Whose contact data and accounts are these? Data shared by many, accounts changed just before the money comes."""

from __future__ import annotations

from typing import Annotated

from django.utils.translation import gettext_lazy as _

from fraud.detection.detector import (
    Detector,
    NotBelow,
    Number,
    Parameters,
    Percent,
    Places,
    Share,
    Term,
    asked_in_sql,
)


class ContactReuse(Parameters):
    """D04. learners: that share a phone, e-mail or address and book one provider, so many percent of them.

    shared_places: where people live or book side by side; who books there shares things rightly.
    """

    learners: Number = 5
    percent_at_one_provider: Percent = 60
    most_learners: Annotated[Number, NotBelow("learners")] = 200
    shared_places: Places = ["library", "employer", "prison"]


# What learners share with each other, at one provider; and what a learner shares with the provider or its people.
CONTACT_REUSE = """
WITH housed AS (
    SELECT DISTINCT learner_id FROM bk
     WHERE place_kind = ANY(%(shared_places)s) OR consent_place_kind = ANY(%(shared_places)s)
), learner AS (
    SELECT learner_id, k.field, k.hash
      FROM learners, LATERAL (VALUES ('email', email_hash), ('phone', phone_hash), ('address', address_hash))
           k(field, hash) WHERE k.hash <> ''
    UNION SELECT subject_id, field, new_hash FROM contact_changes
           WHERE subject_kind = 'learner' AND field <> 'iban' AND new_hash <> ''
), many AS (
    SELECT field, hash, count(*) AS people FROM learner GROUP BY field, hash
    HAVING count(*) BETWEEN %(learners)s AND %(most_learners)s
), shared AS (
    SELECT b.provider_id, m.field, m.hash, m.people, count(DISTINCT b.learner_id) AS here,
           array_agg('bookings:' || b.booking_id) AS rows
      FROM many m JOIN learner l USING (field, hash) JOIN bk b USING (learner_id)
     WHERE NOT EXISTS (SELECT FROM housed h WHERE h.learner_id = b.learner_id)
     GROUP BY 1, 2, 3, 4
), firm AS (
    SELECT provider_id, k.field, k.hash
      FROM providers, LATERAL (VALUES ('email', email_hash), ('phone', phone_hash), ('address', address_hash))
           k(field, hash) WHERE k.hash <> ''
    UNION SELECT subject_id, field, new_hash FROM contact_changes
           WHERE subject_kind = 'provider' AND field <> 'iban' AND new_hash <> ''
    UNION SELECT provider_id, k.field, k.hash
      FROM persons, LATERAL (VALUES ('email', email_hash), ('phone', phone_hash)) k(field, hash)
     WHERE k.hash <> '' AND provider_id IS NOT NULL
), agent AS (
    SELECT DISTINCT p.person_id, k.field, k.hash
      FROM persons p, LATERAL (VALUES ('email', p.email_hash), ('phone', p.phone_hash)) k(field, hash)
     WHERE k.hash <> '' AND p.role = 'agent'
), own AS (
    SELECT b.provider_id, b.learner_id, b.booking_id FROM bk b JOIN learner l USING (learner_id)
      JOIN firm f ON f.provider_id = b.provider_id AND f.field = l.field AND f.hash = l.hash
    UNION SELECT b.provider_id, b.learner_id, b.booking_id FROM bk b JOIN learner l USING (learner_id)
      JOIN agent a ON a.person_id = b.agent_id AND a.field = l.field AND a.hash = l.hash
), grouped AS (
    SELECT provider_id, sum(here) AS here FROM shared
     WHERE here >= %(learners)s AND here * 100 >= people * %(percent_at_one_provider)s GROUP BY provider_id
)
SELECT g.provider_id, 'provider', g.provider_id, least(0.9, 0.4 + 0.03 * (g.here - %(learners)s)), 'R',
       array_agg(DISTINCT r)
  FROM grouped g JOIN shared s USING (provider_id), LATERAL unnest(s.rows) r
 WHERE s.here >= %(learners)s AND s.here * 100 >= s.people * %(percent_at_one_provider)s
 GROUP BY g.provider_id, g.here
UNION ALL
SELECT provider_id, 'learner', learner_id, 0.5, 'R', array_agg('bookings:' || booking_id)
  FROM own GROUP BY provider_id, learner_id
"""


class PayeeChange(Parameters):
    """D06. days: between the change of the account and a payment, or while a claim is open."""

    days: Term = 14
    score: Share = 0.7


# Of a day's changes to the same account the first and the last say all.
PAYEE_CHANGE = """
WITH seen AS (
    SELECT device_hash, min(at) AS at FROM logins WHERE subject_kind <> 'learner' GROUP BY device_hash
), change AS (
    SELECT DISTINCT provider_id, new_hash, e.at FROM (
        SELECT c.subject_id AS provider_id, c.new_hash, min(c.at) AS first, max(c.at) AS last
          FROM contact_changes c LEFT JOIN seen s ON s.device_hash = c.device_hash
         WHERE c.subject_kind = 'provider' AND c.field = 'iban' AND c.device_hash <> ''
           AND coalesce(s.at >= c.at - interval '1 day', true)
         GROUP BY c.subject_id, c.new_hash, (c.at AT TIME ZONE 'UTC')::date) d, LATERAL (VALUES (first), (last)) e(at)
)
SELECT c.provider_id, 'account', c.new_hash, %(score)s, 'H', array_agg(DISTINCT 'bookings:' || b.booking_id)
  FROM change c JOIN bk b USING (provider_id)
 WHERE b.last_paid_at BETWEEN c.at AND c.at + make_interval(days => %(days)s)
    OR (b.claim_at <= c.at AND coalesce(b.paid_at > c.at, true)
        AND coalesce(b.paid_cents, 0) < b.claimed_cents AND b.cancelled_at IS NULL)
 GROUP BY c.provider_id, c.new_hash
"""

DETECTORS = (
    Detector(
        id="D04",
        name="contact_reuse",
        version=2,
        family="identity",
        explanation=_(
            "Learners share a phone, an e-mail or an address with each other, the provider or its agent."
        ),
        needs="learners(email_hash phone_hash address_hash) providers(email_hash phone_hash address_hash)"
        " persons(role provider_id email_hash phone_hash) contact_changes(new_hash) places(ip_hash kind)"
        " bookings(agent_id ip_hash consent_ip_hash)",
        parameters=ContactReuse(),
        find=asked_in_sql(CONTACT_REUSE),
    ),
    Detector(
        id="D06",
        name="payee_change",
        version=2,
        family="identity",
        explanation=_(
            "The account that is paid was changed from an unknown device just before money was due."
        ),
        needs="contact_changes(new_hash at device_hash) logins(at device_hash) booking_events(event at amount_cents)",
        parameters=PayeeChange(),
        find=asked_in_sql(PAYEE_CHANGE),
    ),
)
