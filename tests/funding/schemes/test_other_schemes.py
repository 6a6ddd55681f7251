"""The rules of the other schemes by themselves: who may book what, limits of public money, windows, ages."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from funding.schemes import ages, conduct, providers, windows
from funding.schemes.accrual import CreditHistory, accrual
from funding.schemes.eligibility import check_bookable, check_day_plan, check_eligible, pension_age_months
from funding.schemes.facts import CredentialFacts, LearnerFacts, LotFacts
from funding.schemes.parameters import AgeCredit
from funding.schemes.parsing import RulesError
from funding.schemes.planning import (
    is_complete,
    plan_sources,
    public_share,
    reimbursement_cents,
    settle_shares,
)
from funding.schemes.presets import load_preset, override, preset_codes
from funding.schemes.rules import SchemeRules
from ila.core.errors import DomainError

DAY = date(2026, 5, 4)
COURSE = CredentialFacts(kind="course", hours=Decimal(60))


def rules(code: str, **changes: Any) -> SchemeRules:
    return override(load_preset(code).versions[-1][1], changes)


def refused(call: Any, *arguments: Any, **keywords: Any) -> tuple[str, str | None]:
    with pytest.raises(DomainError) as caught:
        call(*arguments, **keywords)
    return caught.value.code, caught.value.rule


def lots(**money: int) -> list[LotFacts]:
    return [LotFacts(id=n, source=source, available_cents=c) for n, (source, c) in enumerate(money.items())]


# -- who may book what -----------------------------------------------------------------------------------


def test_n02_the_pension_age_is_that_of_the_nearest_year() -> None:
    stap = rules("stap")
    assert [pension_age_months(stap, year) for year in (2020, 2022, 2023, 2026)] == [799, 799, 802, 802]
    assert pension_age_months(rules("cpf"), 2026) is None


def test_n02_what_is_not_known_is_not_fulfilled() -> None:
    stap = rules("stap")
    known: dict[str, Any] = {"birth_date": date(1990, 1, 1), "insured_months": 24}
    check_eligible(stap, LearnerFacts(**known), DAY)
    for unknown in ("birth_date", "insured_months"):
        facts = LearnerFacts(**{**known, unknown: None})
        assert refused(check_eligible, stap, facts, DAY) == ("not_eligible", "N-02")
    limited = rules("geneva", income_limit_cents=1)
    assert refused(check_eligible, limited, LearnerFacts(), DAY) == ("not_eligible", None)


def test_residence_is_a_parameter_of_any_scheme() -> None:
    flanders = rules("flanders", residents_only=True)
    check_eligible(flanders, LearnerFacts(residence="BE"), DAY)
    assert refused(check_eligible, flanders, LearnerFacts(residence="NL"), DAY) == ("not_eligible", None)


def test_greece_days_that_cannot_hold_the_hours() -> None:
    greece = rules("greece")
    monday, sunday = date(2026, 6, 22), date(2026, 6, 28)
    check_day_plan(greece, COURSE, monday, date(2026, 7, 2))
    assert refused(check_day_plan, greece, COURSE, monday, date(2026, 7, 1))[0] == "not_bookable"
    assert refused(check_day_plan, greece, COURSE, sunday, date(2026, 7, 30))[0] == "not_bookable"
    check_day_plan(greece, COURSE, None, None)
    check_day_plan(rules("cpf"), COURSE, sunday, sunday)
    assert (
        refused(check_bookable, greece, LearnerFacts(), CredentialFacts(kind="course"))[0] == "not_bookable"
    )


# -- who pays what ---------------------------------------------------------------------------------------


def test_the_public_half_is_rounded_down() -> None:
    plan = plan_sources(rules("flanders"), LearnerFacts(), COURSE, 10_001, lots(rights=25_000), DAY)
    assert plan.by_source() == {"rights": 5_000, "learner": 5_001}
    assert "share_applies" in {each.code for each in plan.explanations}
    assert plan.rules == ("F-07", "F-12")


def test_limits_bind_public_money_together_and_leave_private_money_free() -> None:
    money = lots(rights=10_000, public=90_000, employer=20_000)
    plan = plan_sources(rules("canada"), LearnerFacts(), COURSE, 80_000, money, DAY)
    assert plan.by_source() == {"rights": 10_000, "public": 30_000, "employer": 20_000, "learner": 20_000}


def test_an_hour_of_a_quarter_counts() -> None:
    offer = CredentialFacts(kind="course", hours=Decimal("50.25"))
    plan = plan_sources(rules("greece"), LearnerFacts(), offer, 90_000, lots(public=90_000), DAY)
    assert plan.by_source() == {"public": 25_125, "learner": 64_875}


def test_uk_shares_by_booking_and_kind() -> None:
    uk = rules("uk_2000")
    basic = CredentialFacts(kind="clea")
    second = LearnerFacts(earlier_bookings=1)
    assert public_share(uk, LearnerFacts(), COURSE) is None
    assert (public_share(uk, second, COURSE), public_share(uk, second, basic)) == (20, 80)
    plan = plan_sources(uk, second, basic, 10_001, [], DAY)
    assert plan.by_source() == {"public": 8_000, "learner": 2_001}
    assert plan.participation_cents == 0


def test_uk_the_second_time_an_employers_money_comes_before_ones_own() -> None:
    second = LearnerFacts(earlier_bookings=1)
    plan = plan_sources(rules("uk_2000"), second, COURSE, 10_000, lots(employer=9_500), DAY)
    assert plan.by_source() == {"employer": 9_500, "public": 500}


def test_upper_austria_thirty_percent_rounded_down_up_to_two_thousand() -> None:
    austria = rules("upper_austria")
    assert [reimbursement_cents(austria, price) for price in (1, 99_999, 666_667, 900_000)] == [
        0,
        29_999,
        200_000,
        200_000,
    ]
    plan = plan_sources(austria, LearnerFacts(), COURSE, 99_999, [], DAY)
    assert (plan.by_source(), plan.reimbursement_cents) == ({"learner": 99_999}, 29_999)


def test_s04_mid_career_credit_pays_for_curated_courses_first() -> None:
    money = lots(rights=10_000, mid_career=400_000)
    curated = CredentialFacts(kind="curated_course")
    singapore = rules("skillsfuture")
    assert plan_sources(singapore, LearnerFacts(), curated, 5_000, money, DAY).by_source() == {
        "mid_career": 5_000
    }
    plan = plan_sources(singapore, LearnerFacts(), COURSE, 15_000, money, DAY)
    assert plan.by_source() == {"rights": 10_000, "learner": 5_000}


def test_f28_a_grant_and_ones_own_money_are_given_back_in_proportion() -> None:
    stap = rules("stap")
    plan = windows.plan_grant(stap, 120_001)
    assert plan.by_source() == {"grant": 100_000, "learner": 20_001}
    back = settle_shares(stap, 120_001, 80, plan.allocations).returned
    assert back == (20_001, 4_000)


def test_n08_certificate_and_attendance_where_both_are_asked_for() -> None:
    both = rules("greece", attendance_min_percent=80)
    assert is_complete(both, COURSE, 80, certificate=True)
    assert not is_complete(both, COURSE, 79, certificate=True)
    assert not is_complete(both, COURSE, 100, certificate=False, exam=True)


# -- windows and days ------------------------------------------------------------------------------------


def test_n05_the_last_day_of_a_window_that_closes_at_midnight() -> None:
    stap = rules("stap")
    cal = stap.calendar
    midnight = cal.end_of_day(date(2022, 8, 31))
    assert cal.last_day_before(midnight) == date(2022, 8, 31)
    applied = datetime(2022, 7, 1, 8, 0, tzinfo=UTC)
    last = {"applied_at": applied, "closes_at": midnight}
    windows.check_start(stap, cal, starts_at=datetime(2022, 11, 30, 8, tzinfo=UTC), **last)
    starts = datetime(2022, 12, 1, 8, tzinfo=UTC)
    assert refused(windows.check_start, stap, cal, starts_at=starts, **last) == ("too_early", "N-05")


def test_n07_three_weeks_over_a_change_of_the_clocks() -> None:
    stap = rules("stap")
    first = windows.claim_from(stap, stap.calendar, datetime(2022, 11, 7, 8, tzinfo=UTC))
    assert first == datetime(2022, 10, 16, 22, 0, tzinfo=UTC)  # midnight of 17 October, in summer time


@pytest.mark.parametrize(
    ("birth_date", "due"),
    [
        (date(1984, 5, 1), date(2024, 5, 1)),
        (date(1984, 5, 2), date(2024, 5, 2)),
        (date(1930, 1, 1), date(2024, 5, 1)),
        (date(1988, 2, 29), date(2028, 2, 29)),
        (date(1985, 12, 31), date(2025, 12, 31)),
    ],
)
def test_s03_when_the_credit_of_forty_is_due(birth_date: date, due: date) -> None:
    credit = next(each for each in rules("skillsfuture").age_credits if each.absorbs_expiring)
    assert ages.due_day(credit, birth_date) == due
    earliest, latest = ages.born_between(credit, date.fromordinal(due.toordinal() - 1), due)
    assert earliest <= birth_date <= latest


def test_s02_nobody_after_the_last_day() -> None:
    credit = AgeCredit(
        years=25, cents=1, source="one_off", first_day=date(2020, 10, 1), last_day=date(2020, 10, 1)
    )
    assert ages.due_day(credit, date(1995, 10, 1)) == date(2020, 10, 1)
    assert ages.due_day(credit, date(1995, 10, 2)) is None


# -- what a year brings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "history", "cents", "why"),
    [
        ("flanders", CreditHistory(on=DAY), 25_000, "credit_of_the_scheme"),
        ("canada", CreditHistory(on=DAY, had_cents=490_000), 10_000, "lifetime_reached"),
        ("canada", CreditHistory(on=DAY, had_cents=500_000), 0, "lifetime_reached"),
        ("lithuania", CreditHistory(on=DAY, credited=True), 0, "credited_once"),
        ("lithuania", CreditHistory(on=DAY, credited=True, emptied_on=date(2021, 5, 5)), 0, "waiting"),
        (
            "lithuania",
            CreditHistory(on=DAY, credited=True, emptied_on=date(2021, 5, 4)),
            50_000,
            "credit_of_the_scheme",
        ),
        ("croatia", CreditHistory(on=DAY), 0, "no_yearly_credit"),
    ],
)
def test_what_a_year_brings(scheme: str, history: CreditHistory, cents: int, why: str) -> None:
    found = accrual(rules(scheme), LearnerFacts(status="inactive"), balance_cents=0, history=history)
    assert (found.cents, found.explanations[-1].code) == (cents, why)


def test_a_yearly_credit_for_citizens_or_residents_alone() -> None:
    for name in ("citizens_only", "residents_only"):
        limited = rules("flanders", **{name: True})
        ours, theirs = LearnerFacts(citizen="BE", residence="BE"), LearnerFacts(citizen="NL", residence="NL")
        assert accrual(limited, ours, balance_cents=0).cents == 25_000
        assert accrual(limited, theirs, balance_cents=0).cents == 0


# -- providers and conduct -------------------------------------------------------------------------------


def test_f34_a_providers_application_is_answered_in_time() -> None:
    cpf = rules("cpf")
    applied = datetime(2026, 5, 4, 8, tzinfo=UTC)
    assert providers.admissibility_due(cpf, cpf.calendar, applied) == cpf.calendar.end_of_day(
        date(2026, 5, 21)
    )
    assert providers.listing_due(cpf, cpf.calendar, applied) == cpf.calendar.end_of_day(date(2026, 7, 4))
    assert providers.listing_due(rules("stap"), cpf.calendar, applied) is None
    assert providers.admissibility_due(rules("stap"), cpf.calendar, applied) is None


def test_f35_subcontracting_at_most_four_fifths_no_cascade_nobody_delisted() -> None:
    cpf = rules("cpf")
    fine: dict[str, Any] = {
        "turnover_cents": 1_000,
        "subcontracted_cents": 800,
        "delisted": False,
        "cascade": False,
    }
    providers.check_subcontracting(cpf, **fine)
    for change in ({"subcontracted_cents": 801}, {"delisted": True}, {"cascade": True}):
        verdict = refused(providers.check_subcontracting, cpf, **{**fine, **change})
        assert verdict == ("not_allowed", "F-35")
    providers.check_subcontracting(rules("canada"), **{**fine, "cascade": True})


def test_s15_s16_s17_quality_and_grades() -> None:
    singapore = rules("skillsfuture")
    last = date(2026, 8, 31)
    assert providers.survey_days(singapore, last) == (last, date(2027, 2, 28))
    assert providers.renewal_ok(singapore, attendance_percent=75, survey_percent=75)
    assert not providers.renewal_ok(singapore, attendance_percent=74, survey_percent=100)
    assert not providers.renewal_ok(singapore, attendance_percent=100, survey_percent=74)
    assert providers.low_rated_until(singapore, DAY) == date(2026, 8, 4)
    assert [providers.is_deregistered(singapore, grade) for grade in (1, 2, 3)] == [False, False, True]
    assert providers.may_apply_again(singapore, DAY) == date(2027, 5, 4)
    france = rules("cpf")
    assert providers.survey_days(france, last) == ()
    assert providers.low_rated_until(france, DAY) is None
    assert not providers.is_deregistered(france, 3)


def test_f11_f33_f35_n12_s09_s11_s12_s13_s15_rules_of_conduct_have_words() -> None:
    for code in preset_codes():
        for rule in rules(code).conduct:
            assert str(conduct.SENTENCES[rule])
    shown = {rule for code in preset_codes() for rule in rules(code).conduct}
    assert shown == conduct.SENTENCES.keys()


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("Free training, paid by the government!", ["free", "paid_by_government"]),
        ("100 % funded and accredited", ["funded", "accredited"]),
        ("Join our lucky draw, win gifts, refer a friend", ["lucky_draw", "gift", "referral"]),
        ("Send us your Singpass password", ["login"]),
        ("Hurry: your credit expires soon", ["expiry"]),
        ("Welding for beginners, 40 hours, with a certificate", []),
        ("You may cancel free of charge until one day before", []),
    ],
)
def test_s12_s13_claims_that_marketing_may_not_make(text: str, claims: list[str]) -> None:
    assert conduct.forbidden_claims(text) == claims


# -- rule sets that contradict themselves ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "changes", "named"),
    [
        ("flanders", {"cap_cents": 24_999}, ("cap_cents", "cap_below_credit")),
        ("canada", {"lifetime_credit_cents": 24_999}, ("lifetime_credit_cents", "cap_below_credit")),
        ("flanders", {"yearly_credit_cents": None}, ("yearly_credit_cents", "missing")),
        ("flanders", {"wait_years_when_used": 5}, ("wait_years_when_used", "never_applies")),
        ("cpf", {"participation_cents": 10**9}, ("participation_cents", "participation_above_price")),
        ("stap", {"grant_cents": None}, ("grant_cents", "missing")),
        ("stap", {"draw_order": [["rights"]]}, ("draw_order", "grant_without_window")),
        (
            "cpf",
            {"draw_order": [["rights", "endowment", "corrective", "employer", "public", "grant"]]},
            ("draw_order", "grant_without_window"),
        ),
        ("stap", {"accrual": "yearly", "yearly_credit_cents": 1}, ("accrual", "never_applies")),
        ("upper_austria", {"reimbursement_percent": None}, ("reimbursement_percent", "missing")),
        ("upper_austria", {"claim_lead_days": 3}, ("claim_lead_days", "never_applies")),
        ("canada", {"reimbursement_percent": 30}, ("reimbursement_percent", "never_applies")),
        ("greece", {"max_hours": 49}, ("min_hours", "least_above_most")),
        ("stap", {"min_age_years": 70}, ("max_age_months", "least_above_most")),
        ("uk_2000", {"later_share_percent": None}, ("later_share_percent", "missing")),
        ("flanders", {"public_share_percent": 0}, ("public_share_percent", "nobody_concerned")),
        ("flanders", {"shortfall_to_learner": False}, ("shortfall_to_learner", "never_applies")),
        ("skillsfuture", {"reapply_months": None}, ("deregistered_grade", "missing")),
        ("skillsfuture", {"country": "ZZ"}, ("country", "missing_calendar")),
        ("skillsfuture", {"funding": "lottery"}, ("funding", "bad_value")),
    ],
)
def test_a_contradiction_is_named(code: str, changes: dict[str, Any], named: tuple[str, str]) -> None:
    with pytest.raises(RulesError) as caught:
        rules(code, **changes)
    assert named in {(fault.parameters[0], fault.code) for fault in caught.value.faults}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ([{"years": 25, "cents": 1, "source": "grant"}], "source_never_drawn"),
        ([{"years": 25, "cents": 1, "source": "rights"}] * 2, "credit_twice"),
        (
            [
                {
                    "years": 25,
                    "cents": 1,
                    "source": "rights",
                    "first_day": "2026-02-01",
                    "last_day": "2026-01-01",
                }
            ],
            "ends_before_it_begins",
        ),
        (
            [
                {
                    "years": 25,
                    "cents": 1,
                    "source": "rights",
                    "first_day": "2026-02-01",
                    "expires": "2026-01-01",
                }
            ],
            "expired_when_given",
        ),
        ([{"years": 0, "cents": 1, "source": "rights"}], "bad_value"),
    ],
)
def test_age_credits_that_contradict_themselves(wrong: list[dict[str, Any]], code: str) -> None:
    with pytest.raises(RulesError) as caught:
        rules("skillsfuture", age_credits=wrong)
    assert code in {fault.code for fault in caught.value.faults}


@pytest.mark.parametrize("code", preset_codes())
def test_rules_survive_being_stored(code: str) -> None:
    for _, each in load_preset(code).versions:
        assert SchemeRules.model_validate_json(each.model_dump_json()) == each
