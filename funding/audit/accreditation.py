"""Accreditation at the acceptance and when the training began (9), as it stood then."""

from catalogue.selectors.accreditation import CREDENTIAL_REGIMES, PROVIDER_REGIMES
from funding.audit.checks import Count, Group, SqlCheck
from funding.audit.kinds import listed

# A period held a moment and its day.
STOOD = """(periods.since <= act.{moment} AND (periods.until IS NULL OR periods.until > act.{moment})
                    AND (periods.first_day IS NULL OR periods.first_day <= act.{day})
                    AND (periods.last_day IS NULL OR periods.last_day >= act.{day}))"""

# entry: a training whose accreditation was suspended over its start may begin once the suspension has ended.
# periods: each stretch between two rows of an accreditation's log in which it stood, with its days as they were then:
# those of today, unless they were amended later, in which case the next amendment says what they were before it.
ACCREDITED = f"""
    WITH periods AS MATERIALIZED (
        SELECT accreditation.provider_id, accreditation.micro_credential_id, log.since, log.until,
               CASE WHEN amended.later THEN amended.valid_from ELSE accreditation.valid_from END AS first_day,
               CASE WHEN amended.later THEN amended.valid_until ELSE accreditation.valid_until END AS last_day
          FROM (
            SELECT id, subject_id, target, at, at AS since,
                   lead(at) OVER (PARTITION BY subject_id ORDER BY at, id) AS until
              FROM catalogue_accreditationlog
          ) AS log
          JOIN catalogue_accreditation AS accreditation ON accreditation.id = log.subject_id
          LEFT JOIN LATERAL (
            SELECT true AS later, (amendment.data->'before'->>0)::date AS valid_from,
                   (amendment.data->'before'->>1)::date AS valid_until
              FROM catalogue_accreditationlog AS amendment
             WHERE amendment.subject_id = log.subject_id AND amendment.transition = 'amend'
               AND (amendment.at, amendment.id) > (log.at, log.id)
             ORDER BY amendment.at, amendment.id LIMIT 1
          ) AS amended ON true
         WHERE log.target = 'accredited'
    ), version AS MATERIALIZED (
        SELECT id, coalesce(rules->>'accreditation', 'provider') AS regime FROM funding_schemeversion
    ), act AS (
        SELECT booking.id AS booking_id, step.code, step.moment, booking.provider_id, booking.credential_id,
               (step.moment AT TIME ZONE provider.time_zone)::date AS day,
               step.entry, (step.entry AT TIME ZONE provider.time_zone)::date AS entry_day,
               coalesce(version.regime, 'provider') AS regime
          FROM funding_booking AS booking
          JOIN catalogue_provider AS provider ON provider.id = booking.provider_id
          JOIN catalogue_session AS session ON session.id = booking.session_id
          LEFT JOIN version ON version.id = booking.scheme_version_id
          CROSS JOIN LATERAL (VALUES
            ('not_accredited_at_acceptance', booking.accepted_at, NULL),
            ('not_accredited_at_start', CASE WHEN booking.entered_at IS NOT NULL
                                             THEN least(booking.entered_at, session.starts_at) END, booking.entered_at)
          ) AS step (code, moment, entry)
         WHERE step.moment IS NOT NULL
    ), unaccredited AS (
        SELECT act.* FROM act
         WHERE act.regime IN ({listed(PROVIDER_REGIMES)}) AND NOT EXISTS (
            SELECT 1 FROM periods
             WHERE periods.provider_id = act.provider_id
               AND ({STOOD.format(moment="moment", day="day")} OR {STOOD.format(moment="entry", day="entry_day")}))
         UNION
        SELECT act.* FROM act
         WHERE act.regime IN ({listed(CREDENTIAL_REGIMES)}) AND NOT EXISTS (
            SELECT 1 FROM periods
             WHERE periods.micro_credential_id = act.credential_id
               AND ({STOOD.format(moment="moment", day="day")} OR {STOOD.format(moment="entry", day="entry_day")}))
    )
    SELECT code, 'booking:' || booking_id, format('provider %s, credential %s, %s', provider_id, credential_id, moment)
      FROM unaccredited
"""

GROUP = Group(
    checks=[
        SqlCheck(
            "accreditation",
            {"not_accredited_at_acceptance": 9, "not_accredited_at_start": 9},
            ACCREDITED,
        )
    ],
    counts=[Count(9, "SELECT count(accepted_at) + count(entered_at) FROM funding_booking")],
)
