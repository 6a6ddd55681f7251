"""The last seat goes to one, and nobody is turned away while there is another."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import psycopg
import pytest
from django.db.models import F

from catalogue.models import SessionSeats
from funding.models import Booking
from funding.services import bookings
from ila.core import clock
from ila.core.errors import DomainError
from tests.support import books
from tests.support.parallel import codes, meeting, together
from tests.support.world import MONDAY, Learner, World

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]
MANY = 8


@pytest.fixture
def world(committed_db: None) -> Iterator[World]:
    with clock.at(MONDAY):
        yield World()


def accept(learner: Learner, booking: Booking) -> Booking:
    return bookings.accept(actor=learner.user, booking_id=booking.pk, sign_in=learner.sign_in)


def proposals(world: World, seats: int, number: int = MANY) -> list[tuple[Learner, Booking]]:
    session = world.make_session(seats=seats)
    learners = [world.make_learner() for _ in range(number)]
    return [(learner, world.proposed(learner, session)) for learner in learners]


def test_control_look_first_and_take_then(world: World, owner_connection: psycopg.Connection) -> None:
    """Without the conditional update, and without the constraint behind it, everybody gets the last seat."""
    owner_connection.execute("ALTER TABLE catalogue_sessionseats DROP CONSTRAINT sessionseats_not_overbooked")
    session = world.make_session(seats=1)

    def look_and_take() -> None:
        seats = SessionSeats.objects.get(pk=session.pk)
        assert seats.seats is not None
        if seats.taken >= seats.seats:
            raise DomainError("session_full")
        meet()
        SessionSeats.objects.filter(pk=session.pk).update(taken=F("taken") + 1)

    with meeting(MANY) as meet:
        outcomes = together(*[look_and_take] * MANY)
    assert codes(outcomes) == ["ok"] * MANY
    assert SessionSeats.objects.get(pk=session.pk).taken == MANY


def test_the_last_seat_goes_to_one(world: World) -> None:
    waiting = proposals(world, seats=1)
    outcomes = together(*(partial(accept, *each) for each in waiting))
    assert codes(outcomes) == ["ok"] + ["session_full"] * (MANY - 1)
    # Who was refused has lost nothing.
    held = sorted(learner.lot().held_cents for learner, _ in waiting)
    assert held == [0] * (MANY - 1) + [150_000]
    assert books.faults() == []


def test_every_seat_is_given_and_none_twice(world: World) -> None:
    waiting = proposals(world, seats=MANY - 3)
    outcomes = together(*(partial(accept, *each) for each in waiting))
    assert codes(outcomes) == ["ok"] * (MANY - 3) + ["session_full"] * 3
    assert books.faults() == []


def test_nobody_is_turned_away_while_seats_come_back(world: World) -> None:
    """As many leave as come: whoever is refused was refused while all seats were taken."""
    waiting = proposals(world, seats=MANY)
    for each in waiting:
        accept(*each)
    session = waiting[0][1].session
    newcomers = [world.make_learner() for _ in range(MANY)]
    coming = [(learner, world.proposed(learner, session)) for learner in newcomers]

    def leave(learner: Learner, booking: Booking) -> Booking:
        return bookings.withdraw(actor=learner.user, booking_id=booking.pk)

    outcomes = together(
        *(partial(leave, *each) for each in waiting), *(partial(accept, *each) for each in coming)
    )
    assert codes(outcomes[:MANY]) == ["ok"] * MANY
    assert set(codes(outcomes[MANY:])) <= {"ok", "session_full"}
    assert books.faults() == []
    # Afterwards everybody finds a seat.
    for (learner, booking), outcome in zip(coming, outcomes[MANY:], strict=True):
        if isinstance(outcome, DomainError):
            accept(learner, booking)
    assert SessionSeats.objects.get(pk=session.pk).taken == MANY
    assert books.faults() == []
