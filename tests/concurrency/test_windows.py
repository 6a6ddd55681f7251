"""Many apply at once: not a cent more than the budget, not a grant more than the ceiling, nobody twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db.models import Max

from funding import audit
from funding.models import Application, Budget, GrantCount, JournalEntry, Place, Window
from funding.services import windows
from ila.core import clock
from ila.core.errors import DomainError
from tests.funding.windows.stap import OPENS, PRICE, apply, make_learner, make_world, open_window
from tests.support import books
from tests.support.parallel import codes, meeting, together
from tests.support.world import Learner, World

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]
MANY = 8


@pytest.fixture
def world(committed_db: None) -> Iterator[World]:
    with clock.at(OPENS):
        yield make_world()


def everybody(world: World, window: Window) -> list[str]:
    learners = [make_learner(world) for _ in range(MANY)]
    return codes(together(*(partial(apply, world, window, learner) for learner in learners)))


def test_control_look_first_and_spend_then(world: World, owner_connection: psycopg.Connection) -> None:
    """Without the conditional update, and without the constraint behind it, the budget is spent many times."""
    owner_connection.execute("ALTER TABLE funding_budget DROP CONSTRAINT budget_not_negative")
    window = open_window(world, PRICE)

    def look_and_spend() -> None:
        if Budget.objects.get(pk=window.budget_id).available_cents < PRICE:
            raise DomainError("budget_exhausted")
        meet()
        owner_connection.execute(
            "UPDATE funding_budget SET available_cents = available_cents - %s WHERE id = %s",
            [PRICE, window.budget_id],
        )

    with meeting(MANY) as meet:
        assert codes(together(*[look_and_spend] * MANY)) == ["ok"] * MANY
    assert Budget.objects.get(pk=window.budget_id).available_cents == PRICE * (1 - MANY)


def test_n03_the_budget_is_never_overcommitted_by_a_cent(world: World) -> None:
    window = open_window(world, 3 * PRICE + PRICE - 1)
    assert everybody(world, window) == ["budget_exhausted"] * (MANY - 3) + ["ok"] * 3
    assert Budget.objects.get(pk=window.budget_id).available_cents == PRICE - 1
    assert Application.objects.count() == 3
    assert books.faults() == []
    assert audit.run().ok


def test_n11_the_ceiling_holds_for_who_comes_at_the_same_moment(world: World) -> None:
    GrantCount.objects.create(
        scheme=world.scheme, credential=world.session.micro_credential, year=2026, granted=298
    )
    window = open_window(world)
    assert everybody(world, window) == ["grant_ceiling"] * (MANY - 2) + ["ok"] * 2
    assert GrantCount.objects.get().granted == 300
    assert books.faults() == []


def test_n01_nobody_is_granted_twice_by_two_applications_at_once(world: World) -> None:
    window, learner = open_window(world), make_learner(world)
    other = world.make_session(price_cents=PRICE)
    acts = [
        partial(apply, world, window, learner),
        partial(apply, world, window, learner, session_id=other.pk),
    ]
    assert codes(together(*acts)) == ["already_granted", "ok"]


def test_one_key_at_the_same_moment_is_one_grant(world: World) -> None:
    window, learner = open_window(world), make_learner(world)
    outcomes = together(*[partial(apply, world, window, learner, key="k")] * 3)
    assert codes(outcomes) == ["ok"] * 3
    assert len({each.pk for each in outcomes}) == 1
    assert Application.objects.count() == 1


# -- the waiting room --------------------------------------------------------------------------------------


def room(world: World, per_s: str = "2") -> Window:
    return open_window(world, admissions_per_s=Decimal(per_s))


def test_control_look_at_the_last_number_and_add_one(
    world: World, owner_connection: psycopg.Connection
) -> None:
    """Without the counter's row, and without the constraint behind it, one number is given many times."""
    owner_connection.execute("ALTER TABLE funding_place DROP CONSTRAINT place_number_once")
    window = room(world)
    learners = [make_learner(world) for _ in range(MANY)]

    def look_and_add(learner: Learner) -> None:
        last = Place.objects.filter(window=window).aggregate(last=Max("number"))["last"] or 0
        meet()
        Place.objects.create(
            window=window, account=learner.account, number=last + 1, taken_at=OPENS, turn_at=OPENS
        )

    with meeting(MANY) as meet:
        assert codes(together(*(partial(look_and_add, each) for each in learners))) == ["ok"] * MANY
    assert set(Place.objects.values_list("number", flat=True)) == {1}


def test_numbers_have_no_gap_and_no_double_and_turns_their_distance(world: World) -> None:
    window = room(world)
    learners = [make_learner(world) for _ in range(3 * MANY)]
    acts = [partial(windows.take_place, actor=each.user, window_id=window.pk) for each in learners]
    assert codes(together(*acts)) == ["ok"] * len(acts)
    places = list(Place.objects.filter(window=window).order_by("number"))
    assert [place.number for place in places] == list(range(1, len(acts) + 1))
    assert [place.turn_at - OPENS for place in places] == [
        timedelta(milliseconds=500 * n) for n in range(len(acts))
    ]


def test_one_person_with_many_devices_has_one_place_and_leaves_no_gap(world: World) -> None:
    window, learner, other = room(world), make_learner(world), make_learner(world)
    acts = [partial(windows.take_place, actor=learner.user, window_id=window.pk)] * MANY
    outcomes = together(*acts)
    assert codes(outcomes) == ["ok"] * MANY
    assert len({(place.number, place.turn_at) for place in outcomes}) == 1
    assert windows.take_place(actor=other.user, window_id=window.pk).number == 2


def test_nobody_jumps_while_others_take_places(world: World) -> None:
    window = room(world)
    first, second, without = (make_learner(world) for _ in range(3))
    windows.take_place(actor=first.user, window_id=window.pk)
    acts: list[Callable[[], Any]] = [
        partial(apply, world, window, first),
        partial(apply, world, window, without),
        partial(windows.take_place, actor=second.user, window_id=window.pk),
    ]
    assert codes(together(*acts)) == ["ok", "ok", "too_early"]


# -- a budget in several rows ------------------------------------------------------------------------------


def test_parts_of_a_budget_are_never_overcommitted_and_refuse_nobody_too_early(world: World) -> None:
    """Five grants and a cent short of a sixth, in four parts of which none holds more than one and a half."""
    window = open_window(world, 6 * PRICE - 1, slices=4)
    assert everybody(world, window) == ["budget_exhausted"] * (MANY - 5) + ["ok"] * 5
    assert Window.objects.get(pk=window.pk).left_cents == PRICE - 1
    assert JournalEntry.objects.filter(kind="gather_budget").exists()
    assert books.faults() == []
    assert audit.run().ok


def test_the_last_grant_in_parts_too_small_for_it_is_given_once(world: World) -> None:
    window = open_window(world, PRICE, slices=MANY)
    assert everybody(world, window) == ["budget_exhausted"] * (MANY - 1) + ["ok"]
    assert Window.objects.get(pk=window.pk).left_cents == 0
    assert books.faults() == []
    assert audit.run().ok
