"""A world on a virtual Monday, and its books checked after every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ila.core import clock
from ila.core.clock import VirtualClock
from ila.core.errors import DomainError
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


@pytest.fixture
def refused() -> Callable[..., DomainError]:
    return expect_refusal


def expect_refusal(code: str, rule: str | None, verb: Callable[..., Any], **arguments: Any) -> DomainError:
    """Call the verb; it must refuse with that code and rule."""
    with pytest.raises(DomainError) as caught:
        verb(**arguments)
    assert (caught.value.code, caught.value.rule) == (code, rule), str(caught.value)
    return caught.value
