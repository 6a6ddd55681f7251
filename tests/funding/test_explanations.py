"""The sentences a citizen reads: each amount and each refusal, with the values used, in English and French."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from funding import explanations, sentences
from funding.models import BookingLog
from ila.core.errors import DomainError
from tests.funding.bookings.conftest import hand, learner, world
from tests.support.world import Learner, World

__all__ = ["hand", "learner", "world"]

ROOT = Path(__file__).parents[2]
SOURCES = [*(ROOT / "funding" / "schemes").glob("*.py")]
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)


def test_every_code_that_the_rules_give_has_a_sentence() -> None:
    given = set(re.findall(r'Explanation\(\s*(?:"[^"]*"|rule),\s*"(\w+)"', TEXT))
    given |= set(re.findall(r'Limit\([^"]*"[^"]*", "(\w+)"', TEXT))
    assert given
    assert sorted(given - explanations.WHY.keys()) == []
    assert sorted(explanations.WHY.keys() - given) == []


def test_every_reason_of_an_eligibility_has_a_sentence() -> None:
    given = {("not_eligible", each) for each in re.findall(r'_not_eligible\([^"]*"?[^"]*"?, "(\w+)"', TEXT)}
    given |= {("not_bookable", each) for each in re.findall(r'"not_bookable", reason="(\w+)"', TEXT)}
    assert len(given) > 10
    assert sorted(given - explanations.REFUSED.keys()) == []


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            DomainError("not_eligible", rule="N-02", reason="too_young"),
            "not old enough for this scheme yet. (rule N-02)",
        ),
        (DomainError("not_eligible", reason="income"), "above the limit"),
        (DomainError("budget_exhausted", rule="N-03"), "no waiting list"),
        (DomainError("budget_exhausted"), "Try again when the next period opens."),
        (DomainError("too_early", rule="S-06"), "shortly before the start"),
        (DomainError("too_late", rule="F-22"), "eleven working days"),
    ],
)
def test_the_most_precise_sentence_is_read(error: DomainError, text: str) -> None:
    assert text in sentences.sentence(error)


@pytest.mark.parametrize(
    ("code", "values", "english", "french"),
    [
        (
            "drawn_from_source",
            {"source": "rights", "cents": 150_000},
            "€1,500.00 come from: Acquired rights.",
            "1\u202f500,00\xa0€ proviennent de : Droits acquis.",
        ),
        (
            "participation_waived",
            {"reason": "job_seeker"},
            "You pay no participation, because you are registered as a job-seeker.",
            None,
        ),
        (
            "granted",
            {"cents": 90_000},
            "You are granted €900.00.",
            "Vous recevez une subvention de 900,00\xa0€.",
        ),
        ("never_heard_of", {}, "Never heard of", "Never heard of"),
    ],
)
def test_values_are_written_as_the_language_does(
    code: str, values: dict[str, Any], english: str, french: str | None
) -> None:
    assert explanations.explain(code, values, currency="EUR") == english
    with translation.override("fr"):
        assert french is None or explanations.explain(code, values, currency="EUR") == french


@pytest.mark.django_db
def test_what_is_kept_with_an_acceptance_can_be_read(world: World, learner: Learner) -> None:
    booking = world.accepted(learner)
    kept = BookingLog.objects.get(subject=booking, transition="accept").data
    assert kept["facts"] == {
        "driving_licences": [],
        "status": "employed",
        "prevention_account": False,
        "work_incapacity_percent": 0,
    }
    assert explanations.why(kept["why"], currency="EUR") == [
        "€1,500.00 come from: Acquired rights. (rule F-07)",
        "For this kind of training at most €1,500.00 of your rights may be used. (rule F-13)",
        "Your own participation is €150.00. (rule F-08)",
        "€150.00 are not covered, and are yours to pay. (rule F-12)",
    ]
