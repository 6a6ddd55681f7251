"""What a provider owes back: paid in parts, each cent counted once."""

from __future__ import annotations

import pytest

from accounts.services import service_users
from funding.models import JournalEntry, Receivable
from funding.services import bookings, receivables
from ila.core.clock import VirtualClock
from tests.factories.accounts import officer
from tests.funding.bookings.conftest import expect_refusal
from tests.funding.bookings.course import LONG_ENDS, advance_paid, pay, taught, validated
from tests.support.books import by_bucket
from tests.support.world import Learner, World


def owed(world: World, learner: Learner, hand: VirtualClock) -> int:
    """A booking paid at 1,650.00 that its learner denied: all of it is owed."""
    booking = pay(world, validated(world, learner, hand))
    bookings.deny_consent(actor=learner.user, booking_id=booking.pk)
    return booking.pk


def recover(world: World, booking_id: int, amount_cents: int) -> list[Receivable]:
    return receivables.recover(actor=world.payer, booking_id=booking_id, amount_cents=amount_cents)


def states(booking_id: int) -> list[tuple[str, int]]:
    found = Receivable.objects.filter(booking=booking_id).order_by("pk")
    return [(each.state, each.owed_cents) for each in found]


def test_in_parts_and_in_full(world: World, learner: Learner, hand: VirtualClock) -> None:
    pk = owed(world, learner, hand)
    recover(world, pk, 65_000)
    assert states(pk) == [("partly_recovered", 100_000)]
    recover(world, pk, 40_000)
    recover(world, pk, 60_000)
    assert states(pk) == [("recovered", 0)]
    assert Receivable.objects.get().closed_at is not None
    assert by_bucket(bookings.read_booking(pk)) == {"refund_due": 15_000}
    expect_refusal("not_allowed", None, recover, world=world, booking_id=pk, amount_cents=1)


@pytest.mark.parametrize("amount", [0, -1, 165_001])
def test_nothing_and_more_than_is_owed(
    world: World, learner: Learner, hand: VirtualClock, amount: int
) -> None:
    pk = owed(world, learner, hand)
    expect_refusal("not_allowed", None, recover, world=world, booking_id=pk, amount_cents=amount)
    assert states(pk) == [("opened", 165_000)]


def test_only_who_pays_records_what_came_back(world: World, learner: Learner, hand: VirtualClock) -> None:
    pk = owed(world, learner, hand)
    entries = JournalEntry.objects.count()
    strangers = (world.provider_user, learner.user, world.case_worker, officer("auditor"))
    for actor in (*strangers, service_users.get("bank")):
        expect_refusal("not_allowed", None, receivables.recover, actor=actor, booking_id=pk, amount_cents=1)
    assert JournalEntry.objects.count() == entries


def test_two_debts_of_one_booking_paid_by_turns(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = advance_paid(world, learner, hand)
    hand.move(LONG_ENDS)
    taught(world, booking, percent=10)
    bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)
    bookings.deny_consent(actor=learner.user, booking_id=booking.pk)
    assert states(booking.pk) == [("opened", 24_750), ("opened", 16_500)]
    recover(world, booking.pk, 24_750)
    assert states(booking.pk) == [("recovered", 0), ("opened", 16_500)]
    # The same amount twice is two payments, whatever was closed between them.
    recover(world, booking.pk, 8_000)
    recover(world, booking.pk, 8_000)
    assert states(booking.pk) == [("recovered", 0), ("partly_recovered", 500)]
    recover(world, booking.pk, 500)
    booking = bookings.read_booking(booking.pk)
    # The learner's part of what was not realised, and of the advance that came back.
    own = next(each for each in booking.allocations.all() if each.source == "learner")
    assert by_bucket(booking) == {"refund_due": own.returned_cents}
    assert own.outstanding_cents == 0


def test_one_payment_over_two_debts(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = advance_paid(world, learner, hand)
    hand.move(LONG_ENDS)
    taught(world, booking, percent=10)
    bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)
    bookings.deny_consent(actor=learner.user, booking_id=booking.pk)
    recover(world, booking.pk, 30_000)
    assert states(booking.pk) == [("recovered", 0), ("partly_recovered", 11_250)]
