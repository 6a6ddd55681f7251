"""One booking, one account, many hands at once: somebody is first, the others hear why not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from funding.models import Booking, BookingLog, JournalEntry, Receivable
from funding.services import bookings, due, receivables
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.funding.bookings.course import entered, pay, taught, validated
from tests.support import books
from tests.support.database import ROOT, WorkerDatabase, command_environ
from tests.support.parallel import code_of, codes, meeting_before_moves, together, unlocked
from tests.support.world import ENDS, MONDAY, Learner, World

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]

# What a person never hears: the last line of defence, after the lock that should have been there.
BREAKAGE = {"ConcurrentTransition", "IntegrityError", "RuntimeError", "OperationalError"}


@pytest.fixture
def hand(committed_db: None) -> Iterator[VirtualClock]:
    with clock.at(MONDAY) as virtual:
        yield virtual


@pytest.fixture
def world(hand: VirtualClock) -> World:
    return World()


def accept(learner: Learner, booking: Booking, key: str | None = None) -> Booking:
    return bookings.accept(
        actor=learner.user, booking_id=booking.pk, sign_in=learner.sign_in, idempotency_key=key
    )


def state(booking: Booking) -> str:
    return str(bookings.read_booking(booking.pk).state)


# -- one account ---------------------------------------------------------------------------------------------


def two_proposals(world: World, rights_cents: int) -> tuple[Learner, list[Booking]]:
    learner = world.make_learner(rights_cents=rights_cents)
    return learner, [world.proposed(learner, world.make_session()) for _ in range(2)]


def test_control_two_plans_on_the_same_money(world: World) -> None:
    """Both would draw the same 1,500.00 of 2,000.00: without the lock one is refused although money is there."""
    learner, pair = two_proposals(world, 200_000)
    with unlocked(), meeting_before_moves():
        outcomes = together(*(partial(accept, learner, booking) for booking in pair))
    assert codes(outcomes) == ["insufficient_rights", "ok"]


def test_two_sessions_and_money_for_one_and_a_third(world: World) -> None:
    learner, pair = two_proposals(world, 200_000)
    with meeting_before_moves():
        outcomes = together(*(partial(accept, learner, booking) for booking in pair))
    assert codes(outcomes) == ["ok", "ok"]
    own = sorted(booking.allocations.get(source="learner").amount_cents for booking in pair)
    assert own == [15_000, 115_000]
    assert books.faults() == []


def test_two_sessions_and_money_for_one(world: World) -> None:
    learner, pair = two_proposals(world, 150_000)
    outcomes = together(*(partial(accept, learner, booking) for booking in pair))
    assert codes(outcomes) == ["insufficient_rights", "ok"]
    assert sorted(map(state, pair)) == ["accepted", "proposed"]
    assert books.faults() == []


# -- one booking ---------------------------------------------------------------------------------------------

Race = Callable[[World, Learner, Booking], list[Callable[[], Any]]]


def both(verb: Callable[..., Any], **given: Any) -> list[Callable[[], Any]]:
    return [partial(verb, **given)] * 2


RACES_OF_A_PROPOSAL: dict[str, Race] = {
    "accept and accept": lambda _w, learner, booking: [partial(accept, learner, booking)] * 2,
    "accept and the provider's cancellation": lambda world, learner, booking: [
        partial(accept, learner, booking),
        partial(bookings.cancel_by_provider, actor=world.provider_user, booking_id=booking.pk),
    ],
    "accept and the funder's cancellation": lambda world, learner, booking: [
        partial(accept, learner, booking),
        partial(bookings.cancel_by_funder, actor=world.case_worker, booking_id=booking.pk),
    ],
    "accept and refuse": lambda _w, learner, booking: [
        partial(accept, learner, booking),
        partial(bookings.refuse_by_learner, actor=learner.user, booking_id=booking.pk),
    ],
    "accept and deny": lambda _w, learner, booking: [
        partial(accept, learner, booking),
        partial(bookings.deny_consent, actor=learner.user, booking_id=booking.pk),
    ],
}


@pytest.mark.parametrize("race", RACES_OF_A_PROPOSAL)
def test_a_proposal_wanted_in_two_ways(world: World, race: str) -> None:
    for controlled in (True, False):
        learner = world.make_learner()
        booking = world.proposed(learner)
        acts = RACES_OF_A_PROPOSAL[race](world, learner, booking)
        if controlled:
            with unlocked(), meeting_before_moves():
                outcomes = together(*acts)
            assert BREAKAGE & set(codes(outcomes)), f"no race without the lock: {codes(outcomes)}"
        else:
            with meeting_before_moves():
                outcomes = together(*acts)
            # In either order: the second is refused, or follows upon the first.
            assert "ok" in codes(outcomes)
            assert set(codes(outcomes)) <= {"ok", "not_allowed", "consent_denied"}
        assert books.faults() == []


def test_accept_at_the_second_at_which_it_lapses(world: World, hand: VirtualClock) -> None:
    """The job and the learner come at once: the proposal is over, whoever is first."""
    for controlled in (True, False):
        learner = world.make_learner()
        booking = world.proposed(learner)
        assert booking.next_due_at is not None

        def in_time(learner: Learner = learner, booking: Booking = booking) -> Booking:
            with clock.at(MONDAY):
                return accept(learner, booking)

        def lapse(booking: Booking = booking) -> bool:
            assert booking.next_due_at is not None
            with clock.at(booking.next_due_at):
                return bookings.lapse(booking_id=booking.pk)

        if controlled:
            with unlocked(), meeting_before_moves():
                outcomes = together(in_time, lapse)
            assert BREAKAGE & set(codes(outcomes))
        else:
            with meeting_before_moves():
                accepted, lapsed = together(in_time, lapse)
            assert (code_of(accepted), lapsed) in {("ok", False), ("too_late", True)}
            assert state(booking) == ("lapsed" if lapsed else "accepted")
        assert books.faults() == []


def test_a_service_is_validated_once(world: World, hand: VirtualClock) -> None:
    learners = [world.make_learner() for _ in range(2)]
    declared = [world.accepted(learner) for learner in learners]
    hand.move(ENDS)
    for booking in declared:
        bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
        taught(world, booking, percent=50)
    acts = [
        both(bookings.validate_service, actor=world.case_worker, booking_id=booking.pk)
        for booking in declared
    ]
    with unlocked(), meeting_before_moves():
        assert BREAKAGE & set(codes(together(*acts[0])))
    with meeting_before_moves():
        assert codes(together(*acts[1])) == ["not_allowed", "ok"]
    assert BookingLog.objects.filter(subject=declared[1], transition="validate_service").count() == 1
    assert books.faults() == []


def test_two_workers_run_what_is_due(world: World, hand: VirtualClock) -> None:
    session = world.make_session(seats=20)
    lapsing = [world.proposed(world.make_learner(), session) for _ in range(6)]
    assert lapsing[0].next_due_at is not None
    hand.move(lapsing[0].next_due_at)
    # What would happen without the lock is shown in tests/funding/due/test_workers.py.
    outcomes = together(due.run_due, due.run_due)
    assert codes(outcomes) == ["ok", "ok"]
    assert set(map(state, lapsing)) == {"lapsed"}
    logs = BookingLog.objects.filter(subject__in=lapsing, transition="lapse")
    assert logs.count() == len(lapsing)
    assert sum(outcome.lapsed for outcome in outcomes) == len(lapsing)
    assert books.faults() == []


def test_a_debt_is_paid_back_once(world: World, hand: VirtualClock) -> None:
    learner = world.make_learner()
    booking = pay(world, validated(world, learner, hand))
    bookings.deny_consent(actor=learner.user, booking_id=booking.pk)
    acts = both(receivables.recover, actor=world.payer, booking_id=booking.pk, amount_cents=100_000)
    assert codes(together(*acts)) == ["not_allowed", "ok"]
    assert Receivable.objects.get(booking=booking).owed_cents == 65_000
    assert books.faults() == []


def test_denied_while_it_is_validated(world: World, hand: VirtualClock) -> None:
    learner = world.make_learner()
    booking = entered(world, learner, hand)
    hand.move(ENDS)
    taught(world, booking, percent=50)
    outcomes = together(
        partial(bookings.validate_service, actor=world.case_worker, booking_id=booking.pk),
        partial(bookings.deny_consent, actor=learner.user, booking_id=booking.pk),
    )
    assert codes(outcomes) in (["ok", "ok"], ["not_allowed", "ok"])
    assert state(booking) == "disputed"
    assert books.faults() == []


# -- one request, twice --------------------------------------------------------------------------------------


def test_inv10_the_same_request_twice_at_once(world: World) -> None:
    learner = world.make_learner()
    booking = world.proposed(learner)
    # The control is a request without a key: its second copy is refused.
    outcomes = together(*[partial(accept, learner, booking)] * 2)
    assert codes(outcomes) == ["not_allowed", "ok"]
    second = world.make_learner()
    other = world.proposed(second)
    outcomes = together(*[partial(accept, second, other, "k1")] * 4)
    assert codes(outcomes) == ["ok"] * 4
    assert {outcome.pk for outcome in outcomes} == {other.pk}
    assert JournalEntry.objects.filter(idempotency_key=f"booking:{other.pk}:accept").count() == 1
    assert second.lot().held_cents == 150_000
    assert books.faults() == []


def test_inv10_one_key_for_two_requests_at_once(world: World) -> None:
    learner = world.make_learner()
    pair = [world.proposed(learner, world.make_session()) for _ in range(2)]
    outcomes = together(*(partial(accept, learner, booking, "k1") for booking in pair))
    assert codes(outcomes) == ["idempotency_mismatch", "ok"]
    assert sorted(map(state, pair)) == ["accepted", "proposed"]
    assert books.faults() == []


# -- killed in the middle ------------------------------------------------------------------------------------

HALFWAY = """
import sys, time
import django
django.setup()
from datetime import datetime
from accounts.models import SignIn
from django.db import connection
from funding.services import bookings
from ila.core import clock
from ila.core.batch import Batch

send = Batch.send
sent = 0

def send_and_stop(self):
    global sent
    send(self)
    sent += 1
    if sent == int(sys.argv[4]):
        print("halfway", flush=True)
        time.sleep(60)

Batch.send = send_and_stop
sign_in = SignIn.objects.get(pk=int(sys.argv[2]))
with clock.at(datetime.fromisoformat(sys.argv[3])):
    bookings.accept(actor=sign_in.user, booking_id=int(sys.argv[1]), sign_in=sign_in, idempotency_key="k1")
"""


@pytest.mark.parametrize("message", [1, 2, 3], ids=["locked", "read", "written"])
def test_killed_in_the_middle_of_an_acceptance(
    world: World, worker_database: WorkerDatabase, message: int
) -> None:
    """All is written and nothing is committed: the process dies, the server rolls back, the learner tries again."""
    learner = world.make_learner()
    session = world.make_session(seats=1)
    booking = world.proposed(learner, session)
    arguments = [booking.pk, learner.sign_in.pk, MONDAY.isoformat(), message]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", HALFWAY, *map(str, arguments)],
        cwd=ROOT,
        env=command_environ(worker_database),
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "halfway\n"
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert state(booking) == "proposed"
    assert (learner.lot().available_cents, learner.lot().held_cents) == (500_000, 0)
    assert not booking.allocations.exists()
    assert books.faults() == []
    # The server may take a moment to see that nobody is there any more.
    begun = time.monotonic()
    assert accept(learner, booking, "k1").state == "accepted"
    assert time.monotonic() - begun < 5
    assert books.faults() == []
