"""Two messages of one transfer, two payments of one order, allocation beside a booking: each cent moves once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from funding.models import BankMessage, JournalEntry, TopUpReceipt
from funding.services import bank_messages, bookings, top_ups
from ila.core import clock
from tests.funding.top_ups.support import IBAN, Firm, Transfer, camt054, check_books, lot_of
from tests.support.parallel import codes, meeting_before_moves, together, unlocked
from tests.support.world import MONDAY

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]


@pytest.fixture
def firm(committed_db: None) -> Iterator[Firm]:
    with clock.at(MONDAY):
        yield Firm()
        check_books()


def process(content: bytes) -> BankMessage:
    message, _ = bank_messages.store_message(content=content)
    return bank_messages.process_message(message_id=message.pk)


def test_two_messages_of_one_transfer_count_once(firm: Firm) -> None:
    order = firm.order(30_000)
    transfer = Transfer(30_000, order.reference)
    contents = [camt054(transfer) for _ in range(4)]
    outcomes = together(*[lambda content=each: process(content) for each in contents])
    assert codes(outcomes) == ["ok"] * 4
    order.refresh_from_db()
    assert (order.state, order.received_cents) == ("paid", 30_000)
    assert TopUpReceipt.objects.count() == 1


def test_two_parts_at_once_complete_an_order(firm: Firm) -> None:
    order = firm.order(30_000)
    contents = [camt054(Transfer(15_000, order.reference)) for _ in range(2)]
    outcomes = together(*[lambda content=each: process(content) for each in contents])
    assert codes(outcomes) == ["ok"] * 2
    order.refresh_from_db()
    assert (order.state, order.received_cents) == ("paid", 30_000)


def test_workers_that_allocate_together_credit_once(firm: Firm) -> None:
    order = firm.order(30_000, 20_000)
    firm.pay(order, allocate=False)
    outcomes = together(*[lambda: top_ups.allocate_top_up(top_up_id=order.pk)] * 4)
    assert sorted(outcomes) == [0, 0, 0, 2]
    order.refresh_from_db()
    assert (order.state, order.allocated_cents) == ("allocated", 50_000)


def test_a_booking_beside_the_allocation_spends_what_is_there(firm: Firm) -> None:
    learner = firm.employees[0]
    order = firm.order(30_000)
    firm.pay(order, allocate=False)
    booking = firm.world.proposed(learner, firm.world.make_session(price_cents=40_000))
    outcomes = together(
        lambda: top_ups.allocate_top_up(top_up_id=order.pk),
        lambda: bookings.accept(actor=learner.user, booking_id=booking.pk, sign_in=learner.sign_in),
    )
    assert codes(outcomes) == ["ok", "ok"]
    drawn = sum(each.amount_cents for each in booking.allocations.filter(lot__top_up=order))
    lot = lot_of(order, learner)
    assert (lot.available_cents, lot.held_cents) == (30_000 - drawn, drawn)
    assert drawn in (0, 30_000)


def test_the_end_beside_a_booking_takes_what_is_left(firm: Firm) -> None:
    learner = firm.employees[0]
    last = MONDAY.date()
    order = firm.order(30_000, ends_on=last)
    firm.pay(order)
    booking = firm.world.proposed(learner, firm.world.make_session(price_cents=10_000))
    outcomes = together(
        lambda: top_ups.end_top_ups(on=last.replace(day=last.day + 1)),
        lambda: bookings.accept(actor=learner.user, booking_id=booking.pk, sign_in=learner.sign_in),
    )
    assert codes(outcomes) == ["ok", "ok"]
    order.refresh_from_db()
    lot = lot_of(order, learner)
    assert (lot.available_cents, lot.held_cents + order.ended_cents) == (0, 30_000)


def confirm_twice(firm: Firm) -> list[Any]:
    """A refund of 50.00 that was noted, and the two other officers who confirm it at the same moment."""
    order = firm.order(30_000)
    firm.pay(order, 35_000)
    refund = top_ups.request_refund(actor=firm.manager, top_up_id=order.pk, iban=IBAN)
    top_ups.note_refund(actor=firm.world.payer, refund_id=refund.pk, bank_reference="T1")
    # Both have looked the transfer up before either writes.
    officers = (firm.world.second_payer, firm.world.third_payer)
    return [lambda each=each: top_ups.confirm_refund(actor=each, refund_id=refund.pk) for each in officers]


def test_control_two_officers_confirm_one_refund_without_the_lock(firm: Firm) -> None:
    """Both read a refund that is noted and go on to pay it; only guards behind the lock keep the second out."""
    acts = confirm_twice(firm)
    with unlocked(), meeting_before_moves():
        outcomes = together(*acts)
    assert "not_allowed" not in codes(outcomes)
    assert codes(outcomes) != ["ok", "ok"]


def test_two_officers_confirm_one_refund_once(firm: Firm) -> None:
    acts = confirm_twice(firm)
    with meeting_before_moves():
        outcomes = together(*acts)
    assert codes(outcomes) == ["not_allowed", "ok"]
    assert JournalEntry.objects.filter(kind="top_up_refunded").count() == 1
    order = firm.organisation.top_ups.get()
    assert (order.refunded_cents, order.refundable_cents) == (5_000, 0)
