"""The measures of "Measuring detectors", each a small function of scores and labels."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Any

from fraud.evaluation.scoring.runs import Run, Scored
from fraud.evaluation.scoring.truth import Money, Truth

Ranking = Mapping[date, Sequence[Scored]]


def last_of_weeks(runs: Sequence[Run]) -> list[Run]:
    """The last day of each ISO week that was run."""
    return list({run.week: run for run in runs}.values())


def is_misuser(truth: Truth, provider: str, day: date) -> bool:
    """Whether the provider has misused money by that day; before its first misuse it is honest."""
    known = truth.misuse.get(provider)
    return known is not None and known.started <= day


def precision_at(ranking: Ranking, truth: Truth, k: int) -> tuple[float, float]:
    """Mean over weeks of the share of true cases among the k best, and what could be reached at most."""
    found, most = [], []
    for day, cases in ranking.items():
        found.append(sum(is_misuser(truth, case.provider, day) for case in cases[:k]) / k)
        there = sum(is_misuser(truth, provider, day) for provider in truth.misuse)
        most.append(min(k, there) / k)
    return _mean(found), _mean(most)


def false_positive_point(ranking: Ranking, truth: Truth, share: float) -> float:
    """The score that at most `share` of the honest provider-weeks exceed."""
    honest, scores = 0, []
    for day, cases in ranking.items():
        there = {provider for provider, since in truth.providers.items() if since <= day}
        honest += sum(not is_misuser(truth, provider, day) for provider in there)
        scores += [case.score for case in cases if not is_misuser(truth, case.provider, day)]
    scores.sort(reverse=True)
    allowed = int(share * honest + 1e-9)
    return scores[allowed] if allowed < len(scores) else float("-inf")


def recall_above(ranking: Ranking, truth: Truth, point: float) -> float | None:
    """Of the provider-weeks of misusers, how many score above the point."""
    there = found = 0
    for day, cases in ranking.items():
        above = {case.provider for case in cases if case.score > point}
        mine = {provider for provider in truth.misuse if is_misuser(truth, provider, day)}
        there += len(mine)
        found += len(mine & above)
    return found / there if there else None


def detections(runs: Sequence[Run], truth: Truth, point: float) -> dict[str, date]:
    """When each misuser was found: a case above the point, or a hold wider than single bookings."""
    found: dict[str, date] = {}
    for run in runs:
        named = {case.provider for case in run.cases if case.score > point} | run.wider
        for provider in named:
            if provider not in found and is_misuser(truth, provider, run.day):
                found[provider] = run.day
    return found


@dataclass(frozen=True)
class Found:
    """How early misuse was found, and what was lost by then."""

    median_days: float | None
    paid_share: float | None
    unpaid_recall: float | None
    by_archetype: dict[str, float]
    providers: float | None

    @property
    def worst(self) -> tuple[str, float] | None:
        if not self.by_archetype:
            return None
        return min(self.by_archetype.items(), key=lambda item: (item[1], item[0]))


def found(runs: Sequence[Run], truth: Truth, point: float) -> Found:
    """Detection of the misusers that had begun by the last day; one never found counts as found never."""
    last = runs[-1].day
    begun = {provider: one for provider, one in truth.misuse.items() if one.started <= last}
    when = detections(runs, truth, point)
    days = [(when[p] - one.started).days if p in when else float("inf") for p, one in begun.items()]
    shares: dict[str, list[bool]] = defaultdict(list)
    for provider, one in begun.items():
        shares[one.archetype].append(provider in when)
    money = [one for one in truth.money.values() if one.provider in begun and one.created <= last]
    total = sum(one.amount for one in money)
    gone = sum(one.paid_before(when.get(one.provider)) for one in money)
    middle = median(days) if days else None
    return Found(
        median_days=middle,
        paid_share=gone / total if total else None,
        unpaid_recall=_unpaid_recall(runs, money, when),
        by_archetype={name: _mean([float(hit) for hit in hits]) for name, hits in sorted(shares.items())},
        providers=len(when) / len(begun) if begun else None,
    )


def _unpaid_recall(runs: Sequence[Run], money: Sequence[Money], when: Mapping[str, date]) -> float | None:
    """Over the weeks: of the cents booked by misuse and not yet paid, the share at firms found by then."""
    there = caught = 0
    for run in last_of_weeks(runs):
        for one in money:
            if one.created > run.day:
                continue
            open_cents = one.amount - one.paid_before(run.day)
            there += open_cents
            known = when.get(one.provider)
            caught += open_cents if known is not None and known <= run.day else 0
    return caught / there if there else None


@dataclass(frozen=True)
class Group:
    """One group of honest provider-weeks (by size, by region) or of bookings at honest providers (by age)."""

    name: str
    held: int
    of: int
    rate: float


@dataclass(frozen=True)
class FalseHolds:
    """Holds on the honest. groups: `size` and `region` of providers, `age` of learners, each with its numbers."""

    rate: float | None
    count: int
    of: int
    by_size: dict[str, float]
    by_region: dict[str, float]
    by_age: dict[str, float]
    lookalikes: dict[str, int]
    groups: dict[str, list[Group]]


def false_holds(runs: Sequence[Run], truth: Truth) -> FalseHolds:
    """Honest provider-weeks with a hold wider than single bookings, or three or more bookings held.

    By learners' age: of all bookings at honest providers, those that were ever held, by themselves or by a wider hold
    that names them.
    """
    held: dict[tuple[int, int], set[str]] = defaultdict(set)
    last: dict[tuple[int, int], date] = {}
    bookings: set[str] = set()
    for run in runs:
        last[run.week] = run.day
        held[run.week] |= {provider for provider in run.wider if not is_misuser(truth, provider, run.day)}
        for held_there in (run.held, run.touched):
            for provider, some in held_there.items():
                if not is_misuser(truth, provider, run.day):
                    bookings |= some
    sizes, regions = _Rates(), _Rates()
    names: dict[str, int] = defaultdict(int)
    count = of = 0
    for week, day in last.items():
        for provider, since in truth.providers.items():
            if since > day or is_misuser(truth, provider, day):
                continue
            hit = provider in held[week]
            of, count = of + 1, count + hit
            sizes.add(truth.size.get(provider, "unknown"), hit)
            regions.add(truth.region.get(provider, "unknown"), hit)
            if hit and provider in truth.lookalikes:
                names[truth.lookalikes[provider]] += 1
    ages = _Rates()
    for booking, band in truth.age_of.items():
        if truth.provider_of.get(booking, "") not in truth.misuse:
            ages.add(band, booking in bookings)
    rate = count / of if of else None
    return FalseHolds(
        rate,
        count,
        of,
        sizes.shares(),
        regions.shares(),
        ages.shares(),
        dict(sorted(names.items())),
        {"size": sizes.groups(), "region": regions.groups(), "age": ages.groups()},
    )


class _Rates:
    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])

    def add(self, name: str, hit: bool) -> None:
        self._counts[name][0] += hit
        self._counts[name][1] += 1

    def shares(self) -> dict[str, float]:
        return {group.name: group.rate for group in self.groups()}

    def groups(self) -> list[Group]:
        return [Group(name, hits, of, hits / of) for name, (hits, of) in sorted(self._counts.items())]


def claims(runs: Sequence[Run], truth: Truth) -> dict[str, Any]:
    """The second unit: of the bookings held by the last day, how many are misuse, and how many of those are held."""
    held = {booking for run in runs for some in run.held.values() for booking in some}
    lost = {booking for booking, one in truth.money.items() if one.created <= runs[-1].day}
    return {
        "held": len(held),
        "precision": len(held & lost) / len(held) if held else None,
        "recall": len(held & lost) / len(lost) if lost else None,
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
