"""Facts that fraud's own work makes: what learners answered, who is on the blacklist."""

from __future__ import annotations

from fraud.services.feeds.feed import Feed, words

# Asked again, the latest question counts.
SURVEYS = Feed(
    "surveys",
    words("booking_id sent_at answered_at answer"),
    """
SELECT DISTINCT ON (b.id) b.public_id::text AS booking_id, s.sent_at, s.answered_at,
       nullif(s.answer, '') AS answer, coalesce(s.answered_at, s.sent_at) AS changed_at
  FROM fraud_learnersurvey s JOIN funding_booking b ON b.id = s.booking_id
 ORDER BY b.id, s.sent_at DESC, s.id DESC
""",
)

# What was taken off before its time ends on the day before.
BLACKLIST = Feed(
    "blacklist",
    words("entry_id person_name birth_date entity_name listed_at until"),
    """
SELECT e.public_id::text AS entry_id, nullif(e.person_name, '') AS person_name, e.birth_date,
       nullif(e.entity_name, '') AS entity_name, e.listed_at,
       least(e.until, (e.ended_at AT TIME ZONE 'UTC')::date - 1) AS until,
       greatest(e.listed_at, e.ended_at) AS changed_at
  FROM fraud_blacklistentry e
""",
)
