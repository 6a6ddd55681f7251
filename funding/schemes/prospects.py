"""What an account would hold at the end of each coming year, if nothing were spent and nothing else changed.

A forecast for the learner's own eyes: nobody decides by it. What the rules of today would credit is counted on
the facts of today; money that expires is gone from the day after its last day on.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from funding.schemes import ages
from funding.schemes.accrual import CreditHistory, accrual
from funding.schemes.deadlines import add_months
from funding.schemes.facts import LearnerFacts
from funding.schemes.rules import SchemeRules

RIGHTS = "rights"
"""The source that yearly credits belong to."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one source until its last day (None: it does not expire), in cents.

    available_cents may be booked; used_cents is held or spent. accrued_years: the years it was credited for.
    """

    source: str
    available_cents: int
    used_cents: int = 0
    held_cents: int = 0
    expires_on: date | None = None
    accrued_years: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Year:
    """A year of the forecast, in cents: credited and expired in it, available at its end."""

    year: int
    credited_cents: int
    expired_cents: int
    available_cents: int


def prospects(
    rules: SchemeRules, learner: LearnerFacts, owned: Iterable[Money], *, today: date, years: int = 5
) -> tuple[Year, ...]:
    """This year and the next `years` ones. Credits by hours come once their year is over, others in it (F-01)."""
    pot, found = list(owned), []
    credited = {year for one in pot for year in one.accrued_years}
    for year in range(today.year, today.year + years + 1):
        last = date(year, 12, 31)
        new = [*_by_age(rules, learner, after=max(today, date(year - 1, 12, 31)), until=last)]
        new += _by_year(rules, learner, pot, year, credited, on=last)
        gone = [one for one in pot if one.expires_on is not None and one.expires_on < last]
        pot = [one for one in pot if one not in gone] + new
        found.append(
            Year(
                year,
                sum(one.available_cents for one in new),
                sum(one.available_cents for one in gone),
                sum(one.available_cents for one in pot),
            )
        )
        # What has expired still counts as had, where a scheme limits a lifetime.
        pot += [
            replace(one, available_cents=0, used_cents=one.used_cents + one.available_cents, expires_on=None)
            for one in gone
        ]
    return tuple(found)


def _by_year(
    rules: SchemeRules, learner: LearnerFacts, pot: list[Money], year: int, credited: set[int], *, on: date
) -> list[Money]:
    earned = year - 1 if rules.accrual == "yearly_by_hours" else year
    if rules.accrual == "none" or earned in credited:
        return []
    counted = [one for one in pot if one.source in rules.cap_sources]
    balance = sum(one.available_cents + one.held_cents for one in counted)
    had = sum(one.available_cents + one.used_cents for one in counted)
    history = CreditHistory(on=on, had_cents=had, credited=bool(credited))
    cents = accrual(rules, learner, balance_cents=balance, history=history).cents
    credited.add(earned)
    expires = None if rules.validity_months is None else add_months(on, rules.validity_months)
    return [Money(RIGHTS, cents, expires_on=expires)] if cents else []


def _by_age(rules: SchemeRules, learner: LearnerFacts, *, after: date, until: date) -> Iterable[Money]:
    if learner.birth_date is None:
        return
    for credit in rules.age_credits:
        due = ages.due_day(credit, learner.birth_date)
        if due is not None and after < due <= until:
            yield Money(credit.source, credit.cents, expires_on=credit.expires)
