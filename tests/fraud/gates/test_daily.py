"""The night's run: facts, detectors, alerts, holds, names, and the learners drawn by lot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from fraud.detection.registry import DETECTORS
from fraud.detectors.control import RandomAudit
from fraud.models import LIVE, Alert, LearnerSurvey, PaymentScreening
from fraud.services import daily, feeds, watch
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.support.world import MONDAY, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def hand() -> Iterator[VirtualClock]:
    with clock.at(MONDAY) as virtual:
        yield virtual


@pytest.fixture
def world(hand: VirtualClock) -> World:
    return World()


def test_a_day_with_nothing_wrong(world: World, hand: VirtualClock) -> None:
    world.accepted(world.make_learner())
    watched = daily.watch_day()
    assert watched.failed == {}
    assert watched.counts() == {"alerts": 0, "held": 0, "matched": 0, "failed": 0}
    assert PaymentScreening.objects.get().batch is None
    assert watched.result is not None
    assert set(watched.result.not_run) == set(feeds.blind_detectors())
    assert not set(watched.result.ran) & set(watched.result.not_run)


def test_what_a_blind_detector_needs_is_blank_in_every_row() -> None:
    blank = feeds.blank_columns()
    for reason in feeds.blind_detectors().values():
        table, column = reason.split()[0].split(".")
        assert (
            column in blank.get(table, ())
            or not LIVE[table]._default_manager.exclude(**{column: None}).exists()
        )


def test_a_detector_that_fails_is_told_and_the_others_findings_are_kept(
    world: World, hand: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.make_provider(iban=world.provider.iban)

    def fail(*_args: Any) -> Any:
        raise ZeroDivisionError

    broken = DETECTORS["D19"]
    values = {name: getattr(broken, name) for name in broken.__dataclass_fields__}
    monkeypatch.setattr(watch, "DETECTORS", {**DETECTORS, "D19": type(broken)(**{**values, "find": fail})})
    watched = daily.watch_day()
    assert watched.failed == {"D19": "ZeroDivisionError"}
    assert Alert.objects.filter(detector="D05").count() == 2


def test_facts_that_cannot_follow_are_no_day_without_findings(
    world: World, hand: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = feeds.FeedResult(failed={"logins": "OperationalError"})
    monkeypatch.setattr(feeds, "compare_everything", lambda: result)
    watched = daily.watch_day()
    assert watched.result is None
    assert watched.failed == {"logins": "OperationalError", "run": "FactsBehindError"}


def test_learners_drawn_by_lot_are_asked_once(
    world: World, hand: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = DETECTORS["D26"]
    values = {name: getattr(control, name) for name in control.__dataclass_fields__}
    everybody = type(control)(**{**values, "parameters": RandomAudit(one_in=1)})
    monkeypatch.setattr(watch, "DETECTORS", {**DETECTORS, "D26": everybody})
    booking = world.accepted(world.make_learner())
    hand.move(MONDAY + timedelta(days=1))
    daily.watch_day()
    daily.watch_day()
    survey = LearnerSurvey.objects.get()
    assert (survey.booking_id, survey.case) == (booking.pk, None)
    assert LIVE["surveys"]._default_manager.count() == 1
