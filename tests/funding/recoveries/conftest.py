"""A world whose scheme keeps half of a payment for debts; its books are checked after every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ila.core import clock
from tests.funding.recoveries.house import House, check_books
from tests.support.world import MONDAY


@pytest.fixture
def house(db: None) -> Iterator[House]:
    with clock.at(MONDAY) as hand:
        yield House(hand)
        check_books()
