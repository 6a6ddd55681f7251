"""One preset for each of the voucher schemes: what it gives, what it refuses, what comes back."""

import re
from typing import Any

import pytest

from funding import replay
from tests.funding.presets.theatre import ENDS, STARTS, head, play, trained, validated
from tests.funding.replay.theatre import (
    _flat,
    accepted,
    credit,
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


def priced(cents: int, **keys: Any) -> dict[str, Any]:
    return {"id": "S1", "credential": "C1", "starts": STARTS, "ends": ENDS, "price_cents": cents, **keys}


SECOND = priced(10_000, id="S2", starts="2026-09-07T09:00", ends="2026-09-25T17:00")


def accrue(year: int) -> dict[str, Any]:
    return do("accrue", None, year=year)


def advance(to: str) -> dict[str, Any]:
    return do("advance", None, to=to)


# -- Flanders --------------------------------------------------------------------------------------------


def test_flanders_half_is_the_learners_own() -> None:
    found = play("flanders", accrue(2026), accepted(), validated(), paid(), session={"price_cents": 40_001})
    assert refusals(found) == []
    assert (state(found), sources(found)) == ("settled", {"rights": 20_000, "learner": 20_001})
    assert (learner(found), provider(found)) == ((5_000, 0, 20_000), (0, 0, 40_001, 0))


def test_flanders_two_hundred_and_fifty_a_year_valid_fourteen_months() -> None:
    found = play("flanders", accrue(2026), accrue(2026), advance("2027-07-04T23:59"))
    assert found["learners"]["L1"]["lots"] == [
        {"source": "rights", "available_cents": 25_000, "expires": "2027-07-04"}
    ]
    assert learner(play("flanders", accrue(2026), advance("2027-07-05"))) == (0, 0, 0)
    assert sources(play("flanders", accrue(2026), accepted())) == {"rights": 25_000, "learner": 75_000}


def test_flanders_without_cheques_and_withdrawn() -> None:
    assert last(play("flanders", accepted())) == ("insufficient_rights", None)
    found = play("flanders", accrue(2026), accepted(), do("withdraw"))
    assert (state(found), sources(found), learner(found)) == ("withdrawn", {}, (25_000, 0, 0))


def test_flanders_an_employers_money_is_not_limited_by_the_half() -> None:
    found = play(
        "flanders", accrue(2026), credit(60_000, "employer"), accepted(), session={"price_cents": 40_000}
    )
    assert sources(found) == {"rights": 20_000, "employer": 20_000}


# -- Geneva ----------------------------------------------------------------------------------------------


def test_geneva_one_cheque_a_year_or_three_at_once() -> None:
    found = play(
        "geneva",
        accrue(2024),
        accrue(2025),
        accrue(2026),
        accrue(2027),
        accepted(),
        validated(),
        paid(),
        session={"price_cents": 300_000},
    )
    assert refusals(found) == []
    assert (state(found), sources(found)) == ("settled", {"rights": 225_000, "learner": 75_000})


def test_geneva_at_least_forty_hours() -> None:
    assert last(play("geneva", accrue(2026), request(), credential={"hours": 39})) == ("not_bookable", None)
    assert last(play("geneva", accrue(2026), request(), credential={"hours": 40})) is None
    assert last(play("geneva", accrue(2026), request(), credential={"hours": None})) == ("not_bookable", None)


def test_geneva_the_income_test_is_a_parameter() -> None:
    rules = {"income_limit_cents": 9_000_000}
    for income, verdict in (
        (9_000_001, ("not_eligible", None)),
        (9_000_000, None),
        (None, ("not_eligible", None)),
    ):
        found = play("geneva", accrue(2026), request(), learner={"income_cents": income}, rules=rules)
        assert last(found) == verdict
    assert last(play("geneva", accrue(2026), request(), learner={"income_cents": 99_000_000})) is None


def test_geneva_cancelled_by_the_provider() -> None:
    found = play("geneva", accrue(2026), accepted(), do("cancel", by="provider"))
    assert learner(found) == (75_000, 0, 0)


# -- Upper Austria ---------------------------------------------------------------------------------------


def back(found: dict[str, Any]) -> int:
    return int(found["learners"]["L1"]["reimbursed_cents"])


def test_upper_austria_the_learner_pays_and_is_given_back_a_part() -> None:
    found = play("upper_austria", accepted(), validated(percent=75), paid())
    assert refusals(found) == []
    assert (state(found), sources(found), back(found)) == ("settled", {"learner": 100_000}, 30_000)
    assert (learner(found), provider(found)) == ((0, 0, 0), (0, 0, 0, 0))


def test_upper_austria_the_report_says_what_came_back() -> None:
    events = list(_flat([accepted(), validated(), paid()]))
    text = replay.render(replay.run_scenario({**head("upper_austria"), "events": events}))
    assert re.search(r"learner +available +held +spent +given back", text)
    assert re.search(r"L1 +€0.00 +€0.00 +€0.00 +€300.00", text)


def test_upper_austria_at_most_two_thousand() -> None:
    found = play("upper_austria", accepted(), validated(), paid(), session={"price_cents": 900_000})
    assert back(found) == 200_000


def test_upper_austria_not_below_three_quarters_of_the_attendance() -> None:
    found = play("upper_austria", accepted(), trained(percent=74), do("declare_service"), do("claim"))
    assert [code for _, code, _ in refusals(found)] == ["incomplete", "incomplete"]
    assert back(found) == 0
    found = play("upper_austria", accepted(), validated(), do("claim"))
    assert (state(found), back(found)) == ("service_validated", 0)


def test_upper_austria_before_the_service_and_a_second_time() -> None:
    assert last(play("upper_austria", accepted(), do("claim"))) == ("too_early", None)
    assert last(play("upper_austria", accepted(), validated(), paid(), do("claim"))) == (
        "already_settled",
        None,
    )


def test_upper_austria_returned_by_the_bank_and_paid_again() -> None:
    steps = [do("claim"), do("approve_claim"), do("pay"), do("bank", result="rejected")]
    found = play("upper_austria", accepted(), validated(), steps)
    assert back(found) == 0
    found = play("upper_austria", accepted(), validated(), steps, do("pay"), do("bank", result="executed"))
    assert (state(found), back(found)) == ("settled", 30_000)


@pytest.mark.parametrize("way", [do("withdraw"), do("cancel", by="learner"), do("cancel", by="provider")])
def test_upper_austria_before_the_start_all_comes_back(way: dict[str, Any]) -> None:
    found = play("upper_austria", accepted(), way)
    assert (sources(found), back(found), provider(found)) == ({}, 0, (0, 0, 0, 0))


def test_upper_austria_who_does_not_come_is_given_nothing_back() -> None:
    found = play("upper_austria", accepted(), do("no_show", justified=False, at=STARTS), do("claim"))
    assert (state(found), sources(found), back(found)) == ("no_show", {"learner": 100_000}, 0)
    late = play("upper_austria", accepted(), do("cancel", by="learner", at=STARTS))
    assert (state(late), provider(late)) == ("cancelled_by_learner", (0, 0, 0, 0))


def test_upper_austria_a_disputed_booking_is_not_paid() -> None:
    found = play(
        "upper_austria", accepted(), validated(), do("claim"), do("deny_consent"), do("approve_claim")
    )
    assert last(found) == ("on_hold", None)


def test_upper_austria_what_was_paid_directly_is_not_the_platforms_to_give_back() -> None:
    for outcome, ended in (("upheld", "cancelled_by_funder"), ("rejected", "settled")):
        events = [do("deny_consent"), do("resolve", outcome=outcome)]
        found = play("upper_austria", accepted(), validated(), paid(), events)
        assert refusals(found) == []
        assert (state(found), sources(found), back(found)) == (ended, {"learner": 100_000}, 30_000)
        assert provider(found) == (0, 0, 0, 0)


# -- Greece ----------------------------------------------------------------------------------------------


def test_greece_five_an_hour_the_rest_is_the_learners() -> None:
    found = play("greece", credit(200_000, "public"), accepted(), validated(), do("certificate"), paid())
    assert refusals(found) == []
    assert (state(found), sources(found)) == ("settled", {"public": 30_000, "learner": 70_000})
    cheap = play("greece", credit(200_000, "public"), accepted(), session={"price_cents": 25_000})
    assert sources(cheap) == {"public": 25_000}


def test_greece_paid_after_the_certification() -> None:
    found = play(
        "greece",
        credit(200_000, "public"),
        accepted(),
        validated(),
        do("claim"),
        do("certificate"),
        do("claim"),
    )
    assert [code for _, code, _ in refusals(found)] == ["incomplete"]
    exam = play("greece", credit(200_000, "public"), accepted(), validated(), do("exam"), do("claim"))
    assert last(exam) == ("incomplete", None)


@pytest.mark.parametrize(
    ("credential", "session"),
    [
        ({"hours": 49}, {}),
        ({"hours": 201}, {"ends": "2026-12-18T17:00"}),
        ({"hours": None}, {}),
        ({}, {"starts": "2026-06-21T09:00"}),  # a Sunday
        ({}, {"ends": "2026-07-19T17:00"}),
        ({"hours": 60}, {"ends": "2026-07-01T17:00"}),  # nine days without the Sunday: 54 hours
    ],
)
def test_greece_what_cannot_be_booked(credential: dict[str, Any], session: dict[str, Any]) -> None:
    found = play("greece", credit(200_000, "public"), request(), credential=credential, session=session)
    assert last(found) == ("not_bookable", None)


@pytest.mark.parametrize(
    ("credential", "session"),
    [
        ({"hours": 50}, {}),
        ({"hours": 200}, {"ends": "2026-12-18T17:00"}),
        ({"hours": 60}, {"ends": "2026-07-02T17:00"}),  # ten days: six hours each
    ],
)
def test_greece_what_just_can(credential: dict[str, Any], session: dict[str, Any]) -> None:
    found = play("greece", credit(200_000, "public"), request(), credential=credential, session=session)
    assert last(found) is None


def test_greece_half_done_goes_half_back() -> None:
    found = play(
        "greece", credit(30_000, "public"), accepted(), validated(percent=50), do("certificate"), paid()
    )
    assert sources(found) == {"public": 15_000, "learner": 35_000}
    assert learner(found) == (15_000, 0, 15_000)


# -- Lithuania -------------------------------------------------------------------------------------------


def test_lithuania_once_and_again_five_years_after_it_was_used_up() -> None:
    used = [accrue(2026), accepted(), validated(), paid()]
    found = play("lithuania", used, accrue(2027), advance("2031-05-03T23:59"), accrue(2031))
    assert (state(found), learner(found)) == ("settled", (0, 0, 50_000))
    found = play("lithuania", used, advance("2031-05-04"), accrue(2031), accrue(2031), accrue(2032))
    assert learner(found) == (50_000, 0, 50_000)


def test_lithuania_not_again_while_something_is_left() -> None:
    found = play(
        "lithuania",
        accrue(2026),
        accepted(),
        advance("2032-01-01"),
        accrue(2032),
        session={"price_cents": 49_999},
    )
    assert learner(found) == (1, 49_999, 0)


def test_lithuania_a_withdrawal_ends_the_wait_and_gives_back() -> None:
    found = play("lithuania", accrue(2026), accepted(), do("withdraw"), accrue(2027))
    assert learner(found) == (50_000, 0, 0)
    assert last(
        play(
            "lithuania",
            accrue(2026),
            accepted(),
            request("B2", session="S2"),
            do("propose", "B2"),
            do("accept", "B2"),
            sessions=[priced(50_000), SECOND],
        )
    ) == ("insufficient_rights", None)


# -- Germany ---------------------------------------------------------------------------------------------


def test_germany_provider_and_measure_are_accredited() -> None:
    found = play("germany", credit(100_000, "public"), accepted(), validated(), paid())
    assert (state(found), sources(found)) == ("settled", {"public": 100_000})
    for changes in (
        {"provider": {"accredited_from": None, "accredited_until": None}},
        {"credential": {"accredited_from": None, "accredited_until": None}},
    ):
        assert last(play("germany", credit(100_000, "public"), request(), **changes)) == (
            "not_accredited",
            None,
        )


def test_germany_valid_three_months() -> None:
    found = play("germany", credit(100_000, "public"), advance("2026-08-04T23:59"))
    assert found["learners"]["L1"]["lots"][0]["expires"] == "2026-08-04"
    assert learner(play("germany", credit(100_000, "public"), advance("2026-08-05"))) == (0, 0, 0)


def test_germany_for_one_goal() -> None:
    goal = credit(100_000, "public", goal="rs")
    assert last(play("germany", goal, accepted())) == ("insufficient_rights", None)
    found = play("germany", goal, accepted(), do("withdraw"), credential={"kind": "rs"})
    assert learner(found) == (100_000, 0, 0)


# -- Croatia ---------------------------------------------------------------------------------------------


def second(*events: Any) -> list[Any]:
    return [request("B2", session="S2"), do("propose", "B2"), do("accept", "B2"), *events]


def test_croatia_one_voucher_ever_the_rest_from_employer_or_learner() -> None:
    money = [credit(60_000, "public"), credit(30_000, "employer")]
    found = play(
        "croatia",
        money,
        accepted(),
        validated(),
        paid(),
        credit(60_000, "public"),
        second(),
        sessions=[priced(100_000), SECOND],
    )
    assert sources(found) == {"public": 60_000, "employer": 30_000, "learner": 10_000}
    assert last(found) == ("already_granted", None)


def test_croatia_a_voucher_that_came_back_was_not_used() -> None:
    found = play(
        "croatia",
        credit(60_000, "public"),
        accepted(),
        do("withdraw"),
        second(),
        sessions=[priced(100_000), SECOND],
    )
    assert refusals(found) == []
    assert (learner(found), sources(found, "B2")) == ((50_000, 10_000, 0), {"public": 10_000})


def test_once_a_year_is_a_parameter_of_any_scheme() -> None:
    later = {**SECOND, "starts": "2027-03-01", "ends": "2027-03-26"}
    events = [credit(60_000, "public"), accepted(), second()]
    rules = {"once": "per_year", "withdrawn_grant_counts": True}
    assert last(play("croatia", events, sessions=[priced(100_000), SECOND], rules=rules)) == (
        "already_granted",
        "N-01",
    )
    events = [credit(200_000, "public"), accepted(), advance("2027-01-04"), second()]
    assert last(play("croatia", events, sessions=[priced(100_000), later], rules=rules)) is None


# -- the United States -----------------------------------------------------------------------------------


def test_wioa_the_programme_is_on_the_list_the_provider_need_not_be() -> None:
    found = play(
        "wioa_ita", credit(100_000, "public"), accepted(), validated(), paid(), providers=[{"id": "P1"}]
    )
    assert (state(found), provider(found)) == ("settled", (0, 0, 100_000, 0))


def test_wioa_a_programme_that_is_not_or_no_longer_on_the_list() -> None:
    off = {"accredited_from": None, "accredited_until": None}
    assert last(play("wioa_ita", credit(1, "public"), request(), credential=off)) == ("not_accredited", None)
    ended = {"accredited_until": "2026-06-21"}
    found = play(
        "wioa_ita", credit(1, "public"), accepted(), do("declare_entry", at=STARTS), credential=ended
    )
    assert last(found) == ("not_accredited", None)


def test_wioa_cancelled_session() -> None:
    found = play("wioa_ita", credit(100_000, "public"), accepted(), do("cancel_session", None, session="S1"))
    assert learner(found) == (100_000, 0, 0)


# -- Canada ----------------------------------------------------------------------------------------------


def test_canada_half_of_the_fees() -> None:
    found = play("canada", [accrue(year) for year in (2024, 2025, 2026)], accepted(), validated(), paid())
    assert (state(found), sources(found)) == ("settled", {"rights": 50_000, "learner": 50_000})
    assert learner(found) == (25_000, 0, 50_000)


def test_canada_two_hundred_and_fifty_a_year_up_to_five_thousand_in_a_lifetime() -> None:
    years = [accrue(year) for year in range(2016, 2038)]
    assert learner(play("canada", years)) == (500_000, 0, 0)
    found = play("canada", credit(490_000), accepted(), validated(), paid(), accrue(2026), accrue(2027))
    # What is spent counts: 10,000 were left of the lifetime's sum.
    assert learner(found) == (450_000, 0, 50_000)
    assert last(play("canada", accepted())) == ("insufficient_rights", None)


# -- the United Kingdom, 2000 to 2001 --------------------------------------------------------------------


def test_uk_a_hundred_and_fifty_with_twenty_five_of_ones_own() -> None:
    found = play(
        "uk_2000",
        accrue(2026),
        accrue(2027),
        accepted(),
        validated(),
        paid(),
        session={"price_cents": 16_000},
    )
    assert (state(found), sources(found)) == ("settled", {"rights": 13_500, "learner": 2_500})
    found = play("uk_2000", credit(50_000), accepted(), session={"price_cents": 20_000})
    assert sources(found) == {"rights": 15_000, "learner": 5_000}


@pytest.mark.parametrize(("kind", "discount"), [("course", 2_000), ("clea", 8_000)])
def test_uk_from_the_second_on_discounts(kind: str, discount: int) -> None:
    events = [accrue(2026), accepted(), second()]
    found = play("uk_2000", events, sessions=[priced(20_000), SECOND], credential={"kind": kind})
    assert refusals(found) == []
    assert sources(found, "B2") == {"public": discount, "learner": 10_000 - discount}


def test_uk_the_discount_comes_from_the_account_first_and_goes_back_where_it_came_from() -> None:
    events = [credit(16_000), accepted(), second()]
    found = play("uk_2000", events, sessions=[priced(20_000), SECOND])
    assert sources(found, "B2") == {"rights": 1_000, "public": 1_000, "learner": 8_000}
    found = play("uk_2000", events, do("withdraw", "B2"), sessions=[priced(20_000), SECOND])
    assert learner(found) == (1_000, 15_000, 0)


def test_uk_without_money_there_is_no_first_booking() -> None:
    assert last(play("uk_2000", accepted())) == ("insufficient_rights", None)


# -- all of them -----------------------------------------------------------------------------------------


def test_paying_before_the_service_is_no_voucher_schemes_way() -> None:
    for scheme in ("flanders", "greece", "canada"):
        found = play(scheme, credit(100_000), accepted(), do("claim"))
        assert last(found) == ("too_early", None)
