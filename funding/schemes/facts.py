"""The facts that rules are applied to, and what the rules decide: plain frozen values, no database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID

from funding.schemes.vocabulary import LEARNER

LotId = int | str | UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnerFacts:
    """What is known of a learner on the day a rule is applied. None is "not known", which is never "no"."""

    birth_date: date | None = None
    status: str = "employed"
    qualification_level: int | None = 4
    disabled: bool = False
    hours_ratio: Decimal = Decimal(1)
    """Hours worked ÷ full-time hours."""
    annual_hours: Decimal | None = None
    """Hours worked in the year; wins over the ratio."""
    driving_licences: tuple[str, ...] = ()
    residence: str | None = None
    citizen: str | None = None
    work_incapacity_percent: int = 0
    prevention_account: bool = False
    student_finance: bool = False
    insured_months: int | None = None
    income_cents: int | None = None
    earlier_bookings: int = 0
    """Bookings in this scheme that were accepted before and whose money did not all go back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialFacts:
    """What is booked, as far as rules look at it: `code` in its register (RS5616), `field` of study (ISCED-F).

    `entry`: its number in the catalogue.
    """

    kind: str
    code: str = ""
    field: str = ""
    entry: str = ""
    publicly_funded: bool = False
    prerequisites: bool = False
    hours: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LotFacts:
    """Money of one source in an account. `expires` is its last valid day; `earmark`: what alone it pays."""

    id: LotId
    source: str
    available_cents: int
    expires: date | None = None
    earmark: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an amount is what it is: the rule's id, the code of a sentence, and the values it used."""

    rule: str
    code: str
    values: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Allocation:
    """Cents that one source gives to a booking; `lot_id` is None for own money, and for money of a budget."""

    lot_id: LotId | None
    source: str
    cents: int


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """Who pays a booking: allocations above 0 in draw-down order, the learner's own last, in all the price.

    `participation_cents`: the participation that was due (0 when exempt), a part of the learner's own money.
    `exempt_reason`: why none was due: job_seeker (or another exempt status), prevention_account,
    work_incapacity, employer_top_up; None when it was due, or when the scheme has none.
    `reimbursement_cents`: what the learner is given back once the training is complete.
    `rules`: ids of the rules that decided, in the order of `explanations`, each once.
    """

    price_cents: int
    allocations: tuple[Allocation, ...]
    participation_cents: int
    exempt_reason: str | None
    explanations: tuple[Explanation, ...]
    reimbursement_cents: int = 0

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of the rules that decided, each once."""
        return tuple(dict.fromkeys(each.rule for each in self.explanations if each.rule))

    @property
    def own_cents(self) -> int:
        """What the learner pays of their own money."""
        return sum(allocation.cents for allocation in self.allocations if allocation.source == LEARNER)

    @property
    def public_cents(self) -> int:
        """What is drawn from the learning account."""
        return self.price_cents - self.own_cents

    def by_source(self) -> dict[str, int]:
        """Cents by source name, in draw-down order."""
        sums: dict[str, int] = {}
        for allocation in self.allocations:
            sums[allocation.source] = sums.get(allocation.source, 0) + allocation.cents
        return sums


@dataclass(frozen=True, slots=True)
class Accrual:
    """The yearly credit a learner receives, and why."""

    cents: int
    explanations: tuple[Explanation, ...]
