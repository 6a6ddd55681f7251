"""A training begins accredited: at its start, or after a suspension over the start has ended (invariant 9)."""

from datetime import date, timedelta

import pytest

from catalogue.services import accreditations
from funding.services import bookings
from ila.core import clock
from ila.core.errors import DomainError
from tests.support.world import MONDAY, STARTS, World

pytestmark = pytest.mark.django_db


def test_an_accreditation_that_begins_after_the_start_does_not_mend_it() -> None:
    with clock.at(MONDAY) as hand:
        world = World()
        booking = world.accepted(world.make_learner())
        accreditations.change_validity(
            actor=world.case_worker,
            accreditation_id=world.provider.accreditations.get().pk,
            valid_from=STARTS.date() + timedelta(days=1),
            valid_until=date(2028, 1, 1),
            reason="a gap over the start",
        )
        hand.move(STARTS + timedelta(days=2))
        with pytest.raises(DomainError, match="not_accredited"):
            bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
