from __future__ import annotations

from collections.abc import Iterator

import pytest

from ila.core import clock
from ila.core.clock import VirtualClock
from tests.fraud.casework.office import Office
from tests.fraud.tuning.workshop import Workshop
from tests.support.world import MONDAY


@pytest.fixture
def hand(db: None) -> Iterator[VirtualClock]:
    with clock.at(MONDAY) as virtual:
        yield virtual


@pytest.fixture
def shop(hand: VirtualClock) -> Workshop:
    return Workshop(hand)


@pytest.fixture
def office(hand: VirtualClock) -> Office:
    return Office(hand)
