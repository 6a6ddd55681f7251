"""A session is moved while a learner accepts: they are bound to the new days, or told and free to leave for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from catalogue.models import SessionChange
from funding.models import Booking, BookingReview
from funding.services import bookings, moves
from funding.services.bookings import money
from ila.core import clock
from ila.core.errors import DomainError
from tests.support import books
from tests.support.parallel import codes, meeting, together, unlocked
from tests.support.world import ENDS, MONDAY, STARTS, Learner, World

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]
LATER = timedelta(days=14)
ROUNDS = 3


@pytest.fixture
def world(committed_db: None) -> Iterator[World]:
    with clock.at(MONDAY):
        yield World()


def accept(learner: Learner, booking: Booking) -> Booking:
    return bookings.accept(actor=learner.user, booking_id=booking.pk, sign_in=learner.sign_in)


def move(world: World, session_id: int) -> SessionChange:
    return moves.move_session(
        actor=world.provider_user,
        session_id=session_id,
        starts_at=STARTS + LATER,
        ends_at=ENDS + LATER,
        reason="The trainer is ill.",
    )


def bound_to_days_that_are_gone(session_id: int) -> list[int]:
    """Bookings in force whose learner agreed to the days before, and was not told that they may leave for nothing."""
    accepted = Booking.objects.filter(session=session_id, state="accepted", reviews=None)
    old = accepted.filter(consent__text__contains=f"{STARTS:%-d %B %Y}")
    return list(old.values_list("pk", flat=True))


def test_control_an_acceptance_of_days_that_are_gone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    session, learner = world.make_session(), world.make_learner()
    booking = world.proposed(learner, session)
    hold_lines = money.hold_lines
    with unlocked(), meeting(2) as meet, meeting(2) as meet_again:

        def wait_and_hold(*args: Any, **kwargs: Any) -> Any:
            # The dates were read; meanwhile they are changed.
            meet()
            meet_again()
            return hold_lines(*args, **kwargs)

        def move_between() -> SessionChange:
            meet()
            done = move(world, session.pk)
            meet_again()
            return done

        monkeypatch.setattr(money, "hold_lines", wait_and_hold)
        outcomes = together(partial(accept, learner, booking), move_between)
    assert codes(outcomes) == ["ok", "ok"]
    assert bound_to_days_that_are_gone(session.pk) == [booking.pk]


def test_who_accepted_first_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    session, learner = world.make_session(), world.make_learner()
    booking = world.proposed(learner, session)
    hold_lines = money.hold_lines
    with meeting(2) as meet:

        def wait_and_hold(*args: Any, **kwargs: Any) -> Any:
            meet()
            return hold_lines(*args, **kwargs)

        def move_then() -> SessionChange:
            meet()
            return move(world, session.pk)

        monkeypatch.setattr(money, "hold_lines", wait_and_hold)
        outcomes = together(partial(accept, learner, booking), move_then)
    assert codes(outcomes) == ["ok", "ok"]
    assert bound_to_days_that_are_gone(session.pk) == []
    assert BookingReview.objects.get().booking_id == booking.pk
    assert books.faults() == []


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_everybody_at_once(world: World, round_: int) -> None:
    """Acceptances, withdrawals and two moves to the same days: one move, and nobody on days that are gone."""
    session = world.make_session()
    learners = [world.make_learner() for _ in range(6)]
    proposed = [world.proposed(one, session) for one in learners[:4]]
    leaving = [world.accepted(one, session) for one in learners[4:]]
    outcomes = together(
        *(partial(accept, *pair) for pair in zip(learners[:4], proposed, strict=True)),
        *(
            partial(bookings.withdraw, actor=one.user, booking_id=booking.pk)
            for one, booking in zip(learners[4:], leaving, strict=True)
        ),
        partial(move, world, session.pk),
        partial(move, world, session.pk),
    )
    for outcome in outcomes:
        assert not isinstance(outcome, BaseException) or isinstance(outcome, DomainError), outcome
    assert SessionChange.objects.filter(session=session).count() == 1
    assert sorted(set(codes(outcomes))) == ["invalid", "ok"]
    assert bound_to_days_that_are_gone(session.pk) == []
    assert books.faults() == []
