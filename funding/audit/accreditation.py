"""Accreditation on the day of acceptance and when the training began (9), as it stood then."""

from catalogue.selectors.accreditation import CREDENTIAL_REGIMES, PROVIDER_REGIMES
from funding.audit.checks import Count, Group, SqlCheck


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


# An accreditation's state and days at a moment: the state by its log up to then; the days as they are now,
# unless they were amended later: then the first amendment after the moment says what they were before it.
_IN_FORCE = """
    EXISTS (
        SELECT 1 FROM catalogue_accreditation AS accreditation
          CROSS JOIN LATERAL (
            SELECT log.target FROM catalogue_accreditationlog AS log
             WHERE log.subject_id = accreditation.id AND log.at <= act.moment
             ORDER BY log.at DESC, log.id DESC LIMIT 1
          ) AS then_state
          LEFT JOIN LATERAL (
            SELECT true AS later, (log.data->'before'->>0)::date AS valid_from,
                   (log.data->'before'->>1)::date AS valid_until
              FROM catalogue_accreditationlog AS log
             WHERE log.subject_id = accreditation.id AND log.at > act.moment AND log.transition = 'amend'
             ORDER BY log.at, log.id LIMIT 1
          ) AS amended ON true
          CROSS JOIN LATERAL (
            SELECT CASE WHEN amended.later THEN amended.valid_from ELSE accreditation.valid_from END AS first,
                   CASE WHEN amended.later THEN amended.valid_until ELSE accreditation.valid_until END AS last
          ) AS days
         WHERE {scope} AND then_state.target = 'accredited'
           AND (days.first IS NULL OR days.first <= act.day) AND (days.last IS NULL OR days.last >= act.day)
    )
"""

# Bookings of one provider and moment need one look; sessions of a day are many.
ACCREDITED = f"""
    WITH act AS (
        SELECT booking.id AS booking_id, step.code, step.moment, booking.provider_id, booking.credential_id,
               (step.moment AT TIME ZONE provider.time_zone)::date AS day,
               coalesce(version.rules->>'accreditation', 'provider') AS regime
          FROM funding_booking AS booking
          JOIN catalogue_provider AS provider ON provider.id = booking.provider_id
          JOIN catalogue_session AS session ON session.id = booking.session_id
          LEFT JOIN funding_schemeversion AS version ON version.id = booking.scheme_version_id
          CROSS JOIN LATERAL (VALUES
            ('not_accredited_at_acceptance', booking.accepted_at),
            ('not_accredited_at_start', CASE WHEN booking.entered_at IS NOT NULL
                                             THEN least(booking.entered_at, session.starts_at) END),
            ('not_accredited_at_start', booking.entered_at)
          ) AS step (code, moment)
         WHERE step.moment IS NOT NULL
    )
    SELECT act.code, 'booking:' || act.booking_id,
           format('provider %s, credential %s, %s', act.provider_id, act.credential_id, min(act.moment))
      FROM act
     GROUP BY act.booking_id, act.code, act.provider_id, act.credential_id
    -- A training began accredited at its start, or at an entry after a suspension over the start had ended.
    HAVING bool_and(
        (act.regime IN ({_listed(PROVIDER_REGIMES)})
            AND NOT {_IN_FORCE.format(scope="accreditation.provider_id = act.provider_id")})
        OR (act.regime IN ({_listed(CREDENTIAL_REGIMES)})
            AND NOT {_IN_FORCE.format(scope="accreditation.micro_credential_id = act.credential_id")})
    )
"""

GROUP = Group(
    checks=[
        SqlCheck(
            "accreditation",
            {"not_accredited_at_acceptance": 9, "not_accredited_at_start": 9},
            ACCREDITED,
        )
    ],
    counts=[
        Count(
            9,
            "SELECT count(accepted_at) + count(entered_at) FROM funding_booking",
        )
    ],
)
