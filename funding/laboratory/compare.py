"""What two rule sets make of the same person, and which rules the difference comes from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from funding.laboratory.people import Person, groups_of
from funding.laboratory.play import CREDITED, EXPIRED, OWN, SUPPORT, Decision, Played, Player
from funding.laboratory.rulesets import Timeline
from funding.schemes.facts import Accrual, Explanation

MEASURES: Final = ("rights", "support", "own")
"""What a learner may gain or lose, in cents over all years. rights: credited to the account and not expired.
support: public money for their trainings. own: what they pay themselves; less of it is a gain."""

CARRIED_OVER: Final = "carried_over"
"""No rule decided otherwise: there was more or less on the account, from an earlier difference."""

UNEXPLAINED: Final = "unexplained"
"""The rules differ in the amount and in no reason that they give."""

CONSEQUENCES: Final = ("drawn_from_source", "shortfall_paid_by_learner", "above_the_grant")
"""Explanations that follow from another one."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One decision or credit that came out otherwise: under which rule, and by how much (after less before)."""

    rule: str
    credited_cents: int = 0
    support_cents: int = 0
    own_cents: int = 0


@dataclass(frozen=True, slots=True)
class Compared:
    """One person under both rule sets. changes: after less before, by measure, a gain being positive."""

    groups: tuple[tuple[str, str], ...]
    before: Played
    after: Played
    changes: tuple[int, int, int]
    differences: tuple[Difference, ...]


class Comparison:
    """Plays people under two timelines with the same wishes."""

    def __init__(
        self, before: Timeline, after: Timeline, years: Sequence[int], *, opened: date | None = None
    ) -> None:
        self.years = tuple(years)
        self._before = Player(before, years, opened=opened)
        self._after = Player(after, years, opened=opened)
        self._first_day = date(self.years[0], 1, 1)
        self._rules = before.rules_on(self._first_day) or before.latest

    def compare(self, person: Person) -> Compared:
        """The years of one person under both."""
        before, after = self._before.play(person), self._after.play(person)
        changes: tuple[int, int, int] = (0, 0, 0)
        differences: tuple[Difference, ...] = ()
        if before.flows != after.flows or before.decisions != after.decisions:
            rights = _change(before, after, CREDITED) - _change(before, after, EXPIRED)
            changes = (rights, _change(before, after, SUPPORT), -_change(before, after, OWN))
            # Played once more by whoever it concerns, asking at each moment what the earlier rules would have done.
            differences = tuple(_differences(before, self._after.play(person, other=self._before)))
        groups = groups_of(person.facts, self._rules, self._first_day)
        return Compared(groups, before, after, changes, differences)


def _change(before: Played, after: Played, flow: int) -> int:
    return after.total(flow) - before.total(flow)


def _differences(before: Played, after: Played) -> Iterable[Difference]:
    """Each difference in two parts: what the rules do to the same account, and what an earlier difference left."""
    old_credits = {each.name: each for each in before.credits}
    new_credits = {each.name: each for each in after.credits}
    for name in sorted(old_credits.keys() | new_credits.keys()):
        old, new = old_credits.get(name), new_credits.get(name)
        old_cents, new_cents = old.cents if old else 0, new.cents if new else 0
        instead = new.instead if new else None
        would = Accrual(old_cents, old.explanations if old else ()) if instead is None else instead
        if by_rule := new_cents - would.cents:
            rule = _rule_of(would.explanations, new.explanations if new else ())
            yield Difference(rule, credited_cents=by_rule)
        if carried := would.cents - old_cents:
            yield Difference(CARRIED_OVER, credited_cents=carried)
    for one, other in zip(before.decisions, after.decisions, strict=True):
        would_be = other.instead or one
        yield from _decided(_rule_of_decisions(would_be, other), would_be, other)
        yield from _decided(CARRIED_OVER, one, would_be)


def _decided(rule: str, one: Decision, other: Decision) -> Iterable[Difference]:
    support = other.public_cents - one.public_cents
    own = other.own_cents - one.own_cents
    if support or own or one.accepted != other.accepted:
        yield Difference(rule, support_cents=support, own_cents=own)


def _rule_of_decisions(one: Decision, other: Decision) -> str:
    refused = other if not other.accepted else one
    if not refused.accepted:
        return refused.rule or refused.code
    return _rule_of(one.explanations, other.explanations)


def _rule_of(one: Sequence[Explanation], other: Sequence[Explanation]) -> str:
    """The rule that decided otherwise: the first explanation that only one side has; mere consequences come last."""
    mine, theirs = (
        [(each.rule or each.code, each.code, tuple(sorted(map(str, each.values.items())))) for each in side]
        for side in (one, other)
    )
    differing = [each for each in [*theirs, *mine] if (each in mine) != (each in theirs)]
    telling = [each for each in differing if each[1] not in CONSEQUENCES] or differing
    return telling[0][0] if telling else UNEXPLAINED
