"""Who pays: eligibility, order, participation, caps, and what always holds of a plan."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.schemes.planning import (
    Allocation,
    CredentialFacts,
    LearnerFacts,
    LotFacts,
    SourcePlan,
    check_bookable,
    credit_expiry,
    is_complete,
    plan_sources,
    usable_lots,
)
from funding.schemes.presets import load_preset, override
from funding.schemes.rules import SchemeRules
from funding.schemes.vocabulary import SOURCES, STATUSES
from ila.core.errors import DomainError

CPF = load_preset("cpf")
MAY = date(2026, 5, 4)
RULES = CPF.rules_on(MAY)
EMPLOYED = LearnerFacts()
RNCP, RS = CredentialFacts(kind="rncp"), CredentialFacts(kind="rs")
LIGHT = CredentialFacts(kind="light_licence", code="CPF206")


def lots(**money: int) -> list[LotFacts]:
    return [LotFacts(id=source, source=source, available_cents=cents) for source, cents in money.items()]


def sources(
    price: int,
    money: list[LotFacts],
    *,
    credential: CredentialFacts = RNCP,
    learner: LearnerFacts = EMPLOYED,
    on: date = MAY,
    **changed: Any,
) -> dict[str, int]:
    rules = override(CPF.rules_on(on), changed)
    return plan_sources(rules, learner, credential, price, money, on).by_source()


def refusal(*args: Any, **kwargs: Any) -> tuple[str, str | None]:
    with pytest.raises(DomainError) as caught:
        sources(*args, **kwargs)
    return caught.value.code, caught.value.rule


# F-17, F-15, F-14: what may be booked


@pytest.mark.parametrize("kind", ["course", "curated_course"])
def test_other_kinds_are_not_bookable_f17(kind: str) -> None:
    assert refusal(1000, lots(rights=5000), credential=CredentialFacts(kind=kind)) == ("not_bookable", "F-17")


@pytest.mark.parametrize(
    "kind",
    ["rncp", "rs", "clea", "skills_assessment", "prior_learning", "heavy_licence", "business_creation"],
)
def test_bookable_kinds_f17(kind: str) -> None:
    assert sources(20000, lots(rights=50000), credential=CredentialFacts(kind=kind))["rights"] == 5000


@pytest.mark.parametrize("held", ["B", "b", "A1", "BE"])
def test_a_light_licence_is_refused_to_a_holder_of_one_f15(held: str) -> None:
    holder = LearnerFacts(status="job_seeker", driving_licences=(held,))
    assert refusal(90000, lots(rights=90000), credential=LIGHT, learner=holder) == ("not_eligible", "F-15")
    assert sources(
        90000, lots(rights=90000), credential=CredentialFacts(kind="heavy_licence"), learner=holder
    )


def test_f15_holds_since_19_may_2024() -> None:
    holder = LearnerFacts(status="job_seeker", driving_licences=("B",))
    before, after = date(2024, 5, 18), date(2024, 5, 19)
    assert sources(90000, lots(rights=90000), credential=LIGHT, learner=holder, on=before) == {
        "rights": 90000
    }
    assert refusal(90000, lots(rights=90000), credential=LIGHT, learner=holder, on=after)[1] == "F-15"


def test_a_light_licence_needs_a_job_seeker_or_co_funding_f14() -> None:
    assert refusal(120000, lots(rights=500000), credential=LIGHT) == ("not_eligible", "F-14")
    seeker = LearnerFacts(status="job_seeker")
    assert sources(120000, lots(rights=500000), credential=LIGHT, learner=seeker) == {
        "rights": 90000,
        "learner": 30000,
    }


@pytest.mark.parametrize("source", ["employer", "public", "endowment", "corrective"])
def test_a_cent_of_a_third_partys_money_is_co_funding_f14(source: str) -> None:
    result = sources(120000, lots(rights=500000, **{source: 1}), credential=LIGHT)
    assert result[source] == 1
    assert result["rights"] == 90000


def test_co_funding_that_the_booking_does_not_draw_does_not_count_f14() -> None:
    # 900 of 900 come from rights and the learner: the region's money, drawn last, is not reached.
    assert refusal(90000, lots(rights=500000, public=10000), credential=LIGHT) == ("not_eligible", "F-14")


def test_f14_holds_since_26_february_2026() -> None:
    money = lots(rights=500000)
    assert sources(100000, money, credential=LIGHT, on=date(2026, 2, 25)) == {
        "rights": 89680,
        "learner": 10320,
    }
    assert refusal(100000, money, credential=LIGHT, on=date(2026, 2, 26))[1] == "F-14"


def test_what_can_never_be_booked_is_known_before_any_money() -> None:
    with pytest.raises(DomainError, match="not_bookable"):
        check_bookable(RULES, EMPLOYED, CredentialFacts(kind="course"))
    check_bookable(RULES, EMPLOYED, LIGHT)  # F-14 is not known before the money is


# F-07: the order


def test_classes_in_order_and_the_learner_last_f07() -> None:
    money = lots(public=10000, rights=10000, corrective=10000, employer=10000, endowment=10000)
    result = sources(60000, money, learner=LearnerFacts(status="job_seeker"))
    assert list(result) == ["corrective", "endowment", "rights", "public", "employer", "learner"]
    assert result["learner"] == 10000


def test_rights_came_first_before_5_december_2025_f07() -> None:
    money = lots(endowment=50000, rights=50000)
    seeker = LearnerFacts(status="job_seeker")
    assert sources(60000, money, learner=seeker, on=date(2025, 12, 4)) == {
        "rights": 50000,
        "endowment": 10000,
    }
    assert sources(60000, money, learner=seeker, on=date(2025, 12, 5)) == {
        "endowment": 50000,
        "rights": 10000,
    }


def test_within_a_class_what_expires_first_what_never_expires_last_f07() -> None:
    soon, later = MAY + timedelta(days=1), MAY + timedelta(days=400)
    money = [
        LotFacts(id=1, source="endowment", available_cents=10),
        LotFacts(id=2, source="corrective", available_cents=10, expires=later),
        LotFacts(id=3, source="endowment", available_cents=10, expires=soon),
        LotFacts(id=4, source="rights", available_cents=10, expires=soon),
        LotFacts(id=5, source="endowment", available_cents=10),
    ]
    assert [lot.id for lot in usable_lots(RULES, RNCP, money, MAY)] == [3, 2, 1, 5, 4]


def test_a_lot_counts_through_its_last_day_and_only_for_what_it_is_kept() -> None:
    lot = LotFacts(id=1, source="rights", available_cents=10, expires=MAY)
    assert usable_lots(RULES, RNCP, [lot], MAY) == (lot,)
    assert usable_lots(RULES, RNCP, [lot], MAY + timedelta(days=1)) == ()
    assert usable_lots(RULES, RNCP, [replace(lot, available_cents=0)], MAY) == ()
    assert usable_lots(RULES, RNCP, [replace(lot, source="mid_career")], MAY) == ()
    for_welding = replace(lot, earmark="RNCP1234")
    assert usable_lots(RULES, RNCP, [for_welding], MAY) == ()
    assert usable_lots(RULES, CredentialFacts(kind="rncp", code="RNCP1234"), [for_welding], MAY) == (
        for_welding,
    )


def test_a_source_may_be_kept_for_some_kinds_s04() -> None:
    rules = override(RULES, {"draw_order": [["mid_career"], ["rights"]], "cap_sources": ["rights"],
                             "source_kinds": {"mid_career": ["rs"]}, "participation_exempt_sources": [],
                             "light_licence_cofunding_sources": []})  # fmt: skip
    money = lots(mid_career=10, rights=10)
    assert [lot.source for lot in usable_lots(rules, RS, money, MAY)] == ["mid_career", "rights"]
    assert [lot.source for lot in usable_lots(rules, RNCP, money, MAY)] == ["rights"]


# F-08, F-10, F-12: the participation


@pytest.mark.parametrize(
    ("day", "participation"),
    [
        (date(2019, 11, 21), 0),
        (date(2024, 5, 1), 0),
        (date(2024, 5, 2), 10000),
        (date(2024, 12, 31), 10000),
        (date(2025, 1, 1), 10223),
        (date(2025, 12, 31), 10223),
        (date(2026, 1, 1), 10320),
        (date(2026, 4, 1), 10320),
        (date(2026, 4, 2), 15000),
        (date(2030, 1, 1), 15000),
    ],
)
def test_participation_by_date_f08(day: date, participation: int) -> None:
    result = plan_sources(CPF.rules_on(day), EMPLOYED, RNCP, 100000, lots(rights=500000), day)
    assert (result.participation_cents, result.own_cents) == (participation, participation)
    assert result.exempt_reason is None


@pytest.mark.parametrize(
    ("learner", "reason"),
    [
        (LearnerFacts(status="job_seeker"), "job_seeker"),
        (LearnerFacts(prevention_account=True), "prevention_account"),
        (LearnerFacts(work_incapacity_percent=10), "work_incapacity"),
        (LearnerFacts(work_incapacity_percent=9), None),
        (LearnerFacts(status="student"), None),
        (LearnerFacts(disabled=True), None),
    ],
)
def test_who_is_exempt_f10(learner: LearnerFacts, reason: str | None) -> None:
    result = plan_sources(RULES, learner, RNCP, 100000, lots(rights=500000), MAY)
    assert result.exempt_reason == reason
    assert result.own_cents == (15000 if reason is None else 0)


def test_an_employers_money_that_is_drawn_waives_the_participation_f10() -> None:
    # Rights give 1,500, the employer the rest; with a participation that money would not be reached.
    result = plan_sources(RULES, EMPLOYED, RS, 165000, lots(rights=500000, employer=15000), MAY)
    assert result.by_source() == {"rights": 150000, "employer": 15000}
    assert (result.exempt_reason, result.participation_cents) == ("employer_top_up", 0)
    assert sources(165000, lots(rights=500000, employer=1), credential=RS) == {
        "rights": 150000,
        "employer": 1,
        "learner": 14999,
    }


def test_an_employers_money_that_is_not_drawn_waives_nothing_f10() -> None:
    assert sources(100000, lots(rights=500000, employer=50000)) == {"rights": 85000, "learner": 15000}


def test_public_top_ups_do_not_waive_the_participation_f10() -> None:
    assert sources(165000, lots(rights=500000, public=15000), credential=RS) == {
        "rights": 150000,
        "learner": 15000,
    }


@pytest.mark.parametrize(
    ("mode", "rights", "own"),
    [
        ("max", 95000, 15000),
        ("sum", 95000, 20000),
        ("max", 80000, 20000),
        ("sum", 80000, 35000),
        ("sum", 500000, 15000),
    ],
)
def test_participation_and_shortfall_f12(mode: str, rights: int, own: int) -> None:
    result = sources(100000, lots(rights=rights), participation_mode=mode)
    assert result == {"rights": 100000 - own, "learner": own}


@pytest.mark.parametrize("price", [1, 14999, 15000])
@pytest.mark.parametrize("mode", ["max", "sum"])
def test_a_price_up_to_the_participation_is_the_learners_f08(price: int, mode: str) -> None:
    result = plan_sources(
        override(RULES, {"participation_mode": mode}), EMPLOYED, RNCP, price, lots(rights=500000), MAY
    )
    assert result.allocations == (Allocation(None, "learner", price),)
    assert (result.participation_cents, result.public_cents) == (price, 0)


def test_a_cent_above_the_participation_is_drawn() -> None:
    assert sources(15001, lots(rights=500000)) == {"rights": 1, "learner": 15000}


# F-13: the usage cap


@pytest.mark.parametrize(
    ("kind", "cap"),
    [("rs", 150000), ("skills_assessment", 160000), ("rncp", None), ("clea", None), ("heavy_licence", None)],
)
def test_usage_caps_f13(kind: str, cap: int | None) -> None:
    result = sources(400000, lots(rights=500000), credential=CredentialFacts(kind=kind))
    assert result["rights"] == (385000 if cap is None else cap)


@pytest.mark.parametrize("code", ["RS5616", "rs5080"])
def test_clea_is_excepted_by_its_code_f13(code: str) -> None:
    assert (
        sources(200000, lots(rights=500000), credential=CredentialFacts(kind="rs", code=code))["rights"]
        == 185000
    )


def test_the_cap_limits_rights_alone_f13() -> None:
    money = lots(rights=500000, endowment=30000, public=10000)
    assert sources(250000, money, credential=RS) == {
        "endowment": 30000,
        "rights": 150000,
        "public": 10000,
        "learner": 60000,
    }


def test_the_cap_is_shared_by_all_lots_of_the_source_f13() -> None:
    money = [
        LotFacts(id=1, source="rights", available_cents=100000, expires=MAY),
        LotFacts(id=2, source="rights", available_cents=100000),
    ]
    result = plan_sources(RULES, EMPLOYED, RS, 200000, money, MAY)
    assert [(part.lot_id, part.cents) for part in result.allocations] == [
        (1, 100000),
        (2, 50000),
        (None, 50000),
    ]


def test_the_cap_holds_since_26_february_2026_f13() -> None:
    assert sources(300000, lots(rights=500000), credential=RS, on=date(2026, 2, 25))["rights"] == 289680
    assert sources(300000, lots(rights=500000), credential=RS, on=date(2026, 2, 26))["rights"] == 150000


def test_a_scheme_may_forbid_shifting_the_rest_to_the_learner() -> None:
    money = lots(rights=500000)
    assert refusal(165000, money, credential=RS, shortfall_to_learner=False) == ("usage_cap", "F-13")
    assert sources(150000, money, credential=RS, shortfall_to_learner=False) == {
        "rights": 135000,
        "learner": 15000,
    }


# Refusals and explanations


def test_without_usable_money_there_is_no_booking() -> None:
    yesterday = MAY - timedelta(days=1)
    expired = LotFacts(id=1, source="rights", available_cents=100, expires=yesterday)
    for money in ([], lots(rights=0), [expired], lots(mid_career=100)):
        assert refusal(100000, money) == ("insufficient_rights", None)


@pytest.mark.parametrize("price", [0, -1])
def test_a_price_is_above_zero(price: int) -> None:
    assert refusal(price, lots(rights=100)) == ("bad_price", None)


def test_each_amount_says_why() -> None:
    result = plan_sources(RULES, EMPLOYED, RS, 200000, lots(rights=500000), MAY)
    assert [(why.rule, why.code) for why in result.explanations] == [
        ("F-07", "drawn_from_source"),
        ("F-13", "usage_cap_applies"),
        ("F-08", "participation_due"),
        ("F-12", "shortfall_paid_by_learner"),
    ]
    assert result.explanations[1].values == {"kind": "rs", "cap_cents": 150000, "held_cents": 500000}
    waived = plan_sources(RULES, LearnerFacts(status="job_seeker"), RNCP, 100, lots(rights=100), MAY)
    assert waived.explanations[-1].values == {"reason": "job_seeker"}


@pytest.mark.parametrize(
    ("percent", "certificate", "exam", "public", "complete"),
    [
        (79, False, False, False, False),
        (80, False, False, False, True),
        (0, True, False, False, True),
        (0, False, True, False, False),
        (0, False, True, True, True),
    ],
)
def test_completion_n08(percent: int, certificate: bool, exam: bool, public: bool, complete: bool) -> None:
    rules = override(RULES, {"attendance_min_percent": 80})
    course = CredentialFacts(kind="rncp", publicly_funded=public)
    assert is_complete(rules, course, percent, certificate=certificate, exam=exam) is complete
    assert is_complete(RULES, course, percent, certificate=certificate, exam=exam)


def test_a_credit_expires_after_the_schemes_months() -> None:
    assert credit_expiry(RULES, date(2026, 1, 31)) is None
    assert credit_expiry(override(RULES, {"validity_months": 1}), date(2026, 1, 31)) == date(2026, 2, 28)
    assert credit_expiry(override(RULES, {"validity_months": 14}), date(2026, 12, 1)) == date(2028, 2, 1)


# What always holds

money_lots = st.lists(
    st.builds(
        LotFacts,
        id=st.integers(min_value=1, max_value=10**6),
        source=st.sampled_from(SOURCES),
        available_cents=st.integers(min_value=0, max_value=600000),
        expires=st.none() | st.dates(min_value=date(2024, 1, 1), max_value=date(2030, 1, 1)),
    ),
    max_size=6,
    unique_by=lambda lot: lot.id,
)
people = st.builds(
    LearnerFacts,
    status=st.sampled_from(STATUSES),
    prevention_account=st.booleans(),
    work_incapacity_percent=st.integers(min_value=0, max_value=100),
    driving_licences=st.sampled_from([(), ("B",), ("C",)]),
)
offers = st.builds(
    CredentialFacts, kind=st.sampled_from(RULES.bookable_kinds), code=st.sampled_from(["", "RS5616"])
)
rule_sets = st.builds(
    lambda rules, mode, participation, cap: override(
        rules,
        {"participation_mode": mode, "participation_cents": participation, "usage_cap_cents": {"rs": cap}},
    ),
    st.sampled_from([rules for _, rules in CPF.versions]),
    st.sampled_from(["max", "sum"]),
    st.integers(min_value=0, max_value=40000),
    st.integers(min_value=0, max_value=200000),
)


def plan_or_none(
    rules: SchemeRules, learner: LearnerFacts, offer: CredentialFacts, price: int, money: list[LotFacts]
) -> SourcePlan | None:
    try:
        return plan_sources(rules, learner, offer, price, money, MAY)
    except DomainError as error:
        if error.code not in {"insufficient_rights", "not_eligible"}:
            raise
        return None


@given(rule_sets, people, offers, st.integers(min_value=1, max_value=800000), money_lots)
def test_a_plan_pays_the_price_and_overdraws_nothing(
    rules: SchemeRules, learner: LearnerFacts, offer: CredentialFacts, price: int, money: list[LotFacts]
) -> None:
    plan = plan_or_none(rules, learner, offer, price, money)
    if plan is None:
        return
    assert sum(part.cents for part in plan.allocations) == price == plan.own_cents + plan.public_cents
    assert all(part.cents > 0 for part in plan.allocations)
    by_id = {lot.id: lot for lot in usable_lots(rules, offer, money, MAY)}
    drawn = [part for part in plan.allocations if part.lot_id is not None]
    assert all(part.cents <= by_id[part.lot_id].available_cents for part in drawn if part.lot_id is not None)
    assert 0 <= plan.participation_cents <= plan.own_cents <= price
    cap = (
        None
        if offer.code in rules.usage_cap_exempt_codes
        else {str(kind): cents for kind, cents in rules.usage_cap_cents.items()}.get(offer.kind)
    )
    assert cap is None or plan.by_source().get("rights", 0) <= cap
    if any(part.source in rules.participation_exempt_sources for part in drawn):
        assert plan.participation_cents == 0
    # Nothing is drawn from a lot while one before it in the order, which no cap limits, still has money.
    order = [lot for lot in usable_lots(rules, offer, money, MAY) if cap is None or lot.source != "rights"]
    taken = {part.lot_id: part.cents for part in drawn}
    reached = [taken.get(lot.id, 0) for lot in order]
    last = max((place for place, cents in enumerate(reached) if cents), default=0)
    assert all(cents == lot.available_cents for cents, lot in zip(reached[:last], order[:last], strict=True))


@given(
    rule_sets, people, offers, st.integers(min_value=1, max_value=800000), money_lots, st.integers(1, 50000)
)
def test_more_rights_never_cost_the_learner_more(
    rules: SchemeRules,
    learner: LearnerFacts,
    offer: CredentialFacts,
    price: int,
    money: list[LotFacts],
    more: int,
) -> None:
    # As long as the same exemption applies: more rights may leave an employer's money undrawn.
    plan = plan_or_none(rules, learner, offer, price, money)
    richer = [*money, LotFacts(id=0, source="rights", available_cents=more)]
    other = plan_or_none(rules, learner, offer, price, richer)
    if plan is not None and other is not None and plan.exempt_reason == other.exempt_reason:
        assert other.own_cents <= plan.own_cents
