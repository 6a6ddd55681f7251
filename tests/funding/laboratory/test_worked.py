"""Small populations reckoned by hand: what each rule costs one learner, to the cent."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from funding.laboratory.compare import CARRIED_OVER
from funding.schemes.facts import CredentialFacts
from tests.funding.laboratory.people import (
    compare,
    facts,
    flow,
    person,
    play,
    rights,
    rules,
    tally,
    wish,
    with_changes,
)

JANUARY = date(2027, 1, 11)
NO_CREDIT: dict[str, Any] = {"status": "student"}


def test_a_participation_of_103_20_instead_of_100_costs_3_20() -> None:
    # Price 1,000, rights 950: the learner pays the participation, 100 before and 103.20 after (F-08, F-12).
    one = person(rights(95_000), wishes=[wish(JANUARY)], **NO_CREDIT)
    before = play(one, with_changes({"participation_cents": 10_000}))
    after = play(one, with_changes({"participation_cents": 10_320}))
    assert (flow(before, "own"), flow(after, "own")) == ([10_000, 0], [10_320, 0])
    assert (flow(before, "paid"), flow(after, "paid")) == ([90_000, 0], [89_680, 0])
    assert (flow(before, "outstanding"), flow(after, "outstanding")) == ([5_000] * 2, [5_320] * 2)


def test_the_participation_is_what_explains_the_difference() -> None:
    one = person(rights(95_000), wishes=[wish(JANUARY)], **NO_CREDIT)
    found = compare(one, {"participation_cents": 20_000})
    assert found.changes == (0, -5_000, -5_000)
    assert [(each.rule, each.support_cents, each.own_cents) for each in found.differences] == [
        ("F-08", -5_000, 5_000)
    ]


def test_a_cap_of_4_000_instead_of_5_000_stops_the_credit_earlier() -> None:
    # 3,900 and a credit of 500 a year: 4,400 and 4,900 before, 4,000 and 4,000 after (F-01).
    found = compare(person(rights(390_000)), {"cap_cents": 400_000})
    assert (flow(found.before, "credited"), flow(found.after, "credited")) == ([50_000, 50_000], [10_000, 0])
    assert found.changes == (-90_000, 0, 0)
    assert {each.rule for each in found.differences} == {"F-01"}


def test_a_usage_cap_leaves_the_rest_to_the_learner() -> None:
    # RS course of 1,650, rights 5,000: 1,500 of rights before, 1,000 after (F-13, worked example 2).
    one = person(rights(500_000), wishes=[wish(JANUARY, "rs", 165_000)], **NO_CREDIT)
    found = compare(one, {"usage_cap_cents": {"rs": 100_000}})
    assert (flow(found.before, "paid"), flow(found.after, "paid")) == ([150_000, 0], [100_000, 0])
    assert (flow(found.before, "own"), flow(found.after, "own")) == ([15_000, 0], [65_000, 0])
    assert found.changes == (0, -50_000, -50_000)
    assert [each.rule for each in found.differences] == ["F-13"]


def test_a_job_seeker_pays_no_participation_and_still_what_the_cap_leaves() -> None:
    one = person(rights(500_000), wishes=[wish(JANUARY, "rs", 165_000)], status="job_seeker")
    assert flow(play(one), "own") == [15_000, 0]


def test_a_change_of_one_year_is_carried_over_into_the_next() -> None:
    # A higher participation leaves more on the account, of which a later booking draws more.
    wishes = [wish(JANUARY, price_cents=40_000), wish(date(2028, 1, 10), price_cents=40_000)]
    one = person(rights(50_000), wishes=wishes, **NO_CREDIT)
    found = compare(one, {"participation_cents": 20_000})
    # 250 and 150 are left before; 200 and 200, all that 300 allows, after.
    assert (flow(found.before, "paid"), flow(found.after, "paid")) == ([25_000, 25_000], [20_000, 20_000])
    assert {each.rule for each in found.differences} == {"F-08"}
    short = person(rights(30_000), wishes=wishes, **NO_CREDIT)
    found = compare(short, {"participation_cents": 20_000})
    assert (flow(found.before, "paid"), flow(found.after, "paid")) == ([25_000, 5_000], [20_000, 10_000])
    carried = [each for each in found.differences if each.rule == CARRIED_OVER]
    assert [each.support_cents for each in carried] == [5_000]
    assert sum(each.support_cents for each in found.differences) == found.changes[1]


def test_who_would_pay_no_more_than_so_much_no_longer_books() -> None:
    one = person(rights(95_000), wishes=[wish(JANUARY, own_limit_cents=15_000)], **NO_CREDIT)
    found = compare(one, {"participation_cents": 15_001})
    assert (flow(found.before, "bookings"), flow(found.after, "bookings")) == ([1, 0], [0, 0])
    assert found.after.decisions[0].code == "own_part_too_high"
    # Public money of 850 is not drawn, and 150 of their own is not paid.
    assert found.changes == (0, -85_000, 15_000)


def test_who_is_no_longer_eligible_no_longer_books() -> None:
    people = [person(rights(95_000), wishes=[wish(JANUARY)], income_cents=5_000_000, **NO_CREDIT)] * 6
    found = tally(people, {"income_limit_cents": 4_000_000})
    assert found.no_longer == {("not_eligible", ""): 6}
    assert found.rules["not_eligible"].support == -6 * 85_000


def test_hours_below_half_time_bring_their_share_rounded_up() -> None:
    # 100 h of 1,607: 31.12 a year (F-02).
    assert flow(play(person(annual_hours=Decimal(100))), "credited") == [3_112, 3_112]


def test_the_low_qualified_receive_their_own_credit_up_to_their_own_cap() -> None:
    one = person(rights(750_000), qualification_level=2)
    assert flow(play(one), "credited") == [50_000, 0]
    assert compare(one, {"cap_low_qualified_cents": 760_000}).changes == (-40_000, 0, 0)


def test_a_year_that_was_credited_before_is_not_credited_again() -> None:
    assert flow(play(person(accrued_years=frozenset({2027}))), "credited") == [0, 50_000]


def test_what_was_not_done_goes_back_to_its_sources() -> None:
    # 60 % of 1,000: 600 to the provider, 400 back, of it 60 to the learner (F-28).
    one = person(rights(95_000), wishes=[wish(JANUARY, percent=60)], **NO_CREDIT)
    played = play(one)
    assert flow(played, "paid") == [51_000, 0]
    assert flow(played, "own") == [9_000, 0]
    assert flow(played, "outstanding") == [44_000, 44_000]


def test_a_training_over_the_years_end_is_held_then_paid() -> None:
    one = person(rights(95_000), wishes=[wish(date(2027, 12, 20))], **NO_CREDIT)
    played = play(one)
    assert flow(played, "paid") == [0, 85_000]
    assert flow(played, "outstanding") == [95_000, 10_000]


def test_money_expires_after_its_last_day_in_that_year() -> None:
    # Flanders: 250 on 1 January, valid for 14 months: that of 2027 ends on 1 March 2028.
    played = play(person(residence="BE"), rules("flanders"))
    assert flow(played, "credited") == [25_000, 25_000]
    assert flow(played, "expired") == [0, 25_000]
    found = compare(person(residence="BE"), {"validity_months": 10}, "flanders")
    assert flow(found.after, "expired") == [25_000, 25_000]
    assert found.changes == (-25_000, 0, 0)


def test_a_credit_at_an_age_comes_on_the_birthday_to_citizens() -> None:
    born = date(1987, 6, 30)
    line = rules("skillsfuture")
    assert flow(play(person(birth_date=born, citizen="SG"), line), "credited") == [400_000, 0]
    assert flow(play(person(birth_date=born, citizen="FR"), line), "credited") == [0, 0]
    assert flow(
        play(person(birth_date=born, citizen="SG", given=frozenset({"mid_career:40:2024-05-01"})), line),
        "credited",
    ) == [0, 0]


def test_an_absorbing_credit_takes_up_what_would_have_expired() -> None:
    # 200 of mid-career credit with an expiry, and 4,000 at 40: 4,200 that never expire (S-03).
    lot = rights(20_000, source="mid_career", expires=date(2027, 12, 31))
    played = play(person(lot, birth_date=date(1987, 6, 30), citizen="SG"), rules("skillsfuture"))
    assert flow(played, "expired") == [0, 0]
    assert flow(played, "outstanding") == [420_000, 420_000]


def test_a_credit_given_once_comes_again_after_the_years_of_waiting() -> None:
    years = tuple(range(2027, 2035))
    one = person(wishes=[wish(date(2027, 5, 10), "course", 50_000)], residence="LT")
    assert flow(play(one, rules("lithuania"), years), "credited") == [50_000, 0, 0, 0, 0, 0, 50_000, 0]
    found = compare(one, {"wait_years_when_used": 3}, "lithuania", years)
    assert flow(found.after, "credited") == [50_000, 0, 0, 0, 50_000, 0, 0, 0]


def test_a_grant_once_a_year_comes_from_the_budget() -> None:
    learner = facts(residence="NL", citizen="NL", insured_months=24)
    wishes = [
        wish(date(2027, 3, 1), "course", 120_000, starts=date(2027, 4, 5), ends=date(2027, 4, 9)),
        wish(date(2027, 9, 1), "course", 90_000, starts=date(2027, 10, 4), ends=date(2027, 10, 8)),
    ]
    one = person(facts=learner, wishes=wishes)
    found = compare(one, {"grant_cents": 80_000}, "stap")
    assert [each.code for each in found.before.decisions] == ["", "already_granted"]
    assert (flow(found.before, "paid"), flow(found.after, "paid")) == ([100_000, 0], [80_000, 0])
    assert (flow(found.before, "own"), flow(found.after, "own")) == ([20_000, 0], [40_000, 0])
    assert [each.rule for each in found.differences] == ["N-01"]


def test_a_reimbursement_is_the_learners_when_the_training_is_complete() -> None:
    done = person(wishes=[wish(JANUARY, "course", 100_000)], residence="AT")
    left = person(wishes=[wish(JANUARY, "course", 100_000, percent=50, certificate=False)], residence="AT")
    line = rules("upper_austria")
    assert (flow(play(done, line), "own"), flow(play(done, line), "paid")) == ([70_000, 0], [30_000, 0])
    assert (flow(play(left, line), "own"), flow(play(left, line), "paid")) == ([100_000, 0], [0, 0])
    assert flow(play(left, line), "outstanding") == [0, 0]


def test_a_later_booking_pays_its_own_share() -> None:
    line = rules("uk_2000")
    wishes = [wish(date(2027, 2, 1), "course", 30_000), wish(date(2027, 8, 2), "course", 30_000)]
    played = play(person(rights(15_000), wishes=wishes, residence="GB", credited=True), line)
    assert [each.accepted for each in played.decisions] == [True, True]
    # 150 of the account at first; then 20 % of 300, straight from the budget.
    assert played.decisions[0].public_cents == 15_000
    assert played.decisions[1].public_cents == 6_000
    assert flow(played, "granted") == [6_000, 0]


def test_what_was_held_is_paid_out_in_the_first_year() -> None:
    played = play(person(rights(10_000, held_cents=40_000), **NO_CREDIT))
    assert flow(played, "paid") == [40_000, 0]
    assert flow(played, "outstanding") == [10_000, 10_000]


def test_employers_money_is_no_public_money_and_waives_the_participation() -> None:
    # Endowment 400, rights 1,000, price 900: endowment 400, rights 500 (worked example 5).
    lots = (rights(100_000), rights(40_000, source="endowment"))
    played = play(person(*lots, wishes=[wish(JANUARY, price_cents=90_000)], **NO_CREDIT))
    assert flow(played, "third_party") == [40_000, 0]
    assert flow(played, "paid") == [50_000, 0]
    assert flow(played, "own") == [0, 0]


@pytest.mark.parametrize("kind", ["heavy_licence", "prior_learning"])
def test_what_may_no_longer_be_booked_is_named(kind: str) -> None:
    kinds = [each for each in rules().latest.bookable_kinds if each != kind]
    one = person(rights(95_000), wishes=[wish(JANUARY, kind)], **NO_CREDIT)
    found = compare(one, {"bookable_kinds": kinds})
    assert [(each.code, each.rule) for each in found.after.decisions] == [("not_bookable", "F-17")]
    assert {each.rule for each in found.differences} == {"F-17"}


def test_a_training_outside_the_day_plan_is_refused() -> None:
    # Greece: at most 6 h a day, so that 50 h need nine days.
    credential = CredentialFacts(kind="course", hours=Decimal(50))
    one = person(wishes=[wish(JANUARY, "course", 25_000)], residence="GR")
    assert one.wishes[0].credential == credential
    assert play(one, rules("greece")).decisions[0].code == "not_bookable"
