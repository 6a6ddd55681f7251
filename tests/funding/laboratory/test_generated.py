"""Imagined learners: the same for the same seed, and as much memory for many as for few."""

import json
import tracemalloc
from collections import Counter
from datetime import date
from itertools import islice
from typing import Any

import pytest

from funding.laboratory import engine, generate, play, report
from funding.laboratory.people import Person
from funding.laboratory.rulesets import LaboratoryError
from funding.laboratory.tally import Tally
from funding.schemes.presets import preset_codes
from tests.funding.laboratory.people import rules, with_changes

YEARS = (2026, 2027, 2028)
ASKED = {"participation_cents": 20_000, "cap_cents": 400_000}


def learners(number: int, seed: int = 1, scheme: str = "cpf", years: tuple[int, ...] = YEARS) -> list[Person]:
    line = rules(scheme)
    parts = generate.generate(before=line, after=line, years=years, number=number, seed=seed)
    return [person for part in parts for person in part]


def run(number: int, *, workers: int = 1, seed: int = 1, progress: engine.Progress | None = None) -> Tally:
    before, after = rules(), with_changes(ASKED, year=YEARS[0])
    people = generate.generate(before=before, after=after, years=YEARS, number=number, seed=seed)
    return engine.run(engine.Setting(before, after, YEARS), people, workers=workers, progress=progress)


def as_text(tally: Tally) -> str:
    about = report.About(
        rules(), with_changes(ASKED, year=YEARS[0]), YEARS, {"kind": "generated", "seed": 1}, date(2026, 1, 1)
    )
    return json.dumps(report.build(about, tally))


def test_a_seed_names_the_same_learners_however_many_are_asked_for() -> None:
    assert learners(1_500) == learners(2_500)[:1_500]
    assert learners(100) != learners(100, seed=2)


def test_a_run_is_the_same_to_the_byte_for_any_number_of_workers() -> None:
    alone = as_text(run(4_000))
    assert alone == as_text(run(4_000))
    assert alone == as_text(run(4_000, workers=2))
    assert alone != as_text(run(4_000, seed=2))


@pytest.mark.parametrize("scheme", preset_codes())
def test_every_scheme_has_an_imagined_population(scheme: str) -> None:
    found = learners(400, scheme=scheme)
    assert len(found) == 400
    assert any(person.wishes for person in found)
    assert {wish.on.year for person in found for wish in person.wishes} <= set(YEARS)
    assert all(list(person.wishes) == sorted(person.wishes, key=lambda wish: wish.on) for person in found)
    assert all(wish.on < wish.starts <= wish.ends for person in found for wish in person.wishes)


def test_the_population_is_about_what_the_assumptions_say() -> None:
    found = learners(5_000)
    statuses = Counter(person.facts.status for person in found)
    assert 0.5 < statuses["employed"] / 5_000 < 0.65
    assert 0.05 < sum(bool(person.wishes) for person in found) / 5_000 < 0.2
    # Who holds a licence does not wish for one.
    assert not any(
        wish.credential.kind == "light_licence"
        for person in found
        if person.facts.driving_licences
        for wish in person.wishes
    )
    # What is on the accounts obeys the rules in force: never above the cap (F-01, F-03).
    assert max(person.opening_cents for person in found) <= 800_000


def test_no_population_of_nobody_or_of_too_many() -> None:
    for number in (0, -3, 10**9):
        with pytest.raises(LaboratoryError, match="from 1 to 100,000,000"):
            list(
                islice(
                    generate.generate(before=rules(), after=rules(), years=YEARS, number=number, seed=1), 1
                )
            )


def test_years_follow_one_another_and_are_not_too_many() -> None:
    for years in ((), (2026, 2028), tuple(range(2026, 2060))):
        with pytest.raises(LaboratoryError):
            engine.Setting(rules(), rules(), years)


def test_progress_is_told_and_can_end_the_run() -> None:
    told: list[int] = []
    run(2_500, progress=told.append)
    assert told == [1_000, 2_000, 2_500]

    def stop(_done: int) -> None:
        raise engine.Cancelled

    with pytest.raises(engine.Cancelled):
        run(2_500, progress=stop)
    with pytest.raises(engine.Cancelled):
        run(6_000, progress=stop, workers=2)


def test_memory_does_not_grow_with_the_population(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times the learners, about the same peak: only sums are kept, and amounts are kept to three figures."""
    # What is remembered of credits is bounded too; a small bound is reached by the smaller population already.
    monkeypatch.setattr(play, "MEMO", 256)
    run(1_000)
    few, many = _peak(2_000), _peak(20_000)
    assert many < few * 2, (few, many)
    assert many < 20_000_000


def _peak(number: int) -> int:
    tracemalloc.start()
    try:
        run(number)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_what_a_part_is_made_of_stays_small() -> None:
    parts: Any = generate.generate(before=rules(), after=rules(), years=YEARS, number=1_000_000, seed=1)
    assert [len(part) for part in islice(parts, 3)] == [1_000] * 3
