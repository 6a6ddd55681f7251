"""What is read of a run: costs by year, who gains and loses, which rules explain it. Nobody can be told apart.

A group of fewer than 5 learners, and figures that concern fewer than 5 of a group, are left out (of gains and
losses: the one is not told from the other); where one alone of a table would be left out and could be reckoned from
the others, the next smallest is left out as well. Deciles are those of 50 learners or more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from funding.laboratory.compare import MEASURES
from funding.laboratory.people import GROUPS
from funding.laboratory.play import FLOWS
from funding.laboratory.rulesets import LaboratoryError, Timeline, differences
from funding.laboratory.tally import Change, Tally
from funding.schemes.parsing import parameters

LEAST: Final = 5
MOST_RULES: Final = 10
SHAPE: Final = 1
YEARLY: Final = tuple(name for name in FLOWS if name != "outstanding")


@dataclass(frozen=True, slots=True)
class About:
    """What was compared: population says who was played (kind, and seed or the day of reading)."""

    before: Timeline
    after: Timeline
    years: tuple[int, ...]
    population: Mapping[str, int | str]
    first_day: date


def build(about: About, tally: Tally) -> dict[str, Any]:
    """The result as plain values, in cents; the same for the same rules and population, to the byte.

    Raises: LaboratoryError for a population so small that its sums would tell of a person.
    """
    if tally.learners < LEAST:
        raise LaboratoryError(
            f"results of fewer than {LEAST} learners are not shown: there are {tally.learners}"
        )
    rules = about.before.rules_on(about.first_day) or about.before.latest
    few = 0 < tally.changed < LEAST
    return {
        "shape": SHAPE,
        "scheme": about.before.scheme,
        "currency": rules.currency,
        "years": list(about.years),
        "from": about.first_day.isoformat(),
        "population": {**about.population, "learners": tally.learners},
        "rules": {"before_sha256": about.before.sha256, "after_sha256": about.after.sha256},
        "changes": _changes(about),
        "smallest_group": LEAST,
        "learners_concerned": None if few else tally.changed,
        "opening_cents": tally.opening_cents,
        "costs": [_costs(str(year), tally, [place], few) for place, year in enumerate(about.years)]
        + [_costs("total", tally, list(range(len(about.years))), few)],
        "groups": _groups(tally),
        "explained_by": _explained(tally),
        "no_longer_booked": _refusals(tally.no_longer),
        "newly_booked": _refusals(tally.newly),
        "refused": _refused(tally, few),
    }


def _changes(about: About) -> list[dict[str, Any]]:
    """The parameters that differ on the first day, or, where none does then, at the end."""
    found = differences(about.before, about.after, about.first_day) or differences(
        about.before, about.after, date(about.years[-1], 12, 31)
    )
    return [
        {"parameter": name, "rule": _rule_id(name), "before": old, "after": new} for name, old, new in found
    ]


def _rule_id(name: str) -> str:
    extra = parameters()[name].json_schema_extra
    return str(extra["rule"]) if isinstance(extra, dict) else ""


def _costs(year: str, tally: Tally, places: list[int], few: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"year": year}
    for flow, name in enumerate(FLOWS):
        # What is outstanding is a state, not a sum: at the end it is that of the last year.
        counted = places[-1:] if name == "outstanding" else places
        before, after = (sum(side[place][flow] for place in counted) for side in tally.flows)
        row[name] = {
            "before": before,
            "after": None if few else after,
            "difference": None if few else after - before,
        }
    return row


def _groups(tally: Tally) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for kind, names in GROUPS.items():
        present = {name: tally.groups[kind, name] for name in names if (kind, name) in tally.groups}
        hidden = _hidden({name: group.learners for name, group in present.items()})
        shown = {name: group for name, group in present.items() if name not in hidden}
        secret = [
            _secret({name: group.changes[place] for name, group in shown.items()})
            for place in range(len(MEASURES))
        ]
        for name, group in present.items():
            rows.append(
                {
                    "kind": kind,
                    "name": name,
                    "learners": None if name in hidden else group.learners,
                    "measures": {
                        measure: None
                        if name in hidden or name in secret[place][0]
                        else _change(group.changes[place], group.learners, split=name not in secret[place][1])
                        for place, measure in enumerate(MEASURES)
                    },
                }
            )
    return rows


def _secret(changes: Mapping[str, Change]) -> tuple[set[str], set[str]]:
    """The groups of a table whose change is left out, and those of which gains and losses are not told apart."""
    whole = _hidden({name: change.learners for name, change in changes.items()})
    apart = {
        name: min(number for number in (change.gainers, change.losers) if number)
        for name, change in changes.items()
        if name not in whole and change.learners
    }
    return whole, _hidden(apart)


def _hidden(sizes: Mapping[str, int]) -> set[str]:
    """What is left out of a table: what is small, and never one alone if there is another."""
    some = {name: size for name, size in sizes.items() if size}
    hidden = {name for name, size in some.items() if size < LEAST}
    if len(hidden) == 1 and (others := [name for name in some if name not in hidden]):
        hidden.add(min(others, key=lambda name: (some[name], name)))
    return hidden


def _change(change: Change, learners: int, *, split: bool) -> dict[str, Any]:
    """split: gains and losses apart. Deciles only where each tenth is of enough learners."""
    return {
        "concerned": change.learners,
        "gainers": change.gainers if split else None,
        "losers": change.losers if split else None,
        "gained_cents": change.gained if split else None,
        "lost_cents": change.lost if split else None,
        "net_cents": change.net,
        "mean_cents": _mean(change.net, learners),
        "mean_of_concerned_cents": _mean(change.net, change.learners),
        "deciles_of_concerned_cents": change.deciles() if change.learners >= 10 * LEAST else [],
    }


def _mean(cents: int, number: int) -> int:
    """The mean in whole cents, halves away from zero."""
    if not number:
        return 0
    rounded = (2 * abs(cents) + number) // (2 * number)
    return rounded if cents >= 0 else -rounded


def _explained(tally: Tally) -> list[dict[str, Any]]:
    """The ten rules that explain most of the difference, largest first; what concerns too few is left out."""
    shares = [(rule, share) for rule, share in tally.rules.items() if share.learners >= LEAST]
    shares.sort(key=lambda each: (-each[1].weight, each[0]))
    return [
        {
            "rule": rule,
            "learners": share.learners,
            "times": share.times,
            "credited_cents": share.credited,
            "support_cents": share.support,
            "own_cents": share.own,
        }
        for rule, share in shares[:MOST_RULES]
    ]


def _refusals(counts: Mapping[tuple[str, str], int]) -> list[dict[str, Any]]:
    """Bookings by the reason of the refusal, most first; how many is left out where they are few."""
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return [
        {"code": code, "rule": rule or None, "bookings": number if number >= LEAST else None}
        for (code, rule), number in ordered
    ]


def _refused(tally: Tally, few: bool) -> list[dict[str, Any]]:
    reasons = sorted({(code, rule) for _, code, rule in tally.refusals})
    rows = []
    for code, rule in reasons:
        before, after = (tally.refusals[side, code, rule] for side in ("before", "after"))
        hide = few or 0 < before < LEAST or 0 < after < LEAST
        rows.append(
            {
                "code": code,
                "rule": rule or None,
                "before": None if hide else before,
                "after": None if hide else after,
            }
        )
    return rows
