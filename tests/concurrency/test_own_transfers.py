"""Learners' transfers, the end of their time and a change of mind at the same moment: one wins, no cent is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from funding.models import JournalEntry, OwnTransfer
from funding.services import own_transfers
from funding.services.top_ups.receipts import Credit
from ila.core import clock
from tests.funding.own_transfers.support import OWN, RIGHTS, Awaited, booking_of, kept
from tests.funding.top_ups.support import check_books
from tests.support.parallel import codes, meeting, meeting_before_moves, together, unlocked
from tests.support.world import MONDAY

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]
HALF = OWN // 2


@pytest.fixture
def awaited(committed_db: None) -> Iterator[Awaited]:
    with clock.at(MONDAY) as hand:
        yield Awaited(hand)


def told(transfer: OwnTransfer, number: int, cents: int = HALF) -> None:
    """One message of the bank."""
    credit = Credit(cents, "EUR", clock.now().date(), f"BANK-{number}", structured=transfer.reference)
    with transaction.atomic():
        own_transfers.take_in([credit])


@contextmanager
def meeting_before_posts() -> Iterator[None]:
    """Both meet once after what was read, and before what is posted."""
    post = own_transfers._post
    with meeting(2) as meet, pytest.MonkeyPatch.context() as patch:

        def meet_and_post(*args: Any, **facts: Any) -> None:
            meet()
            post(*args, **facts)

        patch.setattr(own_transfers, "_post", meet_and_post)
        yield


def test_control_without_the_lock_half_of_the_money_is_forgotten(awaited: Awaited) -> None:
    transfer = awaited.start()
    with unlocked(), meeting_before_posts():
        assert codes(together(partial(told, transfer, 1), partial(told, transfer, 2))) == ["ok", "ok"]
    transfer.refresh_from_db()
    assert transfer.received_cents == HALF
    with pytest.raises(AssertionError, match="own_transfer_differs"):
        check_books()


def test_two_messages_at_once_both_count(awaited: Awaited) -> None:
    transfer = awaited.start()
    with meeting_before_posts():
        assert codes(together(partial(told, transfer, 1), partial(told, transfer, 2))) == ["ok", "ok"]
    awaited.settle(transfer)
    assert (transfer.received_cents, booking_of(transfer).state) == (OWN, "accepted")
    check_books()


def over(awaited: Awaited) -> OwnTransfer:
    """A transfer whose time is up."""
    transfer = awaited.start(seats=1)
    awaited.hand.move(transfer.expires_at)
    return transfer


def test_control_without_the_lock_money_and_change_of_mind_both_move(awaited: Awaited) -> None:
    """Both read a transfer that waits: the one accepts with what the other gives back."""
    transfer = over(awaited)
    told(transfer, 1, OWN)
    with unlocked(), meeting_before_moves():
        outcomes = together(
            partial(own_transfers.work_on, transfer_id=transfer.pk),
            partial(own_transfers.leave, actor=awaited.learner.user, transfer_id=transfer.pk),
        )
    assert codes(outcomes) not in (["ok", "ok"], ["not_allowed", "ok"])


def test_the_money_and_a_change_of_mind_at_once_end_one_way(awaited: Awaited) -> None:
    transfer = over(awaited)
    told(transfer, 1, OWN)
    with meeting_before_moves():
        outcomes = together(
            partial(own_transfers.work_on, transfer_id=transfer.pk),
            partial(own_transfers.leave, actor=awaited.learner.user, transfer_id=transfer.pk),
        )
    assert codes(outcomes) in (["ok", "ok"], ["not_allowed", "ok"])
    awaited.settle(transfer)
    one_way(transfer, awaited)


def test_the_money_and_the_end_of_its_time_at_once_end_one_way(awaited: Awaited) -> None:
    transfer = over(awaited)
    acts: list[Any] = [partial(told, transfer, 1, OWN)]
    acts += [partial(own_transfers.work_on, transfer_id=transfer.pk)] * 3
    assert codes(together(*acts)) == ["ok"] * 4
    awaited.settle(transfer)
    one_way(transfer, awaited)


def one_way(transfer: OwnTransfer, awaited: Awaited) -> None:
    booking = booking_of(transfer)
    ends = JournalEntry.objects.filter(reverses__kind="reserve_booking").count()
    assert (ends, transfer.received_cents) == (1, OWN)
    if transfer.state == "paid":
        assert (booking.state, transfer.applied_cents) == ("accepted", OWN)
        assert kept(transfer, awaited.learner) == (1, RIGHTS)
    else:
        assert (booking.state, transfer.due_cents) == ("proposed", OWN)
        assert kept(transfer, awaited.learner) == (0, 0)
    check_books()
