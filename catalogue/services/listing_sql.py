"""The statements that make lines of the list, for the entries `ids` as they are at the moment `now`.

What may be booked is said here as `catalogue.selectors.bookability` says it for single entries; a test compares them.
"""

# Letters as `catalogue.importing.values.folded` compares them; what joins words in names and codes parts them here.
_FOLDED = (
    "replace(replace(translate(regexp_replace(lower(regexp_replace(normalize({text}, NFKD),"
    " '[\u0300-\u036f]+', '', 'g')), '[\u0300-\u036f]+', '', 'g'),"
    " 'øđłı./_@:-''’+#', 'odli          '), 'œ', 'oe'), 'æ', 'ae')"
)


def folded_sql(text: str) -> str:
    """An SQL expression of a text in lower case, without accents."""
    return _FOLDED.format(text=text)


def _stems(text: str) -> str:
    """An SQL expression of the stems of a text in its register's language, and in its own; in all three, if unknown."""
    return f"""(
        CASE WHEN country IN ('FR', 'BE', 'CH', 'LU') OR language = 'fr' OR unknown
             THEN to_tsvector('french', {text}) ELSE '' END
     || CASE WHEN country IN ('US', 'GB', 'IE', 'CA', 'SG') OR language = 'en' OR unknown
             THEN to_tsvector('english', {text}) ELSE '' END
     || CASE WHEN country IN ('NL', 'BE') OR language = 'nl' OR unknown
             THEN to_tsvector('dutch', {text}) ELSE '' END)"""


# An entry that is no longer on the list leaves no line.
REMOVE_LINES = """
    DELETE FROM catalogue_listing
     WHERE entry_id = ANY(%(ids)s)
       AND NOT EXISTS (SELECT 1 FROM catalogue_microcredential AS entry
                        WHERE entry.id = entry_id AND entry.state IN ('registered', 'suspended'))
"""

# Where the offers are; without any, where the provider is. A register's own region wins among towns of one name.
_TOLD = f"""
    told AS (
        SELECT entry.id, coalesce(offer.city, provider.city) AS city,
               coalesce(offer.postcode, provider.postcode) AS postcode, provider.region,
               coalesce(nullif(offer.country, ''), provider.country) AS country, offer.latitude, offer.longitude
          FROM catalogue_microcredential AS entry
          JOIN catalogue_provider AS provider ON provider.id = entry.provider_id
          LEFT JOIN catalogue_offer AS offer ON offer.micro_credential_id = entry.id AND offer.removed_at IS NULL
               AND (offer.city <> '' OR offer.postcode <> '' OR offer.latitude IS NOT NULL)
         WHERE entry.id = ANY(%(ids)s)
    ), keyed AS MATERIALIZED (
        SELECT id, btrim(left({folded_sql("city")}, 200)) AS key, left(postcode, 20) AS postcode,
               region, country, latitude, longitude
          FROM told WHERE city <> '' OR postcode <> '' OR latitude IS NOT NULL
    ), towns AS (
        SELECT DISTINCT ON (wanted.key, wanted.country, wanted.region) wanted.key, wanted.country, wanted.region,
               place.latitude, place.longitude
          FROM (SELECT DISTINCT key, country, region FROM keyed WHERE latitude IS NULL) AS wanted
          JOIN catalogue_place AS place ON place.key = wanted.key AND place.country = wanted.country
         ORDER BY wanted.key, wanted.country, wanted.region, place.region = wanted.region DESC, place.population DESC
    ), located AS (
        SELECT DISTINCT id, key, postcode, coalesce(keyed.latitude, towns.latitude) AS latitude,
               coalesce(keyed.longitude, towns.longitude) AS longitude
          FROM keyed LEFT JOIN towns USING (key, country, region)
    )
"""
STORE_SPOTS = f"""
    WITH {_TOLD}
    INSERT INTO catalogue_spot (key, postcode, latitude, longitude)
    SELECT DISTINCT key, postcode, latitude, longitude FROM located
     WHERE NOT EXISTS (SELECT 1 FROM catalogue_spot AS spot
                        WHERE spot.key = located.key AND spot.postcode = located.postcode
                          AND spot.latitude IS NOT DISTINCT FROM located.latitude
                          AND spot.longitude IS NOT DISTINCT FROM located.longitude)
        ON CONFLICT DO NOTHING
"""

STORE_LINES = f"""
    WITH {_TOLD}, of_places AS (
        SELECT located.id, array_agg(DISTINCT spot.id) AS spots
          FROM located
          JOIN catalogue_spot AS spot ON spot.key = located.key AND spot.postcode = located.postcode
               AND spot.latitude IS NOT DISTINCT FROM located.latitude
               AND spot.longitude IS NOT DISTINCT FROM located.longitude
         GROUP BY located.id
    ), horizon AS MATERIALIZED (
        SELECT * FROM unnest(%(codes)s::text[], %(days)s::date[], %(begins)s::timestamptz[], %(firsts)s::timestamptz[])
            AS day_of (register, day, begins, first)
    ), today AS (
        SELECT DISTINCT ON (register) * FROM horizon ORDER BY register, day
    ), chosen AS MATERIALIZED (
        SELECT entry.id, entry.title, entry.kind, entry.code, entry.language, entry.hours, entry.price_cents,
               entry.currency, entry.eqf_level, entry.isced_field, entry.search_text, description.cip_code,
               provider.country,
               provider.register NOT IN ('siret', 'etpl-nj') AS unknown,
               provider.id AS provider_id, provider.register, provider.time_zone, today.day, today.first,
               (entry.state = 'registered' AND NOT entry.total_mismatch AND coalesce(provider.name, '') <> ''
                AND entry.price_cents IS DISTINCT FROM 0) AS fit
          FROM catalogue_microcredential AS entry
          JOIN catalogue_provider AS provider ON provider.id = entry.provider_id
          JOIN today ON today.register = provider.register
          LEFT JOIN catalogue_entrydescription AS description ON description.micro_credential_id = entry.id
         WHERE entry.id = ANY(%(ids)s) AND entry.state IN ('registered', 'suspended')
    ), of_sessions AS (
        SELECT one.micro_credential_id AS id,
               max(one.starts_at) FILTER (WHERE one.takes) AS latest,
               max(one.starts_at) FILTER (WHERE one.takes AND one.guaranteed_at IS NOT NULL) AS latest_guaranteed,
               min(one.starts_at) FILTER (WHERE one.upcoming) AS next_start,
               min(one.price_cents) FILTER (WHERE one.upcoming) AS from_cents,
               array_agg(DISTINCT (one.starts_at AT TIME ZONE one.time_zone)::date) FILTER (WHERE one.upcoming)
                   AS starts
          FROM (SELECT session.*, chosen.time_zone,
                       session.state IN ('open', 'guaranteed') AND session.removed_at IS NULL
                           AND session.starts_at >= %(now)s AS upcoming,
                       session.state IN ('open', 'guaranteed') AND session.removed_at IS NULL
                           AND NOT session.recruitment_closed AND session.ends_at IS NOT NULL
                           AND session.price_cents > 0
                           AND NOT coalesce(seats.taken >= seats.seats, false) AS takes
                  FROM chosen
                  JOIN catalogue_session AS session ON session.micro_credential_id = chosen.id
                  LEFT JOIN catalogue_sessionseats AS seats ON seats.session_id = session.id) AS one
         GROUP BY one.micro_credential_id
    ), of_offers AS (
        SELECT offer.micro_credential_id AS id, array_agg(DISTINCT offer.mode) AS modes
          FROM catalogue_offer AS offer WHERE offer.micro_credential_id = ANY(%(ids)s) AND offer.removed_at IS NULL
         GROUP BY 1
    ), of_providers AS (
        SELECT accreditation.provider_id, min(accreditation.grade) FILTER (WHERE covers) AS grade,
               bool_or(covers) AS accredited,
               min(CASE WHEN covers THEN accreditation.valid_until + 1 ELSE accreditation.valid_from END)
                   FILTER (WHERE covers OR accreditation.valid_from > accreditation.day) AS changes
          FROM (SELECT one.*, provider.day,
                       coalesce(one.valid_from <= provider.day, true)
                           AND coalesce(one.valid_until >= provider.day, true) AS covers
                  FROM (SELECT DISTINCT provider_id, day FROM chosen) AS provider
                  JOIN catalogue_accreditation AS one ON one.provider_id = provider.provider_id
                 WHERE one.state = 'accredited') AS accreditation
         GROUP BY accreditation.provider_id
    ), judged AS (
        SELECT chosen.*, of_sessions.next_start, of_sessions.starts, of_sessions.latest, of_sessions.latest_guaranteed,
               coalesce(chosen.price_cents, of_sessions.from_cents) AS from_cents, modes, grade, changes,
               fit AND coalesce(accredited, false) AND (of_sessions.id IS NULL OR coalesce(latest >= first, false))
                   AS can_book,
               fit AND coalesce(accredited, false) AND coalesce(latest_guaranteed >= first, false) AS sure
          FROM chosen
          LEFT JOIN of_sessions USING (id) LEFT JOIN of_offers USING (id) LEFT JOIN of_providers USING (provider_id)
    ), worded AS (
        SELECT judged.*, {folded_sql("title")} AS folded_title,
               translate(search_text, './_@:-''’+#', '          ') AS body,
               md5(concat_ws(chr(1), title, search_text, language, country))::uuid AS new_key,
               old.text_key AS old_key, old.title_search AS old_title_search, old.search AS old_search
          FROM judged LEFT JOIN catalogue_listing AS old ON old.entry_id = judged.id
    ), fields AS (
        SELECT worded.*, of_places.spots, titles.words, array_position(%(fields)s::text[], CASE
                   WHEN isced_field <> '' THEN left(isced_field, 2)
                   WHEN register = 'etpl-nj' THEN %(field_of_cip)s::jsonb ->> left(code, 2)
                   WHEN cip_code IS NOT NULL THEN %(field_of_cip)s::jsonb ->> left(cip_code, 2)
                   ELSE %(field_of_kind)s::jsonb ->> kind END) AS field
          FROM worded LEFT JOIN of_places USING (id)
          -- Each word as it stands and as its stem; those of the title count more, the rest need no positions.
          LEFT JOIN LATERAL (
              SELECT setweight(to_tsvector('simple', folded_title) || {_stems("folded_title")}, 'A') AS words
          ) AS titles ON old_key IS DISTINCT FROM new_key
    )
    INSERT INTO catalogue_listing AS line
        (entry_id, traits, standing, currency, from_cents, hours, next_start, starts, computed_at, good_until,
         listed_at, title_key, spots, text_key, title_search, search)
    SELECT id,
           (can_book::int::bigint << %(bookable_at)s) | (sure::int::bigint << %(guaranteed_at)s)
         | (coalesce((SELECT sum(1 << (array_position(%(modes)s::text[], mode::text) - 1)) FROM unnest(modes) AS mode
                       WHERE mode = ANY(%(modes)s::text[])), 0)::bigint << %(mode_at)s)
         | (coalesce(array_position(%(kinds)s::text[], kind::text), 0)::bigint << %(kind_at)s)
         | (coalesce(eqf_level, 0)::bigint << %(level_at)s)
         | (CASE WHEN hours IS NULL THEN 0
                 ELSE 1 + (SELECT count(*) FROM unnest(%(hours)s::int[]) AS most WHERE hours > most) END
                << %(length_at)s)
         | (coalesce(grade, 0)::bigint << %(grade_at)s)
         | (coalesce(field, 0)::bigint << %(field_at)s)
         | (coalesce(array_position(%(languages)s::text[], language::text), 0)::bigint << %(language_at)s)
         | (CASE WHEN from_cents IS NULL THEN 0
                 ELSE 1 + (SELECT count(*) FROM unnest(%(prices)s::bigint[]) AS most WHERE from_cents > most) END
                << %(price_at)s),
           CASE WHEN sure THEN 0 WHEN can_book THEN 1 ELSE 2 END,
           currency, from_cents, hours, next_start, coalesce(starts, ARRAY[]::date[]), %(now)s,
           least(next_start + interval '1 microsecond', changes::timestamp AT TIME ZONE time_zone,
                 (SELECT max(begins) FROM horizon WHERE horizon.register = fields.register),
                 (SELECT min(begins) FROM horizon WHERE horizon.register = fields.register AND day > fields.day
                     AND ((latest >= fields.first AND horizon.first > latest)
                       OR (latest_guaranteed >= fields.first AND horizon.first > latest_guaranteed)))),
           %(now)s, left(folded_title, 60), coalesce(spots, ARRAY[]::integer[]), new_key,
           CASE WHEN words IS NULL THEN old_title_search ELSE strip(words) END,
           CASE WHEN words IS NULL THEN old_search
                ELSE words || strip(to_tsvector('simple', body) || {_stems("body")}) END
      FROM fields
        ON CONFLICT (entry_id) DO UPDATE SET
           traits = excluded.traits, standing = excluded.standing, currency = excluded.currency,
           from_cents = excluded.from_cents, hours = excluded.hours, next_start = excluded.next_start,
           starts = excluded.starts, computed_at = excluded.computed_at, good_until = excluded.good_until,
           title_key = excluded.title_key, spots = excluded.spots, text_key = excluded.text_key,
           title_search = excluded.title_search, search = excluded.search
"""

_GRAMS = (
    "ARRAY(SELECT DISTINCT substr(' ' || {word} || ' ', place, 3)"
    " FROM generate_series(1, length({word})) AS place)"
)


def grams_sql(word: str) -> str:
    """An SQL expression of a word's groups of three letters, its two ends included."""
    return _GRAMS.format(word=word)


_WORDS_OF = f"""
    SELECT to_tsvector('simple', {folded_sql("entry.title")} || ' ' || {folded_sql("coalesce(provider.name, '')")}
               || ' ' || {folded_sql("provider.city")}) AS words, entry.id
      FROM catalogue_listing AS line
      JOIN catalogue_microcredential AS entry ON entry.id = line.entry_id
      JOIN catalogue_provider AS provider ON provider.id = entry.provider_id
"""
STORE_WORDS = f"""
    INSERT INTO catalogue_listingword (word, entries, grams)
    SELECT word, entries, {grams_sql("word")}
      FROM (SELECT word, count(*) AS entries
              FROM ({_WORDS_OF} WHERE line.entry_id = ANY(%(ids)s)) AS texts, unnest(tsvector_to_array(words)) AS word
             WHERE length(word) BETWEEN 3 AND 40 AND word !~ '[0-9]' GROUP BY word) AS found
        ON CONFLICT (word) DO NOTHING
"""
# Words that no entry has any more go; the others are counted anew.
COUNT_WORDS = f"""
    WITH found AS MATERIALIZED (
        SELECT word, count(*) AS entries FROM ({_WORDS_OF}) AS texts, unnest(tsvector_to_array(words)) AS word
         WHERE length(word) BETWEEN 3 AND 40 AND word !~ '[0-9]' GROUP BY word
    ), gone AS (
        DELETE FROM catalogue_listingword AS known
         WHERE NOT EXISTS (SELECT 1 FROM found WHERE found.word = known.word)
    )
    INSERT INTO catalogue_listingword AS known (word, entries, grams)
    SELECT word, entries, {grams_sql("word")} FROM found
        ON CONFLICT (word) DO UPDATE SET entries = excluded.entries
"""
