"""Monthly statements: they add up, have no gap, and are never altered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Message
from accounts.services import service_users
from funding.models import LearningAccount, Posting, Statement
from funding.services import bookings, schemes, statements
from funding.tasks import make_statements
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.support.world import MONDAY, STARTS, World

pytestmark = pytest.mark.django_db
MAY, JUNE, JULY = date(2026, 5, 31), date(2026, 6, 30), date(2026, 7, 31)


@pytest.fixture
def hand(db: None) -> Iterator[VirtualClock]:
    with clock.at(MONDAY) as virtual:
        yield virtual


@pytest.fixture
def world(hand: VirtualClock) -> World:
    return World()


def make(world: World, last_day: date) -> tuple[int, int]:
    return statements.make_statements(scheme=world.scheme, last_day=last_day)


def of(account: LearningAccount) -> list[Statement]:
    return list(Statement.objects.filter(account=account).order_by("number"))


def booked(account: LearningAccount) -> int:
    found = Posting.objects.filter(lot__account=account, bucket="available")
    return int(found.aggregate(cents=Sum("amount_cents"))["cents"] or 0)


def check(account: LearningAccount) -> None:
    """Numbers without a gap, days without a gap, each opening the closing before, and every sum its lines."""
    closing, day = 0, None
    for number, one in enumerate(of(account), 1):
        assert (one.number, one.opening_cents) == (number, closing)
        assert day is None or one.first_day == day + timedelta(days=1)
        assert one.opening_cents + sum(line["cents"] for line in one.content["lines"]) == one.closing_cents
        assert all(
            one.first_day.isoformat() <= line["day"] <= one.last_day.isoformat()
            for line in one.content["lines"]
        )
        assert statements.is_whole(one)
        closing, day = one.closing_cents, one.last_day


def test_it_says_what_was_there_what_moved_and_what_is_left(world: World, hand: VirtualClock) -> None:
    learner = world.make_learner()
    booking = world.accepted(learner)
    hand.move(STARTS - timedelta(days=18))
    bookings.cancel_by_learner(actor=learner.user, booking_id=booking.pk)
    assert make(world, MAY)[1] == 0
    assert make(world, JUNE)[1] == 0
    may, june = of(learner.account)
    assert (may.opening_cents, may.closing_cents) == (0, 350_000)
    assert [(line["kind"], line["cents"]) for line in may.content["lines"]] == [
        ("credit", 500_000),
        ("hold_booking", -150_000),
    ]
    assert may.content["lines"][1]["booking"] == str(booking.public_id)
    assert may.content["lines"][1]["day"] == "2026-05-04"
    assert (june.opening_cents, june.closing_cents) == (350_000, 500_000)
    assert june.first_day == date(2026, 6, 1)
    check(learner.account)


def test_again_it_changes_nothing_and_each_learner_is_told_once(world: World) -> None:
    learner = world.make_learner()
    assert make(world, MAY)[0] == 1
    assert make(world, MAY) == (0, 0)
    told = Message.objects.filter(template="statement_ready", recipient=learner.user)
    assert told.count() == 1
    assert told.get().context["closing_cents"] == 500_000


def test_without_movement_none_is_made_for_a_year(world: World) -> None:
    learner = world.make_learner()
    make(world, MAY)
    assert make(world, JULY) == (0, 0)
    assert make(world, date(2027, 4, 30)) == (0, 0)
    assert make(world, date(2027, 5, 31)) == (1, 0)
    _first, second = of(learner.account)
    assert (second.first_day, second.last_day, second.content["lines"]) == (
        date(2026, 6, 1),
        date(2027, 5, 31),
        [],
    )
    check(learner.account)


def test_the_day_is_that_of_the_scheme(world: World, hand: VirtualClock) -> None:
    learner = world.make_learner(rights_cents=0)
    # 31 May 22:30 UTC is 1 June in Paris.
    hand.move(datetime(2026, 5, 31, 22, 30, tzinfo=UTC))
    world.credit(learner.account, 100)
    assert make(world, MAY) == (0, 0)
    assert make(world, JUNE) == (1, 0)
    (june,) = of(learner.account)
    assert june.content["lines"][0]["day"] == "2026-06-01"


def test_what_expires_in_the_coming_months_is_said(world: World) -> None:
    learner = world.make_learner(rights_cents=0)
    for day, cents in ((date(2026, 11, 30), 100), (date(2026, 12, 1), 200)):
        schemes.credit(
            account=learner.account,
            source="endowment",
            amount_cents=cents,
            actor=service_users.get("ledger"),
            idempotency_key=f"{day}",
            expires_on=day,
        )
    make(world, MAY)
    (may,) = of(learner.account)
    assert may.content["expiries"] == [{"day": "2026-11-30", "source": "endowment", "cents": 100}]


def test_nobody_alters_or_removes_one(world: World) -> None:
    learner = world.make_learner()
    make(world, MAY)
    for act in ("UPDATE funding_statement SET closing_cents = 1", "DELETE FROM funding_statement"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(act)
    check(learner.account)


def test_the_job_makes_them_in_the_first_days_of_a_month(world: World, hand: VirtualClock) -> None:
    world.make_learner()
    assert make_statements(timestamp=0) == {"made": 0, "unequal": 0}, (
        "the fourth of May: nothing moved in April"
    )
    hand.move(datetime(2026, 6, 1, 10, 0, tzinfo=UTC))
    assert make_statements(timestamp=0)["made"] == 0
    hand.move(datetime(2026, 6, 2, 10, 0, tzinfo=UTC))
    assert make_statements(timestamp=0)["made"] == 1
    hand.move(datetime(2026, 6, 9, 10, 0, tzinfo=UTC))
    assert make_statements(timestamp=0)["made"] == 0


def test_as_many_queries_for_many_as_for_one(world: World) -> None:
    counts: list[int] = []
    for _ in range(2):
        for _ in range(3):
            world.make_learner()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            make(world, MAY if not counts else JUNE)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert Statement.objects.count() == 6


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    acts=st.lists(st.tuples(st.integers(1, 40), st.sampled_from(["credit", "book"])), min_size=1, max_size=6)
)
def test_whatever_moves_statements_add_up_to_the_ledger(acts: list[tuple[int, str]]) -> None:
    with transaction.atomic():
        with clock.at(MONDAY) as hand:
            world = World()
            learner, day = world.make_learner(rights_cents=100), MONDAY
            for days, act in acts:
                day += timedelta(days=days)
                hand.move(day)
                if act == "credit":
                    world.credit(learner.account, 100 * days)
                else:
                    starts = day + timedelta(days=60)
                    session = world.make_session(
                        starts_at=starts, ends_at=starts + timedelta(days=2), price_cents=5_000
                    )
                    world.accepted(learner, session)
                before = day.replace(day=1).date() - timedelta(days=1)
                assert make(world, before)[1] == 0
            make(world, date(2028, 1, 31))
            check(learner.account)
            assert of(learner.account)[-1].closing_cents == booked(learner.account)
        transaction.set_rollback(True)
