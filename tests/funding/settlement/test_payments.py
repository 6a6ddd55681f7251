"""What a word of the bank does to a payment, whatever was said before it."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from django.db import transaction

from funding.models import ClaimKind, Payment, PaymentBatch
from funding.services import batches, bookings, claims, payments
from ila.core import clock
from tests.funding.settlement.desk import PAYDAY, Desk, balances, states
from tests.support.books import faults
from tests.support.world import MONDAY, STARTS

PRICE = 165_000
WORDS = {
    "executed": lambda ids: payments.execute_payments(payment_ids=ids),
    "rejected": lambda ids: payments.reject_payments(payment_ids=ids, reason_code="AC04"),
    "returned": lambda ids: payments.return_payments(payment_ids=ids, reason_code="AC06"),
}
# (outcome, word) -> outcome afterwards; None: the word contradicts what was said before.
EXPECTED = {
    ("pending", "executed"): "executed",
    ("pending", "rejected"): "rejected",
    ("pending", "returned"): "returned",
    ("executed", "executed"): "executed",
    ("executed", "rejected"): None,
    ("executed", "returned"): "returned",
    ("rejected", "executed"): None,
    ("rejected", "rejected"): "rejected",
    ("rejected", "returned"): None,
    ("returned", "executed"): "returned",
    ("returned", "rejected"): None,
    ("returned", "returned"): "returned",
}
BUCKET = {"pending": "in_transit", "executed": "paid", "rejected": "payable", "returned": "payable"}
CLAIM = {"pending": "in_batch", "executed": "paid", "rejected": "approved", "returned": "approved"}


def test_every_sequence_of_three_words_ends_as_the_table_says(desk: Desk) -> None:
    desk.claim(desk.booking())
    batch = desk.batch()
    desk.export(batch)
    payment = batch.payments.get()
    for sequence in itertools.product(WORDS, repeat=3):
        with transaction.atomic():
            outcome = "pending"
            for word in sequence:
                expected = EXPECTED[outcome, word]
                if expected is None:
                    with pytest.raises(payments.ContradictionError), transaction.atomic():
                        WORDS[word]([payment.pk])
                    continue
                assert WORDS[word]([payment.pk]) == (expected != outcome), sequence
                outcome = expected
            assert Payment.objects.get(pk=payment.pk).outcome == outcome, sequence
            assert balances() == {BUCKET[outcome]: PRICE}, sequence
            assert states()["claims"] == [CLAIM[outcome]], sequence
            assert faults() == [], sequence
            transaction.set_rollback(True)


def test_a_returned_claim_is_paid_again_as_often_as_it_comes_back(desk: Desk) -> None:
    desk.claim(desk.booking())
    for number in range(1, 4):
        batch = desk.batch()
        desk.export(batch)
        ids = list(batch.payments.values_list("pk", flat=True))
        payments.execute_payments(payment_ids=ids)
        assert balances() == {"paid": PRICE}
        payments.return_payments(payment_ids=ids, reason_code="AC06")
        assert balances() == {"payable": PRICE}
        assert Payment.objects.count() == number


def test_an_advance_and_the_rest_are_two_payments_of_one_booking(desk: Desk) -> None:
    world = desk.world
    with clock.at(MONDAY) as hand:
        booking = world.accepted(
            world.make_learner(), world.make_session(ends_at=STARTS + timedelta(days=120))
        )
        hand.move(STARTS)
        user = world.provider_user
        bookings.declare_entry(actor=user, booking_id=booking.pk)
        hand.move(STARTS + timedelta(days=40))
        advance = claims.claim_booking(actor=user, booking_id=booking.pk, kind=ClaimKind.ADVANCE)
        claims.approve_claim(actor=world.payer, claim_id=advance.pk)
        first = desk.batch(advance)
        desk.export(first)
        payments.execute_payments(payment_ids=list(first.payments.values_list("pk", flat=True)))
        assert balances() == {"held": PRICE - 41_250, "paid": 41_250}
        assert states()["bookings"] == ["in_training"]
        hand.move(STARTS + timedelta(days=120))
        bookings.record_attendance(actor=user, booking_id=booking.pk, percent=60)
        bookings.declare_exit(actor=user, booking_id=booking.pk, exit_reason="learner")
        bookings.declare_service(actor=user, booking_id=booking.pk)
        bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)
        final = claims.claim_booking(actor=user, booking_id=booking.pk)
        assert final.amount_cents == 99_000 - 41_250
        claims.approve_claim(actor=world.payer, claim_id=final.pk)
        second = desk.batch(final)
        desk.export(second)
        payments.execute_payments(payment_ids=list(second.payments.values_list("pk", flat=True)))
    assert balances() == {"paid": 99_000}
    assert states()["bookings"] == ["settled"]


def test_an_advance_on_its_way_beyond_the_realised_share_is_owed(desk: Desk) -> None:
    world = desk.world
    with clock.at(MONDAY) as hand:
        booking = world.accepted(
            world.make_learner(), world.make_session(ends_at=STARTS + timedelta(days=120))
        )
        hand.move(STARTS)
        user = world.provider_user
        bookings.declare_entry(actor=user, booking_id=booking.pk)
        hand.move(STARTS + timedelta(days=40))
        advance = claims.claim_booking(actor=user, booking_id=booking.pk, kind=ClaimKind.ADVANCE)
        claims.approve_claim(actor=world.payer, claim_id=advance.pk)
        batch = desk.batch(advance)
        desk.export(batch)
        bookings.record_attendance(actor=user, booking_id=booking.pk, percent=10)
        bookings.declare_exit(actor=user, booking_id=booking.pk, exit_reason="learner")
        bookings.declare_service(actor=user, booking_id=booking.pk)
        bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)
        payments.execute_payments(payment_ids=list(batch.payments.values_list("pk", flat=True)))
    assert balances() == {"paid": 41_250, "owed": -(41_250 - 16_500)}
    assert states()["bookings"] == ["settled"]


def test_a_payment_refused_on_its_day_after_it_was_accepted(desk: Desk) -> None:
    desk.claim(desk.booking())
    batch = desk.batch()
    PaymentBatch.objects.filter(pk=batch.pk).update(value_date=PAYDAY.date() + timedelta(days=2))
    desk.send(batch)
    (answer,) = desk.collect()
    assert (answer.kind, states()["batches"]) == ("pain.002", ["acknowledged"])
    # Our own account is closed before the day: the bank takes its acceptance back, and pays nothing.
    desk.bank.change_account("ILA", closed=True)
    desk.advance(days=2)
    (refusal,) = desk.collect()
    assert (refusal.kind, refusal.detail["counts"]) == ("pain.002", {"rejected": 1})
    assert states()["batches"] == ["rejected"]
    assert balances() == {"payable": PRICE}


def test_the_days_of_execution_are_the_banks(desk: Desk) -> None:
    desk.claim(desk.booking())
    batch = desk.batch()
    desk.export(batch)
    ids = list(batch.payments.values_list("pk", flat=True))
    desk.hand.move(clock.now() + timedelta(days=3))
    payments.execute_payments(payment_ids=ids, on=date(2026, 6, 30))
    executed = batch.payments.get().executed_at
    assert executed is not None
    assert executed.date() == date(2026, 6, 30)


def test_many_entries_travel_in_several_messages(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payments, "POSTS_AT_ONCE", 2)
    for n in range(5):
        desk.claim(desk.booking(provider=desk.providers[n % 4]))
    batch = desk.batch()
    desk.export(batch)
    assert payments.execute_payments(payment_ids=list(batch.payments.values_list("pk", flat=True))) == 5
    assert balances() == {"paid": 5 * PRICE}
    assert batches.send_batch(batch_id=batch.pk, bank=desk.bank.client).reference == batch.msg_id
