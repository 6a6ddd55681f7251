"""From the request to the acceptance, and the ways out of it: each event, each refusal with its code and rule."""

from typing import Any

import pytest

from tests.funding.replay.theatre import (
    STARTS,
    accepted,
    credit,
    do,
    last,
    learner,
    play,
    proposed,
    provider,
    refusals,
    request,
    sources,
    state,
)

pytestmark = pytest.mark.django_db

SECOND_LEARNER = {"learners": [{"id": "L1"}, {"id": "L2"}]}


# -- credits and years -----------------------------------------------------------------------------------


def test_a_credit_adds_to_the_lot_of_its_source() -> None:
    found = play(credit(1_000), credit(500), credit(700, "employer", expires="2026-12-31"))
    assert learner(found) == (2_200, 0, 0)
    assert found["learners"]["L1"]["lots"] == [
        {"source": "rights", "available_cents": 1_500, "expires": None},
        {"source": "employer", "available_cents": 700, "expires": "2026-12-31"},
    ]


def test_lots_stand_in_draw_down_order() -> None:
    lots = [
        credit(1, "public"),
        credit(2, "rights", expires="2027-01-01"),
        credit(3, "one_off"),
        credit(4, "rights", expires="2026-07-01"),
        credit(5, "endowment"),
        credit(6, "rights"),
    ]
    found = play(lots)["learners"]["L1"]["lots"]
    assert [each["available_cents"] for each in found] == [5, 4, 2, 6, 1, 3]


def test_money_expires_at_the_end_of_its_last_day() -> None:
    money = [credit(100), credit(40, expires="2026-05-08")]
    assert learner(play(money, do("advance", None, to="2026-05-08T23:59")))[0] == 140
    found = play(money, do("advance", None, to="2026-05-09T00:00"))
    assert learner(found) == (100, 0, 0)
    assert found["learners"]["L1"]["lots"] == [{"source": "rights", "available_cents": 100, "expires": None}]


def test_money_whose_last_day_is_over_is_gone_at_once() -> None:
    assert learner(play(credit(40, expires="2026-05-03"), credit(1))) == (1, 0, 0)


def test_held_money_expires_when_it_comes_back() -> None:
    found = play(
        credit(100_000, expires="2026-05-15"),
        accepted(),
        do("advance", None, to="2026-05-18"),
        do("withdraw", at="2026-05-20T09:00"),
    )
    assert state(found) == "withdrawn"
    assert learner(found) == (0, 0, 0)


def test_a_year_is_credited_once() -> None:
    found = play(do("accrue", None, year=2026), do("accrue", None, year=2026), do("accrue", None, year=2025))
    assert refusals(found) == []
    assert learner(found) == (100_000, 0, 0)


@pytest.mark.parametrize(
    ("facts", "cents"),
    [
        ({"status": "employed"}, 50_000),
        ({"status": "self_employed"}, 50_000),
        ({"status": "job_seeker"}, 0),
        ({"status": "student"}, 0),
        ({"status": "retired"}, 0),
        ({"status": "inactive"}, 0),
        ({"hours_ratio": 0.5}, 50_000),
        ({"annual_hours": 803}, 24_985),
        ({"hours_ratio": 1, "annual_hours": 100}, 3_112),
        ({"hours_ratio": 0}, 0),
        ({"qualification_level": 2}, 80_000),
        ({"qualification_level": 3}, 50_000),
        ({"qualification_level": 5, "disabled": True}, 80_000),
    ],
)
def test_f01_f02_f03_the_year(facts: dict[str, Any], cents: int) -> None:
    if facts.get("hours_ratio") == 0.5:
        facts = {"hours_ratio": 1, "annual_hours": 804}
    assert learner(play(do("accrue", None, year=2026), learner=facts))[0] == cents


def test_f04_the_cap_compares_available_and_held_rights() -> None:
    found = play(credit(490_000), credit(900_000, "endowment"), do("accrue", None, year=2026))
    assert learner(found)[0] == 490_000 + 900_000 + 10_000
    found = play(credit(490_000), accepted(), do("accrue", None, year=2026))
    assert sum(learner(found)) == 500_000
    assert learner(play(credit(600_000), do("accrue", None, year=2026)))[0] == 600_000


def test_a_year_before_the_scheme() -> None:
    assert last(play(do("accrue", None, year=2018))) == ("not_bookable", None)


def test_windows_are_of_other_schemes() -> None:
    window = do("open_window", None, window="W1", budget_cents=1, opens="2026-05-05", closes="2026-05-06")
    found = play(
        window,
        do("apply", "B1", learner="L1", session="S1", window="W1"),
        do("accept", "B1"),
    )
    assert refusals(found) == [(n, "not_allowed", None) for n in range(3)]


# -- request ---------------------------------------------------------------------------------------------


def test_a_request_holds_nothing() -> None:
    found = play(credit(), request())
    assert found["bookings"]["B1"] == {
        "state": "requested",
        "price_cents": 165_000,
        "sources": {},
        "flags": [],
    }
    assert learner(found) == (500_000, 0, 0)


@pytest.mark.parametrize(
    ("changes", "code", "rule"),
    [
        ({"credential": {"kind": "course"}}, "not_bookable", "F-17"),
        ({"credential": {"kind": "curated_course"}}, "not_bookable", "F-17"),
        ({"session": {"price_cents": 0}}, "not_bookable", None),
        ({"session": {"starts": None}}, "not_bookable", None),
        ({"providers": [{"id": "P1"}]}, "not_accredited", "F-17"),
        ({"provider": {"accredited_from": "2026-05-05"}}, "not_accredited", "F-17"),
        ({"provider": {"accredited_until": "2026-05-03"}}, "not_accredited", "F-17"),
        (
            {"credential": {"kind": "light_licence"}, "learner": {"driving_licences": ["A1"]}},
            "not_eligible",
            "F-15",
        ),
    ],
)
def test_what_can_never_be_booked_is_refused_at_once(changes: dict[str, Any], code: str, rule: str) -> None:
    found = play(credit(), request(), **changes)
    assert last(found) == (code, rule)
    assert found["bookings"] == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"provider": {"accredited_from": "2026-05-04"}},
        {"provider": {"accredited_until": "2026-05-04"}},
        {"providers": [{"id": "P1", "accredited_from": "2026-01-01"}]},
        {"providers": [{"id": "P1", "accredited_until": "2027-01-01"}]},
        {"credential": {"kind": "heavy_licence"}, "learner": {"driving_licences": ["B"]}},
        {"session": {"seats": 0}},
    ],
)
def test_what_may_be_asked_for(changes: dict[str, Any]) -> None:
    assert last(play(request(), **changes)) is None


def test_bookings_of_refused_requests_are_known() -> None:
    later: list[dict[str, Any]] = [
        do("propose"),
        do("accept"),
        do("withdraw"),
        do("cancel", by="funder"),
        do("claim"),
        do("pay"),
        do("bank", result="executed"),
        do("hold", reason="x", until="2026-06-01"),
        do("release_hold"),
        request(),
    ]
    found = play(request(), later, credential={"kind": "course"})
    assert [code for _, code, _ in refusals(found)] == ["not_bookable", *["not_allowed"] * len(later)]


def test_a_booking_is_asked_for_once() -> None:
    found = play(request("B1"), request("B1"), request("B2"), do("refuse", by="learner"), request("B3"))
    assert refusals(found) == [(1, "not_allowed", None), (2, "not_allowed", None)]
    assert set(found["bookings"]) == {"B1", "B3"}


# -- acknowledge, propose, refuse ------------------------------------------------------------------------


def test_f20_a_late_answer_is_recorded_and_flagged() -> None:
    found = play(request(), do("propose", at="2026-05-06T23:59"))
    assert found["bookings"]["B1"]["flags"] == []
    found = play(request(), do("propose", at="2026-05-07T00:00"))
    assert (state(found), found["bookings"]["B1"]["flags"]) == ("proposed", ["late_answer"])
    found = play(request(), do("refuse", by="provider", reason="full", at="2026-05-07T00:00"))
    assert (state(found), found["bookings"]["B1"]["flags"]) == ("refused_by_provider", ["late_answer"])


def test_f20_with_prerequisites_there_are_thirty_days() -> None:
    changes = {"credential": {"prerequisites": True}}
    found = play(request(), do("propose", at="2026-06-03T23:59"), **changes)
    assert found["bookings"]["B1"]["flags"] == []
    found = play(request(), do("propose", at="2026-06-04T00:00"), **changes)
    assert found["bookings"]["B1"]["flags"] == ["late_answer"]
    found = play(request(), do("acknowledge", at="2026-05-06T23:59"), do("acknowledge"), **changes)
    assert (refusals(found), found["bookings"]["B1"]["flags"]) == ([(2, "not_allowed", None)], [])
    found = play(request(), do("acknowledge", at="2026-05-07T00:00"), do("propose"), **changes)
    assert found["bookings"]["B1"]["flags"] == ["late_answer"]
    assert last(play(proposed(), do("acknowledge"), **changes)) == ("not_allowed", None)


def test_f20_a_refusal_gives_a_reason() -> None:
    assert last(play(request(), do("refuse", by="provider"))) == ("incomplete", "F-20")
    assert last(play(request(), do("refuse", by="provider", reason="  "))) == ("incomplete", "F-20")
    found = play(request(), do("refuse", by="provider", reason="full"), do("propose"))
    assert (state(found), last(found)) == ("refused_by_provider", ("not_allowed", None))


def test_who_refuses_what() -> None:
    assert state(play(request(), do("refuse", by="learner"))) == "refused_by_learner"
    assert state(play(proposed(), do("refuse", by="learner", reason="no time"))) == "refused_by_learner"
    assert last(play(proposed(), do("refuse", by="provider", reason="full"))) == ("not_allowed", None)
    assert last(play(request(), do("refuse", by="funder", reason="no"))) == ("not_allowed", None)
    # Refusing a proposal is not denying consent to it.
    assert last(play(proposed(), do("refuse", by="learner"), do("accept"))) == ("not_allowed", None)


@pytest.mark.parametrize(
    ("price", "credential", "code"),
    [
        (165_000, {}, None),
        (1, {}, None),
        (None, {}, None),
        (165_001, {}, ("bad_price", None)),
        (0, {}, ("bad_price", None)),
        (165_000, {"register_price_cents": 165_000}, None),
        (160_001, {"register_price_cents": 160_000}, ("bad_price", None)),
        (None, {"register_price_cents": 160_000}, ("bad_price", None)),
    ],
)
def test_the_price_of_a_proposal(price: int | None, credential: dict[str, int], code: Any) -> None:
    keys = {} if price is None else {"price_cents": price}
    found = play(request(), do("propose", **keys), credential=credential)
    assert last(found) == code
    if code is None:
        assert found["bookings"]["B1"]["price_cents"] == (price or 165_000)


def test_f22_eleven_working_days_of_notice() -> None:
    soon = {"session": {"starts": "2026-05-21T08:00", "ends": "2026-05-22T17:00"}}
    assert last(play(proposed(), **soon)) is None
    assert last(play(request(), do("propose", at="2026-05-05T09:00"), **soon)) == ("too_late", "F-22")
    # Only the proposal is looked at.
    assert state(play(credit(), proposed(), do("accept", at="2026-05-11T23:59"), **soon)) == "accepted"


def test_a_proposal_is_made_once() -> None:
    assert last(play(proposed(), do("propose"))) == ("not_allowed", None)


# -- accept ----------------------------------------------------------------------------------------------


def test_f21_a_proposal_lapses_after_four_working_days() -> None:
    found = play(credit(), proposed(), do("accept", at="2026-05-11T23:59"))
    assert state(found) == "accepted"
    found = play(credit(), proposed(), do("accept", at="2026-05-12T00:00"))
    assert (state(found), last(found)) == ("lapsed", ("too_late", "F-21"))
    assert state(play(proposed(), do("advance", None, to="2026-05-12"))) == "lapsed"


def test_f32_only_with_a_strong_identity() -> None:
    weak = {"learner": {"e_identity": "weak"}}
    assert last(play(credit(), accepted(), **weak)) == ("weak_identity", "F-32")
    assert last(play(credit(), proposed(), do("accept", e_identity="strong"), **weak)) is None
    found = play(credit(), proposed(), do("accept", e_identity="weak"), do("accept"))
    assert refusals(found) == [(3, "weak_identity", "F-32")]
    assert state(found) == "accepted"


def test_accepting_a_second_time_is_refused_and_changes_nothing() -> None:
    once, twice = play(credit(), accepted()), play(credit(), accepted(), do("accept"))
    assert last(twice) == ("not_allowed", None)
    assert once["learners"] == twice["learners"]
    assert once["bookings"] == twice["bookings"]


def test_accepting_without_a_proposal() -> None:
    assert last(play(credit(), request(), do("accept"))) == ("not_allowed", None)


def test_without_usable_money() -> None:
    assert last(play(accepted())) == ("insufficient_rights", None)
    assert last(play(credit(100, "one_off"), accepted())) == ("insufficient_rights", None)
    assert last(play(credit(100, expires="2026-05-03"), accepted())) == ("insufficient_rights", None)


def test_a_cent_of_rights_is_enough_and_the_rest_is_the_learners() -> None:
    assert sources(play(credit(1), accepted())) == {"rights": 1, "learner": 164_999}


def test_a_full_session() -> None:
    found = play(
        credit(),
        credit(learner="L2"),
        accepted("B1"),
        accepted("B2", learner="L2"),
        do("withdraw", "B1"),
        do("accept", "B2"),
        session={"seats": 1},
        **SECOND_LEARNER,
    )
    assert refusals(found) == [(7, "session_full", None)]
    assert (state(found, "B1"), state(found, "B2")) == ("withdrawn", "accepted")
    assert learner(found, "L2") == (350_000, 150_000, 0)


def test_a_session_that_has_begun() -> None:
    rules = {"rules": {"min_notice_wd": 0}, "session": {"starts": "2026-05-05T09:00"}}
    assert last(play(credit(), proposed(), do("accept", at="2026-05-05T09:00"), **rules)) == (
        "too_late",
        None,
    )
    assert last(play(credit(), proposed(), do("accept", at="2026-05-05T08:59"), **rules)) is None


def test_own_money_and_sources_are_summed_by_name() -> None:
    found = play(
        credit(30_000, expires="2026-12-31"),
        credit(40_000),
        credit(20_000, "public"),
        accepted(),
        credential={"kind": "rncp"},
    )
    assert sources(found) == {"rights": 70_000, "public": 20_000, "learner": 75_000}
    assert list(sources(found)) == ["rights", "public", "learner"]


@pytest.mark.parametrize(
    ("facts", "kind", "money", "expected"),
    [
        ({}, "rncp", [], {"rights": 150_000, "learner": 15_000}),
        ({"status": "job_seeker"}, "rncp", [], {"rights": 165_000}),
        ({"prevention_account": True}, "rncp", [], {"rights": 165_000}),
        ({"work_incapacity_percent": 10}, "rncp", [], {"rights": 165_000}),
        ({"work_incapacity_percent": 9}, "rncp", [], {"rights": 150_000, "learner": 15_000}),
        ({}, "clea", [], {"rights": 150_000, "learner": 15_000}),
        ({"status": "job_seeker"}, "clea", [], {"rights": 165_000}),
        ({"status": "job_seeker"}, "skills_assessment", [], {"rights": 160_000, "learner": 5_000}),
        ({"status": "job_seeker"}, "light_licence", [], {"rights": 90_000, "learner": 75_000}),
        (
            {},
            "light_licence",
            [credit(1, "endowment")],
            {"endowment": 1, "rights": 90_000, "learner": 74_999},
        ),
        ({}, "rs", [credit(20_000, "employer")], {"rights": 150_000, "employer": 15_000}),
        ({}, "rs", [credit(20_000, "public")], {"rights": 150_000, "learner": 15_000}),
        ({}, "rs", [credit(1, "corrective")], {"corrective": 1, "rights": 150_000, "learner": 14_999}),
    ],
)
def test_who_pays(facts: dict[str, Any], kind: str, money: list[Any], expected: dict[str, int]) -> None:
    found = play(credit(), money, accepted(), learner=facts, credential={"kind": kind})
    assert sources(found) == expected


def test_f14_a_light_licence_needs_a_status_or_co_funding() -> None:
    licence = {"credential": {"kind": "light_licence"}}
    found = play(credit(), proposed(), do("accept"), credit(1, "employer"), do("accept"), **licence)
    assert refusals(found) == [(3, "not_eligible", "F-14")]
    # Before 26 February 2026 there was no such rule.
    assert last(play(credit(), accepted(), clock="2026-02-25T09:00", **licence)) is None


def test_rules_are_those_of_the_day_of_acceptance() -> None:
    march = {"clock": "2026-03-31T09:00", "credential": {"kind": "rncp"}}
    assert sources(play(credit(), accepted(), **march))["learner"] == 10_320
    found = play(credit(), proposed(), do("accept", at="2026-04-02T00:00"), **march)
    assert sources(found)["learner"] == 15_000


def test_a_booking_keeps_the_rules_of_its_acceptance() -> None:
    found = play(
        credit(),
        accepted(),
        do("advance", None, to="2026-04-10"),
        clock="2026-03-31T09:00",
        credential={"kind": "rncp"},
    )
    assert sources(found)["learner"] == 10_320


# -- consent ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [[request()], proposed()])
def test_denying_consent_before_the_acceptance(before: list[Any]) -> None:
    found = play(credit(), before, do("deny_consent"), do("accept"))
    assert (state(found), last(found)) == ("refused_by_learner", ("consent_denied", None))
    assert learner(found) == (500_000, 0, 0)


def test_denying_consent_after_the_acceptance() -> None:
    found = play(credit(), accepted(), do("deny_consent"))
    assert state(found) == "disputed"
    assert learner(found) == (350_000, 150_000, 0)
    for event in (do("claim"), do("approve_claim"), do("pay")):
        assert last(play(credit(), accepted(), do("deny_consent"), event)) == ("on_hold", None)
    assert last(play(credit(), accepted(), do("deny_consent"), do("deny_consent"))) == ("not_allowed", None)
    assert last(play(credit(), accepted(), do("withdraw"), do("deny_consent"))) == ("not_allowed", None)


def test_a_dispute_is_resolved() -> None:
    dispute = [credit(), accepted(), do("deny_consent")]
    found = play(dispute, do("resolve", outcome="upheld"))
    assert (state(found), learner(found), sources(found)) == ("cancelled_by_funder", (500_000, 0, 0), {})
    found = play(dispute, do("resolve", outcome="rejected"))
    assert (state(found), learner(found)) == ("accepted", (350_000, 150_000, 0))
    assert last(play(credit(), accepted(), do("resolve", outcome="upheld"))) == ("not_allowed", None)


# -- endings ---------------------------------------------------------------------------------------------


def test_f23_withdrawal_within_fourteen_working_days() -> None:
    found = play(credit(), accepted(), do("withdraw", at="2026-05-27T23:59"))
    assert (state(found), learner(found), sources(found)) == ("withdrawn", (500_000, 0, 0), {})
    found = play(credit(), accepted(), do("withdraw", at="2026-05-28T00:00"))
    assert (state(found), last(found)) == ("accepted", ("too_late", "F-23"))
    assert last(play(credit(), proposed(), do("withdraw"))) == ("not_allowed", None)
    assert last(play(credit(), accepted(), do("withdraw"), do("withdraw"))) == ("not_allowed", None)


@pytest.mark.parametrize(
    ("at", "reason", "expected", "money"),
    [
        ("2026-05-27T23:59", "", "withdrawn", (500_000, 0, 0)),
        ("2026-05-28T00:00", "", "cancelled_by_learner", (500_000, 0, 0)),
        ("2026-06-11T23:59", "", "cancelled_by_learner", (500_000, 0, 0)),
        ("2026-06-12T00:00", "", "cancelled_by_learner", (350_000, 150_000, 0)),
        ("2026-06-22T08:59", "force_majeure", "cancelled_by_learner", (500_000, 0, 0)),
        ("2026-06-22T09:00", "force_majeure", "cancelled_by_learner", (350_000, 150_000, 0)),
        ("2026-06-22T09:00", "", "cancelled_by_learner", (350_000, 150_000, 0)),
    ],
)
def test_f24_cancelling(at: str, reason: str, expected: str, money: tuple[int, int, int]) -> None:
    found = play(credit(), accepted(), do("cancel", by="learner", reason=reason, at=at))
    assert (state(found), learner(found)) == (expected, money)
    assert sources(found) == ({"rights": 150_000, "learner": 15_000} if money[1] else {})


def test_f24_the_price_of_a_late_cancellation_may_be_claimed() -> None:
    late = [credit(), accepted(), do("cancel", by="learner", at="2026-06-15")]
    steps = [do("claim"), do("approve_claim"), do("pay"), do("bank", result="executed")]
    found = play(late, steps)
    assert (state(found), provider(found)) == ("cancelled_by_learner", (0, 0, 165_000, 0))
    assert learner(found) == (350_000, 0, 150_000)
    assert last(play(late, steps, do("claim"))) == ("already_settled", None)
    # In time nothing is owed.
    in_time = [credit(), accepted(), do("cancel", by="learner", at="2026-06-01"), do("claim")]
    assert last(play(in_time)) == ("not_allowed", None)


@pytest.mark.parametrize("by", ["provider", "funder"])
@pytest.mark.parametrize(
    "before", [[request()], proposed(), accepted(), [*accepted(), do("declare_entry", at=STARTS)]]
)
def test_cancelled_by_provider_or_funder_all_goes_back(by: str, before: list[Any]) -> None:
    found = play(credit(), before, do("cancel", by=by, reason="strike"), do("accept"))
    assert (state(found), learner(found)) == (f"cancelled_by_{by}", (500_000, 0, 0))
    assert last(found) == ("not_allowed", None)
    assert provider(found) == (0, 0, 0, 0)


def test_cancelling_what_was_not_accepted_costs_nothing() -> None:
    for before in ([request()], proposed()):
        assert state(play(credit(), before, do("cancel", by="learner"))) == "cancelled_by_learner"


def test_a_cancelled_session_gives_everything_back() -> None:
    found = play(
        credit(),
        credit(learner="L2"),
        accepted("B1"),
        request("B2", learner="L2"),
        do("cancel_session", None, session="S1"),
        do("cancel_session", None, session="S1"),
        do("propose", "B2"),
        request("B3"),
        **SECOND_LEARNER,
    )
    assert refusals(found) == [(8, "not_allowed", None), (9, "not_bookable", None)]
    assert {state(found, "B1"), state(found, "B2")} == {"cancelled_by_provider"}
    assert learner(found) == (500_000, 0, 0)


def test_f25_no_show() -> None:
    assert last(play(credit(), accepted(), do("no_show", justified=False))) == ("too_early", "F-25")
    absent = [credit(), accepted(), do("no_show", justified=False, at=STARTS)]
    found = play(absent)
    assert (state(found), learner(found)) == ("no_show", (350_000, 150_000, 0))
    found = play(absent, do("claim"), do("approve_claim"))
    assert (state(found), provider(found)) == ("no_show", (165_000, 0, 0, 0))
    found = play(credit(), accepted(), do("no_show", justified=True, at=STARTS), do("claim"))
    assert (state(found), learner(found), last(found)) == ("no_show", (500_000, 0, 0), ("not_allowed", None))
    entered = [credit(), accepted(), do("declare_entry", at=STARTS), do("no_show", justified=False)]
    assert last(play(entered)) == ("not_allowed", None)
