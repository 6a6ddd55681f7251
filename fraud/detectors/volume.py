"""Too much, too soon: firms that wake up, and firms that grow against their own past and all others'."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Annotated, Any

from django.utils.translation import gettext_lazy as _
from psycopg import Cursor

from fraud.detection.detector import (
    Cents,
    Detector,
    Deviations,
    Factor,
    Finding,
    NotBelow,
    Number,
    Parameters,
    Percent,
    Share,
    Term,
    asked_in_sql,
    banded,
)


class Reactivation(Parameters):
    """D09. dormant_days without a booking, or young_days since the accreditation; then top of the claims.

    What happened before the first facts is not known: no silence is counted from before them.
    high_percentile: not yet the top, for a lower score.
    """

    dormant_days: Term = 365
    young_days: Term = 180
    window_days: Term = 60
    percentile: Annotated[Share, NotBelow("high_percentile")] = 0.99
    high_percentile: Share = 0.9
    least_cents: Cents = 1_000_000


REACTIVATION = """
WITH step AS (
    SELECT b.provider_id, b.created_at,
           b.created_at - lag(b.created_at) OVER (PARTITION BY b.provider_id ORDER BY b.created_at) AS gap,
           row_number() OVER (PARTITION BY b.provider_id ORDER BY b.created_at) AS n
      FROM bk b
), known AS (
    SELECT min(created_at) AS since FROM bk
), woken AS (
    SELECT s.provider_id, max(s.created_at) AS at FROM step s JOIN providers p USING (provider_id), known k
     WHERE s.gap >= make_interval(days => %(dormant_days)s)
        OR (s.n = 1 AND s.created_at - greatest(p.accredited_at, k.since) >= make_interval(days => %(young_days)s))
     GROUP BY s.provider_id
), claimed AS (
    SELECT provider_id, sum(claimed_cents) AS cents FROM bk
     WHERE claim_at >= %(day)s::date - %(window_days)s::int GROUP BY provider_id
), top AS (
    SELECT percentile_disc(%(percentile)s) WITHIN GROUP (ORDER BY cents) AS cents,
           percentile_disc(%(high_percentile)s) WITHIN GROUP (ORDER BY cents) AS high FROM claimed
)
SELECT w.provider_id, 'provider', w.provider_id, CASE WHEN c.cents >= t.cents THEN 0.7 ELSE 0.45 END, 'R',
       (SELECT array_agg('bookings:' || b.booking_id) FROM bk b
         WHERE b.provider_id = w.provider_id AND b.created_at >= w.at)
  FROM woken w JOIN claimed c USING (provider_id), top t
 WHERE w.at >= %(day)s::date - 3 * %(window_days)s::int AND c.cents >= greatest(t.high, %(least_cents)s)
"""


class Ramp(Parameters):
    """D10. Bookings of the latest weeks against the provider's own past and everybody's growth.

    z: how far beyond what is expected, in standard deviations of a Poisson number; times: of what is expected.
    one_course_percent: the share of one course above which a ramp counts for more.
    """

    weeks: Term = 8
    past_weeks: Annotated[Term, NotBelow("weeks")] = 26
    least: Number = 12
    z: Deviations = 4.0
    times: Factor = 2.5
    one_course_percent: Percent = 90


def find_ramps(cursor: Cursor[Any], day: date, parameters: Ramp) -> Iterable[Finding]:
    """Providers whose bookings of the latest weeks are many more than their past and their peers explain."""
    recent = day - timedelta(weeks=parameters.weeks)
    past = recent - timedelta(weeks=parameters.past_weeks)
    cursor.execute(
        "SELECT provider_id, count(*) FILTER (WHERE recent), count(*) FILTER (WHERE NOT recent)"
        "  FROM (SELECT provider_id, (created_at AT TIME ZONE 'UTC')::date >= %s AS recent FROM bk"
        "         WHERE (created_at AT TIME ZONE 'UTC')::date > %s) x GROUP BY provider_id ORDER BY provider_id",
        [recent, past],
    )
    counts: list[tuple[str, int, int]] = cursor.fetchall()
    everybody = sum(before for _provider, _now, before in counts)
    if not everybody:
        return
    share = parameters.weeks / parameters.past_weeks
    recently = sum(now for _provider, now, _before in counts)
    growth = max(recently / (everybody * share), 1.0)
    usual = recently / max(sum(now > 0 for _provider, now, _before in counts), 1)
    for provider_id, number, before in counts:
        # A firm without a past is compared with a usual one: a launch is no ramp.
        expected = max((before + 1) * share * growth, usual if not before else 0)
        z = 2 * (math.sqrt(number + 0.375) - math.sqrt(expected + 0.375))
        if number < parameters.least or z < parameters.z or number < parameters.times * expected:
            continue
        cursor.execute(
            "SELECT credential_id, booking_id FROM bk WHERE provider_id = %s"
            "   AND (created_at AT TIME ZONE 'UTC')::date >= %s",
            [provider_id, recent],
        )
        bookings = cursor.fetchall()
        most = max(Counter(credential_id for credential_id, _booking_id in bookings).values())
        one_course = most * 100 >= number * parameters.one_course_percent
        score = banded(0.3 + 0.04 * (z - parameters.z) + (0.1 if one_course else 0))
        rows = tuple(sorted(f"bookings:{booking_id}" for _credential_id, booking_id in bookings))
        yield Finding(provider_id, "provider", provider_id, min(score, 0.7), "R", rows)


DETECTORS = (
    Detector(
        id="D09",
        name="dormant_reactivation",
        version=2,
        family="volume",
        explanation=_(
            "After a long time without bookings the provider is suddenly among those who claim most."
        ),
        needs="providers(accredited_at) booking_events(event at amount_cents)",
        parameters=Reactivation(),
        find=asked_in_sql(REACTIVATION),
        rises=True,
    ),
    Detector(
        id="D10",
        name="ramp",
        version=2,
        family="volume",
        explanation=_("Bookings grow far beyond the provider's own past and the growth of all."),
        needs="",
        parameters=Ramp(),
        find=find_ramps,
        weight=0.5,
    ),
)
