"""Standard bookings and credits, reckoned under two sets of rules: what a change means for somebody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from catalogue.words import KINDS
from funding.schemes import wording
from funding.schemes.accrual import CreditHistory, accrual
from funding.schemes.facts import CredentialFacts, LearnerFacts, LotFacts, SourcePlan
from funding.schemes.planning import plan_sources
from funding.schemes.rules import SchemeRules
from funding.schemes.vocabulary import LEARNER, PRIVATE_SOURCES
from funding.schemes.windows import plan_grant
from ila.core.errors import DomainError

HOURS = Decimal(100)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a booking costs under one set of rules: who pays, or why it is refused."""

    plan: SourcePlan | None
    refusal: DomainError | None

    @property
    def own_cents(self) -> int | None:
        """The learner's own part."""
        return None if self.plan is None else self.plan.own_cents

    @property
    def shares(self) -> dict[str, int]:
        """What each other source pays."""
        by_source = {} if self.plan is None else self.plan.by_source()
        return {source: part for source, part in by_source.items() if source != LEARNER}


@dataclass(frozen=True, slots=True)
class Booking:
    """A sample booking and its outcome before and after. before is None where there were no rules."""

    title: str
    price_cents: int
    before: Outcome | None
    after: Outcome

    @property
    def differs(self) -> bool:
        """Whether the change is felt."""
        return self.before is None or _essence(self.before) != _essence(self.after)


@dataclass(frozen=True, slots=True)
class Credit:
    """A sample credit of a year, in cents, before and after."""

    title: str
    before_cents: int | None
    after_cents: int

    @property
    def differs(self) -> bool:
        """Whether the change is felt."""
        return self.before_cents != self.after_cents


def sample_bookings(old: SchemeRules | None, new: SchemeRules, on: date) -> tuple[Booking, ...]:
    """The standard bookings of the kinds that either set of rules pays for."""
    made = []
    for title, learner, credential, price, money in _cases(old, new):
        before = None if old is None else _outcome(old, learner, credential, price, money(old), on)
        made.append(Booking(title, price, before, _outcome(new, learner, credential, price, money(new), on)))
    return tuple(made)


def sample_credits(old: SchemeRules | None, new: SchemeRules, on: date) -> tuple[Credit, ...]:
    """The standard credits of a year, where either set of rules gives any."""
    if new.accrual == "none" and (old is None or old.accrual == "none"):
        return ()
    employee = _employee(new)
    people = (
        (_("A year's credit of an employee, full time"), employee),
        (_("The same, at 100 hours in the year"), replace(employee, annual_hours=HOURS)),
        (_("The same, full time, with a qualification of level 2"), replace(employee, qualification_level=2)),
        (_("A year's credit of a job-seeker"), replace(employee, status="job_seeker")),
    )
    history = CreditHistory(on=on)

    def cents(rules: SchemeRules, learner: LearnerFacts) -> int:
        return accrual(rules, learner, balance_cents=0, history=history).cents

    return tuple(
        Credit(title, None if old is None else cents(old, learner), cents(new, learner))
        for title, learner in people
    )


Money = Callable[[SchemeRules], tuple[LotFacts, ...]]
_Case = tuple[str, LearnerFacts, CredentialFacts, int, Money]


def _cases(old: SchemeRules | None, new: SchemeRules) -> Iterator[_Case]:
    both = [new] if old is None else [old, new]
    kinds = [kind for kind in KINDS if any(kind in rules.bookable_kinds for rules in both)]
    first = next((kind for kind in ("rs", "course") if kind in kinds), kinds[0])
    employee = _employee(new)
    seeker = replace(employee, status="job_seeker")

    account = any(rules.funding == "account" for rules in both)

    def title(who: str, kind: str, price: int, held: int) -> str:
        text = _("%(who)s: %(kind)s at %(price)s, with %(held)s on the account")
        return (text if account else _("%(who)s: %(kind)s at %(price)s")) % {
            "who": who,
            "kind": wording.lower(KINDS[kind]),
            "price": wording.cents(price, new.currency),
            "held": wording.cents(held, new.currency),
        }

    for who, learner, kind, price, held in (
        (_("An employee"), employee, first, 120_000, 200_000),
        (_("A job-seeker"), seeker, first, 120_000, 200_000),
        (_("An employee"), employee, first, 100_000, 95_000),
        (_("An employee"), employee, first, 300_000, 500_000),
    ):
        yield title(who, kind, price, held), learner, _credential(kind), price, _public(held)
    for kind in kinds:
        if kind != first and kind in ("skills_assessment", "light_licence", "curated_course"):
            named = title(_("A job-seeker"), kind, 200_000, 500_000)
            yield named, seeker, _credential(kind), 200_000, _public(500_000)
    if all(rules.funding == "account" for rules in both):
        named = title(_("An employee whose employer adds 400"), first, 120_000, 200_000)
        yield named, employee, _credential(first), 120_000, _public(200_000, employer=40_000)


def _credential(kind: str) -> CredentialFacts:
    return CredentialFacts(kind=kind, code="", hours=HOURS)


def _employee(rules: SchemeRules) -> LearnerFacts:
    """Somebody of the country who fulfils the usual conditions."""
    return LearnerFacts(
        birth_date=date(1990, 1, 1), insured_months=24, residence=rules.country, citizen=rules.country
    )


def _public(held: int, *, employer: int = 0) -> Money:
    """Public money of the source that the scheme draws first, and perhaps an employer's."""

    def lots(rules: SchemeRules) -> tuple[LotFacts, ...]:
        drawn = [source for one_class in rules.draw_order for source in one_class]
        public = [source for source in drawn if source not in PRIVATE_SOURCES]
        source = "rights" if "rights" in drawn or not public else public[0]
        made = [LotFacts(id=1, source=source, available_cents=held)]
        if employer:
            made.append(LotFacts(id=2, source="employer", available_cents=employer))
        return tuple(made)

    return lots


def _outcome(
    rules: SchemeRules,
    learner: LearnerFacts,
    credential: CredentialFacts,
    price: int,
    lots: tuple[LotFacts, ...],
    on: date,
) -> Outcome:
    try:
        if rules.funding == "window":
            return Outcome(plan_grant(rules, price), None)
        return Outcome(plan_sources(rules, learner, credential, price, lots, on), None)
    except DomainError as refusal:
        return Outcome(None, refusal)


def _essence(outcome: Outcome) -> tuple[object, ...]:
    if outcome.plan is None:
        assert outcome.refusal is not None
        return (outcome.refusal.code, outcome.refusal.rule)
    return (outcome.own_cents, tuple(outcome.shares.items()), outcome.plan.reimbursement_cents)
