"""The link of a mail against everything else at once: it acts once, and nothing slips past it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

import pytest
from django.core import mail

from accounts.models import AccountAlarm, NotMeKind
from accounts.services import delivery, messages
from funding.models import Booking, BookingReview, Hold
from funding.services import bookings, not_me
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.funding.bookings.course import approved, execute, exported, validated
from tests.support import books
from tests.support.parallel import codes, together
from tests.support.world import MONDAY, World

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]


@pytest.fixture
def hand(committed_db: None) -> Iterator[VirtualClock]:
    with clock.at(MONDAY) as virtual:
        yield virtual


@pytest.fixture
def world(hand: VirtualClock) -> World:
    return World()


def tokens() -> list[str]:
    mail.outbox.clear()
    delivery.send_waiting()
    return [token for sent in mail.outbox for token in re.findall(r"/not-me/([\w-]+)/", str(sent.body))]


def report(token: str) -> None:
    not_me.report(token=token)


def test_the_link_pressed_many_times_acts_once(world: World) -> None:
    booking = world.accepted(world.make_learner())
    token = tokens()[-1]
    outcomes = together(*[partial(report, token)] * 4)
    assert codes(outcomes) == ["link_used", "link_used", "link_used", "ok"]
    assert Booking.objects.get(pk=booking.pk).log.filter(transition="dispute").count() == 1
    assert (Hold.objects.count(), BookingReview.objects.count()) == (1, 1)
    assert books.faults() == []


def test_the_link_against_the_bank(world: World, hand: VirtualClock) -> None:
    """Whoever comes first: the rights are back, and what the bank has paid is owed by the provider."""
    learner = world.make_learner()
    booking = validated(world, learner, hand)
    sent = exported(world, approved(world, booking))
    token = tokens()[-1]
    assert codes(together(partial(report, token), partial(execute, *sent))) == ["ok", "ok"]
    booking = bookings.read_booking(booking.pk)
    assert booking.state == "disputed"
    assert Hold.objects.filter(booking=booking).count() == 1
    assert books.faults() == []
    bookings.resolve_dispute(actor=world.case_worker, booking_id=booking.pk, upheld=True, reason="a stranger")
    assert learner.lot().available_cents == 500_000
    assert books.faults() == []


def test_the_link_against_the_withdrawal(world: World) -> None:
    learner = world.make_learner()
    booking = world.accepted(learner)
    token = tokens()[-1]
    outcomes = together(
        partial(report, token), partial(bookings.withdraw, actor=learner.user, booking_id=booking.pk)
    )
    assert codes(outcomes) in (["ok", "ok"], ["not_allowed", "ok"])
    assert bookings.read_booking(booking.pk).state in {"disputed", "withdrawn"}
    assert BookingReview.objects.filter(booking=booking, reason="not_me").count() == 1
    assert books.faults() == []


def test_an_alarm_against_an_acceptance(world: World) -> None:
    """The acceptance came before the alarm, or it is refused: none slips in between."""
    for _ in range(4):
        learner = world.make_learner()
        booking = world.proposed(learner)
        sign_in = learner.sign_in
        messages.queue(
            recipient=learner.user, template="contact_changed", **messages.not_me(NotMeKind.CONTACT)
        )
        token = tokens()[-1]
        outcomes = together(
            partial(report, token),
            partial(bookings.accept, actor=learner.user, booking_id=booking.pk, sign_in=sign_in),
        )
        assert codes(outcomes) in (["ok", "ok"], ["account_alarm", "ok"])
        assert AccountAlarm.objects.filter(user=learner.user).count() == 1
    assert books.faults() == []
