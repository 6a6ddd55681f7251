"""Reviews: of each booking whose session moved, or whose provider lost its accreditation."""

from datetime import timedelta

import pytest

from catalogue.models import ChangeKind, Session, SessionChange
from catalogue.services import accreditations
from funding.models import BookingReview
from funding.services import bookings, changes, reviews
from ila.core import clock
from ila.core.errors import DomainError
from tests.support.world import MONDAY, World

pytestmark = pytest.mark.django_db


def opened() -> int:
    return sum(changes.review_changes().values())


def move_session(world: World, session: Session) -> None:
    SessionChange.objects.create(
        session=session,
        kind=ChangeKind.DATES,
        before={"starts_at": "2026-06-22"},
        after={"starts_at": "2026-06-29"},
        bookings=1,
        actor=world.case_worker,
        at=clock.now(),
    )


def test_changed_dates_open_a_review_of_each_accepted_booking_once() -> None:
    with clock.at(MONDAY) as hand:
        world = World()
        accepted = world.accepted(world.make_learner())
        proposed = world.proposed(world.make_learner())
        elsewhere = world.accepted(world.make_learner(), world.make_session())
        hand.move(MONDAY + timedelta(hours=1))
        move_session(world, world.session)
        assert opened() == 1
        assert opened() == 0
    found = {review.booking_id: review for review in BookingReview.objects.all()}
    assert found.keys() == {accepted.pk}
    assert not found.keys() & {proposed.pk, elsewhere.pk}
    review = found[accepted.pk]
    assert review.detail["after"] == {"starts_at": "2026-06-29"}


def test_a_second_change_after_the_first_review_is_closed_opens_another() -> None:
    with clock.at(MONDAY) as hand:
        world = World()
        world.accepted(world.make_learner())
        hand.move(MONDAY + timedelta(hours=1))
        move_session(world, world.session)
        opened()
        review = reviews.close_review(review_id=BookingReview.objects.get().pk, actor=world.case_worker)
        with pytest.raises(DomainError, match="not_allowed"):
            reviews.close_review(review_id=review.pk, actor=world.case_worker)
        assert opened() == 0
        hand.move(MONDAY + timedelta(hours=2))
        move_session(world, world.session)
        assert opened() == 1


def test_a_suspension_opens_a_review_of_each_open_booking_of_the_provider() -> None:
    with clock.at(MONDAY) as hand:
        world = World()
        accepted = world.accepted(world.make_learner())
        gone = world.accepted(world.make_learner())
        hand.move(MONDAY + timedelta(hours=1))
        bookings.withdraw(actor=gone.account.citizen.user, booking_id=gone.pk)  # type: ignore[arg-type]
        accreditations.suspend_accreditation(
            actor=world.case_worker,
            accreditation_id=world.provider.accreditations.get().pk,
            reason="complaints",
        )
        assert opened() == 1
    assert BookingReview.objects.get().booking_id == accepted.pk
