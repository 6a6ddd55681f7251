"""People and rules for the laboratory's tests."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from funding.laboratory.compare import Compared, Comparison
from funding.laboratory.engine import Setting, run
from funding.laboratory.people import OpeningLot, Person, Wish
from funding.laboratory.play import FLOWS, Played, Player
from funding.laboratory.report import About, build
from funding.laboratory.rulesets import Timeline, changed, of_preset
from funding.laboratory.tally import Tally
from funding.schemes.facts import CredentialFacts, LearnerFacts
from funding.schemes.presets import load_preset

YEARS = (2027, 2028)
BORN = date(1990, 2, 3)


@dataclass(frozen=True)
class Some:
    """A part of a population."""

    people: tuple[Person, ...]

    def __len__(self) -> int:
        return len(self.people)

    def __iter__(self) -> Iterator[Person]:
        return iter(self.people)


def rules(scheme: str = "cpf") -> Timeline:
    """A shipped scheme's rules."""
    return of_preset(load_preset(scheme))


def with_changes(changes: Mapping[str, Any], scheme: str = "cpf", year: int = YEARS[0]) -> Timeline:
    """The same with other values from the first day of a year."""
    return changed(rules(scheme), changes, first_day=date(year, 1, 1))


def facts(**given: Any) -> LearnerFacts:
    """A learner born in 1990, employed full time, of level 4, unless told otherwise."""
    return LearnerFacts(**{"birth_date": BORN, "residence": "FR", "citizen": "FR", **given})


def rights(cents: int, **given: Any) -> OpeningLot:
    """Rights on the account."""
    return OpeningLot(**{"source": "rights", "available_cents": cents, **given})


def wish(on: date, kind: str = "rncp", price_cents: int = 100_000, **given: Any) -> Wish:
    """A training of a week that starts three weeks after its acceptance."""
    starts = on + timedelta(days=21)
    values = {"starts": starts, "ends": starts + timedelta(days=4), **given}
    return Wish(
        on=on, credential=CredentialFacts(kind=kind, hours=Decimal(50)), price_cents=price_cents, **values
    )


def person(*lots: OpeningLot, wishes: Iterable[Wish] = (), **given: Any) -> Person:
    """A learner with that on the account; further facts by name."""
    own = {name: given.pop(name) for name in list(given) if name in Person.__dataclass_fields__}
    return Person(facts=own.pop("facts", None) or facts(**given), lots=lots, wishes=tuple(wishes), **own)


def play(one: Person, line: Timeline | None = None, years: tuple[int, ...] = YEARS) -> Played:
    """A person's years."""
    return Player(line or rules(), years).play(one)


def flow(played: Played, name: str) -> list[int]:
    """A flow by year."""
    return [row[FLOWS.index(name)] for row in played.flows]


def compare(
    one: Person, changes: Mapping[str, Any], scheme: str = "cpf", years: tuple[int, ...] = YEARS
) -> Compared:
    """A person under the shipped rules and changed ones."""
    return Comparison(rules(scheme), with_changes(changes, scheme, years[0]), years).compare(one)


def tally(
    people: Iterable[Person],
    changes: Mapping[str, Any],
    scheme: str = "cpf",
    years: tuple[int, ...] = YEARS,
) -> Tally:
    """The sums over some people."""
    setting = Setting(rules(scheme), with_changes(changes, scheme, years[0]), years)
    return run(setting, [Some(tuple(people))])


def result(
    people: Iterable[Person],
    changes: Mapping[str, Any],
    scheme: str = "cpf",
    years: tuple[int, ...] = YEARS,
) -> dict[str, Any]:
    """What is read of a run over some people."""
    after = with_changes(changes, scheme, years[0])
    about = About(rules(scheme), after, years, {"kind": "stored"}, date(years[0], 1, 1))
    return build(about, tally(people, changes, scheme, years))
