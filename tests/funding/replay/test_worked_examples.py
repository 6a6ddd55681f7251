"""The worked examples of the scheme rules, as scenario files."""

from pathlib import Path
from typing import Any

import pytest

from funding import replay
from tests.funding.replay.theatre import last, learner, provider, refusals, sources, state

pytestmark = pytest.mark.django_db

DATA = Path(__file__).parents[2] / "data" / "replay"


def outcome(name: str) -> dict[str, Any]:
    found = replay.run_scenario(replay.read_file(DATA / f"{name}.json")).as_json()
    assert found["audit"]["ok"]
    return found


def test_f02_hours_below_half_time_are_rounded_up() -> None:
    found = outcome("example_01")
    assert found["learners"]["L1"]["lots"] == [{"source": "rights", "available_cents": 3112, "expires": None}]


def test_f08_f13_the_learner_pays_what_the_cap_leaves() -> None:
    found = outcome("example_02")
    assert sources(found) == {"rights": 150_000, "learner": 15_000}
    assert learner(found) == (350_000, 150_000, 0)


def test_f10_a_job_seeker_pays_no_participation_but_what_the_cap_leaves() -> None:
    assert sources(outcome("example_03")) == {"rights": 150_000, "learner": 15_000}


def test_f12_the_greater_of_participation_and_shortfall() -> None:
    found = outcome("example_04")
    assert sources(found) == {"rights": 89_680, "learner": 10_320}


def test_f07_f10_endowment_first_and_no_participation() -> None:
    found = outcome("example_05")
    assert sources(found) == {"endowment": 40_000, "rights": 50_000}


def test_f22_a_proposal_ten_working_days_before_the_start_is_too_late() -> None:
    found = outcome("example_06")
    assert refusals(found) == [(2, "too_late", "F-22")]
    assert state(found) == "requested"


def test_f23_no_withdrawal_once_the_training_has_started() -> None:
    found = outcome("example_07")
    assert last(found) == ("too_late", "F-23")
    assert state(found) == "accepted"


def test_f26_an_entry_on_the_fourth_working_day_is_flagged() -> None:
    found = outcome("example_08")
    assert state(found) == "in_training"
    assert found["bookings"]["B1"]["flags"] == ["late_entry"]


def test_f28_sixty_percent_done() -> None:
    found = outcome("example_12")
    assert state(found) == "settled"
    assert sources(found) == {"rights": 90_000, "learner": 9_000}
    assert learner(found) == (410_000, 0, 90_000)
    assert provider(found) == (0, 0, 99_000, 0)


def test_the_scenario_of_the_manual() -> None:
    found = outcome("manual")
    assert [each["ok"] for each in found["events"]] == [True] * 4
    assert found["bookings"] == {
        "B1": {
            "state": "accepted",
            "price_cents": 165_000,
            "sources": {"rights": 150_000, "learner": 15_000},
            "flags": [],
        }
    }
    assert found["learners"]["L1"]["lots"] == [
        {"source": "rights", "available_cents": 350_000, "expires": None}
    ]
    assert found["providers"]["P1"] == {
        "payable_cents": 0,
        "in_transit_cents": 0,
        "paid_cents": 0,
        "owed_cents": 0,
    }
