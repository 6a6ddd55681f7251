"""STAP: grants from windows, from the application to the proof (N-01 to N-16)."""

from datetime import date
from typing import Any

import pytest

from funding import replay
from funding.schemes.presets import load_preset
from tests.funding.presets.theatre import (
    OPEN,
    STAP,
    STAP_TIMES,
    apply,
    head,
    play,
    trained,
    validated,
    window,
)
from tests.funding.replay.theatre import (
    claimed,
    do,
    last,
    learner,
    paid,
    provider,
    refusals,
    request,
    sources,
    state,
)

pytestmark = pytest.mark.django_db

TWO = [{"id": "L1", "birth_date": "1990-02-03"}, {"id": "L2", "birth_date": "1985-02-03"}]
SECOND_SESSION = [
    *STAP["sessions"],
    {"id": "S2", "credential": "C1", "starts": "2022-10-03", "ends": "2022-10-28", "price_cents": 90_000},
]


def granted(*events: Any, **changes: Any) -> dict[str, Any]:
    """A window opened, an application at its first second, and what follows."""
    return play("stap", window(), apply(at=OPEN), *events, **{**STAP, **changes})


def priced(cents: int) -> list[dict[str, Any]]:
    return [{**STAP["sessions"][0], "price_cents": cents}]


# -- the grant -------------------------------------------------------------------------------------------


def test_n01_n06_granted_at_once_and_paid_to_the_provider() -> None:
    found = granted(validated(**STAP_TIMES), paid())
    assert refusals(found) == []
    assert state(found) == "settled"
    assert sources(found) == {"grant": 90_000}
    assert provider(found) == (0, 0, 90_000, 0)
    assert load_preset("stap").rules_on(date(2022, 7, 1)).decision_days == 28


def test_n01_at_most_a_thousand_the_rest_is_the_learners() -> None:
    found = granted(sessions=priced(160_000))
    assert sources(found) == {"grant": 100_000, "learner": 60_000}


def test_n04_a_grant_is_no_figure_of_the_learner() -> None:
    found = granted()
    assert learner(found) == (0, 0, 0)
    assert found["learners"]["L1"]["lots"] == []


def test_n01_once_in_a_calendar_year() -> None:
    events = [
        window("W2", opens="2022-09-01T10:00", closes="2022-10-31"),
        apply("B2", session="S2", name="W2", at="2022-09-01T10:00"),
    ]
    assert last(granted(events, sessions=SECOND_SESSION)) == ("already_granted", "N-01")


def test_n01_a_withdrawn_grant_still_counts_for_its_year() -> None:
    found = granted(do("withdraw"), apply("B2", session="S2", at="2022-08-20T10:00"), sessions=SECOND_SESSION)
    assert (state(found), sources(found)) == ("withdrawn", {})
    assert last(found) == ("already_granted", "N-01")
    spared = granted(
        do("withdraw"),
        apply("B2", session="S2", at="2022-08-20T10:00"),
        sessions=SECOND_SESSION,
        rules={"withdrawn_grant_counts": False},
    )
    assert last(spared) is None


def test_n01_the_next_year_is_another() -> None:
    session = {
        "id": "S2",
        "credential": "C1",
        "starts": "2023-03-01",
        "ends": "2023-03-31",
        "price_cents": 90_000,
    }
    events = [
        window("W2", opens="2023-01-02T10:00", closes="2023-02-28"),
        apply("B2", session="S2", name="W2", at="2023-01-02T10:00"),
    ]
    assert last(granted(events, sessions=[*STAP["sessions"], session])) is None


@pytest.mark.parametrize(
    "facts",
    [
        {"birth_date": "2004-07-02"},  # 17 on 1 July 2022
        {"birth_date": "1955-12-01"},  # 66 years and 7 months on that day
        {"insured_months": 5},
        {"student_finance": True},
    ],
)
def test_n02_who_is_not_eligible(facts: dict[str, Any]) -> None:
    found = granted(learner=facts)
    assert last(found) == ("not_eligible", "N-02")
    assert found["bookings"] == {}


@pytest.mark.parametrize(
    "facts",
    [{"birth_date": "2004-07-01"}, {"birth_date": "1955-12-02"}, {"insured_months": 6}],
)
def test_n02_who_just_is(facts: dict[str, Any]) -> None:
    assert last(granted(learner=facts)) is None


def test_n02_the_pension_age_of_the_year_of_application() -> None:
    # 66 years and 10 months from 2023 on: reached on 2 January 2023 by who was born on 2 March 1956.
    for birth_date, refused in (("1956-03-02", True), ("1956-03-03", False)):
        found = play(
            "stap",
            window(opens="2023-01-02T10:00", closes="2023-02-28"),
            apply(at="2023-01-02T10:00"),
            clock="2022-12-20",
            learner={"birth_date": birth_date},
            session={"starts": "2023-03-01", "ends": "2023-03-31"},
        )
        assert last(found) == (("not_eligible", "N-02") if refused else None)


# -- the window ------------------------------------------------------------------------------------------


def test_n03_before_during_and_after_the_window() -> None:
    found = play(
        "stap",
        window(),
        apply("B0", at="2022-07-01T09:59:59"),
        apply("B1", at=OPEN),
        apply("B2", "L2", at="2022-08-31T17:00"),
        learners=TWO,
        **STAP,
    )
    assert refusals(found) == [(1, "too_early", "N-03"), (3, "window_closed", "N-03")]


def test_n03_first_come_first_served_until_the_budget_is_gone() -> None:
    found = play(
        "stap",
        window(budget_cents=100_000),
        apply("B1", "L1", at=OPEN),
        apply("B2", "L2"),
        apply("B3", "L2", at="2022-09-01T09:00"),
        learners=TWO,
        **STAP,
    )
    # 10,000 are left: less than the grant.
    assert refusals(found) == [(2, "budget_exhausted", "N-03"), (3, "window_closed", "N-03")]


def test_n03_a_grant_that_still_fits_is_given() -> None:
    sessions = [*priced(90_000), {**priced(10_000)[0], "id": "S2"}]
    found = play(
        "stap",
        window(budget_cents=100_000),
        apply("B1", "L1", at=OPEN),
        apply("B2", "L2", session="S2"),
        learners=TWO,
        **{**STAP, "sessions": sessions},
    )
    assert refusals(found) == []


def test_n03_released_money_does_not_reopen_the_window() -> None:
    found = play(
        "stap",
        window(budget_cents=90_000),
        apply("B1", "L1", at=OPEN),
        do("withdraw", "B1"),
        apply("B2", "L2"),
        learners=TWO,
        **STAP,
    )
    assert (state(found), sources(found)) == ("withdrawn", {})
    assert last(found) == ("budget_exhausted", "N-03")


def test_n03_a_window_without_money_and_each_with_its_own() -> None:
    found = play(
        "stap",
        window("W1", 0),
        window("W2", 90_000),
        apply("B1", at=OPEN),
        apply("B2", name="W2"),
        **STAP,
    )
    assert refusals(found) == [(2, "budget_exhausted", "N-03")]


def test_n03_grants_come_from_windows_alone() -> None:
    found = play("stap", window(), request("B1", at=OPEN), do("propose", "B1"), **STAP)
    assert refusals(found) == [(1, "not_allowed", "N-03"), (2, "not_allowed", None)]


def test_a_window_that_closes_before_it_opens_is_no_scenario() -> None:
    values = {**head("stap", **STAP), "events": [window(closes="2022-07-01T09:00")]}
    with pytest.raises(replay.ScenarioError, match=r"events\[0\].closes: the window closes before it opens"):
        replay.run_scenario(values)


def test_an_application_twice_and_a_window_twice() -> None:
    found = granted(apply(), window())
    assert refusals(found) == [(2, "not_allowed", None), (3, "not_allowed", None)]


# -- the offer -------------------------------------------------------------------------------------------


def test_n04_never_above_the_registers_price() -> None:
    assert last(granted(credential={"register_price_cents": 89_999})) == ("bad_price", "N-04")
    assert last(granted(credential={"register_price_cents": 90_000})) is None


def test_n04_the_register_must_know_provider_and_programme() -> None:
    assert last(granted(providers=[{"id": "P1"}])) == ("not_accredited", "N-04")
    found = play("stap", window(), do("suspend", None, credential="C1"), apply(at=OPEN), **STAP)
    assert last(found) == ("not_accredited", "N-04")


@pytest.mark.parametrize(
    ("starts", "verdict"),
    [
        ("2022-07-28", ("too_late", "N-05")),  # 27 days
        ("2022-07-29", None),  # four weeks
        ("2022-11-30", None),  # three months after the window's last day
        ("2022-12-01", ("too_early", "N-05")),
    ],
)
def test_n05_when_it_may_start(starts: str, verdict: tuple[str, str] | None) -> None:
    assert last(granted(session={"starts": starts, "ends": "2023-01-31"})) == verdict


def test_n14_a_programme_struck_off_is_funded_for_who_was_granted() -> None:
    found = granted(
        do("suspend", None, credential="C1", at="2022-07-15T09:00"),
        apply("B2", "L2"),
        validated(**STAP_TIMES),
        paid(),
        learners=TWO,
    )
    assert refusals(found) == [(3, "not_accredited", "N-04")]
    assert state(found) == "settled"


def test_n14_is_about_programmes_not_about_providers() -> None:
    found = granted(do("suspend", None, provider="P1"), do("declare_entry", at=STAP_TIMES["starts"]))
    assert last(found) == ("not_accredited", "N-04")


def test_example_9_n11_the_grant_above_the_ceiling_and_the_next_year() -> None:
    learners = [{"id": f"L{n}", "birth_date": "1990-02-03"} for n in range(1, 5)]
    later = {
        "id": "S2",
        "credential": "C1",
        "starts": "2024-03-04",
        "ends": "2024-03-29",
        "price_cents": 90_000,
    }
    found = play(
        "stap",
        window(opens="2023-05-01T10:00", closes="2023-06-30"),
        apply("B1", "L1", at="2023-05-01T10:00"),
        apply("B2", "L2"),
        do("withdraw", "B2"),
        apply("B3", "L3"),
        window("W2", opens="2024-01-08T10:00", closes="2024-02-28"),
        apply("B4", "L3", session="S2", name="W2", at="2024-01-08T10:00"),
        clock="2023-04-20",
        learners=learners,
        sessions=[
            {
                "id": "S1",
                "credential": "C1",
                "starts": "2023-07-03",
                "ends": "2023-07-28",
                "price_cents": 90_000,
            },
            later,
        ],
        rules={"grant_ceiling": 2},
    )
    assert refusals(found) == [(4, "grant_ceiling", "N-11")]
    assert load_preset("stap").rules_on(date(2023, 2, 28)).grant_ceiling == 300
    assert load_preset("stap").rules_on(date(2023, 2, 27)).grant_ceiling is None


# -- payment and proof -----------------------------------------------------------------------------------


def test_n07_claimed_from_three_weeks_before_the_start() -> None:
    assert last(granted(do("claim", at="2022-08-14T23:59"))) == ("too_early", "N-07")
    found = granted(
        do("claim", at="2022-08-15T00:00"), do("approve_claim"), do("pay"), do("bank", result="executed")
    )
    assert refusals(found) == []
    assert state(found) == "accepted"
    assert provider(found) == (0, 0, 90_000, 0)


def test_n07_paid_before_the_service_it_is_settled_when_that_is_validated() -> None:
    found = granted(
        do("advance", None, to="2022-08-15"), paid(), validated(percent=85, **STAP_TIMES), do("claim")
    )
    assert refusals(found) == [(len(found["events"]) - 1, "already_settled", None)]
    assert state(found) == "settled"
    # 85 % are complete; what lies beyond the share is for a person to decide (N-09).
    assert provider(found) == (0, 0, 90_000, 0)


def test_n07_a_claim_that_waits_while_the_service_is_validated_stays() -> None:
    found = granted(
        do("advance", None, to="2022-08-15"),
        claimed(),
        validated(**STAP_TIMES),
        do("pay"),
        do("bank", result="executed"),
    )
    assert refusals(found) == []
    assert (state(found), provider(found)) == ("settled", (0, 0, 90_000, 0))


def test_n07_paid_and_cancelled_the_provider_owes_it() -> None:
    found = granted(do("advance", None, to="2022-08-15"), paid(), do("cancel", by="provider"))
    assert (state(found), sources(found)) == ("cancelled_by_provider", {})
    assert provider(found) == (0, 0, 90_000, 90_000)


@pytest.mark.parametrize("way", [do("cancel", by="learner"), do("withdraw"), do("cancel", by="provider")])
def test_money_on_its_way_when_the_grant_ends_is_owed_back(way: dict[str, Any]) -> None:
    found = granted(
        do("advance", None, to="2022-08-15"), claimed(), do("pay"), way, do("bank", result="executed")
    )
    assert refusals(found) == []
    assert provider(found) == (0, 0, 90_000, 90_000)


@pytest.mark.parametrize(
    ("percent", "proof", "publicly_funded", "complete"),
    [
        (79, None, False, False),
        (80, None, False, True),
        (10, "certificate", False, True),
        (10, "exam", False, False),
        (10, "exam", True, True),
    ],
)
def test_example_10_n08_what_completes_a_training(
    percent: int, proof: str | None, publicly_funded: bool, complete: bool
) -> None:
    found = granted(
        trained(percent=percent, **STAP_TIMES),
        [do(proof)] if proof else [],
        do("declare_service"),
        do("claim"),
        credential={"publicly_funded": publicly_funded},
    )
    codes = [(code, rule) for _, code, rule in refusals(found)]
    assert codes == ([] if complete else [("incomplete", "N-08")] * 2)


def test_n08_a_partial_service_pays_its_share_and_the_rest_is_the_funders() -> None:
    found = granted(validated(percent=80, **STAP_TIMES), paid(), sessions=priced(120_000))
    assert state(found) == "settled"
    assert provider(found)[2] == 96_000
    assert sources(found) == {"grant": 80_000, "learner": 16_000}


def test_n10_a_late_proof_is_recorded_and_flagged() -> None:
    found = granted(
        trained(percent=10, **STAP_TIMES),
        do("certificate", at="2022-12-31T09:00"),
        do("declare_service"),
        do("validate_service"),
    )
    assert refusals(found) == []
    assert found["bookings"]["B1"]["flags"] == ["late_proof"]
    in_time = granted(trained(**STAP_TIMES), do("certificate", at="2022-12-30T09:00"))
    assert in_time["bookings"]["B1"]["flags"] == []


def test_n16_a_hold_needs_a_reason_and_an_end_and_stops_no_longer() -> None:
    hold = {"do": "hold", "provider": "P1"}
    found = granted(
        {**hold, "reason": "under investigation"},
        {**hold, "reason": "", "until": "2022-09-30"},
        {**hold, "reason": "false registers", "until": "2022-08-20"},
        do("claim", at="2022-08-16"),
        do("claim", at="2022-08-21"),
    )
    assert refusals(found) == [(2, "incomplete", "N-16"), (3, "incomplete", "N-16"), (5, "on_hold", None)]


def test_denied_after_payment_the_money_is_the_funders_again_and_owed() -> None:
    found = granted(do("advance", None, to="2022-08-15"), paid(), do("deny_consent"))
    assert (state(found), sources(found)) == ("disputed", {})
    assert provider(found) == (0, 0, 90_000, 90_000)
    restored = granted(
        do("advance", None, to="2022-08-15"), paid(), do("deny_consent"), do("resolve", outcome="rejected")
    )
    assert (state(restored), sources(restored), provider(restored)) == (
        "accepted",
        {"grant": 90_000},
        (0, 0, 90_000, 0),
    )


def test_a_late_cancellation_costs_the_price() -> None:
    found = granted(do("cancel", by="learner", at="2022-09-05T10:00"), paid())
    assert (state(found), provider(found)) == ("cancelled_by_learner", (0, 0, 90_000, 0))
