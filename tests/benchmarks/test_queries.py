"""What one acceptance asks of the database, whatever the history: the number is part of its contract."""

import uuid
from collections.abc import Iterator

import pytest

from accounts.models import SignIn
from funding.models import Booking
from funding.services import bookings
from ila.core import batch, clock
from ila.core.pipeline import Result, exchange
from tests.support.queries import captured_queries
from tests.support.world import MONDAY, Learner, World

pytestmark = pytest.mark.django_db

# In the one round trip before the rules: six locks, the booking with all it belongs to, the key's earlier use.
# In the second: the version in force, accreditation and holds, the lots. In the third: the posting function,
# two allocations, consent and booking each with its log, the message, the seat.
STATEMENTS = 8 + 3 + 8
ROUND_TRIPS = 3
SAVEPOINTS = 2  # the suite's transaction makes the service's own a savepoint


@pytest.fixture
def world() -> Iterator[World]:
    with clock.at(MONDAY):
        yield World()


def accept(learner: Learner, booking: Booking, sign_in: SignIn | None = None) -> None:
    bookings.accept(
        actor=learner.user,
        booking_id=booking.pk,
        sign_in=sign_in or learner.sign_in,
        idempotency_key=str(uuid.uuid4()),
    )


def add_history(world: World, learner: Learner, sessions: int) -> None:
    """More bookings of the learner's, of the session and of others, with their entries, logs and lots."""
    for _ in range(sessions):
        world.credit(learner.account, 500_000, source="rights")
        accept(learner, world.proposed(learner, world.make_session()))
        world.accepted(world.make_learner())


@pytest.mark.parametrize("history", [1, 8])
def test_an_acceptance_asks_a_constant_number_of_queries(world: World, history: int) -> None:
    learner = world.make_learner()
    add_history(world, learner, history)
    booking = world.proposed(learner)
    sign_in = learner.sign_in
    with captured_queries() as captured:
        accept(learner, booking, sign_in)
    assert len(captured) == STATEMENTS + SAVEPOINTS, "\n".join(captured.statements)


def test_an_acceptance_makes_three_round_trips(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []

    def counted(connection: object, statements: list[tuple[str, list[object]]]) -> list[Result]:
        sent.append(len(statements))
        return exchange(connection, statements)  # type: ignore[arg-type]

    learner = world.make_learner()
    booking = world.proposed(learner)
    monkeypatch.setattr(batch, "exchange", counted)
    accept(learner, booking)
    assert len(sent) == ROUND_TRIPS
    assert sum(sent) == STATEMENTS
