"""What changes after a booking was decided on it rewrites nothing: a person looks again."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from accounts.models import Message
from accounts.services import service_users
from accounts.services.citizens import correct_facts
from catalogue.models import ChangeKind, Session, SessionChange
from catalogue.services import accreditations
from funding.models import Booking, BookingReview
from funding.services import bookings, changes, due, reviews
from ila.core import clock
from ila.core.clock import VirtualClock
from ila.core.errors import DomainError
from tests.funding.bookings.course import LONG_ENDS
from tests.support.queries import captured_queries
from tests.support.world import ENDS, STARTS, Learner, World

NOTHING = {"session_moved": 0, "accreditation_ended": 0, "facts_corrected": 0}


def allocations(booking: Booking) -> list[tuple[str, int]]:
    return list(booking.allocations.order_by("position").values_list("source", "amount_cents"))


def correct(world: World, learner: Learner, **facts: object) -> None:
    correct_facts(actor=world.case_worker, citizen_id=learner.citizen.pk, evidence="payslip", **facts)


# -- facts about citizens --------------------------------------------------------------------


def test_a_fact_that_would_have_decided_otherwise_opens_a_review(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    """A booking of 900 of which 150 are the learner's; a job-seeker would have paid nothing (F-10)."""
    booking = world.accepted(learner, world.make_session(price_cents=90_000))
    before = allocations(booking)
    hand.move(clock.now() + timedelta(days=3))
    correct(world, learner, status="job_seeker")
    assert changes.review_changes() == NOTHING | {"facts_corrected": 1}
    review = BookingReview.objects.get()
    assert (review.booking_id, review.reason) == (booking.pk, "facts_corrected")
    assert review.detail["facts"] == ["status"]
    assert review.detail["then"] == [["rights", 75_000], ["learner", 15_000]]
    assert review.detail["now"] == [["rights", 90_000]]
    assert allocations(booking) == before
    assert changes.review_changes() == NOTHING


def test_a_fact_that_decides_nothing_opens_none(world: World, learner: Learner, hand: VirtualClock) -> None:
    world.accepted(learner)
    hand.move(clock.now() + timedelta(days=3))
    correct(world, learner, birth_date=date(1989, 1, 1), prevention_account=False, qualification_level=5)
    assert changes.review_changes() == NOTHING
    assert not BookingReview.objects.exists()


def test_the_balances_are_those_of_the_acceptance(world: World, hand: VirtualClock) -> None:
    """What was credited, or booked, after it does not count."""
    learner = world.make_learner(rights_cents=80_000)
    booking = world.accepted(learner, world.make_session(price_cents=90_000))
    world.credit(learner.account, 400_000)
    hand.move(clock.now() + timedelta(days=3))
    correct(world, learner, status="job_seeker")
    assert changes.review_changes()["facts_corrected"] == 1
    detail = BookingReview.objects.get(booking=booking).detail
    assert detail["then"] == [["rights", 75_000], ["learner", 15_000]]
    assert detail["now"] == [["rights", 80_000], ["learner", 10_000]]


def test_a_refusal_is_a_decision_too(world: World, learner: Learner, hand: VirtualClock) -> None:
    """F-15: who holds a licence would have had no light one."""
    credential = world.make_credential(kind="light_licence")
    learner.citizen.status = "job_seeker"
    learner.citizen.save()
    world.accepted(learner, world.make_session(credential, price_cents=50_000))
    hand.move(clock.now() + timedelta(days=1))
    correct(world, learner, driving_licences=["B"])
    assert changes.review_changes()["facts_corrected"] == 1
    assert BookingReview.objects.get().detail["now"] == [["refused", "not_eligible", "F-15"]]


def test_what_was_decided_after_the_correction_or_is_over_is_left_alone(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    over = world.accepted(learner, world.make_session(price_cents=90_000))
    bookings.withdraw(actor=learner.user, booking_id=over.pk)
    hand.move(clock.now() + timedelta(days=1))
    correct(world, learner, status="job_seeker")
    hand.move(clock.now() + timedelta(hours=1))
    world.accepted(
        learner, world.make_session(price_cents=90_000, starts_at=STARTS + timedelta(20), ends_at=None)
    )
    assert changes.review_changes() == NOTHING


def test_a_review_that_was_closed_opens_again_for_the_next_correction_only(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    world.accepted(learner, world.make_session(price_cents=90_000))
    hand.move(clock.now() + timedelta(days=1))
    correct(world, learner, status="job_seeker")
    changes.review_changes()
    first = BookingReview.objects.get()
    reviews.close_review(actor=world.case_worker, review_id=first.pk)
    with pytest.raises(DomainError, match="not_allowed"):
        reviews.close_review(actor=world.case_worker, review_id=first.pk)
    assert changes.review_changes() == NOTHING
    hand.move(clock.now() + timedelta(hours=1))
    correct(world, learner, prevention_account=True)
    assert changes.review_changes()["facts_corrected"] == 1
    assert BookingReview.objects.filter(closed_at__isnull=True).count() == 1


def test_two_corrections_make_one_review(world: World, learner: Learner, hand: VirtualClock) -> None:
    world.accepted(learner, world.make_session(price_cents=90_000))
    hand.move(clock.now() + timedelta(days=1))
    correct(world, learner, status="job_seeker")
    changes.review_changes()
    correct(world, learner, prevention_account=True)
    changes.review_changes()
    assert len(BookingReview.objects.get().detail["changes"]) == 2


def test_only_the_agency_closes_reviews(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = world.accepted(learner)
    reviews.open_reviews([booking.pk], reason="session_moved")
    review = BookingReview.objects.get()
    for stranger in (learner.user, world.provider_user, world.payer, service_users.get("clock")):
        with pytest.raises(DomainError, match="not_allowed"):
            reviews.close_review(actor=stranger, review_id=review.pk)
    with pytest.raises(DomainError, match="not_found"):
        reviews.close_review(actor=world.case_worker, review_id=0)


# -- dates of sessions -----------------------------------------------------------------------


def moved(world: World, session: Session, *, starts: object, ends: object, number: int = 1) -> None:
    """The dates change as an import changes them."""
    change = SessionChange(
        session=session,
        kind=ChangeKind.DATES,
        before={"starts": str(session.starts_at)},
        after={"starts": str(starts)},
        bookings=number,
        actor=service_users.get("catalogue-import"),
        at=clock.now(),
    )
    change.save()
    session.starts_at, session.ends_at = starts, ends  # type: ignore[assignment]
    session.save()


def test_moved_dates_open_a_review_of_each_booking_and_set_its_terms_again(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    session = world.make_session(ends_at=LONG_ENDS)
    booking, proposed = world.accepted(learner, session), world.proposed(world.make_learner(), session)
    hand.move(STARTS)
    bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
    assert bookings.read_booking(booking.pk).next_due == "advance"
    session.refresh_from_db()
    moved(world, session, starts=STARTS, ends=ENDS)
    hand.move(STARTS + timedelta(hours=1))
    due.run_due()
    assert changes.review_changes() == NOTHING | {"session_moved": 1}
    assert bookings.read_booking(booking.pk).next_due == ""
    review = BookingReview.objects.get()
    assert (review.booking_id, review.reason) == (booking.pk, "session_moved")
    assert Message.objects.get(template="session_moved").recipient == learner.user
    assert bookings.read_booking(proposed.pk).state == "lapsed"
    assert changes.review_changes() == NOTHING
    # A second move is added to the review that is open, with what stood before the first.
    first = review.detail["before"]
    hand.move(STARTS + timedelta(days=2))
    moved(world, session, starts=STARTS, ends=LONG_ENDS)
    assert changes.review_changes()["session_moved"] == 1
    detail = BookingReview.objects.get().detail
    assert (len(detail["changes"]), detail["before"]) == (2, first)
    assert bookings.read_booking(booking.pk).next_due == "advance"


def test_other_changes_and_later_bookings_open_none(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    session = world.session
    SessionChange.objects.create(
        session=session, kind=ChangeKind.PRICE, bookings=3, actor=world.case_worker, at=clock.now()
    )
    moved(world, session, starts=STARTS, ends=ENDS)
    hand.move(clock.now() + timedelta(hours=1))
    world.accepted(learner, session)
    assert changes.review_changes() == NOTHING


# -- accreditations --------------------------------------------------------------------------


def test_an_accreditation_that_ends_opens_reviews_of_what_has_not_begun(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    begun, waiting = world.accepted(learner), world.accepted(world.make_learner())
    elsewhere = world.make_session(world.make_credential(world.make_provider()))
    world.accepted(world.make_learner(), elsewhere)
    hand.move(STARTS)
    bookings.declare_entry(actor=world.provider_user, booking_id=begun.pk)
    standing = world.provider.accreditations.get()
    accreditations.suspend_accreditation(
        actor=world.case_worker, accreditation_id=standing.pk, reason="audit"
    )
    assert changes.review_changes() == NOTHING | {"accreditation_ended": 1}
    review = BookingReview.objects.get()
    assert (review.booking_id, review.reason) == (waiting.pk, "accreditation_ended")
    assert review.detail["authority"] == "Qualiopi"
    assert changes.review_changes() == NOTHING


def test_an_accreditation_that_stands_again_opens_none(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    world.accepted(learner)
    standing = world.provider.accreditations.get()
    accreditations.suspend_accreditation(
        actor=world.case_worker, accreditation_id=standing.pk, reason="audit"
    )
    accreditations.resume_accreditation(actor=world.case_worker, accreditation_id=standing.pk)
    assert changes.review_changes() == NOTHING


def test_an_expired_accreditation_is_seen(world: World, learner: Learner, hand: VirtualClock) -> None:
    world.accepted(learner)
    standing = world.provider.accreditations.get()
    accreditations.change_validity(
        actor=world.case_worker, accreditation_id=standing.pk, valid_from=None, valid_until=date(2026, 5, 31)
    )
    hand.move(STARTS - timedelta(days=10))
    assert accreditations.expire_accreditations(actor=service_users.get("clock")) == 1
    assert changes.review_changes()["accreditation_ended"] == 1


def test_a_quiet_sweep_reads_no_history_twice(world: World, learner: Learner, hand: VirtualClock) -> None:
    world.accepted(learner)
    changes.review_changes()
    hand.move(clock.now() + timedelta(days=3))
    changes.review_changes()
    with captured_queries() as captured:
        changes.review_changes()
    assert not [one for one in captured.statements if 'funding_booking"' in one]
