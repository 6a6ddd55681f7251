"""How far a learner is in a stack: pure, of plain values, with a reason for whatever does not count.

Nothing is converted: a workload counts toward a threshold only if it is counted in the threshold's own scheme.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

ALL_OF, N_OF, CREDITS, ORDERED, FORBIDDEN = "all_of", "n_of", "credits", "ordered", "forbidden"

PRIOR_LEARNING = "prior_learning_not_allowed"
OUT_OF_ORDER = "out_of_order"
NO_WORKLOAD = "workload_not_specified"
OTHER_SCHEME = "other_scheme"
NEVER_STACKED = "never_stacked"


@dataclass(frozen=True, slots=True)
class Member:
    """A credential of a rule. workload: counted in scheme; null: not specified."""

    key: int
    workload: Decimal | None = None
    scheme: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as data; members in their order. needed: of `n_of`; threshold, scheme: of `credits`."""

    kind: str
    members: tuple[Member, ...]
    needed: int | None = None
    threshold: Decimal | None = None
    scheme: str | None = None
    prior_learning: bool = False
    final_examination: bool = False


@dataclass(frozen=True, slots=True)
class Earned:
    """A credential that a learner holds, since that day. prior: earned by recognition of prior learning."""

    key: int
    on: date
    prior: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a learner is. done and needed: members, or credits in the rule's scheme.

    counted: keys of the members that count. missing: members whose award would bring the learner further, in the
    rule's order. left_out: for each member that is held and does not count, why. members_done: the members suffice.
    complete: nothing is missing, the final examination included.
    """

    done: Decimal
    needed: Decimal
    counted: tuple[int, ...]
    missing: tuple[int, ...]
    left_out: tuple[tuple[int, str], ...]
    members_done: bool
    examination_missing: bool

    @property
    def complete(self) -> bool:
        """Whether the stack is earned."""
        return self.members_done and not self.examination_missing

    @property
    def percent(self) -> int:
        """How far, in whole percent rounded down; at most 100."""
        if not self.needed:
            return 0
        return min(100, int(self.done * 100 / self.needed))


def progress(rule: Rule, earned: Iterable[Earned], *, examined: bool = False) -> Progress:
    """How far these awards bring a learner. examined: the final examination was passed."""
    held = [one for one in earned if one.key in {member.key for member in rule.members}]
    left_out: dict[int, str] = {}
    if rule.kind == FORBIDDEN:
        left_out = {one.key: NEVER_STACKED for one in held}
        return Progress(Decimal(0), Decimal(0), (), (), tuple(sorted(left_out.items())), False, False)
    usable: dict[int, list[date]] = {}
    for one in held:
        if one.prior and not rule.prior_learning:
            left_out.setdefault(one.key, PRIOR_LEARNING)
        else:
            usable.setdefault(one.key, []).append(one.on)
    for key in usable:
        left_out.pop(key, None)
    counted = (
        _in_order(rule, usable, left_out) if rule.kind == ORDERED else _any_order(rule, usable, left_out)
    )
    done, needed = _measured(rule, counted)
    members_done = done >= needed
    keys = {member.key for member in counted}
    missing = () if members_done else tuple(one.key for one in rule.members if one.key not in keys)
    if rule.kind == CREDITS:
        countable = {one.key for one in rule.members if one.workload and one.scheme == rule.scheme}
        missing = tuple(key for key in missing if key in countable)
    return Progress(
        done=done,
        needed=needed,
        counted=tuple(member.key for member in counted),
        missing=missing,
        left_out=tuple(sorted(left_out.items())),
        members_done=members_done,
        examination_missing=rule.final_examination and not examined,
    )


def _any_order(rule: Rule, usable: dict[int, list[date]], left_out: dict[int, str]) -> list[Member]:
    counted = []
    for member in rule.members:
        if member.key not in usable:
            continue
        if rule.kind == CREDITS and not member.workload:
            left_out[member.key] = NO_WORKLOAD
        elif rule.kind == CREDITS and member.scheme != rule.scheme:
            left_out[member.key] = OTHER_SCHEME
        else:
            counted.append(member)
    return counted


def _in_order(rule: Rule, usable: dict[int, list[date]], left_out: dict[int, str]) -> list[Member]:
    """Each member counts once those before it count, earned no earlier than they were."""
    counted: list[Member] = []
    since = date.min
    broken = False
    for member in rule.members:
        days = sorted(day for day in usable.get(member.key, []) if day >= since)
        if broken or not days:
            broken = True
            if member.key in usable:
                left_out[member.key] = OUT_OF_ORDER
            continue
        since = days[0]
        counted.append(member)
    return counted


def _measured(rule: Rule, counted: list[Member]) -> tuple[Decimal, Decimal]:
    if rule.kind == CREDITS:
        return sum((one.workload or Decimal(0) for one in counted), Decimal(0)), rule.threshold or Decimal(0)
    needed = rule.needed if rule.kind == N_OF else len(rule.members)
    return Decimal(len(counted)), Decimal(needed or 0)


def find_cycle(edges: dict[int, set[int]]) -> list[int]:
    """A way from a credential back to itself, along what leads to what; empty: there is none.

    edges: for each credential, those that a stack with it leads to. The cycle names each credential once.
    """
    state: dict[int, int] = {}  # 1: on the way, 2: done
    for start in sorted(edges):
        if state.get(start):
            continue
        way: list[int] = []
        # A way of its own instead of recursion: a chain may be longer than the interpreter's stack.
        todo: list[tuple[int, list[int]]] = [(start, sorted(edges.get(start, ())))]
        state[start] = 1
        way.append(start)
        while todo:
            node, ahead = todo[-1]
            if not ahead:
                state[node] = 2
                way.pop()
                todo.pop()
                continue
            following = ahead.pop(0)
            if state.get(following) == 1:
                return way[way.index(following) :]
            if not state.get(following):
                state[following] = 1
                way.append(following)
                todo.append((following, sorted(edges.get(following, ()))))
    return []
