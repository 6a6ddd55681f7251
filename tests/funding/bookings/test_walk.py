"""One booking from the request to the validated service, and who holds which cent on the way."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from funding.models import Booking
from funding.services import bookings
from ila.core import clock
from tests.support.world import ENDS, MONDAY, STARTS, World

pytestmark = pytest.mark.django_db


def sources(booking: Booking) -> dict[str, int]:
    return {each.source: each.amount_cents for each in booking.allocations.all()}


def test_f08_f13_rights_up_to_the_cap_and_the_rest_from_the_learner() -> None:
    with clock.at(MONDAY):
        world = World()
        learner = world.make_learner()
        booking = world.accepted(learner)
    assert booking.state == "accepted"
    assert sources(booking) == {"rights": 150_000, "learner": 15_000}
    lot = learner.lot()
    assert (lot.available_cents, lot.held_cents, lot.spent_cents) == (350_000, 150_000, 0)
    assert booking.consent is not None
    assert "You pay yourself" in booking.consent.text


def test_f28_partial_service_gives_the_rest_back_to_its_sources() -> None:
    with clock.at(MONDAY) as hand:
        world = World()
        learner = world.make_learner()
        booking = world.accepted(learner)
        provider = world.provider_user
        hand.move(STARTS)
        bookings.declare_entry(actor=provider, booking_id=booking.pk)
        bookings.record_attendance(actor=provider, booking_id=booking.pk, hours=Decimal(10))
        bookings.record_attendance(actor=provider, booking_id=booking.pk, hours=Decimal(20))
        hand.move(ENDS)
        bookings.declare_exit(actor=provider, booking_id=booking.pk, exit_reason="learner")
        bookings.declare_service(actor=provider, booking_id=booking.pk)
        bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)
    booking = bookings.read_booking(booking.pk)
    assert booking.state == "service_validated"
    assert booking.realised_percent == 60
    kept = {each.source: each.outstanding_cents for each in booking.allocations.all()}
    assert kept == {"rights": 90_000, "learner": 9_000}
    assert learner.lot().available_cents == 350_000 + 60_000


def test_f23_withdrawal_gives_everything_back() -> None:
    with clock.at(MONDAY) as hand:
        world = World()
        learner = world.make_learner()
        booking = world.accepted(learner)
        hand.move(datetime.fromisoformat("2026-05-20T08:00+00:00"))
        booking = bookings.withdraw(actor=learner.user, booking_id=booking.pk)
    assert booking.state == "withdrawn"
    assert learner.lot().available_cents == 500_000
    assert learner.lot().held_cents == 0


def test_dispute_rejected_goes_on_where_it_was() -> None:
    with clock.at(MONDAY) as hand:
        world = World()
        learner = world.make_learner()
        booking = world.accepted(learner)
        hand.move(MONDAY + timedelta(days=1))
        bookings.deny_consent(actor=learner.user, booking_id=booking.pk)
        assert bookings.read_booking(booking.pk).state == "disputed"
        bookings.resolve_dispute(
            actor=world.case_worker, booking_id=booking.pk, upheld=False, reason="it was"
        )
    assert bookings.read_booking(booking.pk).state == "accepted"
