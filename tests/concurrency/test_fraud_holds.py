"""Two at once about the same holds: each is released once, and an answer is given once; without locks the database
stops the second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from accounts.models import Message
from fraud.models import HoldAnswer, HoldDecision
from fraud.services import hold_answers
from fraud.services.hold_answers import Released
from ila.core import clock, locks
from ila.core.clock import VirtualClock
from tests.fraud.casework.office import Office
from tests.fraud.casework.test_hold_answers import held
from tests.support.parallel import codes, meeting, together, unlocked
from tests.support.world import MONDAY

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]


@pytest.fixture
def office(committed_db: None) -> Any:
    with clock.at(MONDAY) as hand:
        assert isinstance(hand, VirtualClock)
        yield Office(hand)


@contextmanager
def meeting_after_reading() -> Iterator[None]:
    """Both have read, and taken for locked, which holds stand before either of them writes."""
    acquire_set = locks.acquire_set
    with meeting(2) as meet, pytest.MonkeyPatch.context() as patch:

        def meet_with(rows: Any) -> list[Any]:
            found = acquire_set(rows)
            meet()
            return found

        patch.setattr(locks, "acquire_set", meet_with)
        yield


def releases(office: Office) -> list[partial[Released]]:
    ids = [held(office, booking).pk for _learner, booking in office.house.accepted(2)]
    return [
        partial(hold_answers.release_many, actor=who, hold_ids=ids, reason="One library.")
        for who in (office.investigator, office.other)
    ]


def test_two_release_the_same_holds_and_each_ends_once(office: Office) -> None:
    acts = releases(office)
    with meeting_after_reading():
        outcomes = together(*acts)
    assert sorted((each.now, each.before) for each in outcomes) == [(0, 2), (2, 0)]
    assert HoldDecision.objects.count() == 2
    assert Message.objects.filter(template="hold_decided").count() == 1


def test_without_locks_the_database_alone_stops_the_second(office: Office) -> None:
    acts = releases(office)
    with unlocked(), meeting_after_reading():
        outcomes = codes(together(*acts))
    assert outcomes == ["IntegrityError", "ok"]


def test_two_managers_answer_and_one_is_told_so(office: Office) -> None:
    hold = held(office)
    acts = [
        partial(hold_answers.answer_hold, actor=office.provider_user, hold_id=hold.pk, text=text)
        for text in ("It took place.", "It took place on Monday.")
    ]
    assert codes(together(*acts)) == ["hold_answered", "ok"]
    assert HoldAnswer.objects.count() == 1
