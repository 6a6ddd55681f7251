"""What falls due by itself, at the second it does (F-21, F-27)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import Consent, Message
from funding.services import bookings, due
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.funding.bookings.conftest import expect_refusal
from tests.funding.bookings.course import entered, taught
from tests.support.rules import scheme_with
from tests.support.world import ENDS, MONDAY, Learner, World

SECOND = timedelta(seconds=1)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("proposed", "lapses"),
    [
        # Monday 4 May: 8 May is a holiday, the 4th working day is Monday the 11th.
        ("2026-05-04T09:00:00+02:00", "2026-05-12T00:00:00+02:00"),
        ("2026-05-04T23:59:59+02:00", "2026-05-12T00:00:00+02:00"),
        # One second later is Tuesday: until the end of the 12th.
        ("2026-05-05T00:00:00+02:00", "2026-05-13T00:00:00+02:00"),
        # Ascension on the 14th.
        ("2026-05-12T12:00:00+02:00", "2026-05-20T00:00:00+02:00"),
        # 1 May 2026, a Friday, does not count.
        ("2026-04-30T12:00:00+02:00", "2026-05-08T00:00:00+02:00"),
        # Easter Monday, 6 April 2026.
        ("2026-04-02T12:00:00+02:00", "2026-04-10T00:00:00+02:00"),
        # Bastille Day.
        ("2026-07-13T12:00:00+02:00", "2026-07-21T00:00:00+02:00"),
        # Clocks go back in the night to Sunday 25 October: the term ends by winter time.
        ("2026-10-22T12:00:00+02:00", "2026-10-29T00:00:00+01:00"),
        # Clocks go forward on Sunday 29 March.
        ("2026-03-27T12:00:00+01:00", "2026-04-03T00:00:00+02:00"),
        # Christmas and New Year's Day are Fridays.
        ("2026-12-24T18:00:00+01:00", "2027-01-01T00:00:00+01:00"),
        ("2026-12-28T18:00:00+01:00", "2027-01-05T00:00:00+01:00"),
    ],
)
@pytest.mark.django_db
def test_f21_a_proposal_lapses_with_the_end_of_the_fourth_working_day(proposed: str, lapses: str) -> None:
    with clock.at(local(proposed)) as hand:
        world = World()
        session = world.make_session(starts_at=local("2027-06-21T09:00:00+02:00"), ends_at=None)
        learner, other = world.make_learner(), world.make_learner()
        booking, in_time = world.proposed(learner, session), world.proposed(other, session)
        assert due.next_due_at() == local(lapses)
        hand.move(local(lapses) - SECOND)
        assert due.run_due().lapsed == 0
        bookings.accept(actor=other.user, booking_id=in_time.pk, sign_in=other.sign_in)
        hand.move(local(lapses))
        given = {"actor": learner.user, "booking_id": booking.pk, "sign_in": learner.sign_in}
        # Too late is too late, whether or not the job has come by.
        expect_refusal("too_late", "F-21", bookings.accept, **given)
        assert due.run_due() == due.DueResult(lapsed=1)
        expect_refusal("too_late", "F-21", bookings.accept, **given)
        booking = bookings.read_booking(booking.pk)
        assert (booking.state, booking.ended_at, booking.next_due) == ("lapsed", local(lapses), "")
        assert booking.consent is not None
        assert Consent.objects.get(pk=booking.consent.pk).state == "lapsed"
        assert Message.objects.filter(recipient=learner.user, template="booking_lapsed").count() == 1
        assert due.run_due() == due.DueResult()
        assert due.next_due_at() is None


@pytest.mark.parametrize(
    ("declared", "validated"),
    [
        # Friday 26 June: five working days later is Friday 3 July.
        ("2026-06-26T17:00:00+02:00", "2026-07-04T00:00:00+02:00"),
        ("2026-07-08T23:59:59+02:00", "2026-07-17T00:00:00+02:00"),
        ("2026-07-09T00:00:00+02:00", "2026-07-18T00:00:00+02:00"),
    ],
)
def test_f27_a_declared_service_validates_itself(
    world: World, learner: Learner, hand: VirtualClock, declared: str, validated: str
) -> None:
    booking = entered(world, learner, hand)
    hand.move(local(declared))
    taught(world, booking, percent=60)
    hand.move(local(validated) - SECOND)
    assert due.run_due() == due.DueResult()
    hand.move(local(validated))
    assert due.run_due() == due.DueResult(validated=1)
    booking = bookings.read_booking(booking.pk)
    assert (booking.state, booking.realised_percent) == ("service_validated", 60)
    assert booking.log.get(transition="validate_service").actor.email.startswith("clock@")
    assert learner.lot().available_cents == 350_000 + 60_000


def test_nothing_lapses_before_its_time_or_twice(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = world.proposed(learner)
    assert bookings.lapse(booking_id=booking.pk) is False
    assert booking.next_due_at is not None
    hand.move(booking.next_due_at)
    assert bookings.lapse(booking_id=booking.pk) is True
    assert bookings.lapse(booking_id=booking.pk) is False
    assert booking.log.filter(transition="lapse").count() == 1


def test_one_scheme_s_terms_alone(world: World, learner: Learner, hand: VirtualClock) -> None:
    other = scheme_with(learner_accept_wd=1)
    booking = world.proposed(learner)
    assert booking.next_due_at is not None
    hand.move(booking.next_due_at)
    assert due.run_due(scheme=other) == due.DueResult()
    assert due.next_due_at(scheme=other) is None
    assert due.next_due_at(after=booking.next_due_at) is None
    assert due.run_due(scheme=world.scheme) == due.DueResult(lapsed=1)


@pytest.mark.django_db
def test_without_f27_somebody_has_to_validate() -> None:
    with clock.at(MONDAY) as hand:
        world = World(scheme=scheme_with(auto_validate_wd=None))
        booking = entered(world, world.make_learner(), hand)
        hand.move(ENDS)
        taught(world, booking, percent=100)
        assert due.next_due_at() is None
        hand.move(ENDS + timedelta(days=365))
        assert due.run_due() == due.DueResult()
