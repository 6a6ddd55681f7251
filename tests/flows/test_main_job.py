"""The main job through the services: from an appropriation to a settled booking, and where each cent is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum

from accounts.models import Message
from funding import audit
from funding.models import Booking, BookingLog, Claim, ClaimLog, Payment, PaymentBatchLog, Posting
from funding.services import batches, bookings, claims, due, payments, seals
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.factories.accounts import SignInFactory
from tests.support import books
from tests.support.world import ENDS, MONDAY, STARTS, World

APPROPRIATED = 10**12  # of the world's budget


@pytest.fixture
def hand(db: None) -> Iterator[VirtualClock]:
    with clock.at(MONDAY) as virtual:
        yield virtual


def everywhere() -> dict[str, int]:
    """Cents of the scheme by bucket."""
    rows = Posting.objects.order_by().values_list("bucket").annotate(cents=Sum("amount_cents"))
    return {bucket: cents for bucket, cents in rows if cents}


def test_from_the_appropriation_to_the_settled_booking(hand: VirtualClock) -> None:
    world = World()
    learner = world.make_learner()
    assert everywhere() == {
        "appropriation": -APPROPRIATED,
        "budget": APPROPRIATED - 500_000,
        "available": 500_000,
    }

    booking = bookings.request_booking(
        actor=learner.user, account_id=learner.account.pk, session_id=world.session.pk
    )
    bookings.propose(actor=world.provider_user, booking_id=booking.pk)
    hand.move(MONDAY + timedelta(days=1))
    bookings.accept(
        actor=learner.user,
        booking_id=booking.pk,
        sign_in=SignInFactory.create(user=learner.user),
        idempotency_key="flow",
        own_part="here",
    )
    assert everywhere() == {
        "appropriation": -APPROPRIATED - 15_000,  # the learner's own money comes from outside
        "budget": APPROPRIATED - 500_000,
        "available": 350_000,
        "held": 165_000,
    }

    hand.move(STARTS)
    bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
    bookings.record_attendance(actor=world.provider_user, booking_id=booking.pk, hours=Decimal(30))
    hand.move(ENDS)
    bookings.declare_exit(actor=world.provider_user, booking_id=booking.pk, exit_reason="learner")
    declared = bookings.declare_service(actor=world.provider_user, booking_id=booking.pk)
    assert declared.next_due_at is not None
    hand.move(declared.next_due_at)
    assert due.run_due().validated == 1

    claim = claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)
    claims.approve_claim(actor=world.payer, claim_id=claim.pk)
    assert everywhere()["payable"] == 99_000
    batch = batches.create_batch(actor=world.second_payer, scheme=world.scheme, claim_ids=[claim.pk])
    batches.approve_batch(actor=world.third_payer, batch_id=batch.pk)
    batches.export_batch(actor=world.third_payer, batch_id=batch.pk)
    assert everywhere()["in_transit"] == 99_000
    payment = Payment.objects.get(batch=batch)
    assert payments.execute_payments(payment_ids=[payment.pk]) == 1
    # The bank's word a second time changes nothing.
    assert payments.execute_payments(payment_ids=[payment.pk]) == 0

    assert Booking.objects.get(pk=booking.pk).state == "settled"
    assert everywhere() == {
        "appropriation": -APPROPRIATED - 15_000,
        "budget": APPROPRIATED - 500_000,
        "available": 410_000,
        "paid": 99_000,
        "refund_due": 6_000,
    }
    lot = learner.lot()
    assert (lot.available_cents, lot.held_cents, lot.spent_cents) == (410_000, 0, 90_000)

    steps = BookingLog.objects.filter(subject=booking).order_by("pk").values_list("transition", flat=True)
    assert list(steps) == [
        "request",
        "propose",
        "accept",
        "enter",
        "leave",
        "declare_service",
        "validate_service",
        "settle",
    ]
    claim_steps = ClaimLog.objects.filter(subject=claim).order_by("pk").values_list("target", flat=True)
    assert list(claim_steps) == ["draft", "submitted", "approved", "in_batch", "paid"]
    batch_steps = PaymentBatchLog.objects.filter(subject=batch).order_by("pk")
    assert list(batch_steps.values_list("target", flat=True)) == ["draft", "approved", "exported", "executed"]
    # Four people and a service: nobody has approved what they wrote.
    hands = {
        claim.author_id,
        Claim.objects.get(pk=claim.pk).approver_id,
        world.second_payer.pk,
        world.third_payer.pk,
    }
    assert len(hands) == 4
    told = Message.objects.filter(recipient=learner.user).values_list("template", flat=True)
    assert {"booking_proposed", "booking_accepted", "service_declared"} <= set(told)

    assert books.faults() == []
    report = audit.run()
    assert report.ok, report
    assert seals.count_unsealed() > 0
