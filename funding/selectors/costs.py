"""What trainings of the catalogue would cost a learner, by the rules of their schemes and the money they have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count

from catalogue.costs import Cost
from catalogue.selectors.cards import Card
from catalogue.selectors.search import PriceLimit
from catalogue.selectors.traits import TRAITS
from funding.models import Booking, LearningAccount, Lot, Scheme, SchemeVersion
from funding.schemes import planning
from funding.schemes.facts import CredentialFacts, LearnerFacts, LotFacts
from funding.schemes.rules import SchemeRules
from funding.services.bookings.context import calendar_of, facts_of_learner
from funding.services.bookings.history import ALL_BACK
from funding.services.bookings.situation import facts_of_lots
from ila.core import clock
from ila.core.errors import DomainError

HIGHEST_CENTS = 10_000_000
"""Prices are looked at up to here: 100,000.00."""


@dataclass(frozen=True, slots=True)
class Account:
    """One learning account with all that a plan asks for."""

    scheme: Scheme
    rules: SchemeRules
    learner: LearnerFacts
    lots: tuple[LotFacts, ...]
    day: date

    def own_cents(self, facts: CredentialFacts, price_cents: int) -> int | None:
        """What the learner would pay of their own; None where the scheme would not pay anything."""
        try:
            plan = planning.plan_sources(self.rules, self.learner, facts, price_cents, self.lots, self.day)
        except DomainError:
            return None
        return plan.own_cents - plan.reimbursement_cents


@dataclass(frozen=True, slots=True)
class LearnerWallet:
    """The accounts of a learner that may pay today (`catalogue.costs.Wallet`)."""

    accounts: tuple[Account, ...]

    def cost(self, entry: Card, price_cents: int) -> Cost | None:
        """By the scheme that leaves the least to pay; schemes of another currency pay nothing."""
        facts = CredentialFacts(
            kind=entry.kind,
            code=entry.code,
            publicly_funded=bool(entry.publicly_funded),
            prerequisites=bool(entry.has_prerequisites),
            hours=None if entry.hours is None else Decimal(entry.hours),
        )
        found = [
            (own, account.scheme.name)
            for account in self.accounts
            if account.scheme.currency == entry.currency
            and (own := account.own_cents(facts, price_cents)) is not None
        ]
        if not found:
            return None
        own, name = min(found)
        return Cost(own, entry.currency, name)

    def limits(self, own_cents: int) -> Sequence[PriceLimit]:
        """By kind: rules that also look at a code or at hours are judged on the card, not here."""
        return [
            PriceLimit(kind, account.scheme.currency, cents)
            for account in self.accounts
            for kind in TRAITS["kind"].codes
            if (cents := _highest_price(account, CredentialFacts(kind=kind), own_cents))
        ]


def wallet_of(user: Any) -> LearnerWallet | None:
    """The learning accounts of a user with the rules in force today. Four queries at most, however many accounts."""
    found = LearningAccount.objects.filter(citizen__user_id=user.pk).select_related("citizen", "scheme")
    accounts = list(found)
    if not accounts:
        return None
    lots: dict[int, list[tuple[int, str, int, date | None, str]]] = defaultdict(list)
    rows = Lot.objects.filter(account__in=accounts, available_cents__gt=0).order_by("pk")
    for account_id, *lot in rows.values_list(
        "account_id", "pk", "source", "available_cents", "expires_on", "earmark"
    ):
        lots[account_id].append(tuple(lot))  # type: ignore[arg-type]
    versions: dict[int, list[SchemeVersion]] = defaultdict(list)
    for version in SchemeVersion.objects.filter(
        scheme__in={one.scheme_id for one in accounts}, withdrawn_at__isnull=True
    ):
        versions[version.scheme_id].append(version)
    earlier = _earlier_bookings(accounts)
    made = []
    for account in accounts:
        day = calendar_of(account.scheme).local_date(clock.now())
        rules = _in_force(versions[account.scheme_id], day)
        if rules is None or _suspended(account, day):
            continue
        learner = replace(facts_of_learner(account.citizen), earlier_bookings=earlier.get(account.pk, 0))
        try:
            planning.check_eligible(rules, learner, day)
        except DomainError:
            continue
        made.append(Account(account.scheme, rules, learner, facts_of_lots(lots[account.pk]), day))
    return LearnerWallet(tuple(made)) if made else None


def _in_force(versions: Iterable[SchemeVersion], day: date) -> SchemeRules | None:
    for version in versions:
        if version.valid_from <= day and (version.valid_until is None or day < version.valid_until):
            return version.parsed
    return None


def _suspended(account: LearningAccount, day: date) -> bool:
    return account.suspended_until is not None and day <= account.suspended_until


def _earlier_bookings(accounts: Sequence[LearningAccount]) -> dict[int, int]:
    counted = (
        Booking.objects.filter(account__in=accounts, accepted_at__isnull=False)
        .exclude(ALL_BACK)
        .order_by()
        .values_list("account_id")
        .annotate(n=Count("pk"))
    )
    return dict(counted)


def _highest_price(account: Account, facts: CredentialFacts, own_cents: int) -> int:
    """The highest price whose own part is not above `own_cents`; 0 for none. The own part grows with the price."""
    lowest, highest = 0, HIGHEST_CENTS
    while lowest < highest:
        middle = (lowest + highest + 1) // 2
        own = account.own_cents(facts, middle)
        if own is not None and own <= own_cents:
            lowest = middle
        else:
            highest = middle - 1
    return lowest
