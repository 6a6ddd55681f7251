"""A session is called off while learners come, accept and go: nobody stays bound to it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from catalogue.services import sessions
from funding.models import Booking
from funding.services import bookings
from funding.services.bookings import guards
from ila.core import clock
from ila.core.errors import DomainError
from tests.support import books
from tests.support.parallel import code_of, codes, meeting, together, unlocked
from tests.support.world import MONDAY, Learner, World

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]
ROUNDS = 3


@pytest.fixture
def world(committed_db: None) -> Iterator[World]:
    with clock.at(MONDAY):
        yield World()


def ask(learner: Learner, session_id: int) -> Booking:
    return bookings.request_booking(actor=learner.user, account_id=learner.account.pk, session_id=session_id)


def accept(learner: Learner, booking: Booking) -> Booking:
    return bookings.accept(actor=learner.user, booking_id=booking.pk, sign_in=learner.sign_in)


def left_open(session_id: int) -> int:
    states = ("requested", "proposed", "accepted", "in_training")
    return Booking.objects.filter(session=session_id, state__in=states).count()


def call_off(world: World, session_id: int) -> list[int]:
    return bookings.cancel_session(actor=world.provider_user, session_id=session_id)


def test_control_a_request_slips_into_a_cancelled_session(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, learner = world.make_session(), world.make_learner()
    check = guards.check_accredited
    with unlocked(), meeting(2) as meet, meeting(2) as meet_again:

        def wait_and_check(*args: Any, **kwargs: Any) -> None:
            # The session was found open; meanwhile it is cancelled.
            meet()
            meet_again()
            check(*args, **kwargs)

        def call_off_between() -> list[int]:
            meet()
            done = call_off(world, session.pk)
            meet_again()
            return done

        monkeypatch.setattr(guards, "check_accredited", wait_and_check)
        outcomes = together(partial(ask, learner, session.pk), call_off_between)
    assert codes(outcomes) == ["ok", "ok"]
    assert left_open(session.pk) == 1


def test_no_request_slips_in(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    session, learner = world.make_session(), world.make_learner()
    check = guards.check_accredited
    with meeting(2) as meet:

        def wait_and_check(*args: Any, **kwargs: Any) -> None:
            meet()
            check(*args, **kwargs)

        def call_off_then() -> list[int]:
            meet()
            return call_off(world, session.pk)

        monkeypatch.setattr(guards, "check_accredited", wait_and_check)
        asked, cancelled = together(partial(ask, learner, session.pk), call_off_then)
    assert code_of(asked) == "ok"
    assert cancelled == [asked.pk]
    assert left_open(session.pk) == 0
    assert books.faults() == []


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_everybody_at_once(world: World, round_: int) -> None:
    """Requests, acceptances, withdrawals, cancellations and the session's end: no deadlock, nobody left behind."""
    session = world.make_session(seats=4)
    learners = [world.make_learner() for _ in range(9)]
    asking, accepting, leaving = learners[:3], learners[3:6], learners[6:8]
    proposed = [world.proposed(learner, session) for learner in accepting]
    bound = [world.accepted(learner, session) for learner in leaving]
    last = world.accepted(learners[8], session)
    outcomes = together(
        *(partial(ask, learner, session.pk) for learner in asking),
        *(partial(accept, *pair) for pair in zip(accepting, proposed, strict=True)),
        *(
            partial(bookings.withdraw, actor=learner.user, booking_id=booking.pk)
            for learner, booking in zip(leaving, bound, strict=True)
        ),
        partial(bookings.cancel_by_funder, actor=world.case_worker, booking_id=last.pk),
        partial(call_off, world, session.pk),
        partial(call_off, world, session.pk),
    )
    for outcome in outcomes:
        assert not isinstance(outcome, BaseException) or isinstance(outcome, DomainError), outcome
    refusals = {code for code in codes(outcomes) if code != "ok"}
    assert refusals <= {"not_allowed", "not_bookable", "session_full"}
    assert left_open(session.pk) == 0
    assert books.faults() == []
    assert {learner.lot().available_cents for learner in learners} == {500_000}


def test_called_off_half_way_and_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after the session was closed: what it had begun is finished by whoever comes next."""
    session = world.make_session()
    bound = [world.accepted(world.make_learner(), session) for _ in range(3)]
    sessions.cancel_session(actor=world.provider_user, session_id=session.pk)
    bookings.cancel_by_provider(actor=world.provider_user, booking_id=bound[0].pk)
    outcomes = together(bookings.finish_cancelled_sessions, partial(call_off, world, session.pk))
    assert codes(outcomes) == ["ok", "ok"]
    assert left_open(session.pk) == 0
    assert books.faults() == []
