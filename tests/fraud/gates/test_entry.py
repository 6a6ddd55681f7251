"""What cannot be is refused as it is entered: two places at once, more than a day's hours, a certificate too early."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fraud.gates import entry
from funding.models import Attendance, Presence
from funding.services import attendance_codes, attendance_sheets, bookings
from ila.core import clock
from ila.core.clock import VirtualClock
from ila.core.errors import DomainError
from tests.funding.bookings.course import entered
from tests.support.world import ENDS, MONDAY, STARTS, Learner, World

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fraud_at_the_gates")]
HOUR = timedelta(hours=1)


@pytest.fixture
def hand() -> Iterator[VirtualClock]:
    with clock.at(MONDAY) as virtual:
        yield virtual


@pytest.fixture
def world(hand: VirtualClock) -> World:
    return World()


def ask(world: World, learner: Learner, **facts: Any) -> None:
    bookings.request_booking(
        actor=learner.user, account_id=learner.account.pk, session_id=world.make_session(**facts).pk
    )


def test_a_place_at_the_same_hours_is_refused(world: World) -> None:
    learner = world.make_learner()
    world.accepted(learner)
    with pytest.raises(DomainError, match="overlapping") as refused:
        ask(world, learner)
    assert refused.value.params["detector"] == "D12"
    with pytest.raises(DomainError, match="overlapping"):
        ask(world, learner, starts_at=STARTS + 7.4 * HOUR, ends_at=STARTS + 10 * HOUR)
    ask(world, world.make_learner())


@pytest.mark.parametrize(
    "facts",
    [
        {"starts_at": ENDS + HOUR, "ends_at": ENDS + 3 * HOUR},
        {"starts_at": STARTS + 9 * HOUR, "ends_at": STARTS + 11 * HOUR},
        {"starts_at": STARTS - HOUR, "ends_at": ENDS + timedelta(days=30)},
        {"whole_days": True},
    ],
    ids=["afterwards", "in the evening", "over weeks", "days without hours"],
)
def test_what_may_be_beside_it_is_taken(world: World, facts: dict[str, Any]) -> None:
    learner = world.make_learner()
    world.accepted(learner)
    ask(world, learner, **facts)


def test_a_certificate_before_the_end_is_refused(world: World, hand: VirtualClock) -> None:
    booking = entered(world, world.make_learner(), hand)
    with pytest.raises(DomainError, match="too_early") as refused:
        bookings.record_certificate(actor=world.provider_user, booking_id=booking.pk)
    assert refused.value.params["detector"] == "D16"
    bookings.record_certificate(actor=world.provider_user, booking_id=booking.pk, kind="exam")
    hand.move(ENDS - timedelta(minutes=59))
    bookings.record_certificate(actor=world.provider_user, booking_id=booking.pk)


def test_where_days_were_told_a_certificate_may_be_of_the_last_one(world: World, hand: VirtualClock) -> None:
    booking = entered(world, world.make_learner(), hand)
    world.session.whole_days, world.session.ends_at = True, ENDS.replace(hour=21, minute=59, second=59)
    world.session.save(update_fields=["whole_days", "ends_at"])
    hand.move(ENDS - timedelta(days=1))
    with pytest.raises(DomainError, match="too_early"):
        bookings.record_certificate(actor=world.provider_user, booking_id=booking.pk)
    hand.move(ENDS.replace(hour=8))
    bookings.record_certificate(actor=world.provider_user, booking_id=booking.pk)


def test_more_hours_than_a_day_has_are_refused(world: World, hand: VirtualClock) -> None:
    learner = world.make_learner()
    booking = entered(world, learner, hand)
    day = STARTS.date()
    other = world.make_session(starts_at=STARTS, ends_at=ENDS + timedelta(days=60))
    with clock.at(MONDAY):
        beside = world.accepted(learner, other)
    Attendance.objects.create(
        booking=beside, hours=Decimal(17), day=day, recorded_by=world.provider_user, recorded_at=clock.now()
    )
    with pytest.raises(DomainError, match="too_many_hours"):
        attendance_sheets.record_day(
            actor=world.provider_user, session_id=world.session.pk, day=day, hours={booking.pk: Decimal(8)}
        )
    changed = attendance_sheets.record_day(
        actor=world.provider_user, session_id=world.session.pk, day=day, hours={booking.pk: Decimal(7)}
    )
    assert changed == 1


def test_nobody_is_in_two_rooms_at_once(world: World, hand: VirtualClock) -> None:
    learner = world.make_learner()
    booking = entered(world, learner, hand)
    day = STARTS.date()
    other = world.make_session()
    with clock.at(MONDAY):
        beside = world.proposed(world.make_learner(), other)
    beside.account = learner.account
    beside.save(update_fields=["account"])
    Presence.objects.create(booking=beside, day=day, proof="code", confirmed_by=learner.user)
    token = attendance_codes.token_of(session_id=world.session.pk, day=day)
    with pytest.raises(DomainError, match="overlapping"):
        attendance_codes.confirm_presence(actor=learner.user, token=token)
    assert not Presence.objects.filter(booking=booking).exists()


def test_entry_checks_ask_as_often_however_much_there_is(world: World, hand: VirtualClock) -> None:
    learner = world.make_learner()
    counts = []
    for number in range(2):
        for place in range(2 * number + 1):
            start = STARTS + timedelta(days=7 * (3 * number + place + 1))
            ask(world, learner, starts_at=start, ends_at=start + HOUR)
        far = world.make_session(starts_at=STARTS, ends_at=STARTS + timedelta(days=4, hours=1))
        with CaptureQueriesContext(
            connection,
        ) as asked:
            entry.check_booking(account=learner.account, session=far)
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 3


def test_sheets_ask_once_for_all_learners(world: World, hand: VirtualClock) -> None:
    made = [world.accepted(world.make_learner()) for _ in range(4)]
    counts = []
    for number in (2, 4):
        with CaptureQueriesContext(connection) as asked:
            entry.check_hours(day=STARTS.date(), hours={each.pk: Decimal(7) for each in made[:number]})
        counts.append(len(asked))
    assert counts == [2, 2]
