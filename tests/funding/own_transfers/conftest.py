"""A world on a virtual Monday in which own parts come by bank transfer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ila.core import clock
from ila.core.clock import VirtualClock
from tests.funding.own_transfers.support import Awaited
from tests.support.world import MONDAY


@pytest.fixture
def hand(db: None) -> Iterator[VirtualClock]:
    """The clock, to be moved on."""
    with clock.at(MONDAY) as virtual:
        yield virtual


@pytest.fixture
def awaited(hand: VirtualClock) -> Awaited:
    return Awaited(hand)
