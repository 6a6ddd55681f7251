"""Two put other values of one detector in force at once: one comes after the other, or the database stops it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from fraud.models import ParameterVersion
from fraud.services import rules
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.fraud.tuning.workshop import Workshop
from tests.support.parallel import codes, meeting_before_moves, together, unlocked
from tests.support.world import MONDAY

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]


@pytest.fixture
def shop(committed_db: None) -> Any:
    with clock.at(MONDAY) as hand:
        assert isinstance(hand, VirtualClock)
        yield Workshop(hand)


def both(shop: Workshop) -> list[partial[ParameterVersion]]:
    """Two proposals, each tried, that two persons want in force."""
    found = []
    for number, who in ((2, shop.approver), (3, shop.third)):
        version = shop.proposed(one_in=number)
        assert shop.tried(version).outcome == "done"
        found.append(partial(rules.put_in_force, actor=who, version_id=version.pk, reason="Yes."))
    return found


def test_the_second_learns_that_something_else_is_in_force(shop: Workshop) -> None:
    with meeting_before_moves():
        assert codes(together(*both(shop))) == ["back_test_outdated", "ok"]
    assert ParameterVersion.objects.filter(state="in_force").count() == 1


def test_without_locks_the_database_alone_stops_it(shop: Workshop) -> None:
    with unlocked(), meeting_before_moves():
        outcomes = codes(together(*both(shop)))
    assert "ok" in outcomes
    assert outcomes != ["back_test_outdated", "ok"]
    assert ParameterVersion.objects.filter(state="in_force").count() == 1
