"""Who is played: the facts that rules ask for, money on the account, and trainings wished for. No names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol

from funding.schemes.accrual import year_hours
from funding.schemes.facts import CredentialFacts, LearnerFacts
from funding.schemes.rules import SchemeRules


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningLot:
    """Money of one source on the account as the first year begins, in cents. `expires`: its last day."""

    source: str
    available_cents: int
    held_cents: int = 0
    spent_cents: int = 0
    expires: date | None = None
    earmark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A training that the learner would accept on a day, whatever the rules make of it.

    percent: what will be done of it. certificate: whether a proof of completion will be given.
    own_limit_cents: the most of their own money that they would pay; None: whatever is asked.
    """

    on: date
    starts: date
    ends: date
    credential: CredentialFacts
    price_cents: int
    percent: int = 100
    certificate: bool = True
    own_limit_cents: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One learner. Wishes by day, all of them in the years played and after the account was read.

    accrued_years: years credited already. given: names of credits at an age received already.
    credited: whether the scheme ever credited the account. granted_years: of earlier acceptances.
    emptied_on: day of the acceptance that emptied the account, while it is empty.
    """

    facts: LearnerFacts
    lots: tuple[OpeningLot, ...] = ()
    wishes: tuple[Wish, ...] = ()
    accrued_years: frozenset[int] = frozenset()
    given: frozenset[str] = frozenset()
    credited: bool = False
    granted_years: frozenset[int] = frozenset()
    earlier_bookings: int = 0
    emptied_on: date | None = None

    @property
    def opening_cents(self) -> int:
        """What is on the account to begin with, available and held."""
        return sum(lot.available_cents + lot.held_cents for lot in self.lots)


class People(Protocol):
    """A part of a population that can be handed to another process and read there."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Person]: ...


GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "all": ("all",),
    "status": ("employed", "job_seeker", "self_employed", "student", "retired", "inactive"),
    "age": ("under_25", "25_34", "35_44", "45_54", "55_64", "65_or_more", "unknown"),
    "qualification": ("below_3", "3_4", "5_or_more", "unknown"),
    "hours": ("none", "below_half", "half_or_more", "full"),
}
"""How learners are told apart in results, each person in one group of each kind. Gender is not known."""

_AGES = ((25, "under_25"), (35, "25_34"), (45, "35_44"), (55, "45_54"), (65, "55_64"))


def groups_of(facts: LearnerFacts, rules: SchemeRules, on: date) -> tuple[tuple[str, str], ...]:
    """The groups of a person as the first year begins; hours as a share of the scheme's full year, if it has one."""
    return (
        ("all", "all"),
        ("status", facts.status),
        ("age", _age_band(facts, on)),
        ("qualification", _qualification(facts)),
        ("hours", _hours(facts, rules)),
    )


def _age_band(facts: LearnerFacts, on: date) -> str:
    born = facts.birth_date
    if born is None:
        return "unknown"
    years = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    return next((band for below, band in _AGES if years < below), "65_or_more")


def _qualification(facts: LearnerFacts) -> str:
    level = facts.qualification_level
    if level is None:
        return "unknown"
    return "below_3" if level < 3 else "3_4" if level < 5 else "5_or_more"


def _hours(facts: LearnerFacts, rules: SchemeRules) -> str:
    full_year = rules.full_year_hours
    share = year_hours(rules, facts) / full_year if full_year else facts.hours_ratio
    if not share:
        return "none"
    return "full" if share >= 1 else "half_or_more" if share * 2 >= 1 else "below_half"
