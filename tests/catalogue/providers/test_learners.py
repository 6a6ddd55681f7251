"""What becomes of learners whose provider loses its accreditation: their money stays, a person looks, they are told."""

from __future__ import annotations

import pytest

from accounts.models import Message
from catalogue.services import audits
from funding.models import BookingReview
from funding.services import changes
from ila.core import clock
from tests.support.world import MONDAY, World


@pytest.mark.django_db
@pytest.mark.parametrize("act", [audits.suspend, audits.withdraw])
def test_open_bookings_come_before_a_person_and_learners_are_told_once(act: object) -> None:
    with clock.at(MONDAY):
        world = World()
        learner = world.make_learner()
        booking = world.accepted(learner)
        assert callable(act)
        accreditation = world.provider.accreditations.get()
        act(actor=world.case_worker, accreditation_id=accreditation.pk, reason="Complaints")
        changes.review_changes()
        changes.review_changes()
        review = BookingReview.objects.get(booking=booking)
        assert (review.reason, review.closed_at) == ("accreditation_ended", None)
        told = Message.objects.filter(recipient=learner.user, template="accreditation_lost")
        assert [message.context for message in told] == [{"booking": str(booking.public_id)}]
        booking.refresh_from_db()
        assert booking.state == "accepted"
