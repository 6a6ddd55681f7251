"""The sentences a citizen reads: each amount and each refusal, with the values used, in English and French."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from funding import explanations, sentences, words
from funding.models import BookingLog
from funding.replay.refusals import CODES
from funding.schemes import conduct
from funding.schemes.presets import load_preset
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
        (DomainError("too_late", rule="F-22"), "too soon after the proposal. Choose"),
        (
            DomainError("too_late", rule="F-22", starts="2026-05-20", least_wd=11),
            "Choose a later session. It starts on 20 May 2026, and 11 working days have to lie before it. (rule F-22)",
        ),
        (
            DomainError("too_early", rule="N-05", starts="2022-12-01", latest="2022-11-30"),
            "It starts on 1 December 2022; the last day to start is 30 November 2022. (rule N-05)",
        ),
        (DomainError("incomplete", rule="N-08", percent=79), "Attended so far: 79 percent."),
        (
            DomainError("not_eligible", rule="N-02", reason="insured_months", least=6),
            "in the last two years. The scheme asks for 6 months. (rule N-02)",
        ),
        (
            DomainError("not_eligible", rule="F-25", until="2026-08-01T00:00:00"),
            "It is open again after 1 August 2026.",
        ),
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


ALL_TABLES: dict[str, dict[Any, Any]] = {
    "why": explanations.WHY,
    "refused": explanations.REFUSED,
    "refused_by_rule": explanations.REFUSED_BY_RULE,
    "refused_because": explanations.REFUSED_BECAUSE,
    "codes": sentences.SENTENCES,
    "precise": sentences.PRECISE,
    "by_rule": sentences.BY_RULE,
    "exemptions": words.EXEMPTIONS,
    "sources": words.SOURCES,
    "conduct": conduct.SENTENCES,
}
# The outcome's codes that an application or a grant can meet, and the reasons of the same.
STAP_REASONS = (
    "too_young", "pension_age", "age_unknown", "insured_months", "student_finance", "not_your_turn", "no_windows",
    "no_waiting_room", "apply_in_a_window", "session_never_held", "no_dates", "recruitment_closed", "price_zero",
    "currency", "delisted", "session_started", "already_booked",
)  # fmt: skip
STAP_WHY = ("drawn_from_source", "shortfall_paid_by_learner", "granted", "above_the_grant", "paid_by_learner")
NEVER_OF_A_GRANT = {"insufficient_rights", "usage_cap"}


def same_placeholders(one: str, other: str) -> bool:
    return sorted(re.findall(r"%\(\w+\)[sd]", one)) == sorted(re.findall(r"%\(\w+\)[sd]", other))


def spoken(text: Any, language: str) -> str:
    with translation.override(language):
        return str(text)


@pytest.mark.parametrize("table", ALL_TABLES)
def test_every_sentence_has_its_french(table: str) -> None:
    rows = ALL_TABLES[table].items()
    same = [key for key, text in rows if spoken(text, "fr") == spoken(text, "en")]
    assert same == []
    assert all(same_placeholders(spoken(text, "en"), spoken(text, "fr")) for _, text in rows)


def stap_sentences() -> dict[Any, Any]:
    by_reason = {**explanations.REFUSED, **sentences.PRECISE}
    found: dict[Any, Any] = {key: text for key, text in by_reason.items() if key[1] in STAP_REASONS}
    found |= {key: text for key, text in explanations.REFUSED_BY_RULE.items() if key[1].startswith("N-")}
    found |= {
        ("because", *key): text
        for key, text in explanations.REFUSED_BECAUSE.items()
        if key[1].startswith("N-") or key[1] in STAP_REASONS
    }
    found |= {code: sentences.SENTENCES[code] for code in CODES - NEVER_OF_A_GRANT}
    found |= {code: explanations.WHY[code] for code in STAP_WHY}
    return found | {"N-12": conduct.SENTENCES["N-12"], "grant": words.SOURCES["grant"]}


def test_every_sentence_of_a_stap_grant_has_its_dutch() -> None:
    rows = stap_sentences()
    assert len(rows) > 50
    missing = [key for key, text in rows.items() if spoken(text, "nl") == spoken(text, "en")]
    assert missing == []
    assert all(same_placeholders(spoken(text, "en"), spoken(text, "nl")) for text in rows.values())


def test_n01_n03_a_refusal_and_a_grant_are_read_in_dutch() -> None:
    with translation.override("nl"):
        refusal = sentences.sentence(DomainError("budget_exhausted", rule="N-03"))
        assert refusal == (
            "Het budget van deze aanvraagperiode is op. Er is geen wachtlijst; wacht op de volgende "
            "aanvraagperiode. (regel N-03)"
        )
        granted = explanations.why(
            [{"rule": "N-01", "code": "granted", "values": {"cents": 90_000}}], currency="EUR"
        )
        assert granted == ["U krijgt een subsidie van €\xa0900,00. (regel N-01)"]


def test_what_a_stap_learner_is_written_is_in_dutch() -> None:
    for name in ("grant_given", "booking_ended", "booking_disputed", "dispute_upheld", "dispute_rejected"):
        source = (ROOT / "templates" / "email" / f"{name}.txt").read_text(encoding="utf-8")
        blocks = re.findall(r"{% blocktranslate %}([^{]+){% endblocktranslate %}", source)
        texts = [*blocks, *re.findall(r'{% translate "([^"]+)" %}', source)]
        assert len(texts) >= 2
        for text in texts:
            with translation.override("nl"):
                assert translation.gettext(text) != text, text


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


def test_only_a_rule_of_the_own_scheme_is_cited() -> None:
    refused = DomainError("too_late", rule="F-23")
    cpf, stap, flanders = (load_preset(code).versions[-1][1] for code in ("cpf", "stap", "flanders"))
    assert sentences.sentence(refused, rules=cpf).endswith("(rule F-23)")
    for rules in (stap, flanders):
        assert "F-23" not in sentences.sentence(refused, rules=rules)
    assert sentences.own_rule("N-07", "S") == "S-06"
    assert sentences.own_rule("N-16", "F") == "N-16"
    assert sentences.own_rule("N-16", None) is None
