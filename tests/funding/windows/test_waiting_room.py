"""The waiting room: a numbered place for each person, whose turn comes at the window's rate (N-03)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from funding import audit
from funding.models import Application, Place, WaitingRoom, Window
from funding.selectors.waiting import standing_in
from funding.sentences import sentence
from funding.services import windows
from ila.core import clock
from ila.core.clock import VirtualClock
from ila.core.errors import DomainError
from tests.funding.bookings.conftest import expect_refusal
from tests.funding.windows.stap import CLOSES, OPENS, PRICE, apply, make_learner, make_world, open_window
from tests.support import books
from tests.support.world import Learner, World

pytestmark = pytest.mark.django_db

FULL_GRANT = 100_000


@pytest.fixture
def hand(db: None) -> Iterator[VirtualClock]:
    with clock.at(OPENS) as virtual:
        yield virtual
    assert books.faults() == []
    assert audit.run().ok


@pytest.fixture
def world(hand: VirtualClock) -> World:
    return make_world()


def room(world: World, per_s: str = "0.5", **changes: Any) -> Window:
    """A window that lets somebody through every two seconds."""
    return open_window(world, admissions_per_s=Decimal(per_s), **changes)


def take(window: Window, learner: Learner) -> Place:
    return windows.take_place(actor=learner.user, window_id=window.pk)


def test_numbers_follow_the_arrival_and_turns_the_rate(world: World, hand: VirtualClock) -> None:
    window = room(world)
    places = [take(window, make_learner(world)) for _ in range(3)]
    assert [place.number for place in places] == [1, 2, 3]
    assert [place.turn_at - OPENS for place in places] == [timedelta(seconds=n) for n in (0, 2, 4)]
    # An idle room does not save turns up: whoever comes to an empty room goes straight through.
    hand.move(OPENS + timedelta(minutes=5))
    late = take(window, make_learner(world))
    assert (late.number, late.turn_at) == (4, OPENS + timedelta(minutes=5))


def test_a_place_is_one_for_a_person_whatever_the_device(world: World, hand: VirtualClock) -> None:
    window, learner = room(world), make_learner(world)
    take(window, make_learner(world))
    first = take(window, learner)
    hand.move(OPENS + timedelta(seconds=1))
    assert (take(window, learner).pk, take(window, learner).turn_at) == (first.pk, first.turn_at)
    assert WaitingRoom.objects.get(window=window).last_number == 2


def test_nobody_takes_a_place_before_the_second_of_the_opening(world: World, hand: VirtualClock) -> None:
    opens = OPENS + timedelta(minutes=1)
    window, learner = room(world, opens_at=opens), make_learner(world)
    hand.move(opens - timedelta(microseconds=1))
    expect_refusal("too_early", "N-03", take, window=window, learner=learner)
    hand.move(opens)
    assert take(window, learner).turn_at == opens
    hand.move(CLOSES)
    expect_refusal("window_closed", "N-03", take, window=window, learner=make_learner(world))


def test_nobody_waits_for_nothing(world: World) -> None:
    window = room(world)
    for facts in ({"insured_months": 2}, {"student_finance": True}):
        expect_refusal("not_eligible", "N-02", take, window=window, learner=make_learner(world, **facts))
    suspended = make_learner(world)
    suspended.account.suspended_until = OPENS.date()
    suspended.account.save()
    expect_refusal("not_eligible", "F-25", take, window=window, learner=suspended)
    expect_refusal(
        "budget_exhausted", "N-03", take, window=room(world, budget_cents=0), learner=make_learner(world)
    )
    expect_refusal("not_allowed", None, take, window=open_window(world), learner=make_learner(world))
    granted = make_learner(world)
    apply(world, open_window(world), granted)
    expect_refusal("already_granted", "N-01", take, window=window, learner=granted)
    assert not Place.objects.exists()


def test_only_people_with_an_account_have_places(world: World) -> None:
    window = room(world)
    for actor in (world.case_worker, world.provider_user):
        expect_refusal("not_found", None, windows.take_place, actor=actor, window_id=window.pk)
        expect_refusal("not_found", None, windows.leave_place, actor=actor, window_id=window.pk)
    learner = make_learner(world)
    expect_refusal("not_found", None, windows.take_place, actor=learner.user, window_id=0)
    expect_refusal("not_found", None, windows.leave_place, actor=learner.user, window_id=window.pk)


def test_n03_nobody_jumps_the_queue_through_the_service_either(world: World, hand: VirtualClock) -> None:
    window, first, second = room(world), make_learner(world), make_learner(world)
    with pytest.raises(DomainError) as refused:
        apply(world, window, first)
    assert (refused.value.code, refused.value.rule) == ("too_early", "N-03")
    assert refused.value.params == {"reason": "not_your_turn", "number": None, "turn_at": None}
    take(window, first)
    place = take(window, second)
    with pytest.raises(DomainError) as refused:
        apply(world, window, second)
    assert refused.value.params == {
        "reason": "not_your_turn",
        "number": 2,
        "turn_at": place.turn_at.isoformat(),
    }
    assert "turn" in sentence(refused.value)
    hand.move(place.turn_at - timedelta(microseconds=1))
    expect_refusal("too_early", "N-03", apply, world=world, window=window, learner=second)
    hand.move(place.turn_at)
    apply(world, window, second)
    # The first one's turn came long ago, and has not gone.
    hand.move(OPENS + timedelta(hours=3))
    apply(world, window, first)
    assert Application.objects.count() == 2


def test_who_leaves_comes_last_and_moves_nobody(world: World, hand: VirtualClock) -> None:
    window = room(world)
    learners = [make_learner(world) for _ in range(3)]
    places = [take(window, learner) for learner in learners]
    windows.leave_place(actor=learners[1].user, window_id=window.pk)
    expect_refusal("not_found", None, windows.leave_place, actor=learners[1].user, window_id=window.pk)
    hand.move(places[2].turn_at)
    expect_refusal("too_early", "N-03", apply, world=world, window=window, learner=learners[1])
    again = take(window, learners[1])
    assert (again.number, again.turn_at) == (4, places[2].turn_at + timedelta(seconds=2))
    kept = Place.objects.get(pk=places[2].pk)
    assert (kept.number, kept.turn_at) == (3, places[2].turn_at)


def test_a_window_without_a_rate_has_no_waiting_room(world: World) -> None:
    window = open_window(world)
    assert not WaitingRoom.objects.exists()
    apply(world, window, make_learner(world))


@pytest.mark.parametrize("per_s", ["0", "-1", "1000.001"])
def test_a_rate_that_cannot_be(world: World, per_s: str) -> None:
    expect_refusal("invalid", None, room, world=world, per_s=per_s)


def test_what_a_page_says_costs_the_same_for_everybody(world: World, hand: VirtualClock) -> None:
    window = room(world, budget_cents=2 * FULL_GRANT)
    learners = [make_learner(world) for _ in range(6)]
    for learner in learners:
        take(window, learner)
    seen = []
    for learner in (learners[1], learners[5]):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            standing = standing_in(window, learner.account)
        assert standing is not None
        seen.append(
            (len(queries), standing.number, standing.ahead, standing.full_grants, standing.beyond_budget)
        )
    assert seen == [(seen[0][0], 2, 0, 2, False), (seen[0][0], 6, 4, 2, True)]
    # People before somebody are those whose turn is still to come.
    hand.move(OPENS + timedelta(seconds=5))
    standing = standing_in(window, learners[5].account)
    assert standing is not None
    assert (standing.ahead, standing.wait, standing.is_turn) == (2, timedelta(seconds=5), False)
    hand.move(OPENS + timedelta(seconds=10))
    standing = standing_in(window, learners[5].account)
    assert standing is not None
    assert (standing.ahead, standing.wait, standing.is_turn) == (0, timedelta(0), True)
    assert standing_in(window, make_learner(world).account) is None


def test_the_page_says_when_the_budget_is_too_short_for_a_full_grant(world: World) -> None:
    window = room(world, budget_cents=PRICE + 1)
    learner = make_learner(world)
    take(window, learner)
    standing = standing_in(window, learner.account)
    assert standing is not None
    assert (standing.full_grants, standing.beyond_budget, standing.left_cents) == (0, True, PRICE + 1)
    apply(world, window, learner)
    left = standing_in(Window.objects.get(pk=window.pk), learner.account)
    assert left is not None
    assert left.left_cents == 1
