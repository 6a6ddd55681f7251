"""Are prices made for the public purse? At the cap, under the limit, above what others pay."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _
from psycopg import Cursor

from fraud.detection.detector import (
    Detector,
    Factor,
    Finding,
    Number,
    Parameters,
    Percent,
    Share,
    asked_in_sql,
    banded,
)


class PriceAtCap(Parameters):
    """D19. percent of the cap from which a price is at it; so many courses and bookings, and their share.

    jumped_bookings: at a price that rose to the cap by jump_percent. balance_bookings: that took a whole balance and
    nothing else, as a share of the provider's and three times the others' share.
    """

    percent: Percent = 98
    least_courses: Number = 3
    least_bookings: Number = 15
    share_percent: Percent = 80
    jump_percent: Percent = 10
    jumped_bookings: Number = 10
    balance_bookings: Number = 10
    balance_share_percent: Percent = 50


# A price is that of the day of the booking, the cap is that of the course's kind on that day.
PRICE_AT_CAP = """
WITH price AS (
    SELECT credential_id, price_cents, valid_from, lead(valid_from) OVER w AS until,
           lag(price_cents) OVER w AS before_cents
      FROM prices WINDOW w AS (PARTITION BY credential_id ORDER BY valid_from)
), cap AS (
    SELECT kind, cap_cents, coalesce(valid_from, '-infinity') AS valid_from,
           lead(valid_from) OVER (PARTITION BY kind ORDER BY valid_from NULLS FIRST) AS until FROM limits
), priced AS (
    SELECT b.provider_id, b.booking_id, b.credential_id, p.price_cents, p.before_cents, l.cap_cents
      FROM (SELECT *, (created_at AT TIME ZONE 'UTC')::date AS on_day FROM bk) b
      JOIN price p ON p.credential_id = b.credential_id AND p.valid_from <= b.on_day
                  AND coalesce(b.on_day < p.until, true)
      JOIN cap l ON l.kind = b.kind AND l.valid_from <= b.on_day AND coalesce(b.on_day < l.until, true)
     WHERE l.cap_cents > 0
), per AS (
    SELECT provider_id, count(*) AS all_of,
           count(*) FILTER (WHERE at_cap) AS at_cap,
           count(DISTINCT credential_id) FILTER (WHERE at_cap) AS courses,
           count(*) FILTER (WHERE at_cap AND price_cents * 100 > before_cents * (100 + %(jump_percent)s)) AS jumped,
           array_agg('bookings:' || booking_id) FILTER (WHERE at_cap) AS rows
      FROM (SELECT *, price_cents * 100 BETWEEN cap_cents * %(percent)s AND cap_cents * 100 AS at_cap FROM priced) x
     GROUP BY provider_id
), moved AS (
    SELECT learner_id, at, amount_cents AS cents, NULL AS booking_id FROM credits WHERE at IS NOT NULL
    UNION ALL SELECT learner_id, created_at, -amount_cents, booking_id FROM bk
    UNION ALL SELECT learner_id, cancelled_at, amount_cents, NULL FROM bk WHERE cancelled_at > created_at
), left_over AS (
    SELECT booking_id, sum(cents) OVER (PARTITION BY learner_id ORDER BY at) AS cents FROM moved
), balance AS (
    SELECT b.provider_id, b.booking_id, b.amount_cents, b.own_cents, m.cents + b.amount_cents AS cents
      FROM bk b JOIN left_over m USING (booking_id)
), emptied AS (
    SELECT provider_id, count(*) AS all_of, count(*) FILTER (WHERE fits) AS n,
           array_agg('bookings:' || booking_id) FILTER (WHERE fits) AS rows
      FROM (SELECT *, cents > 0 AND coalesce(own_cents, 0) * 100 <= amount_cents * (100 - %(percent)s)
                      AND amount_cents * 100 BETWEEN cents * %(percent)s AND cents * 100 AS fits FROM balance) x
     GROUP BY provider_id
), usual AS (
    SELECT sum(n) AS n, sum(all_of) AS all_of FROM emptied
)
SELECT provider_id, 'provider', provider_id,
       CASE WHEN jumped >= %(jumped_bookings)s THEN 0.6 ELSE 0.4 END, 'R', rows
  FROM per
 WHERE (at_cap >= %(least_bookings)s AND at_cap * 100 >= all_of * %(share_percent)s AND courses >= %(least_courses)s)
    OR jumped >= %(jumped_bookings)s
UNION ALL
SELECT e.provider_id, 'provider', e.provider_id, 0.45, 'R', e.rows
  FROM emptied e, usual u
 WHERE e.n >= %(balance_bookings)s AND e.n * 100 >= e.all_of * %(balance_share_percent)s
   AND e.n::numeric / e.all_of >= 3 * (u.n - e.n + 1)::numeric / greatest(u.all_of - e.all_of + 20, 20)
"""


class ThresholdHugging(Parameters):
    """D20. band_percent: just under the limit; against as wide a band below it."""

    band_percent: Percent = 3
    least: Number = 12
    times: Number = 4


THRESHOLD_HUGGING = """
WITH ceiling AS (
    SELECT kind, approval_limit_cents AS approval, coalesce(valid_from, '-infinity') AS valid_from,
           lead(valid_from) OVER (PARTITION BY kind ORDER BY valid_from NULLS FIRST) AS until FROM limits
), near AS (
    SELECT b.provider_id, b.booking_id,
           b.amount_cents * 100 > l.approval * (100 - %(band_percent)s) AS just,
           b.amount_cents * 100 > l.approval * (100 - 2 * %(band_percent)s)
             AND b.amount_cents * 100 <= l.approval * (100 - %(band_percent)s) AS below
      FROM (SELECT *, (created_at AT TIME ZONE 'UTC')::date AS on_day FROM bk) b
      JOIN ceiling l ON l.kind = b.kind AND l.valid_from <= b.on_day AND coalesce(b.on_day < l.until, true)
     WHERE l.approval > 0 AND b.amount_cents <= l.approval
)
SELECT provider_id, 'provider', provider_id, 0.4, 'R', array_agg('bookings:' || booking_id) FILTER (WHERE just)
  FROM near GROUP BY provider_id
HAVING count(*) FILTER (WHERE just) >= %(least)s
   AND count(*) FILTER (WHERE just) >= %(times)s * (count(*) FILTER (WHERE below) + 1)
   AND count(*) FILTER (WHERE just) * 2 >= count(*)
"""


class SubsidisedPremium(Parameters):
    """D21. percent: the public price above the private one; few private payers per session."""

    percent: Percent = 10
    least: Number = 10
    private_payers: Factor = 1.0


SUBSIDISED_PREMIUM = """
WITH now AS (
    SELECT DISTINCT ON (credential_id) credential_id, price_cents, private_price_cents FROM prices
     WHERE valid_from <= %(day)s ORDER BY credential_id, valid_from DESC
)
SELECT b.provider_id, 'provider', b.provider_id,
       CASE WHEN avg(coalesce(x.private_payers, 0)) < %(private_payers)s THEN 0.5 ELSE 0.3 END, 'R',
       array_agg('bookings:' || b.booking_id)
  FROM bk b JOIN now n USING (credential_id) JOIN span x USING (session_id)
 WHERE n.private_price_cents > 0 AND n.price_cents * 100 > n.private_price_cents * (100 + %(percent)s)
 GROUP BY b.provider_id HAVING count(*) >= %(least)s
"""


class DigitTest(Parameters):
    """D25. Only of so many amounts that span so many times their smallest; deviation: mean of first digits' shares."""

    least: Number = 1000
    span: Number = 100
    deviation: Share = 0.03


def find_odd_digits(cursor: Cursor[Any], _day: date, parameters: DigitTest) -> Iterable[Finding]:
    """Providers whose amounts do not begin with the digits that amounts begin with (Benford)."""
    cursor.execute(
        "SELECT provider_id, digit, count(*) FROM (SELECT provider_id, left(amount_cents::text, 1)::int AS digit"
        "  FROM bk WHERE amount_cents > 0 AND provider_id IN"
        "   (SELECT provider_id FROM bk WHERE amount_cents > 0 GROUP BY provider_id HAVING count(*) >= %s"
        "    AND max(amount_cents) >= min(amount_cents) * %s)) x GROUP BY provider_id, digit",
        [parameters.least, parameters.span],
    )
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for provider_id, digit, number in cursor.fetchall():
        found[provider_id][digit] = number
    expected = {digit: math.log10(1 + 1 / digit) for digit in range(1, 10)}
    for provider_id, digits in sorted(found.items()):
        size = sum(digits.values())
        away = sum(abs(digits.get(digit, 0) / size - share) for digit, share in expected.items()) / 9
        if away > parameters.deviation:
            cursor.execute(
                "SELECT booking_id FROM bk WHERE provider_id = %s AND amount_cents > 0", [provider_id]
            )
            evidence = tuple(sorted(f"bookings:{booking_id}" for (booking_id,) in cursor))
            yield Finding(provider_id, "provider", provider_id, banded(0.2), "N", evidence)


DETECTORS = (
    Detector(
        id="D19",
        name="price_at_cap",
        version=2,
        family="price",
        explanation=_("Almost all prices are at the highest amount that is paid for, or rose to it."),
        needs="prices(price_cents) credentials(kind) limits(cap_cents) credits(amount_cents at) bookings(own_cents)"
        " booking_events(event at)",
        parameters=PriceAtCap(),
        find=asked_in_sql(PRICE_AT_CAP),
        weight=0.8,
    ),
    Detector(
        id="D20",
        name="threshold_hugging",
        version=2,
        family="price",
        explanation=_("Amounts gather just under the limit above which a person looks at them."),
        needs="credentials(kind) limits(approval_limit_cents)",
        parameters=ThresholdHugging(),
        find=asked_in_sql(THRESHOLD_HUGGING),
        weight=0.8,
    ),
    Detector(
        id="D21",
        name="subsidised_premium",
        version=2,
        family="price",
        explanation=_("Publicly funded learners are charged more than those who pay themselves."),
        needs="prices(price_cents private_price_cents) sessions(private_payers)",
        parameters=SubsidisedPremium(),
        find=asked_in_sql(SUBSIDISED_PREMIUM),
        # A policy of prices stands for years, and honest firms have one too.
        weight=0.65,
    ),
    Detector(
        id="D25",
        name="digit_test",
        version=2,
        family="price",
        explanation=_("Amounts begin with other digits than amounts usually do."),
        needs="",
        parameters=DigitTest(),
        find=find_odd_digits,
        weight=0.2,
    ),
)
