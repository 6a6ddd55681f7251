"""An imagined population: the same learners for the same seed, whatever their number and who asks for them.

The n-th learner is the same in every population of a seed and scheme: each block of a thousand has a source of
chance of its own. The figures are those of `assumptions`; what is on the accounts comes from the rules in force.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate
from random import Random
from typing import Final, Generic, TypeVar

from funding.laboratory import assumptions as assumed
from funding.laboratory.people import OpeningLot, People, Person, Wish
from funding.laboratory.rulesets import LaboratoryError, Timeline
from funding.schemes import ages, planning
from funding.schemes.accrual import CreditHistory, accrual
from funding.schemes.facts import CredentialFacts, LearnerFacts
from funding.schemes.rules import SchemeRules

BLOCK: Final = 1000
MOST_LEARNERS: Final = 100_000_000
WORKING: Final = ("employed", "self_employed")


@dataclass(frozen=True, slots=True)
class Block:
    """Learners `first` to `first + number - 1` of a seed: made where they are needed. Begins with a whole block."""

    before: Timeline
    years: tuple[int, ...]
    kinds: tuple[str, ...]
    seed: int
    first: int
    number: int

    def __len__(self) -> int:
        return self.number

    def __iter__(self) -> Iterator[Person]:
        maker = _Maker(self.before, self.years, self.kinds)
        chance = Random(f"{assumed.VERSION}:{self.before.scheme}:{self.seed}:{self.first // BLOCK}")  # noqa: S311
        for _ in range(self.number):
            yield maker.person(chance)


def generate(
    *, before: Timeline, after: Timeline, years: tuple[int, ...], number: int, seed: int
) -> Iterator[People]:
    """A population of that many learners, in parts. Wishes are for kinds that either rule set lets be booked.

    Raises: LaboratoryError for a number that is none.
    """
    if not 1 <= number <= MOST_LEARNERS:
        raise LaboratoryError(f"a population has from 1 to {MOST_LEARNERS:,} learners, not {number:,}")
    kinds = {kind for line in (before, after) for _, rules in line.versions for kind in rules.bookable_kinds}
    ordered = tuple(kind for kind in assumed.KINDS if kind in kinds)
    return (
        Block(before, years, ordered, seed, first, min(BLOCK, number - first))
        for first in range(0, number, BLOCK)
    )


T = TypeVar("T")


class _Table(Generic[T]):
    """Values with weights, to be drawn from."""

    __slots__ = ("_sums", "_values")

    def __init__(self, weighted: Iterable[tuple[T, int]]) -> None:
        pairs = list(weighted)
        self._values = [value for value, _ in pairs]
        self._sums = list(accumulate(weight for _, weight in pairs))

    def draw(self, chance: Random) -> T:
        return self._values[bisect_right(self._sums, int(chance.random() * self._sums[-1]))]


_AGES = _Table(((low, high), weight) for low, high, weight in assumed.AGES)
_YOUNG = _Table((name, each.young) for name, each in assumed.STATUSES.items())
_MIDDLE = _Table((name, each.middle) for name, each in assumed.STATUSES.items())
_OLD = _Table((name, each.old) for name, each in assumed.STATUSES.items())
_LEVELS = _Table(assumed.QUALIFICATIONS)
_HOURS = _Table((Decimal(tenths) / 10, weight) for tenths, weight in assumed.HOURS)
_MONTHS = _Table(enumerate(assumed.MONTHS, start=1))
_DONE = _Table(assumed.DONE)


class _Maker:
    """Makes learners for one scheme and some years."""

    def __init__(self, before: Timeline, years: tuple[int, ...], kinds: tuple[str, ...]) -> None:
        self._timeline, self._years = before, years
        self._opened = date(years[0] - 1, 12, 31)
        self._rules = before.rules_on(self._opened) or before.versions[0][1]
        self._kinds = _Table((kind, assumed.KINDS[kind].weight) for kind in kinds)
        # Nobody wishes for the licence that they hold.
        others = [kind for kind in kinds if kind != "light_licence"] or kinds
        self._other_kinds = _Table((kind, assumed.KINDS[kind].weight) for kind in others)
        self._accounts: dict[tuple[object, ...], tuple[OpeningLot, ...]] = {}

    def person(self, chance: Random) -> Person:
        """The next learner. Always as many draws for the same kind of learner, so that figures can be compared."""
        facts = self._facts(chance)
        past = int(chance.random() * (assumed.PAST_YEARS + 1))
        left = (
            Decimal(1) if not _hit(chance, assumed.USED_BEFORE) else Decimal(int(chance.random() * 101)) / 100
        )
        assert facts.birth_date is not None
        past = max(0, min(past, self._opened.year - facts.birth_date.year - 17))
        lots = tuple(_partly_used(each, left) for each in self._account(facts, past))
        aged, given = self._age_credits(facts, left)
        yearly = {each.expires for each in lots}
        return Person(
            facts=facts,
            lots=(*lots, *aged),
            wishes=tuple(sorted(self._wishes(facts, chance), key=lambda wish: wish.on)),
            given=given,
            credited=bool(yearly),
            emptied_on=self._opened if yearly and not left else None,
        )

    def _facts(self, chance: Random) -> LearnerFacts:
        low, high = _AGES.draw(chance)
        age = low + int(chance.random() * (high - low + 1))
        born = self._opened - timedelta(days=int((age + chance.random()) * 365.25))
        table = _YOUNG if age < 25 else _MIDDLE if age < 62 else _OLD
        status = table.draw(chance)
        hours = _HOURS.draw(chance)
        works = status in WORKING
        country = self._rules.country
        insured = _hit(chance, assumed.INSURED)
        income = chance.lognormvariate(math.log(assumed.STATUSES[status].income), 0.45)
        return LearnerFacts(
            birth_date=born,
            status=status,
            qualification_level=_LEVELS.draw(chance),
            disabled=_hit(chance, assumed.DISABLED),
            hours_ratio=hours if works else Decimal(0),
            driving_licences=("B",) if _hit(chance, assumed.LICENCE_B) and age >= 18 else (),
            residence=country if _hit(chance, assumed.RESIDENT) else assumed.ELSEWHERE,
            citizen=country if _hit(chance, assumed.CITIZEN) else assumed.ELSEWHERE,
            work_incapacity_percent=10 if _hit(chance, assumed.WORK_INCAPACITY) else 0,
            prevention_account=_hit(chance, assumed.PREVENTION_ACCOUNT),
            student_finance=_hit(chance, assumed.STUDENT_FINANCE) and status == "student",
            insured_months=24 if insured and (works or status == "job_seeker") else 0,
            income_cents=int(income) * 100,
        )

    def _account(self, facts: LearnerFacts, past: int) -> tuple[OpeningLot, ...]:
        """What so many years of credits have brought, by the rules of each year; nothing of it used yet."""
        key = (
            past,
            facts.status,
            facts.qualification_level,
            facts.disabled,
            facts.hours_ratio,
            facts.residence,
            facts.citizen,
        )
        if key not in self._accounts:
            self._accounts[key] = tuple(self._credited(facts, past))
        return self._accounts[key]

    def _credited(self, facts: LearnerFacts, past: int) -> Iterator[OpeningLot]:
        lots: dict[date | None, int] = {}
        for year in range(self._opened.year + 1 - past, self._opened.year + 1):
            rules = self._timeline.rules_on(date(year, 12, 31))
            if rules is None or rules.accrual == "none":
                continue
            day = date(year, 12, 31) if rules.accrual == "yearly_by_hours" else date(year, 1, 1)
            lots = {expires: cents for expires, cents in lots.items() if expires is None or expires >= day}
            balance = sum(lots.values())
            history = CreditHistory(on=day, had_cents=balance, credited=bool(lots))
            got = accrual(rules, facts, balance_cents=balance, history=history)
            if got.cents:
                expires = planning.credit_expiry(rules, day)
                lots[expires] = lots.get(expires, 0) + got.cents
        for expires, cents in lots.items():
            if expires is None or expires > self._opened:
                yield OpeningLot(source="rights", available_cents=cents, expires=expires)

    def _age_credits(
        self, facts: LearnerFacts, left: Decimal
    ) -> tuple[tuple[OpeningLot, ...], frozenset[str]]:
        """Credits whose day came before the first year, as far as they have not expired."""
        rules, lots, given = self._rules, [], set()
        if not rules.age_credits or not _may_receive(rules, facts):
            return (), frozenset()
        assert facts.birth_date is not None
        for credit in rules.age_credits:
            day = ages.due_day(credit, facts.birth_date)
            if day is None or day > self._opened:
                continue
            given.add(credit.name)
            if credit.expires is None or credit.expires > self._opened:
                full = OpeningLot(source=credit.source, available_cents=credit.cents, expires=credit.expires)
                lots.append(_partly_used(full, left))
        return tuple(lots), frozenset(given)

    def _wishes(self, facts: LearnerFacts, chance: Random) -> Iterator[Wish]:
        often = assumed.STATUSES[facts.status].bookings
        for year in self._years:
            if not _hit(chance, often):
                continue
            yield self._wish(facts, year, chance)
            if _hit(chance, assumed.AGAIN):
                yield self._wish(facts, year, chance)

    def _wish(self, facts: LearnerFacts, year: int, chance: Random) -> Wish:
        on = date(year, _MONTHS.draw(chance), 1 + int(chance.random() * 28))
        kind = (self._other_kinds if facts.driving_licences else self._kinds).draw(chance)
        about = assumed.KINDS[kind]
        price = about.price * math.exp(chance.gauss(0, about.spread))
        low, high = assumed.LEAD_DAYS
        starts = on + timedelta(days=low + int(chance.random() * (high - low + 1)))
        starts += timedelta(days=(7 - starts.weekday()) % 7)  # trainings begin on Mondays
        percent = _DONE.draw(chance)
        certified = _hit(chance, assumed.CERTIFIED)
        own = chance.expovariate(1 / assumed.OWN_LIMIT)
        return Wish(
            on=on,
            starts=starts,
            ends=starts + timedelta(days=_days(about.hours)),
            credential=CredentialFacts(kind=kind, hours=Decimal(about.hours)),
            price_cents=max(5, round(price / 10)) * 1000,
            percent=percent,
            certificate=certified and percent >= 80,
            own_limit_cents=None if _hit(chance, assumed.PAYS_WHATEVER) else int(own) * 100,
        )


def _days(hours: int) -> int:
    """Days from the first to the last of a training of five days a week, a Friday at the latest."""
    weeks, rest = divmod(-(-hours // assumed.HOURS_A_DAY) - 1, 5)
    return weeks * 7 + rest


def _hit(chance: Random, per_thousand: int) -> bool:
    return chance.random() * 1000 < per_thousand


def _partly_used(lot: OpeningLot, left: Decimal) -> OpeningLot:
    if left == 1:
        return lot
    rest = int(lot.available_cents * left)
    return replace(lot, available_cents=rest, spent_cents=lot.available_cents - rest)


def _may_receive(rules: SchemeRules, facts: LearnerFacts) -> bool:
    return not (
        (rules.citizens_only and facts.citizen != rules.country)
        or (rules.residents_only and facts.residence != rules.country)
    )
