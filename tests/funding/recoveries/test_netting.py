"""What a provider owes is kept of its payments: planned with the batch, counted and undone by the bank's word."""

from __future__ import annotations

from typing import Any

import pytest

from funding.models import Netting, Receivable, Remittance
from funding.selectors.agency_batches import plan_batch
from funding.services import batch_orders, batches, bookings, payments, receivables
from tests.funding.bookings.conftest import expect_refusal
from tests.funding.recoveries.house import PRICE, House, buckets, state

HALF = PRICE // 2


def test_half_of_a_payment_is_kept_and_counts_when_the_bank_has_paid(house: House) -> None:
    receivable, (claim,) = house.owing()
    batch = house.batch(claim)
    payment = batch.payments.get()
    assert (payment.gross_cents, payment.netted_cents, payment.amount_cents) == (PRICE, HALF, HALF)
    assert f"{HALF / 100:.2f}".encode() in bytes(batch.file.content)
    assert state(receivable) == ("opened", PRICE, HALF)
    payments.execute_payments(payment_ids=[payment.pk])
    assert state(receivable) == ("partly_recovered", HALF, 0)
    assert buckets() == {"paid": PRICE + HALF, "owed": -HALF}
    assert payments.execute_payments(payment_ids=[payment.pk]) == 0
    assert state(receivable) == ("partly_recovered", HALF, 0)


def test_the_last_of_a_debt_closes_it_and_the_rest_is_paid(house: House) -> None:
    receivable, claims = house.owing(others=3)
    sent = house.pay(*claims)
    assert [each.netted_cents for each in sent] == [HALF, HALF, 0]
    assert state(receivable) == ("recovered", 0, 0)
    assert [each.number for each in Remittance.objects.order_by("number")] == [1, 2, 3, 4]


def test_a_rejected_payment_releases_what_it_kept_and_the_next_keeps_it_again(house: House) -> None:
    receivable, (claim,) = house.owing()
    payment = house.batch(claim).payments.get()
    payments.reject_payments(payment_ids=[payment.pk], reason_code="AC04")
    assert state(receivable) == ("opened", PRICE, 0)
    assert buckets() == {"payable": PRICE, "paid": PRICE, "owed": -PRICE}
    house.pay(claim)
    assert state(receivable) == ("partly_recovered", HALF, 0)
    assert list(Netting.objects.order_by("pk").values_list("outcome", flat=True)) == ["released", "kept"]


def test_a_returned_payment_makes_its_debt_owed_again(house: House) -> None:
    receivable, (claim,) = house.owing()
    (payment,) = house.pay(claim)
    payments.return_payments(payment_ids=[payment.pk], reason_code="AC04")
    assert state(receivable) == ("demanded", PRICE, 0)
    assert buckets() == {"payable": PRICE, "paid": PRICE, "owed": -PRICE}
    house.pay(claim)
    assert state(receivable) == ("partly_recovered", HALF, 0)


def test_returned_before_anybody_said_that_it_was_executed(house: House) -> None:
    receivable, (claim,) = house.owing()
    payment = house.batch(claim).payments.get()
    payments.return_payments(payment_ids=[payment.pk], reason_code="AC04")
    assert state(receivable) == ("opened", PRICE, 0)
    assert Netting.objects.get().outcome == "released"


def test_what_a_payment_keeps_is_not_asked_for_a_second_time(house: House) -> None:
    receivable, (claim,) = house.owing()
    house.batch(claim)
    arguments: dict[str, Any] = {"actor": house.world.payer, "booking_id": receivable.booking_id}
    expect_refusal("not_allowed", None, receivables.recover, **arguments, amount_cents=HALF + 1)
    receivables.recover(**arguments, amount_cents=HALF)
    assert state(receivable) == ("partly_recovered", HALF, HALF)


def test_a_batch_that_is_stopped_gives_back_what_it_reserved(house: House) -> None:
    made = house.accepted(3)
    house.validated(*(booking for _, booking in made))
    receivable = house.debt(*made[0])
    claims = [house.approved(booking) for _, booking in made[1:]]
    batch = batches.create_batch(
        actor=house.world.second_payer, scheme=house.world.scheme, claim_ids=[each.pk for each in claims]
    )
    assert state(receivable) == ("opened", PRICE, PRICE - PRICE % 2)
    learner, booking = made[2]
    bookings.deny_consent(actor=learner.user, booking_id=booking.pk)
    batches.approve_batch(actor=house.world.third_payer, batch_id=batch.pk)
    batches.export_batch(actor=house.world.third_payer, batch_id=batch.pk)
    assert state(receivable) == ("opened", PRICE, HALF)
    assert batch.payments.get().claim == claims[0]


def test_nothing_is_kept_for_what_is_under_dispute(house: House) -> None:
    made = house.accepted(2)
    house.validated(*(booking for _, booking in made))
    learner, booking = made[0]
    house.pay(house.approved(booking))
    bookings.deny_consent(actor=learner.user, booking_id=booking.pk)
    (payment,) = house.pay(house.approved(made[1][1]))
    assert (payment.netted_cents, payment.amount_cents) == (0, PRICE)
    assert state(Receivable.objects.get()) == ("opened", PRICE, 0)


@pytest.mark.parametrize("percent", [None, 0])
def test_a_scheme_that_allows_nothing_keeps_nothing(house: House, percent: int | None) -> None:
    house = House(house.hand, house.rules | {"netting_percent": percent})
    receivable, (claim,) = house.owing()
    (payment,) = house.pay(claim)
    assert payment.netted_cents == 0
    assert state(receivable) == ("opened", PRICE, 0)


def test_all_but_a_cent_at_most(house: House) -> None:
    house = House(house.hand, house.rules | {"netting_percent": 100})
    receivable, (claim,) = house.owing()
    (payment,) = house.pay(claim)
    assert (payment.netted_cents, payment.amount_cents) == (PRICE - 1, 1)
    assert state(receivable) == ("partly_recovered", 1, 0)


def test_a_dry_run_shows_what_is_kept_and_draws_up_what_it_showed(house: House) -> None:
    receivable, _claims = house.owing(others=2)
    actor = house.world.second_payer
    plan = plan_batch(house.world.scheme, actor=actor)
    assert plan.totals[-1] == ("", "EUR", 2, 2 * PRICE, 2 * HALF, 2 * PRICE - 2 * HALF)
    assert plan.totals[0][1:] == plan.totals[-1][1:]
    # Nothing is reserved by looking.
    assert state(receivable) == ("opened", PRICE, 0)
    # Part of the debt comes in meanwhile: less is kept than was shown, so nothing is drawn up.
    receivables.recover(actor=house.world.payer, booking_id=receivable.booking_id, amount_cents=HALF)
    arguments: dict[str, Any] = {"actor": actor, "scheme": house.world.scheme, "value_date": None}
    expect_refusal("plan_changed", None, batch_orders.create_planned_batch, **arguments, seen=plan.seen)
    shown = plan_batch(house.world.scheme, actor=actor)
    batch = batch_orders.create_planned_batch(**arguments, seen=shown.seen)
    sent = list(batch.payments.order_by("pk"))
    assert sum(each.netted_cents for each in sent) == shown.totals[-1][4] == PRICE - HALF
    assert sum(each.amount_cents for each in sent) == shown.totals[-1][5]
