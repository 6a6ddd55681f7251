"""The one source of the present."""

from __future__ import annotations

from contextvars import copy_context
from datetime import UTC, datetime, timedelta, timezone
from threading import Thread

import pytest
import time_machine

from ila.core import clock

MOMENT = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)


def test_the_present_is_aware_and_in_utc() -> None:
    with time_machine.travel(MOMENT, tick=False):
        assert clock.now() == MOMENT
    assert clock.now().utcoffset() == timedelta(0)


def test_a_virtual_clock_stands_still_until_it_is_moved() -> None:
    with clock.at(MOMENT) as hand:
        assert clock.now() == clock.now() == MOMENT
        hand.move(MOMENT)
        hand.move(MOMENT + timedelta(days=1))
        assert clock.now() == MOMENT + timedelta(days=1)
    assert clock.now() > MOMENT + timedelta(days=1) or clock.now() < MOMENT


def test_it_never_goes_back() -> None:
    with clock.at(MOMENT) as hand, pytest.raises(ValueError, match="cannot go back"):
        hand.move(MOMENT - timedelta(microseconds=1))


@pytest.mark.parametrize("naive", [datetime(2026, 5, 4)])  # noqa: DTZ001 - that is the point
def test_it_needs_a_zone(naive: datetime) -> None:
    with pytest.raises(ValueError, match="aware"), clock.at(naive):
        pass
    with clock.at(MOMENT) as hand, pytest.raises((ValueError, TypeError)):
        hand.move(naive)


def test_clocks_nest_and_are_put_back_after_an_error() -> None:
    later = MOMENT + timedelta(days=1)
    with clock.at(MOMENT):
        with pytest.raises(RuntimeError), clock.at(later):
            assert clock.now() == later
            raise RuntimeError
        assert clock.now() == MOMENT


def test_another_zone_is_the_same_moment() -> None:
    with clock.at(MOMENT.astimezone(timezone(timedelta(hours=9)))):
        assert clock.now() == MOMENT
        assert clock.now().utcoffset() == timedelta(0)


def test_it_belongs_to_its_thread() -> None:
    seen: list[datetime] = []
    with clock.at(MOMENT):
        other = Thread(target=lambda: seen.append(clock.now()))
        inheriting = Thread(target=copy_context().run, args=(lambda: seen.append(clock.now()),))
        for thread in (other, inheriting):
            thread.start()
            thread.join()
    assert seen[0] != MOMENT
    assert seen[1] == MOMENT
