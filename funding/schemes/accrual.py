"""The yearly credit: what a learner's hours of a year bring (F-01 to F-04), or the same for everybody.

The same in integers, for a whole population in one statement. With hours h in ten-thousandths (exact for a
ratio of four decimals times whole full-year hours, and for annual hours of up to four decimals),
Y = full_year_hours × 10,000, and credit C, cap M, balance B in cents:

    whole  = C                        if h × 100 >= full_credit_percent × Y      (F-01)
             (C × h + Y - 1) div Y    else                                       (F-02: up to the cent)
    credit = max(0, min(whole, M - B))                                           (no M: no cap)

C and M are the low-qualified ones when `is_low_qualified` (F-03); who has none of `accrual_statuses`
receives 0. B is what is available and held of `cap_sources` (F-04: endowments do not count). All fits a
BIGINT: C × h stays below 10^15 for a credit of 10,000 euros and 10,000 hours.

`yearly` is the whole credit for everybody (with statuses: for those), `once` the same, a single time: again only
where the scheme has years of waiting, and when they are over since the acceptance that emptied the account.
`lifetime_credit_cents` compares what the account has had of `cap_sources` so far: available, held and spent.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from funding.schemes.deadlines import add_months
from funding.schemes.facts import Accrual, Explanation, LearnerFacts
from funding.schemes.rules import SchemeRules

HOURS_SCALE = 10_000
"""Ten-thousandths of an hour: the unit of `h` in the set-wise formula."""


def year_hours(rules: SchemeRules, learner: LearnerFacts) -> Decimal:
    """Hours worked in the year: the annual hours where known, else ratio × full-year hours (F-02)."""
    if learner.annual_hours is not None:
        return learner.annual_hours
    return learner.hours_ratio * (rules.full_year_hours or 0)


def is_low_qualified(rules: SchemeRules, learner: LearnerFacts) -> bool:
    """Whether the higher credit and cap apply (F-03): disabled, or below the level; an unknown one is not."""
    if learner.disabled and rules.low_qualified_if_disabled:
        return True
    level, limit = learner.qualification_level, rules.low_qualified_below_level
    return level is not None and limit is not None and level < limit


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditHistory:
    """What an account has had of the sources that count, on the day of the credit.

    had_cents: available, held and spent. credited: whether it was ever credited by the scheme itself.
    emptied_on: the day of the acceptance that emptied it, while it is empty.
    """

    on: date
    had_cents: int = 0
    credited: bool = False
    emptied_on: date | None = None


def accrual(
    rules: SchemeRules,
    learner: LearnerFacts,
    *,
    balance_cents: int,
    hours: Decimal | None = None,
    history: CreditHistory | None = None,
) -> Accrual:
    """The credit of one year and the rules that made it.

    balance_cents: rights available and held, which the cap is compared with. hours: worked in the year
    (from the learner's facts unless given). history: needed where the scheme looks at it.

    Raises: ValueError for negative hours or balance.
    """
    worked = year_hours(rules, learner) if hours is None else hours
    if worked < 0 or balance_cents < 0:
        raise ValueError("hours and balance must not be negative")
    if why_not := _no_credit(rules, learner, history):
        return Accrual(0, (why_not,))
    low = is_low_qualified(rules, learner) and rules.yearly_credit_low_qualified_cents is not None
    full = (rules.yearly_credit_low_qualified_cents if low else rules.yearly_credit_cents) or 0
    cap = rules.cap_low_qualified_cents if low else rules.cap_cents
    credit, why = _by_hours(rules, full, worked)
    if low:
        why.append(Explanation("F-03", "low_qualified_credit", {"full_credit_cents": full}))
    if cap is not None and balance_cents + credit > cap:
        credit = max(0, cap - balance_cents)
        rule = "F-03" if low else "F-01"
        why.append(Explanation(rule, "cap_reached", {"cap_cents": cap, "balance_cents": balance_cents}))
    most = rules.lifetime_credit_cents
    if most is not None and history is not None and history.had_cents + credit > most:
        credit = max(0, most - history.had_cents)
        values: dict[str, int | str] = {"lifetime_cents": most, "had_cents": history.had_cents}
        why.append(Explanation("", "lifetime_reached", values))
    return Accrual(credit, tuple(why))


def _no_credit(
    rules: SchemeRules, learner: LearnerFacts, history: CreditHistory | None
) -> Explanation | None:
    """Why this learner receives nothing this year, whatever the hours; None: there is no such reason."""
    statuses = rules.accrual_statuses
    if rules.accrual == "none" or (
        learner.status not in statuses and (statuses or rules.accrual == "yearly_by_hours")
    ):
        return Explanation("F-01", "no_yearly_credit", {"status": learner.status})
    if rules.citizens_only and learner.citizen != rules.country:
        return Explanation("S-01", "citizens_only", {"country": rules.country})
    if rules.residents_only and learner.residence != rules.country:
        return Explanation("", "residents_only", {"country": rules.country})
    if rules.accrual != "once" or history is None or not history.credited:
        return None
    wait, emptied = rules.wait_years_when_used, history.emptied_on
    if wait is None or emptied is None:
        return Explanation("", "credited_once", {})
    again = add_months(emptied, 12 * wait)
    return None if history.on >= again else Explanation("", "waiting", {"until": again.isoformat()})


def _by_hours(rules: SchemeRules, full: int, worked: Decimal) -> tuple[int, list[Explanation]]:
    if rules.accrual != "yearly_by_hours":
        return full, [Explanation("", "credit_of_the_scheme", {"credit_cents": full})]
    full_year = rules.full_year_hours or 0
    share = Fraction(worked) / full_year
    if share * 100 >= rules.full_credit_percent:
        return full, [Explanation("F-01", "full_year_credit", {"credit_cents": full, "hours": str(worked)})]
    credit = -int(-(full * share) // 1)  # up to the cent
    values: dict[str, int | str] = {
        "credit_cents": credit,
        "hours": str(worked),
        "full_year_hours": full_year,
    }
    return credit, [Explanation("F-02", "credit_in_proportion", values)]


def accrual_cents(
    rules: SchemeRules, learner: LearnerFacts, *, balance_cents: int, hours: Decimal | None = None
) -> int:
    """Cents that the year brings the learner (F-01 to F-04): see `accrual`."""
    return accrual(rules, learner, balance_cents=balance_cents, hours=hours).cents
