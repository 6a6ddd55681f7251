"""Grants from windows with a budget of their own: how much, and when a training may start (N-01, N-05, N-11)."""

from datetime import datetime, timedelta

from funding.schemes.deadlines import add_months
from funding.schemes.facts import Allocation, Explanation, SourcePlan
from funding.schemes.rules import SchemeRules
from funding.schemes.vocabulary import LEARNER
from ila.core.calendars import WorkingCalendar
from ila.core.errors import DomainError

GRANT = "grant"


def plan_grant(rules: SchemeRules, price_cents: int) -> SourcePlan:
    """The grant, at most the scheme's, and the rest from the learner (N-01).

    Raises: DomainError `bad_price` for a price that is not above 0.
    """
    if price_cents <= 0:
        raise DomainError("bad_price", price_cents=price_cents)
    grant = price_cents if rules.grant_cents is None else min(price_cents, rules.grant_cents)
    why = [Explanation("N-01", "granted", {"cents": grant})] if grant else []
    allocations = [Allocation(None, GRANT, grant)] if grant else []
    if own := price_cents - grant:
        allocations.append(Allocation(None, LEARNER, own))
        why.append(Explanation("N-01", "above_the_grant", {"cents": own}))
    return SourcePlan(
        price_cents=price_cents,
        allocations=tuple(allocations),
        participation_cents=0,
        exempt_reason=None,
        explanations=tuple(why),
    )


def check_window_open(opens_at: datetime, closes_at: datetime, now: datetime) -> None:
    """Raise DomainError `too_early` before a window opens, `window_closed` from the moment it closes (N-03)."""
    if now < opens_at:
        raise DomainError("too_early", rule="N-03", opens=opens_at.isoformat())
    if now >= closes_at:
        raise DomainError("window_closed", rule="N-03", closed=closes_at.isoformat())


def check_start(
    rules: SchemeRules,
    cal: WorkingCalendar,
    *,
    applied_at: datetime,
    starts_at: datetime,
    closes_at: datetime | None = None,
) -> None:
    """Refuse a training that starts too soon after the application, or too long after the window (N-05).

    closes_at: the first instant after the window; without a window the months count from the application.

    Raises: DomainError `too_late` for fewer days than the least; `too_early` for more months than the most.
    """
    first, applied = cal.local_date(starts_at), cal.local_date(applied_at)
    least, most = rules.start_min_days, rules.start_max_months
    if least is not None and (first - applied).days < least:
        raise DomainError("too_late", rule="N-05", starts=first.isoformat(), least_days=least)
    if most is None:
        return
    last = add_months(applied if closes_at is None else cal.last_day_before(closes_at), most)
    if first > last:
        raise DomainError("too_early", rule="N-05", starts=first.isoformat(), latest=last.isoformat())


def check_use(rules: SchemeRules, cal: WorkingCalendar, *, now: datetime, starts_at: datetime) -> None:
    """Raise DomainError `too_early` longer before the start than credit may be used; its last day counts (S-06)."""
    days = rules.use_days_before_start
    if days is None:
        return
    first_day = cal.local_date(starts_at) - timedelta(days=days)
    if cal.local_date(now) < first_day:
        raise DomainError("too_early", rule="S-06", first_day=first_day.isoformat())


def claim_from(rules: SchemeRules, cal: WorkingCalendar, starts_at: datetime) -> datetime | None:
    """From when the provider may claim before the service is done (N-07); None: only when it is validated."""
    if rules.claim_lead_days is None:
        return None
    return cal.start_of_day(cal.local_date(starts_at) - timedelta(days=rules.claim_lead_days))
