"""Facts that fraud's own work makes: what learners answered, known places, who is on the blacklist."""

from __future__ import annotations

from fraud.facts.tables import ENDED_PLACE
from fraud.services.feeds.feed import Feed, words

# Asked again, the latest question counts. Who was not asked, or did not answer, may have said by themselves that
# nothing was taught.
SURVEYS = Feed(
    "surveys",
    words("booking_id sent_at answered_at answer"),
    """
WITH asked AS (
    SELECT DISTINCT ON (s.booking_id) s.booking_id, s.sent_at, s.answered_at, nullif(s.answer, '') AS answer
      FROM fraud_learnersurvey s ORDER BY s.booking_id, s.sent_at DESC, s.id DESC
), reported AS (
    SELECT booking_id, made_at FROM fraud_learnerreport WHERE kind = 'not_taught'
)
SELECT b.public_id::text AS booking_id, a.sent_at, coalesce(a.answered_at, r.made_at) AS answered_at,
       coalesce(a.answer, CASE WHEN r.made_at IS NOT NULL THEN 'not_taught' END) AS answer,
       greatest(a.answered_at, a.sent_at, r.made_at) AS changed_at
  FROM asked a FULL JOIN reported r ON r.booking_id = a.booking_id
  JOIN funding_booking b ON b.id = coalesce(a.booking_id, r.booking_id)
""",
)

# What every line of a place is known by. Where two places share a line, one that is in force counts.
PLACES = Feed(
    "places",
    words("ip_hash kind"),
    f"""
SELECT DISTINCT ON (line) line AS ip_hash, CASE p.state WHEN 'in_force' THEN p.kind ELSE '{ENDED_PLACE}' END AS kind,
       greatest(p.decided_at, p.ended_at) AS changed_at
  FROM fraud_knownplace p, unnest(p.line_hashes) line
 WHERE p.state IN ('in_force', 'ended') AND {{scope}}
 ORDER BY line, p.state = 'in_force' DESC, greatest(p.decided_at, p.ended_at) DESC, p.id DESC
""",
    "p.line_hashes && (SELECT array_agg(hash) FROM fraud_knownplace q JOIN feed_places f ON f.id = q.id,"
    " unnest(q.line_hashes) hash)",
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
