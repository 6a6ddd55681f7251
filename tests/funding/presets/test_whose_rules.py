"""An outcome cites the rules of its own scheme, never another's (decision 67)."""

from typing import Any

import pytest

from tests.funding.presets.theatre import OPEN, STAP, apply, play, window
from tests.funding.replay.theatre import accepted, credit, do, last, request
from tests.funding.replay.theatre import play as play_cpf

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("event", "code"),
    [(do("declare_entry"), "too_early"), (do("no_show", justified=False), "too_early")],
    ids=["entry", "no-show"],
)
def test_a_grant_cites_no_rule_of_the_cpf(event: dict[str, Any], code: str) -> None:
    assert last(play("stap", window(), apply(at=OPEN), event, **STAP)) == (code, None)


def test_s06_a_claim_long_before_the_start_cites_the_sixty_days() -> None:
    rules = {"claim_lead_days": 10}
    found = play("skillsfuture", credit(100_000), accepted(), do("claim"), rules=rules)
    assert last(found) == ("too_early", "S-06")


def test_f17_the_cpf_cites_no_register_of_the_netherlands() -> None:
    found = play_cpf(credit(), request(), do("propose"), credential={"register_price_cents": 100_000})
    assert last(found) == ("bad_price", None)


def test_n16_a_hold_without_an_end_is_incomplete_in_every_scheme_with_ids() -> None:
    found = play_cpf(credit(), accepted(), do("hold", reason="control"))
    assert last(found) == ("incomplete", "N-16")
    found = play("skillsfuture", credit(100_000), accepted(), do("hold", reason="control"))
    assert last(found) == ("incomplete", "N-16")
    assert last(play("croatia", credit(100_000), accepted(), do("hold", reason="control"))) == (
        "incomplete",
        None,
    )


def test_n10_a_certificate_in_time_and_a_declaration_after_it_are_not_late() -> None:
    found = play(
        "stap",
        window(),
        apply(at=OPEN),
        do("declare_entry", at="2022-09-05T09:00"),
        do("attendance", percent=100),
        do("declare_exit", reason="complete", at="2022-09-30T17:00"),
        do("certificate", at="2022-12-01T12:00"),
        do("declare_service", at="2023-01-15T12:00"),
        **STAP,
    )
    assert last(found) is None
    assert found["bookings"]["B1"]["flags"] == []


def test_f24_a_late_cancellation_costs_nothing_once_the_session_is_cancelled() -> None:
    late = do("cancel", by="learner", at="2026-06-19T12:00")
    found = play_cpf(credit(), accepted(), late, do("cancel_session", None, session="S1"))
    assert found["bookings"]["B1"]["state"] == "cancelled_by_learner"
    assert found["bookings"]["B1"]["sources"] == {}
    assert found["learners"]["L1"]["available_cents"] == 500_000
