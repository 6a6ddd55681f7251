"""A world on a virtual Monday, and its books checked after every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ila.core import clock
from ila.core.clock import VirtualClock
from tests.support import books
from tests.support.world import MONDAY, Learner, World


@pytest.fixture
def hand(db: None) -> Iterator[VirtualClock]:
    """The clock, to be moved on; afterwards everything must add up."""
    with clock.at(MONDAY) as virtual:
        yield virtual
    assert books.faults() == []


@pytest.fixture
def world(hand: VirtualClock) -> World:
    return World()


@pytest.fixture
def learner(world: World) -> Learner:
    return world.make_learner()
