"""Facts of bookings: who consented to what from where, what happened, who was there, where the money went."""

from __future__ import annotations

from fraud.services.feeds.feed import Feed, sign_in_of, words
from fraud.services.feeds.hashing import device, partner, person

# Who brought somebody is the learner's own word, given as they consent (decision 0242).
_BOOKINGS = "b.id IN (SELECT id FROM feed_bookings)"

BOOKINGS = Feed(
    "bookings",
    words(
        "booking_id learner_id session_id agent_id employer_id amount_cents actor created_at ip_hash device_hash"
        " consent_at consent_ip_hash consent_device_hash own_cents"
    ),
    f"""
SELECT b.public_id::text AS booking_id, c.public_id::text AS learner_id, b.session_id::text AS session_id,
       i.agent_id, w.employer_id, coalesce(m.public_cents, 0)::bigint AS amount_cents, 'learner' AS actor,
       b.requested_at AS created_at, nullif(g.ip_hash, '') AS ip_hash, {device("g")} AS device_hash,
       CASE WHEN k.state IN ('given', 'withdrawn') THEN k.answered_at END AS consent_at,
       nullif(s.ip_hash, '') AS consent_ip_hash, {device("s")} AS consent_device_hash,
       coalesce(m.own_cents, 0)::bigint AS own_cents,
       greatest(b.requested_at, b.accepted_at, k.answered_at, i.told_at) AS changed_at
  FROM funding_booking b JOIN funding_learningaccount a ON a.id = b.account_id
  JOIN accounts_citizen c ON c.id = a.citizen_id
  LEFT JOIN accounts_consent k ON k.id = b.consent_id
  LEFT JOIN accounts_signin s ON s.id = k.sign_in_id
  {sign_in_of("c.user_id", "b.requested_at", "g")}
  LEFT JOIN LATERAL (SELECT sum(amount_cents) FILTER (WHERE source <> 'learner') AS public_cents,
                            sum(amount_cents) FILTER (WHERE source = 'learner') AS own_cents
                       FROM funding_allocation WHERE booking_id = b.id) m ON TRUE
  LEFT JOIN LATERAL (SELECT o.public_id::text AS employer_id FROM funding_allocation x
                       JOIN funding_lot l ON l.id = x.lot_id JOIN funding_topup t ON t.id = l.top_up_id
                       JOIN accounts_organisation o ON o.id = t.organisation_id
                       JOIN accounts_employer e ON e.organisation_id = o.id
                      WHERE x.booking_id = b.id ORDER BY x.position LIMIT 1) w ON TRUE
  LEFT JOIN LATERAL (SELECT CASE WHEN i.partner_id IS NOT NULL THEN {partner("d")}
                                 WHEN i.name <> '' THEN {person("i.name", "b.provider_id::text")} END AS agent_id,
                            i.told_at
                       FROM funding_introduction i LEFT JOIN catalogue_providerdetail d ON d.id = i.partner_id
                      WHERE i.booking_id = b.id ORDER BY i.id DESC LIMIT 1) i ON TRUE
 WHERE {{scope}}
""",
    _BOOKINGS,
)

# Entry and exit are told of the hour at which the training began and ended, so that late entries show as such.
EVENTS = Feed(
    "booking_events",
    words("booking_id event at amount_cents percent reason"),
    """
SELECT b.public_id::text AS booking_id,
       CASE WHEN l.transition = 'enter' THEN 'entry' WHEN l.transition = 'leave' THEN 'exit'
            WHEN l.transition = 'declare_service' THEN 'service_declared' WHEN l.transition = 'dispute' THEN 'denied'
            ELSE 'cancelled' END AS event,
       CASE WHEN l.transition = 'enter' THEN least(l.at, s.starts_at)
            WHEN l.transition = 'leave' THEN least(l.at, s.ends_at) ELSE l.at END AS at,
       NULL::bigint AS amount_cents,
       CASE WHEN l.transition = 'declare_service' THEN b.declared_percent::numeric END AS percent,
       CASE WHEN l.transition = 'leave' THEN nullif(b.exit_reason, '')
            WHEN l.target IN ('withdrawn', 'cancelled_by_learner', 'cancelled_by_provider', 'cancelled_by_funder')
            THEN l.target END AS reason,
       l.at AS changed_at, 'bookinglog:' || l.id AS fed_from
  FROM funding_bookinglog l JOIN funding_booking b ON b.id = l.subject_id
  JOIN catalogue_session s ON s.id = b.session_id
 WHERE (l.transition IN ('enter', 'leave', 'declare_service', 'dispute')
        OR l.target IN ('withdrawn', 'cancelled_by_learner', 'cancelled_by_provider', 'cancelled_by_funder'))
   AND {scope}
UNION ALL
SELECT b.public_id::text, CASE WHEN l.target = 'submitted' THEN 'claim' WHEN l.target = 'paid' THEN 'paid'
                               ELSE 'refunded' END, l.at,
       coalesce((SELECT sum(n.amount_cents) FROM funding_claimline n JOIN funding_allocation a
                     ON a.id = n.allocation_id WHERE n.claim_id = c.id AND a.source <> 'learner'),
                0)::bigint, NULL, CASE WHEN l.target = 'returned' THEN 'returned by the bank' END,
       l.at, 'claimlog:' || l.id
  FROM funding_claimlog l JOIN funding_claim c ON c.id = l.subject_id JOIN funding_booking b ON b.id = c.booking_id
 WHERE c.kind IN ('advance', 'final')
   AND (l.target IN ('submitted', 'paid') OR (l.source = 'paid' AND l.target = 'returned')) AND {scope}
UNION ALL
SELECT b.public_id::text, CASE WHEN f.kind = 'exam' THEN 'assessment' ELSE 'certificate' END, f.recorded_at,
       NULL, NULL, NULL, f.recorded_at, 'certificate:' || f.id
  FROM funding_certificate f JOIN funding_booking b ON b.id = f.booking_id WHERE {scope}
UNION ALL
SELECT b.public_id::text, 'complaint', r.made_at, NULL, NULL, replace(r.kind, '_', ' '), r.made_at, 'report:' || r.id
  FROM fraud_learnerreport r JOIN funding_booking b ON b.id = r.booking_id WHERE {scope}
UNION ALL
SELECT b.public_id::text, 'refunded', e.occurred_at, p.amount_cents, NULL, e.kind, e.occurred_at, 'posting:' || p.id
  FROM funding_posting p JOIN funding_journalentry e ON e.id = p.entry_id JOIN funding_booking b ON b.id = p.booking_id
 WHERE p.bucket = 'owed' AND p.amount_cents > 0 AND p.fund <> 'own'
   AND e.kind IN ('recover', 'recovery_received', 'net_receivable') AND {scope}
""",
    _BOOKINGS,
)

# A sheet of a day, or the learner's own word of a day, is that day's slot. Hours or a share of the whole say that
# somebody was there, not when: they are told once, for the last slot that had begun.
ATTENDANCE = Feed(
    "attendance",
    words("booking_id slot_starts_at signed_at device_hash"),
    f"""
WITH slot AS (
    SELECT DISTINCT ON (l.session_id, l.starts_at) l.session_id, l.starts_at, l.ends_at
      FROM fraud_live_slots l
     WHERE l.session_id IN (SELECT b.session_id::text FROM funding_booking b WHERE {{scope}})
     ORDER BY l.session_id, l.starts_at, l.recorded_at DESC, l.id DESC
), seen AS (
    SELECT b.id AS booking, b.public_id::text AS booking_id, b.session_id::text AS session_id, p.day,
           p.confirmed_at AS told_at, p.confirmed_at AS signed_at, p.confirmed_by_id AS by, 1 AS rank
      FROM funding_presence p JOIN funding_booking b ON b.id = p.booking_id WHERE {{scope}}
    UNION ALL
    SELECT b.id, b.public_id::text, b.session_id::text, t.day, t.recorded_at, NULL, NULL, 2
      FROM funding_attendance t JOIN funding_booking b ON b.id = t.booking_id
     WHERE (coalesce(t.percent, 0) > 0 OR coalesce(t.hours, 0) > 0) AND {{scope}}
), placed AS (
    SELECT e.*, coalesce(x.starts_at, s.starts_at) AS slot_starts_at
      FROM seen e JOIN funding_booking b ON b.id = e.booking JOIN catalogue_session s ON s.id = b.session_id
      JOIN catalogue_provider v ON v.id = b.provider_id
      LEFT JOIN LATERAL (SELECT t.starts_at FROM slot t
                          WHERE t.session_id = e.session_id AND t.ends_at > t.starts_at
                            AND CASE WHEN e.day IS NULL THEN t.starts_at <= e.told_at
                                     ELSE (t.starts_at AT TIME ZONE v.time_zone)::date = e.day END
                          ORDER BY t.starts_at DESC LIMIT 1) x ON TRUE
)
SELECT DISTINCT ON (p.booking_id, p.slot_starts_at) p.booking_id, p.slot_starts_at, p.signed_at,
       {device("g")} AS device_hash, p.told_at AS changed_at
  FROM placed p {sign_in_of("p.by", "p.told_at", "g")}
 WHERE p.slot_starts_at IS NOT NULL
 ORDER BY p.booking_id, p.slot_starts_at, p.rank, p.told_at
""",
    _BOOKINGS,
)

CREDITS = Feed(
    "credits",
    words("learner_id source amount_cents at expires_at"),
    """
SELECT c.public_id::text AS learner_id, l.source, p.amount_cents, e.occurred_at AS at,
       (l.expires_on + 1)::timestamp AT TIME ZONE 'UTC' AS expires_at, e.occurred_at AS changed_at,
       'posting:' || p.id AS fed_from
  FROM funding_posting p JOIN funding_journalentry e ON e.id = p.entry_id JOIN funding_lot l ON l.id = p.lot_id
  JOIN funding_learningaccount a ON a.id = l.account_id JOIN accounts_citizen c ON c.id = a.citizen_id
 WHERE p.bucket = 'available' AND p.amount_cents > 0
   AND e.kind IN ('credit', 'accrue', 'age_credit', 'top_up_allocated', 'top_up_given_again') AND {scope}
""",
    "p.id IN (SELECT id FROM feed_postings)",
)
