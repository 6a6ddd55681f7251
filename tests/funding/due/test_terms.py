"""Each term of a booking at the second before and after, in several time zones (F-21, F-27, F-31, N-10)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Message
from catalogue.models import Session
from funding.models import Booking, BookingReview, ClaimKind, Scheme
from funding.services import bookings, claims, due, holds
from funding.services.bookings import terms
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.funding.bookings.course import LONG_ENDS, taught
from tests.support import books
from tests.support.rules import scheme_with
from tests.support.world import MONDAY, STARTS, World

SECOND = timedelta(seconds=1)
PARIS = ("FR", "Europe/Paris")
AMSTERDAM = ("NL", "Europe/Amsterdam")
NEW_YORK = ("US", "America/New_York")
SINGAPORE = ("SG", "Asia/Singapore")

pytestmark = pytest.mark.django_db


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@contextmanager
def world_in(place: tuple[str, str], moment: datetime, **rules: Any) -> Iterator[tuple[World, VirtualClock]]:
    """A scheme like CPF but for its place and these rules; the books are checked at the end."""
    with clock.at(moment) as hand:
        scheme = scheme_with(**rules)
        country, zone = place
        Scheme.objects.filter(pk=scheme.pk).update(country=country, timezone=zone)
        scheme.refresh_from_db()
        yield World(scheme=scheme), hand
    assert books.faults() == []


def in_training(world: World, hand: VirtualClock, *, starts: datetime, ends: datetime) -> Booking:
    """A booking whose learner has begun at the session's start."""
    session = world.make_session(starts_at=starts, ends_at=ends)
    booking = world.accepted(world.make_learner(), session)
    hand.move(starts)
    return bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)


@pytest.mark.parametrize(
    ("place", "proposed", "lapses"),
    [
        # King's Day, a Tuesday; Good Friday and Easter Monday around the night in which clocks go forward.
        (AMSTERDAM, "2027-04-23T12:00:00+02:00", "2027-05-01T00:00:00+02:00"),
        (AMSTERDAM, "2027-03-25T23:59:59+01:00", "2027-04-03T00:00:00+02:00"),
        # Clocks go back on Sunday 7 November, Veterans Day is Thursday the 11th.
        (NEW_YORK, "2027-11-05T12:00:00-04:00", "2027-11-13T00:00:00-05:00"),
        # Clocks go forward on Sunday 14 March.
        (NEW_YORK, "2027-03-11T23:59:59-05:00", "2027-03-18T00:00:00-04:00"),
        # New Year's Day is a Saturday: the Friday before is free.
        (NEW_YORK, "2027-12-29T12:00:00-05:00", "2028-01-06T00:00:00-05:00"),
        # 29 February, a Tuesday.
        (NEW_YORK, "2028-02-25T00:00:00-05:00", "2028-03-03T00:00:00-05:00"),
        # Chinese New Year falls on a weekend: Monday is free. Good Friday.
        (SINGAPORE, "2027-02-04T12:00:00+08:00", "2027-02-12T00:00:00+08:00"),
        (SINGAPORE, "2027-03-24T12:00:00+08:00", "2027-04-01T00:00:00+08:00"),
        # Hari Raya is a Sunday: Monday the 28th is free, the 29th is not.
        (SINGAPORE, "2028-02-25T23:59:59+08:00", "2028-03-04T00:00:00+08:00"),
        # It is Tuesday in Singapore already.
        (SINGAPORE, "2027-07-05T17:00:00+00:00", "2027-07-13T00:00:00+08:00"),
    ],
)
def test_f21_a_proposal_lapses_where_the_scheme_is(
    place: tuple[str, str], proposed: str, lapses: str
) -> None:
    with world_in(place, at(proposed)) as (world, hand):
        session = world.make_session(starts_at=at(proposed) + timedelta(200), ends_at=None)
        booking = world.proposed(world.make_learner(), session)
        assert due.next_due_at() == at(lapses)
        hand.move(at(lapses) - SECOND)
        assert due.run_due() == due.DueResult()
        hand.move(at(lapses))
        assert due.run_due() == due.DueResult(lapsed=1)
        assert Booking.objects.get(pk=booking.pk).state == "lapsed"


@pytest.mark.parametrize(
    ("place", "declared", "validated"),
    [
        (PARIS, "2027-03-25T12:00:00+01:00", "2027-04-03T00:00:00+02:00"),  # clocks, Easter Monday
        (PARIS, "2027-10-29T12:00:00+02:00", "2027-11-09T00:00:00+01:00"),  # clocks, All Saints' Day
        (PARIS, "2027-12-27T12:00:00+01:00", "2028-01-04T00:00:00+01:00"),  # the year's end
        (PARIS, "2028-02-24T12:00:00+01:00", "2028-03-03T00:00:00+01:00"),  # 29 February
        (NEW_YORK, "2027-11-05T12:00:00-04:00", "2027-11-16T00:00:00-05:00"),
        (NEW_YORK, "2028-02-24T12:00:00-05:00", "2028-03-03T00:00:00-05:00"),
        (SINGAPORE, "2027-12-27T12:00:00+08:00", "2028-01-04T00:00:00+08:00"),
    ],
)
def test_f27_a_service_validates_itself_where_the_scheme_is(
    place: tuple[str, str], declared: str, validated: str
) -> None:
    starts = at(declared) - timedelta(days=5)
    with world_in(place, starts - timedelta(days=60)) as (world, hand):
        booking = in_training(world, hand, starts=starts, ends=at(declared))
        hand.move(at(declared))
        taught(world, booking, percent=100)
        hand.move(at(validated) - SECOND)
        assert due.run_due() == due.DueResult()
        hand.move(at(validated))
        assert due.run_due() == due.DueResult(validated=1)


@pytest.mark.parametrize(
    ("place", "entered", "offered"),
    [
        (PARIS, "2027-03-01T09:00:00+01:00", "2027-03-31T00:00:00+02:00"),
        (PARIS, "2027-10-01T09:00:00+02:00", "2027-10-31T00:00:00+02:00"),
        (PARIS, "2027-12-01T09:00:00+01:00", "2027-12-31T00:00:00+01:00"),
        (PARIS, "2028-01-30T09:00:00+01:00", "2028-02-29T00:00:00+01:00"),
        (NEW_YORK, "2027-02-20T09:00:00-05:00", "2027-03-22T00:00:00-04:00"),
        (SINGAPORE, "2028-01-30T09:00:00+08:00", "2028-02-29T00:00:00+08:00"),
    ],
)
def test_f31_an_advance_may_be_claimed_thirty_days_after_the_entry(
    place: tuple[str, str], entered: str, offered: str
) -> None:
    starts = at(entered)
    with world_in(place, starts - timedelta(days=60)) as (world, hand):
        booking = in_training(world, hand, starts=starts, ends=starts + timedelta(days=150))
        assert (booking.next_due, booking.next_due_at) == (terms.ADVANCE, at(offered))
        hand.move(at(offered) - SECOND)
        assert due.run_due() == due.DueResult()
        hand.move(at(offered))
        assert due.run_due() == due.DueResult(advances=1)
        assert due.run_due() == due.DueResult()
        message = Message.objects.get(template="advance_claimable")
        assert (message.recipient, message.context) == (
            world.provider_user,
            {"booking": str(booking.public_id)},
        )
        booking.refresh_from_db(fields=["next_due", "next_due_at", "flags"])
        assert (booking.next_due, booking.next_due_at, booking.flags) == ("", None, [])
        claims.claim_booking(actor=world.provider_user, booking_id=booking.pk, kind=ClaimKind.ADVANCE)


def test_f31_who_has_claimed_the_advance_is_not_told() -> None:
    with world_in(PARIS, MONDAY) as (world, hand):
        booking = in_training(world, hand, starts=STARTS, ends=LONG_ENDS)
        hand.move(STARTS + timedelta(days=30))
        claims.claim_booking(actor=world.provider_user, booking_id=booking.pk, kind=ClaimKind.ADVANCE)
        assert due.run_due() == due.DueResult(advances=1)
        assert not Message.objects.filter(template="advance_claimable").exists()


def test_f31_a_short_training_or_one_that_was_left_brings_no_advance() -> None:
    with world_in(PARIS, MONDAY) as (world, hand):
        sessions = [
            world.make_session(starts_at=STARTS, ends_at=ends) for ends in (STARTS + timedelta(90), LONG_ENDS)
        ]
        accepted = [world.accepted(world.make_learner(), session) for session in sessions]
        hand.move(STARTS)
        short, long = (
            bookings.declare_entry(actor=world.provider_user, booking_id=each.pk) for each in accepted
        )
        bookings.declare_exit(actor=world.provider_user, booking_id=long.pk, exit_reason="learner")
        assert short.next_due_at is None
        assert due.next_due_at() is None


def test_f31_an_advance_waits_for_the_end_of_a_hold() -> None:
    with world_in(PARIS, MONDAY) as (world, hand):
        booking = in_training(world, hand, starts=STARTS, ends=LONG_ENDS)
        until = STARTS + timedelta(days=60)
        holds.place_hold(owner=world.case_worker, reason="complaint", until=until, booking=booking)
        hand.move(STARTS + timedelta(days=40))
        assert due.run_due() == due.DueResult(held=1)
        hand.move(until)
        assert due.run_due() == due.DueResult(advances=1, holds_ended=1)


@pytest.mark.parametrize(
    ("place", "ends", "overdue"),
    [
        # February has 29 days in 2028, 28 in 2027; clocks go back on 31 October; the year ends.
        (AMSTERDAM, "2027-11-30T17:00:00+01:00", "2028-03-01T00:00:00+01:00"),
        (AMSTERDAM, "2026-11-30T17:00:00+01:00", "2027-03-01T00:00:00+01:00"),
        (AMSTERDAM, "2027-07-31T17:00:00+02:00", "2027-11-01T00:00:00+01:00"),
        (AMSTERDAM, "2027-09-30T17:00:00+02:00", "2027-12-31T00:00:00+01:00"),
        (NEW_YORK, "2027-12-14T17:00:00-05:00", "2028-03-15T00:00:00-04:00"),
        (SINGAPORE, "2027-11-29T17:00:00+08:00", "2028-03-01T00:00:00+08:00"),
    ],
)
def test_n10_proof_is_overdue_three_months_after_the_end(
    place: tuple[str, str], ends: str, overdue: str
) -> None:
    starts = at(ends) - timedelta(days=5)
    with world_in(place, starts - timedelta(days=60), proof_months=3) as (world, hand):
        booking = in_training(world, hand, starts=starts, ends=at(ends))
        hand.move(at(overdue) - SECOND)
        assert due.run_due() == due.DueResult()
        hand.move(at(overdue))
        assert due.run_due() == due.DueResult(proofs_overdue=1)
        assert due.run_due() == due.DueResult()
        booking = bookings.read_booking(booking.pk)
        assert (booking.state, booking.flags, booking.next_due) == ("in_training", ["late_proof"], "")
        assert BookingReview.objects.get().reason == "proof_overdue"
        assert Message.objects.filter(template="proof_overdue", recipient=world.provider_user).count() == 1
        # N-09: what follows is a person's decision; the proof may still come.
        taught(world, booking, percent=100)
        assert bookings.read_booking(booking.pk).flags.count("late_proof") == 1


def test_n10_proof_is_due_of_who_never_entered_and_not_of_who_has_proved() -> None:
    starts, ends = STARTS, STARTS + timedelta(days=5)
    with world_in(AMSTERDAM, MONDAY, proof_months=3) as (world, hand):
        never = world.accepted(world.make_learner(), world.make_session(starts_at=starts, ends_at=ends))
        proved = in_training(world, hand, starts=starts, ends=ends)
        hand.move(ends)
        proved = taught(world, proved, percent=100)
        assert proved.next_due == terms.VALIDATE
        withdrawn = world.accepted(
            world.make_learner(), world.make_session(starts_at=starts + timedelta(60), ends_at=None)
        )
        assert withdrawn.next_due_at is None
        hand.move(at("2026-10-01T00:00:00+02:00"))
        assert due.run_due() == due.DueResult(validated=1, proofs_overdue=1)
        assert bookings.read_booking(never.pk).flags == ["late_proof"]
        assert bookings.read_booking(proved.pk).flags == []


def test_n10_a_certificate_in_time_is_no_late_proof_while_the_service_is_not_declared() -> None:
    starts, ends = STARTS, STARTS + timedelta(days=5)
    with world_in(AMSTERDAM, MONDAY, proof_months=3) as (world, hand):
        proved = in_training(world, hand, starts=starts, ends=ends)
        hand.move(ends)
        bookings.record_certificate(actor=world.provider_user, booking_id=proved.pk)
        hand.move(at("2026-10-01T00:00:00+02:00"))
        assert due.run_due() == due.DueResult(proofs_overdue=1)
        assert bookings.read_booking(proved.pk).flags == []
        assert not BookingReview.objects.exists()
        assert taught(world, proved, percent=100).flags == ["late_exit"]


def test_the_advance_comes_first_and_the_proof_after_it() -> None:
    with world_in(AMSTERDAM, MONDAY, proof_months=3) as (world, hand):
        booking = in_training(world, hand, starts=STARTS, ends=LONG_ENDS)
        assert booking.next_due == terms.ADVANCE
        hand.move(STARTS + timedelta(days=31))
        assert due.run_due() == due.DueResult(advances=1)
        booking = bookings.read_booking(booking.pk)
        assert (booking.next_due, booking.next_due_at) == (terms.PROOF, at("2027-01-31T00:00:00+01:00"))
        hand.move(LONG_ENDS)
        bookings.declare_exit(actor=world.provider_user, booking_id=booking.pk, exit_reason="complete")
        assert bookings.read_booking(booking.pk).next_due == terms.PROOF


def test_a_dispute_stops_the_terms_and_its_end_sets_them_again() -> None:
    with world_in(AMSTERDAM, MONDAY, proof_months=3) as (world, hand):
        learner = world.make_learner()
        session = world.make_session(starts_at=STARTS, ends_at=LONG_ENDS)
        booking = world.accepted(learner, session)
        hand.move(STARTS)
        bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
        bookings.deny_consent(actor=learner.user, booking_id=booking.pk)
        assert bookings.read_booking(booking.pk).next_due == ""
        hand.move(STARTS + timedelta(days=31))
        assert due.run_due() == due.DueResult()
        bookings.resolve_dispute(actor=world.case_worker, booking_id=booking.pk, upheld=False)
        assert due.run_due() == due.DueResult(advances=1)
        assert Session.objects.get(pk=session.pk).ends_at == LONG_ENDS
