"""What a learner's earlier bookings and verified facts mean for the next one, and what is kept as evidence."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from funding.models import Booking, LearningAccount
from funding.models.bookings import ALL_BACK_STATES, PERHAPS_OWED_STATES
from funding.schemes import eligibility
from funding.schemes.facts import LearnerFacts, SourcePlan
from funding.schemes.rules import SchemeRules
from funding.services.bookings.context import calendar_of, facts_of_learner

ALL_BACK = Q(state__in=ALL_BACK_STATES) | Q(state__in=PERHAPS_OWED_STATES, realised_percent__isnull=True)


def accepted_bookings(account: LearningAccount, *, besides: Booking | None = None) -> QuerySet[Booking]:
    """The account's bookings that were ever accepted, but this one."""
    found = Booking.objects.filter(account=account, accepted_at__isnull=False)
    return found if besides is None else found.exclude(pk=besides.pk)


def facts_for(rules: SchemeRules, account: LearningAccount, booking: Booking | None = None) -> LearnerFacts:
    """What the rules may ask about the account's learner; earlier bookings are counted where they matter."""
    facts = facts_of_learner(account.citizen)
    if rules.later_share_percent is None and rules.first_booking_cents is None:
        return facts
    return replace(
        facts, earlier_bookings=accepted_bookings(account, besides=booking).exclude(ALL_BACK).count()
    )


def check_once(rules: SchemeRules, account: LearningAccount, booking: Booking | None, year: int) -> None:
    """Raise DomainError `already_granted` where a person is granted once a year, or once ever (N-01).

    year: of the application, where the scheme is. A grant whose money all went back counts where the scheme
    says so. The account's lock makes this hold for two applications at once.
    """
    if rules.once is None:
        return
    earlier = accepted_bookings(account, besides=booking)
    if not rules.withdrawn_grant_counts:
        earlier = earlier.exclude(ALL_BACK)
    refuse_once_granted(rules, account, (at for at in earlier.values_list("accepted_at", flat=True)), year)


def refuse_once_granted(
    rules: SchemeRules, account: LearningAccount, granted: Iterable[datetime | None], year: int
) -> None:
    """As `check_once`, for who has read when the account's grants that count were given."""
    calendar = calendar_of(account.scheme)
    years = {calendar.local_date(at).year for at in granted if at is not None}
    eligibility.check_once(rules, years, year)


def evidence(rules: SchemeRules, facts: LearnerFacts, plan: SourcePlan) -> dict[str, Any]:
    """What is kept with an acceptance: the facts that the rules asked for, and why each amount is what it is."""
    return {
        "facts": {name: _plain(getattr(facts, name)) for name in facts_asked(rules)},
        "why": [
            {"rule": each.rule, "code": each.code, "values": dict(each.values)} for each in plan.explanations
        ],
    }


def facts_asked(rules: SchemeRules) -> tuple[str, ...]:
    """The facts about a learner that these rules look at when a booking is made; no other is kept with it."""
    asked: Iterable[tuple[str, Any]] = (
        ("birth_date", rules.min_age_years is not None or rules.max_age_months),
        ("insured_months", rules.min_insured_months is not None),
        ("student_finance", rules.student_finance_excludes),
        ("citizen", rules.citizens_only),
        ("residence", rules.residents_only),
        ("income_cents", rules.income_limit_cents is not None),
        ("driving_licences", rules.light_licence_refused_holding),
        ("status", rules.participation_exempt_statuses or rules.light_licence_statuses),
        ("prevention_account", rules.participation_exempt_prevention_account),
        ("work_incapacity_percent", rules.participation_exempt_incapacity_percent is not None),
        ("earlier_bookings", rules.later_share_percent is not None),
    )
    return tuple(name for name, matters in asked if matters)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return value if value is None or isinstance(value, bool | int | str) else str(value)
