"""Sums over many people: whatever the order in which they come, and no figure of a single one."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from funding.laboratory.compare import MEASURES, Compared
from funding.laboratory.people import Person
from funding.laboratory.play import FLOWS

SIGNIFICANT = 1000


@dataclass(slots=True)
class Change:
    """How one measure changed in one group, in cents. `sizes`: learners by change, to three figures."""

    gainers: int = 0
    losers: int = 0
    gained: int = 0
    lost: int = 0
    sizes: Counter[int] = field(default_factory=Counter)

    def add(self, cents: int) -> None:
        """Count one learner whose figure changed."""
        if cents > 0:
            self.gainers += 1
            self.gained += cents
        else:
            self.losers += 1
            self.lost -= cents
        self.sizes[three_figures(cents)] += 1

    def merge(self, other: "Change") -> None:
        """Add what another part of the population has come to."""
        self.gainers += other.gainers
        self.losers += other.losers
        self.gained += other.gained
        self.lost += other.lost
        self.sizes.update(other.sizes)

    @property
    def learners(self) -> int:
        """Whose figure changed."""
        return self.gainers + self.losers

    @property
    def net(self) -> int:
        """What was gained less what was lost, in cents."""
        return self.gained - self.lost

    def deciles(self) -> list[int]:
        """The nine deciles of the change among the learners whose figure changed, to three figures, in cents."""
        found: list[int] = []
        seen = 0
        for size, number in sorted(self.sizes.items()):
            seen += number
            # The k-th decile: the least change that at least k tenths of them do not exceed.
            while len(found) < 9 and seen * 10 >= (len(found) + 1) * self.learners:
                found.append(size)
        return found


@dataclass(slots=True)
class Group:
    """The learners of one group: how many, and how each measure changed."""

    learners: int = 0
    changes: tuple[Change, ...] = field(default_factory=lambda: tuple(Change() for _ in MEASURES))


@dataclass(slots=True)
class Share:
    """What one rule explains: of how many learners, and the differences in cents (after less before)."""

    learners: int = 0
    times: int = 0
    credited: int = 0
    support: int = 0
    own: int = 0

    @property
    def weight(self) -> int:
        """How much it explains, whichever way."""
        return abs(self.credited) + abs(self.support) + abs(self.own)


@dataclass(slots=True)
class Tally:
    """The sums of a run. flows: [before, after][year][flow]. refusals: bookings by (side, code, rule).

    no_longer, newly: wishes accepted before alone, and after alone, by (code, rule) of the other side's refusal.
    """

    years: tuple[int, ...]
    flows: list[list[list[int]]] = field(default_factory=list)
    opening_cents: int = 0
    learners: int = 0
    changed: int = 0
    groups: dict[tuple[str, str], Group] = field(default_factory=dict)
    rules: dict[str, Share] = field(default_factory=dict)
    refusals: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    no_longer: Counter[tuple[str, str]] = field(default_factory=Counter)
    newly: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        if not self.flows:
            self.flows = [[[0] * len(FLOWS) for _ in self.years] for _ in range(2)]

    def add(self, person: Person, compared: Compared) -> None:
        """Count one learner."""
        self.learners += 1
        self.opening_cents += person.opening_cents
        for side, played in zip(self.flows, (compared.before, compared.after), strict=True):
            for row, own_row in zip(side, played.flows, strict=True):
                for place, cents in enumerate(own_row):
                    if cents:
                        row[place] += cents
        changed = any(compared.changes)
        self.changed += changed
        for name in compared.groups:
            group = self.groups.get(name)
            if group is None:
                group = self.groups[name] = Group()
            group.learners += 1
            if changed:
                for change, cents in zip(group.changes, compared.changes, strict=True):
                    if cents:
                        change.add(cents)
        self._count_decisions(compared)
        self._count_rules(compared)

    def _count_decisions(self, compared: Compared) -> None:
        for one, other in zip(compared.before.decisions, compared.after.decisions, strict=True):
            if not one.accepted:
                self.refusals["before", one.code, one.rule] += 1
            if not other.accepted:
                self.refusals["after", other.code, other.rule] += 1
            if one.accepted and not other.accepted:
                self.no_longer[other.code, other.rule] += 1
            elif other.accepted and not one.accepted:
                self.newly[one.code, one.rule] += 1

    def _count_rules(self, compared: Compared) -> None:
        seen = set()
        for each in compared.differences:
            share = self.rules.get(each.rule)
            if share is None:
                share = self.rules[each.rule] = Share()
            share.learners += each.rule not in seen
            seen.add(each.rule)
            share.times += 1
            share.credited += each.credited_cents
            share.support += each.support_cents
            share.own += each.own_cents

    def merge(self, other: "Tally") -> None:
        """Add what another part of the population has come to."""
        self.learners += other.learners
        self.changed += other.changed
        self.opening_cents += other.opening_cents
        for side, more in zip(self.flows, other.flows, strict=True):
            for row, more_row in zip(side, more, strict=True):
                row[:] = [one + two for one, two in zip(row, more_row, strict=True)]
        for name, group in other.groups.items():
            mine = self.groups.setdefault(name, Group())
            mine.learners += group.learners
            for change, more_change in zip(mine.changes, group.changes, strict=True):
                change.merge(more_change)
        for rule, share in other.rules.items():
            own = self.rules.setdefault(rule, Share())
            for name_of in ("learners", "times", "credited", "support", "own"):
                setattr(own, name_of, getattr(own, name_of) + getattr(share, name_of))
        for counter, more_counts in (
            (self.refusals, other.refusals),
            (self.no_longer, other.no_longer),
            (self.newly, other.newly),
        ):
            counter.update(more_counts)  # type: ignore[arg-type]


def three_figures(cents: int) -> int:
    """The amount cut to its first three figures: what tells learners apart no further."""
    size, unit = abs(cents), 1
    while size >= SIGNIFICANT * unit:
        unit *= 10
    cut = size // unit * unit
    return -cut if cents < 0 else cut


def total(tallies: Iterable[Tally], years: tuple[int, ...]) -> Tally:
    """The sum of several tallies."""
    result = Tally(years)
    for each in tallies:
        result.merge(each)
    return result
