"""Facts of what is taught: credentials, prices, sessions with their days, places."""

from __future__ import annotations

from fraud.services.feeds.feed import Feed, words
from fraud.services.feeds.hashing import address, person

# A certificate stands for the assessment behind it, which nobody records apart: `assessed` stays unknown.
CREDENTIALS = Feed(
    "credentials",
    words("credential_id provider_id kind hours"),
    """
SELECT m.id::text AS credential_id, m.provider_id::text AS provider_id, m.kind, m.hours::numeric AS hours,
       greatest(m.created_at, m.registered_at) AS changed_at
  FROM catalogue_microcredential m WHERE {scope}
""",
    "m.id IN (SELECT id FROM feed_credentials)",
)

# Of the private prices that were told of its sessions the latest one counts.
PRICES = Feed(
    "prices",
    words("credential_id price_cents private_price_cents valid_from"),
    """
SELECT m.id::text AS credential_id, coalesce(s.cents, m.price_cents) AS price_cents,
       w.private_price_cents, (%(now)s::timestamptz AT TIME ZONE 'UTC')::date AS valid_from,
       %(now)s::timestamptz AS changed_at
  FROM catalogue_microcredential m
  LEFT JOIN LATERAL (SELECT min(price_cents) AS cents FROM catalogue_session
                      WHERE micro_credential_id = m.id AND state IN ('open', 'guaranteed') AND price_cents > 0
                        AND removed_at IS NULL) s ON TRUE
  LEFT JOIN LATERAL (SELECT t.private_price_cents FROM catalogue_sessionteaching t
                       JOIN catalogue_session x ON x.id = t.session_id
                      WHERE x.micro_credential_id = m.id AND t.private_price_cents IS NOT NULL
                        AND NOT EXISTS (SELECT FROM catalogue_sessionteaching later
                                         WHERE later.session_id = t.session_id AND later.id > t.id)
                      ORDER BY t.id DESC LIMIT 1) w ON TRUE
 WHERE coalesce(s.cents, m.price_cents) > 0 AND {scope}
""",
    "m.id IN (SELECT id FROM feed_credentials)",
    match=words("credential_id"),
    compares=words("price_cents private_price_cents"),
)

_VENUE = address("o.place", "o.street", "o.postcode", "o.city")
_HAS_PLACE = "coalesce(o.street, '') <> '' AND o.mode IS DISTINCT FROM 'online'"

VENUES = Feed(
    "venues",
    words("venue_id"),
    f"""
SELECT DISTINCT ON (1) {_VENUE} AS venue_id, o.created_at AS changed_at
  FROM catalogue_offer o
 WHERE {_HAS_PLACE} AND {{scope}} ORDER BY 1, o.created_at
""",
    "o.id IN (SELECT s.offer_id FROM catalogue_session s JOIN feed_sessions f ON f.id = s.id)",
)

# Days and hours of a session are derived (see SLOTS), and nobody may be held for being in two places by a guess. Known
# they are where one day has its hours, where whole days are full, and where the hours come to those of the training,
# with breaks. Elsewhere nobody is said to have been there.
_TIMES_ARE_KNOWN = """CASE WHEN s.whole_days THEN k.hours >= 6 * k.days
            ELSE k.days = 1 OR k.hours <= 1.25 * m.hours END"""

SESSIONS = Feed(
    "sessions",
    words("session_id credential_id trainer_id venue_id mode lat lon seats private_payers status"),
    f"""
SELECT s.id::text AS session_id, s.micro_credential_id::text AS credential_id,
       CASE WHEN d.id IS NOT NULL AND {_TIMES_ARE_KNOWN}
            THEN {person("d.facts->>'full_name'", "d.provider_id::text")} END AS trainer_id,
       CASE WHEN {_HAS_PLACE} THEN {_VENUE} END AS venue_id, nullif(o.mode, '') AS mode,
       CASE WHEN o.mode IS DISTINCT FROM 'online' THEN o.latitude END AS lat,
       CASE WHEN o.mode IS DISTINCT FROM 'online' THEN o.longitude END AS lon, t.seats::bigint AS seats,
       w.private_payers::bigint AS private_payers,
       CASE WHEN s.state IN ('cancelled', 'never_held') THEN 'cancelled' WHEN s.state = 'held' THEN 'held'
            ELSE 'planned' END AS status,
       greatest(s.created_at, s.opened_at, s.held_at, s.cancelled_at, s.never_held_at, w.told_at) AS changed_at
  FROM catalogue_session s LEFT JOIN catalogue_offer o ON o.id = s.offer_id
  LEFT JOIN catalogue_sessionseats t ON t.session_id = s.id
  LEFT JOIN LATERAL (SELECT trainer_id, private_payers, told_at FROM catalogue_sessionteaching
                      WHERE session_id = s.id ORDER BY id DESC LIMIT 1) w ON TRUE
  LEFT JOIN catalogue_providerdetail d ON d.id = w.trainer_id
  JOIN catalogue_microcredential m ON m.id = s.micro_credential_id
  LEFT JOIN LATERAL (
        SELECT count(*) AS days, sum(extract(epoch FROM l.ends_at - l.starts_at)) / 3600 AS hours
          FROM (SELECT DISTINCT ON (starts_at) starts_at, ends_at FROM fraud_live_slots
                 WHERE session_id = s.id::text AND d.id IS NOT NULL
                 ORDER BY starts_at, recorded_at DESC, id DESC) l
         WHERE l.ends_at > l.starts_at) k ON TRUE
 WHERE {{scope}}
""",
    "s.id IN (SELECT id FROM feed_sessions)",
)

# The platform knows when a session begins and ends. Its days are those between, weekends left out but for the first
# and last one, from the hour it begins to the hour it ends; where only days were told, so many hours from nine as the
# training has, eight at most. A day that is no longer taught is told again with no length.
SLOTS = Feed(
    "slots",
    words("session_id starts_at ends_at"),
    """
WITH one AS (
    SELECT s.id, s.starts_at, s.ends_at, s.whole_days, m.hours, p.time_zone AS zone, s.created_at,
           s.starts_at AT TIME ZONE p.time_zone AS first, s.ends_at AT TIME ZONE p.time_zone AS last
      FROM catalogue_session s JOIN catalogue_microcredential m ON m.id = s.micro_credential_id
      JOIN catalogue_provider p ON p.id = m.provider_id
     WHERE s.ends_at > s.starts_at AND {scope}
), days AS (
    SELECT one.*, d::date AS day, count(*) OVER (PARTITION BY one.id) AS n
      FROM one, generate_series(first::date, least(last::date, first::date + 365), interval '1 day') d
     WHERE extract(isodow FROM d) < 6 OR d::date IN (first::date, last::date)
), begun AS (
    SELECT days.*, (day + CASE WHEN whole_days THEN time '09:00' ELSE first::time END) AT TIME ZONE zone AS begins
      FROM days
), slot AS (
    SELECT DISTINCT ON (1, 2) id::text AS session_id, begins AS starts_at,
           CASE WHEN whole_days THEN begins + make_interval(mins =>
                         (60 * least(8, greatest(1, coalesce(hours / n, 8))))::int)
                WHEN first::date = last::date THEN ends_at
                WHEN last::time > first::time THEN (day + last::time) AT TIME ZONE zone
                ELSE begins + interval '8 hours' END AS ends_at, created_at AS changed_at
      FROM begun ORDER BY 1, 2
), told AS (
    SELECT DISTINCT ON (l.session_id, l.starts_at) l.session_id, l.starts_at, l.ends_at
      FROM fraud_live_slots l JOIN catalogue_session s ON s.id = l.session_id::bigint
     WHERE {scope} ORDER BY l.session_id, l.starts_at, l.recorded_at DESC, l.id DESC
)
SELECT session_id, starts_at, ends_at, changed_at FROM slot
UNION ALL
SELECT t.session_id, t.starts_at, t.starts_at, %(now)s::timestamptz FROM told t
 WHERE t.ends_at > t.starts_at
   AND NOT EXISTS (SELECT FROM slot WHERE slot.session_id = t.session_id AND slot.starts_at = t.starts_at)
""",
    "s.id IN (SELECT id FROM feed_sessions)",
)
