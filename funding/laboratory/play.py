"""One person's years under one rule set: credits, expiry, acceptances, what was done and what came back.

The order of things in time: what has expired is gone before anything else of a day; then a year is closed, credits
at an age come, the year's credit comes (by hours on the year's last day, when they are known, any other on its
first), trainings end and are paid, wishes are accepted. Amounts, eligibility and limits are those of
`funding.schemes`; here money only moves.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from heapq import heapify, heappop, heappush
from typing import Any, Final, cast

from funding.laboratory.people import Person, Wish
from funding.laboratory.rulesets import Timeline
from funding.schemes import accrual, ages, eligibility, planning, windows
from funding.schemes.facts import Accrual, Allocation, Explanation, LearnerFacts, LotFacts, SourcePlan
from funding.schemes.parameters import AgeCredit
from funding.schemes.rules import SchemeRules
from funding.schemes.vocabulary import LEARNER, PRIVATE_SOURCES
from ila.core.calendars import WorkingCalendar
from ila.core.errors import DomainError

FLOWS: Final = (
    "credited",
    "granted",
    "support",
    "paid",
    "third_party",
    "own",
    "expired",
    "outstanding",
    "bookings",
    "refused",
)
"""What is reckoned of a year. credited: onto accounts. granted: straight from the budget (grants, discounts,
reimbursements), less what came back. support: public money that bookings drew, less what came back. paid: public
money that left. third_party: employers' money that left. own: learners' money, less what they were given back.
outstanding: available and held at the year's end. bookings, refused: wishes accepted, and not."""
CREDITED, GRANTED, SUPPORT, PAID, THIRD_PARTY, OWN, EXPIRED, OUTSTANDING, BOOKINGS, REFUSED = range(
    len(FLOWS)
)

CLOSE, AGE, ACCRUE, SETTLE, ACCEPT = range(5)
MEMO = 1 << 14
"""Credits that are remembered by facts and balance, at most: some megabytes."""
OWN_PART_TOO_HIGH = "own_part_too_high"
NO_RULES = "no_rules"

Event = tuple[date, int, int, Any]


@dataclass(slots=True)
class Lot:
    """Money of one source and expiry while it is played, in cents."""

    source: str
    expires: date | None
    earmark: str
    available: int = 0
    held: int = 0
    spent: int = 0


@dataclass(frozen=True, slots=True)
class Credit:
    """Money that came onto the account: of a year (`year:2026`) or at an age (its name), and why.

    instead: what the other rules would have given to the same account at that moment, where that was asked.
    """

    year: int
    name: str
    cents: int
    explanations: tuple[Explanation, ...]
    instead: Accrual | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a wish: who pays, in cents, or the code and rule of its refusal.

    instead: what the other rules would have made of it at that moment, where that was asked.
    """

    year: int
    code: str = ""
    rule: str = ""
    public_cents: int = 0
    own_cents: int = 0
    explanations: tuple[Explanation, ...] = ()
    instead: "Decision | None" = field(default=None, compare=False)

    @property
    def accepted(self) -> bool:
        """Whether the learner is bound."""
        return not self.code


@dataclass(slots=True)
class Played:
    """A person's years: a row of FLOWS each, the credits, and one decision for each wish."""

    flows: list[list[int]]
    credits: list[Credit] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)

    def total(self, flow: int) -> int:
        """A flow over all years, in cents."""
        return sum(year[flow] for year in self.flows)


@dataclass(slots=True)
class _Held:
    """A booking under way: its wish, rules and plan."""

    wish: Wish
    rules: SchemeRules
    plan: SourcePlan


@dataclass(slots=True)
class _Life:
    """Everything that changes while a person is played."""

    person: Person
    lots: list[Lot]
    out: Played
    agenda: list[Event]
    numbers: int
    other: "Player | None" = None
    year: int = 0
    budget_held: int = 0
    accepted: int = 0
    all_back: int = 0
    granted_years: list[int] = field(default_factory=list)
    emptied_on: date | None = None
    credited: bool = False
    absorbing: list[str] = field(default_factory=list)


class Player:
    """Plays people under one timeline, for some years in a row. Holds nothing of who was played."""

    def __init__(self, timeline: Timeline, years: Sequence[int], *, opened: date | None = None) -> None:
        """opened: the day on which accounts were read; the last one before the first year unless given."""
        self.timeline = timeline
        self.years = tuple(years)
        self.opened = opened or date(self.years[0] - 1, 12, 31)
        self._base: list[Event] = []
        self._age_credits: list[AgeCredit] = []
        self._year_rules: list[SchemeRules | None] = []
        for place, year in enumerate(self.years):
            rules = timeline.rules_on(date(year, 12, 31))
            self._year_rules.append(rules)
            if rules is not None:
                if rules.accrual != "none":
                    by_hours = rules.accrual == "yearly_by_hours"
                    day = date(year, 12, 31) if by_hours else date(year, 1, 1)
                    self._base.append((day, ACCRUE, place, rules))
                self._age_credits += [each for each in rules.age_credits if each not in self._age_credits]
            self._base.append((date(year + 1, 1, 1), CLOSE, place, None))
        heapify(self._base)
        self._rules_on: Callable[[date], SchemeRules | None] = cache(timeline.rules_on)
        self._profiles: dict[tuple[Any, ...], int] = {}
        self._by_number: list[LearnerFacts] = []
        # A credit depends on few facts and the balance: most people share theirs with many others.
        self._credit = lru_cache(MEMO)(self._credit_afresh)
        self._acts = (self._close, self._age_credit, self._accrue, self._settle, self._accept)

    def play(self, person: Person, *, other: "Player | None" = None) -> Played:
        """The years of one person, to the cent. other: also say what its rules would have done at each moment."""
        lots = [
            Lot(
                each.source,
                each.expires,
                each.earmark,
                each.available_cents,
                0,
                each.spent_cents + each.held_cents,
            )
            for each in person.lots
        ]
        out = Played([[0] * len(FLOWS) for _ in self.years])
        life = _Life(person, lots, out, list(self._base), len(self._base), other=other)
        life.emptied_on, life.credited = person.emptied_on, person.credited
        # What was held as the account was read is paid out in full in the first year.
        for each in person.lots:
            out.flows[0][THIRD_PARTY if each.source in PRIVATE_SOURCES else PAID] += each.held_cents
        self._invite(life)
        agenda = life.agenda
        while agenda:
            day, act, place, what = heappop(agenda)
            if act == SETTLE and day.year > self.years[-1]:
                continue
            self._expire(life, day)
            self._acts[act](life, day, place, what)
        return out

    # -- what happens ----------------------------------------------------------------

    def _invite(self, life: _Life) -> None:
        person, agenda = life.person, life.agenda
        before = len(agenda)
        for wish in person.wishes:
            life.numbers += 1
            agenda.append((wish.on, ACCEPT, life.numbers, wish))
        born = person.facts.birth_date
        if self._age_credits and born is not None:
            last = date(self.years[-1], 12, 31)
            for credit in self._age_credits:
                day = ages.due_day(credit, born)
                if day is not None and self.opened < day <= last and credit.name not in person.given:
                    life.numbers += 1
                    agenda.append((day, AGE, life.numbers, credit))
                elif credit.absorbs_expiring and credit.name in person.given:
                    life.absorbing.append(credit.source)
        if len(agenda) > before:
            heapify(agenda)

    def _expire(self, life: _Life, day: date) -> None:
        """What is still available past its last day is gone, in the year that is open."""
        for lot in life.lots:
            if lot.expires is not None and lot.available and lot.expires < day:
                life.out.flows[life.year][EXPIRED] += lot.available
                lot.available = 0

    def _close(self, life: _Life, _day: date, place: int, _what: Any) -> None:
        row = life.out.flows[place]
        row[OUTSTANDING] = life.budget_held + sum(lot.available + lot.held for lot in life.lots)
        life.year = min(place + 1, len(self.years) - 1)

    def _age_credit(self, life: _Life, day: date, _place: int, credit: AgeCredit) -> None:
        rules = self._rules_on(day)
        if rules is None or credit not in rules.age_credits:
            return
        if credit.expires is not None and credit.expires < day:
            return
        facts = life.person.facts
        if (rules.citizens_only and facts.citizen != rules.country) or (
            rules.residents_only and facts.residence != rules.country
        ):
            return
        self._lot(life, credit.source, credit.expires).available += credit.cents
        year = day.year - self.years[0]
        life.out.flows[year][CREDITED] += credit.cents
        why = (Explanation("S-03" if credit.absorbs_expiring else "S-01", "credit_at_an_age", {}),)
        life.out.credits.append(Credit(year, credit.name, credit.cents, why))
        if credit.absorbs_expiring:
            life.absorbing.append(credit.source)
            self._absorb(life)

    def _absorb(self, life: _Life) -> None:
        """What is left of a source with an expiry is merged into the credit that absorbs it (S-03)."""
        for source in life.absorbing:
            for lot in list(life.lots):
                if lot.source == source and lot.expires is not None and not lot.earmark and lot.available:
                    self._lot(life, source, None).available += lot.available
                    lot.available = 0

    def _accrue(self, life: _Life, day: date, place: int, rules: SchemeRules) -> None:
        year = self.years[place]
        if year in life.person.accrued_years:
            return
        got = self._year_credit(life, day, place)
        instead = None if life.other is None else life.other._year_credit(life, day, place)
        if got.cents:
            self._lot(life, "rights", planning.credit_expiry(rules, day)).available += got.cents
            life.out.flows[place][CREDITED] += got.cents
            life.credited = True
        life.out.credits.append(Credit(place, f"year:{year}", got.cents, got.explanations, instead))

    def _year_credit(self, life: _Life, day: date, place: int) -> Accrual:
        """What the year brings this account by these rules."""
        rules = self._year_rules[place]
        if rules is None:
            return Accrual(0, ())
        counted = [lot for lot in life.lots if lot.source in rules.cap_sources]
        balance = sum(lot.available + lot.held for lot in counted)
        if rules.accrual != "once" and rules.lifetime_credit_cents is None:
            return self._credit(place, self._profile(life.person.facts), balance)
        history = accrual.CreditHistory(
            on=day,
            had_cents=balance + sum(lot.spent for lot in counted),
            credited=life.credited,
            emptied_on=None if any(lot.available for lot in counted) else life.emptied_on,
        )
        return accrual.accrual(rules, life.person.facts, balance_cents=balance, history=history)

    def _accept(self, life: _Life, day: date, _place: int, wish: Wish) -> None:
        rules, decision, plan = self._decide(life, day, wish)
        if life.other is not None:
            decision = replace(decision, instead=life.other._decide(life, day, wish)[1])
        life.out.decisions.append(decision)
        row = life.out.flows[decision.year]
        if rules is None or plan is None:
            row[REFUSED] += 1
            return
        drew = False
        for share in plan.allocations:
            if share.source == LEARNER:
                row[OWN] += share.cents
            elif share.lot_id is None:
                life.budget_held += share.cents
                row[GRANTED] += share.cents
            else:
                lot = life.lots[cast("int", share.lot_id)]
                lot.available -= share.cents
                lot.held += share.cents
                drew = drew or lot.source in rules.cap_sources
        life.budget_held += plan.reimbursement_cents
        row[GRANTED] += plan.reimbursement_cents
        row[SUPPORT] += decision.public_cents
        row[BOOKINGS] += 1
        life.accepted += 1
        life.granted_years.append(day.year)
        if drew:
            life.emptied_on = day
        life.numbers += 1
        heappush(life.agenda, (max(wish.ends, day), SETTLE, life.numbers, _Held(wish, rules, plan)))

    def _decide(
        self, life: _Life, day: date, wish: Wish
    ) -> tuple[SchemeRules | None, Decision, SourcePlan | None]:
        """What these rules make of a wish as the account stands; nothing is moved."""
        year = day.year - self.years[0]
        rules = self._rules_on(day)
        if rules is None:
            return None, Decision(year, NO_RULES), None
        try:
            plan = self._plan(life, rules, wish)
        except DomainError as refusal:
            return rules, Decision(year, refusal.code, refusal.rule or ""), None
        public = plan.reimbursement_cents + sum(
            share.cents
            for share in plan.allocations
            if share.source != LEARNER and share.source not in PRIVATE_SOURCES
        )
        own = plan.own_cents - plan.reimbursement_cents
        return rules, Decision(year, "", "", public, own, plan.explanations), plan

    def _plan(self, life: _Life, rules: SchemeRules, wish: Wish) -> SourcePlan:
        """What the services ask, in their order. Raises: DomainError, as they do."""
        person = life.person
        eligibility.check_bookable(rules, person.facts, wish.credential)
        eligibility.check_day_plan(rules, wish.credential, wish.starts, wish.ends)
        eligibility.check_eligible(rules, person.facts, wish.on)
        if rules.use_days_before_start is not None or rules.funding == "window":
            calendar = rules.calendar
            now, starts = _noon(calendar, wish.on), _noon(calendar, wish.starts)
            if rules.funding == "window":
                windows.check_start(rules, calendar, applied_at=now, starts_at=starts)
            else:
                windows.check_use(rules, calendar, now=now, starts_at=starts)
        if rules.once is not None:
            eligibility.check_once(rules, {*person.granted_years, *life.granted_years}, wish.on.year)
        if rules.funding == "window":
            plan = windows.plan_grant(rules, wish.price_cents)
        else:
            facts = person.facts
            if rules.later_share_percent is not None or rules.first_booking_cents is not None:
                earlier = person.earlier_bookings + life.accepted - life.all_back
                facts = replace(facts, earlier_bookings=earlier)
            lots = [
                LotFacts(
                    id=number,
                    source=lot.source,
                    available_cents=lot.available,
                    expires=lot.expires,
                    earmark=lot.earmark or None,
                )
                for number, lot in enumerate(life.lots)
                if lot.available
            ]
            plan = planning.plan_sources(rules, facts, wish.credential, wish.price_cents, lots, wish.on)
        limit = wish.own_limit_cents
        if limit is not None and plan.own_cents - plan.reimbursement_cents > limit:
            raise DomainError(OWN_PART_TOO_HIGH)
        return plan

    def _settle(self, life: _Life, day: date, _place: int, held: _Held) -> None:
        """The training is over: the provider's part is paid, the rest goes back to where it came from (F-28)."""
        wish, rules, plan = held.wish, held.rules, held.plan
        row = life.out.flows[day.year - self.years[0]]
        complete = planning.is_complete(rules, wish.credential, wish.percent, certificate=wish.certificate)
        if not complete:
            life.all_back += 1
            if not rules.withdrawn_grant_counts and wish.on.year in life.granted_years:
                life.granted_years.remove(wish.on.year)
        if rules.funding == "reimbursement":
            _reimburse(life, row, plan, complete=complete)
            return
        percent = wish.percent if complete else 0
        parts = planning.settle_shares(rules, wish.price_cents, percent, plan.allocations)
        for share, pays, back in zip(plan.allocations, parts.provider, parts.returned, strict=True):
            _part(life, row, share, pays, back)
        if life.absorbing:
            self._absorb(life)
        self._expire(life, day)

    # -- what is looked up ----------------------------------------------------------------

    def _lot(self, life: _Life, source: str, expires: date | None) -> Lot:
        for lot in life.lots:
            if lot.source == source and lot.expires == expires and not lot.earmark:
                return lot
        lot = Lot(source, expires, "")
        life.lots.append(lot)
        return lot

    def _profile(self, facts: LearnerFacts) -> int:
        """The number of the facts that a credit depends on."""
        key = _asked(facts)
        number = self._profiles.get(key)
        if number is None:
            if len(self._by_number) >= MEMO:
                self._profiles.clear()
                self._by_number.clear()
                self._credit.cache_clear()
            number = self._profiles[key] = len(self._by_number)
            self._by_number.append(facts)
        return number

    def _credit_afresh(self, place: int, profile: int, balance: int) -> Accrual:
        rules = self._year_rules[place]
        assert rules is not None
        return accrual.accrual(rules, self._by_number[profile], balance_cents=balance)


def _asked(facts: LearnerFacts) -> tuple[Any, ...]:
    """The facts that the credit of a year depends on (funding/schemes/accrual.py)."""
    return (
        facts.status,
        facts.qualification_level,
        facts.disabled,
        facts.hours_ratio,
        facts.annual_hours,
        facts.residence,
        facts.citizen,
    )


def _part(life: _Life, row: list[int], share: Allocation, pays: int, back: int) -> None:
    if share.source == LEARNER:
        row[OWN] -= back
        return
    private = share.source in PRIVATE_SOURCES
    row[THIRD_PARTY if private else PAID] += pays
    if not private:
        row[SUPPORT] -= back
    if share.lot_id is None:
        life.budget_held -= share.cents
        row[GRANTED] -= back
        return
    lot = life.lots[cast("int", share.lot_id)]
    lot.held -= share.cents
    lot.spent += pays
    lot.available += back


def _reimburse(life: _Life, row: list[int], plan: SourcePlan, *, complete: bool) -> None:
    """The learner has paid the provider; what was kept for them is theirs, or the budget's again."""
    kept = plan.reimbursement_cents
    life.budget_held -= kept
    if complete:
        row[PAID] += kept
        row[OWN] -= kept
    else:
        row[GRANTED] -= kept
        row[SUPPORT] -= kept


def _noon(calendar: WorkingCalendar, day: date) -> datetime:
    return calendar.start_of_day(day) + timedelta(hours=12)


def balances(rows: Iterable[Sequence[int]], opening_cents: int) -> bool:
    """Whether no cent is lost: what there was and came is what left, expired and is there still."""
    rows = list(rows)
    came = opening_cents + sum(row[CREDITED] + row[GRANTED] for row in rows)
    left = sum(row[PAID] + row[THIRD_PARTY] + row[EXPIRED] for row in rows)
    return came == left + (rows[-1][OUTSTANDING] if rows else 0)
