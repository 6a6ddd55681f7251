"""Many apply at once: not a cent more than the budget, not a grant more than the ceiling, nobody twice."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import psycopg
import pytest

from funding import audit
from funding.models import Application, Budget, GrantCount, Window
from ila.core import clock
from ila.core.errors import DomainError
from tests.funding.windows.stap import OPENS, PRICE, apply, make_learner, make_world, open_window
from tests.support import books
from tests.support.parallel import codes, meeting, together
from tests.support.world import World

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
