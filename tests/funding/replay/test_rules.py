"""The parameters that scenarios may rely on, each seen to change what happens."""

from typing import Any

import pytest

from funding.models import Scheme
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
    request,
    sources,
    state,
    trained,
    validated,
)

pytestmark = pytest.mark.django_db

RNCP = {"credential": {"kind": "rncp"}}


def under(rules: dict[str, Any], *events: Any, **changes: Any) -> dict[str, Any]:
    return play(credit(), *events, rules=rules, **changes)


def test_participation() -> None:
    assert sources(under({"participation_cents": 0}, accepted(), **RNCP)) == {"rights": 165_000}
    assert sources(under({"participation_cents": 20_000}, accepted(), **RNCP))["learner"] == 20_000
    # The shortfall of the cap is 15,000: the greater of both, or their sum.
    assert sources(under({"participation_mode": "max"}, accepted()))["learner"] == 15_000
    assert sources(under({"participation_mode": "sum"}, accepted()))["learner"] == 30_000
    assert sources(under({"participation_cents": 900_000}, accepted())) == {"learner": 165_000}


def test_usage_caps() -> None:
    caps: dict[str, Any] = {"usage_cap_cents": {"rs": 100_000}}
    assert sources(under(caps, accepted())) == {"rights": 100_000, "learner": 65_000}
    assert sources(under({"usage_cap_cents": {}}, accepted())) == {"rights": 150_000, "learner": 15_000}
    caps |= {"shortfall_to_learner": False}
    assert last(under(caps, accepted())) == ("usage_cap", "F-13")


def test_the_year() -> None:
    year = do("accrue", None, year=2026)
    assert learner(play(year, rules={"yearly_credit_cents": 60_000}))[0] == 60_000
    assert learner(play(year, rules={"yearly_credit_cents": 60_000}, clock="2027-06-01T09:00"))[0] == 60_000
    assert learner(play(do("accrue", None, year=2025), rules={"yearly_credit_cents": 60_000}))[0] == 60_000
    assert learner(play(credit(490_000), year, rules={"cap_cents": 600_000}))[0] == 540_000
    half = {"hours_ratio": 1, "annual_hours": 500}
    assert learner(play(year, rules={"full_year_hours": 1_000}, learner=half))[0] == 50_000
    assert learner(play(year, rules={"full_year_hours": 2_000}, learner=half))[0] == 12_500 * 1


def test_validity() -> None:
    lots = play(credit(), rules={"validity_months": 14})["learners"]["L1"]["lots"]
    assert lots == [{"source": "rights", "available_cents": 500_000, "expires": "2027-07-04"}]
    lots = play(credit(expires="2026-06-01"), rules={"validity_months": 14})["learners"]["L1"]["lots"]
    assert lots[0]["expires"] == "2026-06-01"
    found = play(credit(), do("advance", None, to="2026-06-05"), rules={"validity_months": 1})
    assert learner(found) == (0, 0, 0)
    accrued = play(do("accrue", None, year=2026), rules={"validity_months": 1})["learners"]["L1"]["lots"]
    assert accrued[0]["expires"] == "2026-06-04"


def test_terms_of_the_beginning() -> None:
    found = under({"provider_answer_wd": 1}, request(), do("propose", at="2026-05-06T00:00"))
    assert found["bookings"]["B1"]["flags"] == ["late_answer"]
    found = under({"learner_accept_wd": 1}, proposed(), do("accept", at="2026-05-06T00:00"))
    assert (state(found), last(found)) == ("lapsed", ("too_late", "F-21"))
    found = under({"learner_accept_wd": None}, proposed(), do("accept", at="2026-06-15"))
    assert state(found) == "accepted"
    assert last(under({"min_notice_wd": 100}, proposed())) == ("too_late", "F-22")
    assert last(under({"min_notice_wd": None}, request(), do("propose", at="2026-06-19"))) is None


def test_terms_of_the_end() -> None:
    found = under({"withdrawal_wd": 1}, accepted(), do("withdraw", at="2026-05-06T00:00"))
    assert last(found) == ("too_late", "F-23")
    found = under({"cancel_free_wd": 30}, accepted(), do("cancel", by="learner", at="2026-06-01"))
    assert (state(found), learner(found)) == ("cancelled_by_learner", (350_000, 150_000, 0))
    found = under({"cancel_free_wd": None}, accepted(), do("cancel", by="learner", at="2026-06-20"))
    assert learner(found) == (500_000, 0, 0)


def test_terms_of_the_training() -> None:
    found = under({"entry_wd": 0}, accepted(), do("declare_entry", at="2026-06-23"))
    assert found["bookings"]["B1"]["flags"] == ["late_entry"]
    found = under({"auto_validate_wd": 1}, accepted(), trained(), do("advance", None, to="2026-06-30"))
    assert state(found) == "service_validated"
    found = under({"auto_validate_wd": None}, accepted(), trained(), do("advance", None, to="2027-06-30"))
    assert state(found) == "service_declared"


def test_payment() -> None:
    found = under({"payment_days": 0}, accepted(), validated(), do("claim"), do("approve_claim"))
    assert provider(found) == (165_000, 0, 0, 0)
    long = {"session": {"starts": STARTS, "ends": "2026-10-30T17:00"}}
    claim = [accepted(), do("declare_entry", at=STARTS), do("claim", advance=True, at="2026-07-22")]
    assert last(under({"advance_percent": 10}, claim, do("approve_claim"), **long)) is None
    assert provider(under({"advance_percent": 10}, claim, do("approve_claim"), **long))[0] == 16_500
    assert last(under({"advance_percent": None}, claim, **long)) == ("not_allowed", "F-31")


@pytest.mark.parametrize(
    "rules",
    [
        {"grant_cents": 100_000},
        {"grant_ceiling": 300},
        {"start_min_days": 28, "start_max_months": 3},
        {"claim_lead_days": 21},
        {"use_days_before_start": 60},
        {"proof_months": 3},
        {"once": "per_year"},
        {"once": "ever"},
    ],
)
def test_parameters_of_grants_are_known(rules: dict[str, Any]) -> None:
    assert last(under(rules, request())) is None


def test_rules_of_the_stored_scheme_do_not_matter() -> None:
    Scheme.objects.create(code="cpf", name="Another", country="FR", timezone="Europe/Paris", currency="EUR")
    assert sources(play(credit(), accepted())) == {"rights": 150_000, "learner": 15_000}


def test_weak_identities_where_the_rules_allow_them() -> None:
    found = under({"strong_identity_required": False}, accepted(), learner={"e_identity": "weak"})
    assert state(found) == "accepted"


def test_another_place() -> None:
    """With the country's own calendar and clock: 4 July is a holiday there, and midnight comes six hours later."""
    rules = {"country": "US", "timezone": "America/New_York", "currency": "USD"}
    found = play(
        credit(),
        proposed(),
        do("accept", at="2026-05-09T05:59+02:00"),
        rules=rules,
        learner={"residence": "US", "citizen": True},
    )
    assert state(found) == "accepted"
    found = play(credit(), proposed(), do("accept", at="2026-05-09T06:00+02:00"), rules=rules)
    assert last(found) == ("too_late", "F-21")


def test_f01_a_credit_of_nothing_is_a_choice() -> None:
    rules = {"yearly_credit_cents": 0, "cap_cents": 0}
    assert learner(play(do("accrue", None, year=2026), rules=rules)) == (0, 0, 0)
    assert learner(play(credit(100), do("accrue", None, year=2024), rules={"yearly_credit_cents": 0})) == (
        100,
        0,
        0,
    )


def test_a_change_that_an_earlier_version_cannot_bear_is_left_out_there() -> None:
    rules = {"cap_low_qualified_cents": 70_000, "yearly_credit_low_qualified_cents": 70_000}
    found = play(do("accrue", None, year=2023), rules=rules, learner={"disabled": True})
    assert learner(found) == (70_000, 0, 0)
