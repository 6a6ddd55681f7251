"""The worked examples of the schemes' rules, each named by the rules it shows."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from funding.schemes.planning import (
    Allocation,
    CredentialFacts,
    LearnerFacts,
    LotFacts,
    SourcePlan,
    accrual_cents,
    earliest_start,
    earliest_start_ok,
    entry_due,
    plan_sources,
    realised_percent,
    settle_shares,
    withdrawal_ok,
    withdrawal_until,
)
from funding.schemes.presets import load_preset
from funding.schemes.rules import SchemeRules
from ila.core.errors import DomainError

PARIS = ZoneInfo("Europe/Paris")
JANUARY, MAY = date(2026, 1, 15), date(2026, 5, 4)
RS = CredentialFacts(kind="rs")


def cpf(day: date) -> SchemeRules:
    return load_preset("cpf").rules_on(day)


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def plan(
    day: date, price: int, learner: LearnerFacts | None = None, kind: str = "rs", **money: int
) -> SourcePlan:
    lots = [
        LotFacts(id=n, source=source, available_cents=cents)
        for n, (source, cents) in enumerate(money.items())
    ]
    return plan_sources(cpf(day), learner or LearnerFacts(), CredentialFacts(kind=kind), price, lots, day)


def test_example_1_below_half_time_is_in_proportion_and_rounded_up_f02() -> None:
    assert accrual_cents(cpf(MAY), LearnerFacts(annual_hours=Decimal(100)), balance_cents=0) == 3112


def test_example_2_cap_of_an_rs_course_and_participation_f08_f13() -> None:
    result = plan(MAY, 165000, rights=500000)
    assert result.by_source() == {"rights": 150000, "learner": 15000}
    assert {"F-08", "F-13"} <= set(result.rules)


def test_example_3_a_job_seeker_pays_no_participation_but_what_is_above_the_cap_f10_f13() -> None:
    result = plan(MAY, 165000, LearnerFacts(status="job_seeker"), rights=500000)
    assert result.by_source() == {"rights": 150000, "learner": 15000}
    assert (result.participation_cents, result.exempt_reason) == (0, "job_seeker")
    assert "F-10" in result.rules


def test_example_4_the_greater_of_participation_and_shortfall_f12() -> None:
    assert plan(JANUARY, 100000, rights=95000).by_source() == {"rights": 89680, "learner": 10320}


def test_example_5_endowment_first_and_an_employers_money_waives_the_participation_f07_f10() -> None:
    result = plan(JANUARY, 90000, rights=100000, endowment=40000)
    assert list(result.by_source().items()) == [("endowment", 40000), ("rights", 50000)]
    assert result.exempt_reason == "employer_top_up"
    with_top_up = plan(JANUARY, 90000, rights=100000, endowment=40000, employer=20000)
    assert with_top_up.by_source() == {"endowment": 40000, "rights": 50000}


def test_example_6_a_proposal_ten_working_days_before_the_start_is_too_late_f22() -> None:
    rules = cpf(MAY)
    sent = paris("2026-06-01T10:00")
    tenth = rules.calendar.add_working_days(date(2026, 6, 1), 10)
    eleventh = rules.calendar.add_working_days(date(2026, 6, 1), 11)
    assert not earliest_start_ok(rules, rules.calendar, sent, paris(f"{tenth}T09:00"))
    assert earliest_start_ok(rules, rules.calendar, sent, paris(f"{eleventh}T09:00"))
    assert earliest_start(rules, rules.calendar, sent) == eleventh


def test_example_7_no_withdrawal_once_the_training_has_started_f23() -> None:
    rules = cpf(MAY)
    cal = rules.calendar
    accepted = paris("2026-06-01T10:00")
    start = paris(f"{cal.add_working_days(date(2026, 6, 1), 12)}T09:00")
    on_day_13 = paris(f"{cal.add_working_days(date(2026, 6, 1), 13)}T09:00")
    assert not withdrawal_ok(rules, cal, accepted, on_day_13, start)
    assert withdrawal_until(rules, cal, accepted, start) == start
    later_start = paris("2026-09-01T09:00")
    assert withdrawal_ok(rules, cal, accepted, on_day_13, later_start)


def test_example_8_an_entry_on_the_fourth_working_day_is_late_f26() -> None:
    rules = cpf(MAY)
    due = entry_due(rules, rules.calendar, paris("2026-06-15T09:00"))
    assert due == datetime(2026, 6, 18, 22, 0, tzinfo=UTC)  # the end of Thursday, the third working day
    assert paris("2026-06-18T23:59:59") < due <= paris("2026-06-19T00:00")


def test_example_12_what_was_not_done_goes_back_in_proportion_f28() -> None:
    percent = realised_percent(30, 50)
    assert percent == 60
    given = (
        Allocation(1, "endowment", 40000),
        Allocation(2, "rights", 50001),
        Allocation(None, "learner", 10000),
    )
    provider, returned = settle_shares(cpf(MAY), 100001, percent, given)
    assert sum(provider) == 60000
    assert returned == (
        16000,
        20001,
        4000,
    )  # 16000.24, 20000.76, 4000.00 of 40,001: the cent to the largest remainder
    assert provider == (24000, 30000, 6000)


def test_example_12_ties_go_to_the_learner_then_in_draw_down_order_f28() -> None:
    rules = cpf(MAY)
    given = (Allocation(1, "endowment", 5), Allocation(2, "rights", 5), Allocation(None, "learner", 5))
    assert settle_shares(rules, 15, 94, given).returned == (0, 0, 1)
    assert settle_shares(rules, 15, 87, given).returned == (1, 0, 1)
    stored_in_another_order = (given[1], given[2], given[0])
    assert settle_shares(rules, 15, 87, stored_in_another_order).returned == (0, 1, 1)


def test_without_any_money_there_is_no_plan() -> None:
    with pytest.raises(DomainError) as caught:
        plan(MAY, 165000)
    assert caught.value.code == "insufficient_rights"
