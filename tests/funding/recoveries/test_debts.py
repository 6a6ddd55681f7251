"""Debts: demanded, reminded, paid by transfer, in instalments, with interest, given up by two persons."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Message
from funding.models import BankLine, Bucket, InstalmentPlan, Posting, Receivable, RecoveryReceipt
from funding.services import bookings
from funding.services.recoveries import demands, instalments, receipts, write_offs
from ila.core import clock
from tests.funding.bookings.conftest import expect_refusal
from tests.funding.recoveries.house import PRICE, House, state
from tests.funding.top_ups.support import Transfer, tell


def test_a_debt_is_demanded_the_day_after_and_reminded_twice(house: House) -> None:
    receivable, _ = house.owing(others=0)
    assert demands.demand_opened() == 0
    house.hand.move(clock.now() + timedelta(days=1, seconds=1))
    assert demands.demand_opened() == 1
    assert demands.demand_opened() == 0
    receivable.refresh_from_db()
    assert receivable.due_on == clock.now().date() + timedelta(days=30)
    assert demands.remind_overdue() == 0
    due = receivable.due_on
    counts = []
    for days in (6, 7, 7, 20, 21, 40):
        house.hand.move(clock.now() + (due + timedelta(days=days) - clock.now().date()))
        counts.append(demands.remind_overdue())
    assert counts == [0, 1, 0, 0, 1, 0]
    told = Message.objects.filter(template__startswith="debt_").values_list("template", flat=True)
    assert sorted(told) == ["debt_demanded", "debt_reminded", "debt_reminded"]


def test_nothing_is_demanded_while_the_dispute_is_open(house: House) -> None:
    ((learner, booking),) = house.accepted()
    house.validated(booking)
    house.pay(house.approved(booking))
    bookings.deny_consent(actor=learner.user, booking_id=booking.pk)
    receivable = Receivable.objects.get()
    arguments: dict[str, Any] = {"actor": house.world.case_worker, "receivable_id": receivable.pk}
    expect_refusal("not_allowed", None, demands.demand_receivable, **arguments)
    house.hand.move(clock.now() + timedelta(days=3))
    assert demands.demand_opened() == 0


def test_transfers_under_exact_over_twice_and_told_again(house: House) -> None:
    receivable, _ = house.owing(others=0)
    first = Transfer(65_000, receivable.reference)
    tell(first)
    assert state(receivable) == ("partly_recovered", PRICE - 65_000, 0)
    assert receipts.take_in([]) == []
    tell(Transfer(120_000, note=f"for {receivable.reference} thanks"))
    assert state(receivable) == ("recovered", 0, 0)
    tell(Transfer(1_000, receivable.reference))
    found = RecoveryReceipt.objects.order_by("pk").values_list("applied_cents", "finding")
    assert list(found) == [(65_000, ""), (100_000, "paid_too_much"), (0, "closed_debt")]
    assert BankLine.objects.exclude(finding="").count() == 2
    waiting = RecoveryReceipt.objects.get(finding="paid_too_much")
    assert waiting.excess_cents == 20_000
    arguments: dict[str, Any] = {"receipt_id": waiting.pk, "reason": "sent back"}
    expect_refusal("not_allowed", None, receipts.settle_receipt, actor=house.world.case_worker, **arguments)
    receipts.settle_receipt(actor=house.world.payer, **arguments)
    assert BankLine.objects.exclude(finding="").count() == 1
    expect_refusal("already_settled", None, receipts.settle_receipt, actor=house.world.payer, **arguments)


def test_a_transfer_in_another_currency_or_for_no_debt_changes_nothing(house: House) -> None:
    receivable, _ = house.owing(others=0)
    tell(Transfer(1_000, receivable.reference), currency="CHF")
    tell(Transfer(1_000, Receivable(pk=receivable.pk + 1).reference))
    assert state(receivable) == ("opened", PRICE, 0)
    assert list(RecoveryReceipt.objects.order_by("pk").values_list("finding", flat=True)) == [
        "other_currency",
        "unknown_debt",
    ]


def test_what_is_kept_of_a_payment_on_its_way_is_too_much_in_a_transfer(house: House) -> None:
    receivable, (claim,) = house.owing()
    house.batch(claim)
    tell(Transfer(PRICE, receivable.reference))
    assert state(receivable) == ("partly_recovered", PRICE // 2, PRICE // 2)
    assert RecoveryReceipt.objects.get().excess_cents == PRICE // 2


def test_interest_runs_by_the_day_after_the_term_and_is_paid_first(house: House) -> None:
    receivable, _ = house.owing(others=0)
    demands.demand_receivable(actor=house.world.case_worker, receivable_id=receivable.pk)
    house.hand.move(clock.now() + timedelta(days=30))
    assert demands.interest_of(Receivable.objects.get()) == 0
    house.hand.move(clock.now() + timedelta(days=20))
    # 3.65 % a year of 1,650.00 is 16.50 cents a day.
    assert demands.interest_of(Receivable.objects.get()) == 330
    tell(Transfer(65_330, receivable.reference))
    assert state(receivable) == ("partly_recovered", 100_000, 0)
    assert demands.interest_of(Receivable.objects.get()) == 0
    house.hand.move(clock.now() + timedelta(days=10))
    assert demands.interest_of(Receivable.objects.get()) == 100
    taken = Posting.objects.get(entry__kind="interest_received", bucket=Bucket.RETURNED)
    assert taken.amount_cents == 330


def test_instalments_are_agreed_by_another_person_and_end_with_the_debt(house: House) -> None:
    receivable, _ = house.owing(others=0)
    first = clock.now().date() + timedelta(days=10)
    parts = instalments.split_evenly(PRICE, parts=4, first=first)
    assert sum(cents for _, cents in parts) == PRICE
    arguments: dict[str, Any] = {"receivable_id": receivable.pk, "parts": parts, "reason": "asked for"}
    expect_refusal(
        "not_allowed", None, instalments.propose_plan, actor=house.world.provider_user, **arguments
    )
    plan = instalments.propose_plan(actor=house.world.payer, **arguments)
    decide: dict[str, Any] = {"plan_id": plan.pk, "agreed": True}
    expect_refusal("not_allowed", None, instalments.decide_plan, actor=house.world.payer, **decide)
    instalments.decide_plan(actor=house.world.second_payer, **decide)
    arguments = {"actor": house.world.case_worker, "receivable_id": receivable.pk}
    expect_refusal("in_instalments", None, demands.demand_receivable, **arguments)
    for _, cents in parts:
        tell(Transfer(cents, receivable.reference))
    assert state(receivable) == ("recovered", 0, 0)
    assert InstalmentPlan.objects.get().state == "fulfilled"


def test_a_late_instalment_breaks_the_plan_and_the_rest_is_demanded(house: House) -> None:
    receivable, _ = house.owing(others=0)
    first = clock.now().date() + timedelta(days=10)
    parts = instalments.split_evenly(PRICE, parts=3, first=first)
    plan = instalments.propose_plan(
        actor=house.world.payer, receivable_id=receivable.pk, parts=parts, reason="asked for"
    )
    instalments.decide_plan(actor=house.world.second_payer, plan_id=plan.pk, agreed=True)
    tell(Transfer(parts[0][1], receivable.reference))
    house.hand.move(clock.now() + timedelta(days=12))
    assert instalments.break_late_plans() == 0
    house.hand.move(clock.now() + timedelta(days=35))
    assert instalments.break_late_plans() == 1
    assert instalments.break_late_plans() == 0
    assert state(receivable)[0] == "demanded"


@pytest.mark.parametrize("parts", [0, 61])
def test_parts_that_are_no_plan(house: House, parts: int) -> None:
    first = clock.now().date()
    expect_refusal("invalid", None, instalments.split_evenly, amount_cents=PRICE, parts=parts, first=first)


def test_given_up_by_two_persons_and_made_good_by_the_funder(house: House) -> None:
    receivable, _ = house.owing(others=0)
    ask: dict[str, Any] = {"receivable_id": receivable.pk, "reason": "insolvent"}
    expect_refusal("not_allowed", None, write_offs.ask_write_off, actor=house.world.case_worker, **ask)
    request = write_offs.ask_write_off(actor=house.world.payer, **ask)
    expect_refusal("already_waiting", None, write_offs.ask_write_off, actor=house.world.payer, **ask)
    decide: dict[str, Any] = {"request_id": request.pk, "agreed": True}
    expect_refusal("not_allowed", None, write_offs.decide_write_off, actor=house.world.payer, **decide)
    write_offs.decide_write_off(actor=house.world.second_payer, **decide)
    assert state(receivable) == ("written_off", 0, 0)
    expect_refusal(
        "already_settled", None, write_offs.decide_write_off, actor=house.world.second_payer, **decide
    )
    assert not Posting.objects.filter(bucket="owed").exclude(entry__kind__in=["restore_booking", "write_off"])


def test_a_control_takes_back_a_part_of_what_was_paid(house: House) -> None:
    ((learner, booking),) = house.accepted()
    house.validated(booking)
    house.pay(house.approved(booking))
    before = learner.lot().available_cents
    arguments: dict[str, Any] = {"booking_id": booking.pk, "reason": "hours that nobody taught"}
    refused: dict[str, Any] = {"actor": house.world.case_worker, "amount_cents": 1, **arguments}
    expect_refusal("not_allowed", None, demands.open_receivable, **refused)
    expect_refusal(
        "not_allowed",
        None,
        demands.open_receivable,
        actor=house.world.payer,
        amount_cents=PRICE + 1,
        **arguments,
    )
    receivable = demands.open_receivable(actor=house.world.payer, amount_cents=33_001, **arguments)
    assert state(receivable) == ("opened", 33_001, 0)
    assert learner.lot().available_cents - before == 30_001
