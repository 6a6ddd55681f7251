"""Walks that many tests begin with: a training taught, a service validated, a claim paid."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from funding.models import Booking, Claim, ClaimKind, Payment
from funding.services import batches, bookings, claims, payments
from ila.core.clock import VirtualClock
from tests.support.world import ENDS, STARTS, Learner, World

# More than three months after STARTS: an advance is paid (F-31).
LONG_ENDS = datetime(2026, 10, 30, 16, 0, tzinfo=UTC)
ADVANCE_DAY = STARTS + timedelta(days=30)


def entered(world: World, learner: Learner, hand: VirtualClock) -> Booking:
    """A booking in training since the session's start."""
    booking = world.accepted(learner)
    hand.move(STARTS)
    return bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)


def taught(world: World, booking: Booking, *, percent: int) -> Booking:
    """The training has ended, and that much of it is declared as done."""
    bookings.declare_exit(actor=world.provider_user, booking_id=booking.pk, exit_reason="complete")
    return bookings.declare_service(actor=world.provider_user, booking_id=booking.pk, percent=percent)


def validated(world: World, learner: Learner, hand: VirtualClock, *, percent: int = 100) -> Booking:
    """A booking whose service was validated at the session's end."""
    booking = entered(world, learner, hand)
    hand.move(ENDS)
    taught(world, booking, percent=percent)
    return bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)


def approved(world: World, booking: Booking, kind: ClaimKind = ClaimKind.FINAL) -> Claim:
    """A claim for the booking that a payment officer has approved."""
    claim = claims.claim_booking(actor=world.user_of(booking.provider), booking_id=booking.pk, kind=kind)
    return claims.approve_claim(actor=world.payer, claim_id=claim.pk)


def exported(world: World, *wanted: Claim) -> list[Payment]:
    """The claims' payments, on their way to the bank."""
    batch = batches.create_batch(
        actor=world.second_payer, scheme=world.scheme, claim_ids=[claim.pk for claim in wanted]
    )
    batches.approve_batch(actor=world.third_payer, batch_id=batch.pk)
    batches.export_batch(actor=world.third_payer, batch_id=batch.pk)
    return list(batch.payments.order_by("pk"))


def execute(*sent: Payment) -> None:
    """The bank has executed these."""
    payments.execute_payments(payment_ids=[payment.pk for payment in sent])


def pay(world: World, booking: Booking, kind: ClaimKind = ClaimKind.FINAL) -> Booking:
    """Claim, approval, batch, export and execution in one go."""
    execute(*exported(world, approved(world, booking, kind)))
    return bookings.read_booking(booking.pk)


def advance_paid(world: World, learner: Learner, hand: VirtualClock) -> Booking:
    """A booking of a long session in training, whose advance of 25 % was paid (F-31)."""
    session = world.make_session(ends_at=LONG_ENDS)
    booking = world.accepted(learner, session)
    hand.move(STARTS)
    bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
    hand.move(ADVANCE_DAY)
    return pay(world, booking, ClaimKind.ADVANCE)
