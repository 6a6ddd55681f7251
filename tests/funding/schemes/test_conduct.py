"""Rules of conduct: which scheme has them, and what a person is told of each (sanctions are people's decisions)."""

import pytest

from funding.schemes import conduct
from funding.schemes.presets import load_preset


def told(scheme: str, rule: str) -> str:
    """What the newest version of a scheme says of a rule of conduct; it has to have it."""
    rules = load_preset(scheme).versions[-1][1]
    assert rule in rules.conduct
    return str(conduct.SENTENCES[rule])


def test_f11_the_provider_never_pays_the_participation_back_an_employer_may() -> None:
    text = told("cpf", "F-11")
    assert "a training that you take is never paid back by the provider" in text
    assert "an employer may" in text


def test_f33_nobody_solicits_unless_the_training_is_in_progress() -> None:
    text = told("cpf", "F-33")
    assert all(way in text for way in ("phone", "message", "e-mail", "social network"))
    assert "a training that you are taking" in text


def test_n12_no_inducement_comes_with_a_grant() -> None:
    text = told("stap", "N-12")
    assert "No gift, trip or device" in text
    assert "asked to stop, then removed" in text


def test_s11_an_employer_may_not_ask_for_its_staffs_credit() -> None:
    assert "employer may not ask you" in told("skillsfuture", "S-11")


@pytest.mark.parametrize("rule", ["F-11", "N-12", "S-11"])
def test_no_other_scheme_claims_the_rule(rule: str) -> None:
    owner = {"F": "cpf", "N": "stap", "S": "skillsfuture"}[rule[0]]
    others = [code for code in ("cpf", "stap", "skillsfuture", "geneva") if code != owner]
    assert all(rule not in load_preset(code).versions[-1][1].conduct for code in others)
