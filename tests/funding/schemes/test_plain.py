"""The pages in plain words: every version of every shipped scheme is said, nothing of it left out."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation

from catalogue.words import KINDS
from funding.schemes import wording
from funding.schemes.changes import changes, meaning
from funding.schemes.parsing import RulesError, parameters, parse_rules
from funding.schemes.plain import INTERNAL, cites, describe
from funding.schemes.presets import load_preset, override, preset_codes
from funding.schemes.rules import SchemeRules
from funding.schemes.samples import sample_bookings, sample_credits
from funding.schemes.topics import TOPICS
from funding.schemes.vocabulary import ENDOWMENTS, STATUSES
from funding.schemes.vocabulary import KINDS as ALL_KINDS

VERSIONS = [
    pytest.param(rules, id=f"{code} {day}")
    for code in preset_codes()
    for day, rules in load_preset(code).versions
]
LANGUAGES = ["en", "fr"]


def said(rules: SchemeRules) -> set[str]:
    return {name for section in describe(rules) for one in section.sentences for name in one.names}


def differing(rules: SchemeRules) -> set[str]:
    """Parameters that are not at their "no such rule"."""
    return {
        name
        for name, field in parameters().items()
        if field.is_required() or getattr(rules, name) != field.get_default(call_default_factory=True)
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("rules", VERSIONS)
def test_every_parameter_is_said_and_no_section_is_empty(rules: SchemeRules, language: str) -> None:
    with translation.override(language):
        sections = describe(rules)
        assert [section.key for section in sections if not section.sentences] == []
        texts = [one.text for section in sections for one in section.sentences]
    assert differing(rules) - said(rules) - INTERNAL.keys() == set()
    for text in texts:
        assert text.strip()
        assert text[0] == text[0].upper()
        assert text.endswith((".", "…"))
        assert "%(" not in text
        assert "None" not in text
        assert "_" not in text.replace("Europe/", "").replace("America/New_York", "")
    assert len(texts) == len(set(texts))


def test_what_is_internal_says_why_and_exists() -> None:
    assert INTERNAL.keys() <= parameters().keys()
    assert all(INTERNAL.values())


# A value for every parameter that no shipped scheme uses, so that its sentence is written too.
OTHERS: dict[str, dict[str, Any]] = {
    "participation_mode": {"participation_mode": "sum", "participation_cents": 100},
    "public_share_percent": {"public_share_percent": 50},
    "shortfall_to_learner": {"shortfall_to_learner": False},
    "residents_only": {"residents_only": True},
    "income_limit_cents": {"income_limit_cents": 1_000_000},
    "exit_reasons": {"exit_reasons": ["complete"]},
    "withdrawn_grant_counts": {"withdrawn_grant_counts": False, "once": "ever"},
    "validity_months": {"validity_months": 14},
    "cap_low_qualified_cents": {"cap_low_qualified_cents": None},
    "low_qualified_below_level": {"low_qualified_below_level": None},
    "low_qualified_if_disabled": {"low_qualified_if_disabled": False},
    "attendance_min_percent": {"certificate_required": True, "attendance_min_percent": 80},
    "grant_ceiling": {"grant_ceiling": 1},
    "lifetime_credit_cents": {"lifetime_credit_cents": 10**6},
    "max_hours_per_day": {"max_hours_per_day": 6, "min_hours": 1, "max_hours": 2, "no_sundays": True},
    "min_insured_months": {
        "min_insured_months": 6,
        "min_age_years": 18,
        "max_age_months": {2027: 804},
        "student_finance_excludes": True,
    },
    "later_share_percent": {
        "later_share_percent": 20,
        "later_share_by_kind": {"rs": 80},
        "later_share_from_budget": True,
    },
    "public_cents_per_hour": {"public_cents_per_hour": 500, "first_booking_cents": 100},
    "second_approval_above_cents": {"second_approval_above_cents": 100_000},
    "netting_percent": {"netting_percent": 50, "debt_term_days": 30, "debt_interest_basis_points": 450},
}


@pytest.mark.parametrize("values", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_parameters_that_no_shipped_scheme_uses_this_way(values: dict[str, Any], language: str) -> None:
    rules = override(load_preset("cpf").versions[-1][1], values)
    with translation.override(language):
        describe(rules)
    assert differing(rules) - said(rules) - INTERNAL.keys() == set()


def test_every_parameter_is_said_by_some_scheme() -> None:
    seen = {
        name for code in preset_codes() for _, rules in load_preset(code).versions for name in said(rules)
    }
    cpf = load_preset("cpf").versions[-1][1]
    seen |= {name for values in OTHERS.values() for name in said(override(cpf, values))}
    assert parameters().keys() - seen - INTERNAL.keys() == set()


def test_each_parameter_has_its_topic_once() -> None:
    named = [name for _, _, names in TOPICS for name in names]
    assert len(named) == len(set(named))
    assert set(named) | {"country", "timezone", "currency"} == parameters().keys()


def test_words_for_everything() -> None:
    assert wording.STATUSES.keys() == set(STATUSES)
    assert wording.ENDOWMENTS.keys() == set(ENDOWMENTS)
    assert KINDS.keys() == set(ALL_KINDS)
    for name, field in parameters().items():
        about: Any = field.json_schema_extra
        assert (about["unit"] == "choice") == (name in wording.CHOICES)


def test_every_meaning_has_its_french() -> None:
    with translation.override("fr"):
        same = [name for name, field in parameters().items() if meaning(name) == field.description]
    assert same == []


def test_a_change_reads_in_both_languages() -> None:
    before, after = (rules for _, rules in load_preset("cpf").versions[-2:])
    (change,) = changes(before, after)
    assert (change.name, change.rule, change.old, change.new) == (
        "participation_cents",
        "F-08",
        "€103.20",
        "€150",
    )
    with translation.override("fr"):
        (change,) = changes(before, after)
    assert (change.old, change.new) == ("103,20\u00a0€", "150\u00a0€")
    assert change.meaning == "La participation de l’apprenant à chaque réservation."


def test_only_a_schemes_own_rule_ids_are_cited() -> None:
    cpf, stap, geneva = (load_preset(code).versions[-1][1] for code in ("cpf", "stap", "geneva"))
    assert [cites(rules, "F-08") for rules in (cpf, stap, geneva)] == [True, False, False]
    assert {change.rule for change in changes(None, geneva)} == {""}


def test_amounts_lose_only_a_useless_rest() -> None:
    assert [wording.cents(each, "EUR") for each in (800_000, 15_000, 10_320, 5)] == [
        "€8,000",
        "€150",
        "€103.20",
        "€0.05",
    ]
    assert wording.cents(800_000, "CHF") == "CHF\u00a08,000"


@pytest.mark.parametrize("rules", VERSIONS)
def test_samples_are_reckoned_under_every_version(rules: SchemeRules) -> None:
    day = load_preset("cpf").versions[-1][0]
    for one in sample_bookings(None, rules, day):
        assert one.before is None
        assert (one.after.plan is None) != (one.after.refusal is None)
        if one.after.plan is not None:
            assert sum(one.after.shares.values()) + (one.after.own_cents or 0) == one.price_cents
    same = sample_bookings(rules, rules, day)
    assert not any(one.differs for one in same)
    assert not any(one.differs for one in sample_credits(rules, rules, day))


def test_samples_show_what_a_change_means() -> None:
    before, after = (rules for _, rules in load_preset("cpf").versions[-2:])
    samples = sample_bookings(before, after, load_preset("cpf").versions[-1][0])
    first = samples[0]
    assert (first.before and first.before.own_cents, first.after.own_cents) == (10_320, 15_000)
    assert [one.differs for one in samples[:2]] == [True, False]


def test_faults_are_those_of_the_rules() -> None:
    with pytest.raises(RulesError):
        parse_rules({})
