"""Facts of people and organisations: learners, providers, those behind them, their sign-ins and changed contacts."""

from __future__ import annotations

from fraud.services.feeds.feed import Feed, sign_in_of, words
from fraud.services.feeds.hashing import address, device, email, hashed, iban, partner, person, phone

LEARNERS = Feed(
    "learners",
    words("learner_id birth_year registered_at email_hash iban_hash"),
    f"""
SELECT c.public_id::text AS learner_id, extract(year FROM c.birth_date)::bigint AS birth_year,
       coalesce(u.joined_at, c.created_at) AS registered_at, {email("u.email")} AS email_hash,
       {iban("r.iban")} AS iban_hash, coalesce(u.joined_at, c.created_at) AS changed_at
  FROM accounts_citizen c LEFT JOIN accounts_user u ON u.id = c.user_id
  LEFT JOIN LATERAL (SELECT iban FROM funding_refundaccount WHERE citizen_id = c.id ORDER BY id LIMIT 1) r ON TRUE
 WHERE {{scope}}
""",
    "c.id IN (SELECT id FROM feed_learners)",
    keeps=words("email_hash iban_hash"),
)

# What it told of itself first stays; what it changes is told among the changes.
PROVIDERS = Feed(
    "providers",
    words("provider_id legal_name accredited_at iban_hash email_hash phone_hash address_hash"),
    f"""
SELECT p.id::text AS provider_id, coalesce(nullif(p.name, ''), a.legal_name) AS legal_name, d.accredited_at,
       {iban("coalesce(nullif(i.iban_before, ''), p.iban)")} AS iban_hash,
       {email("coalesce(nullif(t.facts->>'email', ''), a.email)")} AS email_hash,
       {phone("coalesce(nullif(t.facts->>'phone', ''), a.phone)")} AS phone_hash,
       {address("e.facts->>'street'", "e.facts->>'postcode'", "e.facts->>'city'")} AS address_hash,
       greatest(p.created_at, d.accredited_at) AS changed_at
  FROM catalogue_provider p
  LEFT JOIN LATERAL (SELECT min(accredited_at) AS accredited_at FROM catalogue_accreditation
                      WHERE provider_id = p.id) d ON TRUE
  LEFT JOIN LATERAL (SELECT iban_before FROM catalogue_accountchange
                      WHERE provider_id = p.id AND in_force_at IS NOT NULL ORDER BY in_force_at, id LIMIT 1) i ON TRUE
  LEFT JOIN LATERAL (SELECT legal_name, email, phone FROM catalogue_application
                      WHERE provider_id = p.id ORDER BY id LIMIT 1) a ON TRUE
  LEFT JOIN LATERAL (SELECT facts FROM catalogue_providerdetail
                      WHERE provider_id = p.id AND kind = 'contact' ORDER BY entered_at, id LIMIT 1) t ON TRUE
  LEFT JOIN LATERAL (SELECT facts FROM catalogue_providerdetail
                      WHERE provider_id = p.id AND kind = 'establishment' ORDER BY entered_at, id LIMIT 1) e ON TRUE
 WHERE {{scope}}
""",
    "p.id IN (SELECT id FROM feed_providers)",
    keeps=words("iban_hash email_hash phone_hash address_hash"),
)

EMPLOYERS = Feed(
    "employers",
    words("employer_id registered_at"),
    """
SELECT o.public_id::text AS employer_id, e.applied_at AS registered_at, e.applied_at AS changed_at
  FROM accounts_employer e JOIN accounts_organisation o ON o.id = e.organisation_id WHERE {scope}
""",
    "e.id IN (SELECT id FROM feed_employers)",
)


# Declared at the accreditation and since then; by those who apply, until it is decided; who acts for it; and by whom
# learners say that they were brought: no subcontractor is an agent before, and the undeclared are told without a name.
PERSONS = Feed(
    "persons",
    words(
        "person_id full_name birth_date role provider_id employer_id valid_from valid_until email_hash iban_hash"
    ),
    f"""
SELECT DISTINCT ON (person_id, provider_id, role, valid_from) * FROM (
SELECT {person("d.facts->>'full_name'", "(d.facts->>'birth_date')")} AS person_id,
       d.facts->>'full_name' AS full_name, (d.facts->>'birth_date')::date AS birth_date,
       CASE d.facts->>'role' WHEN 'director' THEN 'director' ELSE 'shareholder' END AS role,
       d.provider_id::text AS provider_id, NULL::text AS employer_id, d.valid_from, d.valid_until,
       NULL::text AS email_hash, NULL::text AS iban_hash, greatest(d.entered_at, d.ended_at) AS changed_at
  FROM catalogue_providerdetail d JOIN catalogue_provider p ON p.id = d.provider_id
 WHERE d.kind = 'person' AND coalesce(d.facts->>'full_name', '') <> '' AND coalesce(d.facts->>'birth_date', '') <> ''
   AND {{scope}}
UNION ALL
SELECT {person("x.full_name", "x.birth_date::text")}, x.full_name, x.birth_date,
       CASE x.role WHEN 'director' THEN 'director' ELSE 'shareholder' END, p.id::text, NULL,
       (coalesce(n.submitted_at, l.submitted_at) AT TIME ZONE 'UTC')::date,
       (coalesce(n.accredited_at, n.refused_at, l.decided_at) AT TIME ZONE 'UTC')::date, NULL, NULL,
       greatest(n.submitted_at, l.submitted_at, n.accredited_at, n.refused_at, l.decided_at)
  FROM catalogue_applicationperson x JOIN catalogue_application a ON a.id = x.application_id
  JOIN catalogue_provider p ON p.id = a.provider_id
  LEFT JOIN catalogue_accreditation n ON n.id = a.accreditation_id
  LEFT JOIN catalogue_listingclaim l ON l.id = a.claim_id
 WHERE coalesce(n.submitted_at, l.submitted_at) IS NOT NULL AND {{scope}}
UNION ALL
SELECT {person("d.facts->>'full_name'", "d.provider_id::text")}, d.facts->>'full_name', NULL, 'trainer',
       d.provider_id::text, NULL, d.valid_from, d.valid_until, NULL, NULL, greatest(d.entered_at, d.ended_at)
  FROM catalogue_providerdetail d JOIN catalogue_provider p ON p.id = d.provider_id
 WHERE d.kind = 'trainer' AND coalesce(d.facts->>'full_name', '') <> '' AND {{scope}}
UNION ALL
SELECT {partner("d")}, d.facts->>'name', NULL, 'agent',
       d.provider_id::text, NULL, d.valid_from, d.valid_until, NULL, NULL,
       greatest(d.entered_at, d.ended_at, b.told_at)
  FROM catalogue_providerdetail d JOIN catalogue_provider p ON p.id = d.provider_id
  LEFT JOIN LATERAL (SELECT min(told_at) AS told_at FROM funding_introduction i
                      WHERE i.partner_id = d.id AND d.facts->>'kind' <> 'agent') b ON TRUE
 WHERE d.kind = 'partner' AND (d.facts->>'kind' = 'agent' OR b.told_at IS NOT NULL) AND {{scope}}
UNION ALL
SELECT {person("i.name", "b.provider_id::text")}, NULL, NULL, 'agent', b.provider_id::text, NULL,
       (min(i.told_at) AT TIME ZONE 'UTC')::date, NULL, NULL, NULL, min(i.told_at)
  FROM funding_introduction i JOIN funding_booking b ON b.id = i.booking_id
  JOIN catalogue_provider p ON p.id = b.provider_id
 WHERE i.name <> '' AND {{scope}}
 GROUP BY 1, b.provider_id
UNION ALL
SELECT {hashed("user", "u.id::text")}, u.display_name, NULL, 'staff', p.id::text, NULL,
       (m.created_at AT TIME ZONE 'UTC')::date, (m.ended_at AT TIME ZONE 'UTC')::date,
       {email("u.email")}, {iban("r.iban")}, greatest(m.created_at, m.ended_at)
  FROM accounts_membership m JOIN accounts_user u ON u.id = m.user_id
  JOIN catalogue_provider p ON p.organisation_id = m.organisation_id
  LEFT JOIN LATERAL (SELECT f.iban FROM funding_refundaccount f JOIN accounts_citizen c ON c.id = f.citizen_id
                      WHERE c.user_id = u.id AND f.ended_at IS NULL ORDER BY f.id DESC LIMIT 1) r ON TRUE
 WHERE NOT u.is_service AND {{scope}}
) declared
 ORDER BY person_id, provider_id, role, valid_from, changed_at DESC, valid_until DESC NULLS FIRST
""",
    "p.id IN (SELECT id FROM feed_providers)",
)

LOGINS = Feed(
    "logins",
    words("subject_kind subject_id at ip_hash device_hash"),
    f"""
SELECT w.subject_kind, w.subject_id, s.at, nullif(s.ip_hash, '') AS ip_hash, {device("s")} AS device_hash,
       s.at AS changed_at, 'signin:' || s.id || ':' || w.subject_kind || ':' || w.subject_id AS fed_from
  FROM accounts_signin s
  JOIN LATERAL (
        SELECT 'learner' AS subject_kind, public_id::text AS subject_id FROM accounts_citizen
         WHERE user_id = s.user_id
        UNION SELECT 'provider', p.id::text FROM accounts_membership m
          JOIN catalogue_provider p ON p.organisation_id = m.organisation_id
         WHERE m.user_id = s.user_id AND m.created_at <= s.at AND coalesce(m.ended_at > s.at, TRUE)
        UNION SELECT 'employer', o.public_id::text FROM accounts_membership m
          JOIN accounts_organisation o ON o.id = m.organisation_id
          JOIN accounts_employer e ON e.organisation_id = o.id
         WHERE m.user_id = s.user_id AND m.created_at <= s.at AND coalesce(m.ended_at > s.at, TRUE)) w ON TRUE
 WHERE {{scope}}
""",
    "s.id IN (SELECT id FROM feed_sign_ins)",
)


def _detail_changes(column: str, hash_sql: str) -> str:
    return f"""
SELECT 'provider', d.provider_id::text, '{column}', d.before, d.after, d.entered_at, {device("g")},
       d.entered_at, 'detail:' || d.id || ':{column}'
  FROM (SELECT d.id, d.provider_id, d.entered_at, d.entered_by_id, {hash_sql} AS after,
               lag({hash_sql}) OVER (PARTITION BY d.provider_id ORDER BY d.entered_at, d.id) AS before
          FROM catalogue_providerdetail d WHERE d.kind = 'contact') d
  JOIN catalogue_provider p ON p.id = d.provider_id
  {sign_in_of("d.entered_by_id", "d.entered_at", "g")}
 WHERE d.before <> d.after AND {{scope_provider}}"""


# Accounts count as changed when the change was asked for: that was the device that asked. They are told once they
# are in force. An e-mail address keeps no history: what differs from the last one told was changed by the mail's time.
CONTACT_CHANGES = Feed(
    "contact_changes",
    words("subject_kind subject_id field old_hash new_hash at device_hash"),
    f"""
SELECT 'provider' AS subject_kind, a.provider_id::text AS subject_id, 'iban' AS field,
       {iban("a.iban_before")} AS old_hash, {iban("a.iban")} AS new_hash, a.asked_at AS at,
       {device("g")} AS device_hash, a.in_force_at AS changed_at, 'accountchange:' || a.id AS fed_from
  FROM catalogue_accountchange a JOIN catalogue_provider p ON p.id = a.provider_id
  {sign_in_of("a.asked_by_id", "a.asked_at", "g")}
 WHERE a.in_force_at IS NOT NULL AND a.iban_before <> '' AND {{scope_provider}}
UNION ALL
SELECT 'learner', c.public_id::text, 'iban', r.before, r.after, r.entered_at, {device("s")}, r.entered_at,
       'refundaccount:' || r.id
  FROM (SELECT f.id, f.citizen_id, f.entered_at, f.entered_under_id, {iban("f.iban")} AS after,
               lag({iban("f.iban")}) OVER (PARTITION BY f.citizen_id ORDER BY f.id) AS before
          FROM funding_refundaccount f) r
  JOIN accounts_citizen c ON c.id = r.citizen_id JOIN accounts_signin s ON s.id = r.entered_under_id
 WHERE r.before <> r.after AND {{scope_learner}}
UNION ALL
{_detail_changes("email", email("d.facts->>'email'"))}
UNION ALL
{_detail_changes("phone", phone("d.facts->>'phone'"))}
UNION ALL
SELECT 'learner', e.learner_id, 'email', e.known, e.now_hash, e.at, {device("g")}, e.at,
       'email:' || e.citizen_id || ':' || e.changes
  FROM (SELECT c.id AS citizen_id, c.user_id, c.public_id::text AS learner_id, {email("u.email")} AS now_hash,
               coalesce(k.new_hash, l.email_hash) AS known, coalesce(m.at, %(now)s) AS at, coalesce(n.changes, 0)
               AS changes
          FROM accounts_citizen c JOIN accounts_user u ON u.id = c.user_id
          JOIN LATERAL (SELECT email_hash FROM fraud_live_learners WHERE learner_id = c.public_id::text
                         ORDER BY recorded_at DESC, id DESC LIMIT 1) l ON TRUE
          LEFT JOIN LATERAL (SELECT new_hash FROM fraud_live_contact_changes
                              WHERE subject_kind = 'learner' AND subject_id = c.public_id::text AND field = 'email'
                              ORDER BY id DESC LIMIT 1) k ON TRUE
          LEFT JOIN LATERAL (SELECT count(*) AS changes FROM fraud_live_contact_changes
                              WHERE subject_kind = 'learner' AND subject_id = c.public_id::text
                                AND field = 'email') n ON TRUE
          LEFT JOIN LATERAL (SELECT max(created_at) AS at FROM accounts_message
                              WHERE recipient_id = u.id AND template = 'contact_changed') m ON TRUE
         WHERE u.is_active AND {{scope_learner}}) e
  {sign_in_of("e.user_id", "e.at", "g")}
 WHERE e.known <> e.now_hash
""".replace("{scope_provider}", "{scope}").replace("{scope_learner}", "{learner_scope}"),
    "p.id IN (SELECT id FROM feed_providers)",
    learner_scope="c.id IN (SELECT id FROM feed_learners)",
)
