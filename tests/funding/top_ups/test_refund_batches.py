"""Employers' refunds go out as payments to providers do: a batch of two persons, a file, the bank's word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from accounts.models import Message
from funding.models import BankMessage, PaymentBatch, Posting, TopUp, TopUpRefund
from funding.selectors.daily_books import daily_books
from funding.services import bank_messages, batches, top_ups
from funding.services.top_ups import refund_batches
from ila.core import clock
from tests.funding.bookings.conftest import expect_refusal
from tests.funding.settlement.desk import Desk, settlement_desk
from tests.funding.top_ups.support import IBAN, OTHER_IBAN, Firm, check_books

pytestmark = pytest.mark.django_db
CLOSED_ACCOUNT = "ES9121000418450200051332"


@pytest.fixture
def desk(db: None) -> Iterator[Desk]:
    with settlement_desk() as desk:
        yield desk
        check_books()


def too_much(desk: Desk, iban: str = IBAN) -> tuple[Firm, TopUp, TopUpRefund]:
    """An order that was paid with 50.00 too much, which its employer asks to have back."""
    firm = Firm(desk.world)
    order = firm.order(30_000)
    firm.pay(order, 35_000)
    return firm, order, top_ups.request_refund(actor=firm.manager, top_up_id=order.pk, iban=iban)


def made(desk: Desk, **given: Any) -> PaymentBatch:
    return refund_batches.create_refund_batch(
        **{"actor": desk.world.second_payer, "scheme": desk.world.scheme} | given
    )


def sent(desk: Desk) -> PaymentBatch:
    batch = made(desk)
    batches.approve_batch(actor=desk.world.third_payer, batch_id=batch.pk)
    batches.export_batch(actor=desk.world.third_payer, batch_id=batch.pk)
    batches.send_batch(batch_id=batch.pk, bank=desk.bank.client)
    return batch


def deposit() -> int:
    return sum(Posting.objects.filter(bucket="deposit").values_list("amount_cents", flat=True))


def test_two_persons_and_the_bank_pay_what_is_too_much_once(desk: Desk) -> None:
    _, order, refund = too_much(desk)
    plan = refund_batches.plan_refunds(desk.world.scheme)
    assert [(each, known) for each, known in plan.refunds] == [(refund, True)]
    batch = made(desk, seen=plan.seen)
    expect_refusal("not_allowed", None, batches.approve_batch, actor=batch.author, batch_id=batch.pk)
    batches.approve_batch(actor=desk.world.third_payer, batch_id=batch.pk)
    content = bytes(batches.export_batch(actor=desk.world.third_payer, batch_id=batch.pk).content)
    assert order.reference.encode() in content
    assert IBAN.encode() in content
    assert deposit() == 5_000
    batches.send_batch(batch_id=batch.pk, bank=desk.bank.client)
    desk.advance(2)
    desk.collect()
    for one in (batch, refund, order):
        one.refresh_from_db()
    assert (batch.state, refund.state, order.refunded_cents) == ("executed", "paid", 5_000)
    assert refund.bank_reference == refund.end_to_end_id
    assert deposit() == 0
    # What the bank says again, or by hand, counts once.
    for message in BankMessage.objects.order_by("pk"):
        bank_messages.store_message(content=bytes(message.content))
    bank_messages.process_waiting()
    assert deposit() == 0
    by_hand = {"actor": desk.world.payer, "refund_id": refund.pk}
    expect_refusal("not_allowed", None, top_ups.note_refund, **by_hand, bank_reference="by hand")
    expect_refusal("not_allowed", None, top_ups.confirm_refund, **by_hand)
    day = clock.now().date()
    assert {one.status for one in daily_books(batch.value_date, day)} <= {"equal", "open"}
    paid = [one for one in daily_books(batch.value_date, day) if one.books_out]
    assert [(one.books_out, one.bank_out) for one in paid] == [(-5_000, -5_000)]


def test_a_refund_that_the_bank_rejects_or_sends_back_is_the_employers_still(desk: Desk) -> None:
    firm, order, refund = too_much(desk, iban=OTHER_IBAN)
    desk.bank.open_account("CLOSED", OTHER_IBAN, behaviour="closed-account")
    batch = sent(desk)
    desk.advance(2)
    desk.collect()
    for one in (batch, refund, order):
        one.refresh_from_db()
    assert (batch.state, refund.state, refund.outcome) == ("rejected", "failed", "rejected")
    assert (deposit(), order.refundable_cents) == (5_000, 5_000)
    assert Message.objects.filter(template="top_up_refund_failed", recipient=firm.manager).count() == 1
    again = top_ups.request_refund(actor=firm.manager, top_up_id=order.pk, iban=CLOSED_ACCOUNT)
    desk.bank.change_account("ILA", behaviour="return-later", parameters={"days": 1})
    sent(desk)
    desk.advance(5)
    desk.collect()
    again.refresh_from_db()
    order.refresh_from_db()
    assert (again.state, again.outcome) == ("failed", "returned")
    assert (deposit(), order.refunded_cents, order.refundable_cents) == (5_000, 0, 5_000)


def test_a_draft_of_refunds_can_be_dropped_and_the_refunds_wait_again(desk: Desk) -> None:
    _, _, refund = too_much(desk)
    batch = made(desk)
    expect_refusal("incomplete", None, made, desk=desk)
    batches.drop_batch(actor=desk.world.payer, batch_id=batch.pk, reason="another account was told")
    refund.refresh_from_db()
    assert (refund.state, refund.batch_id, refund.end_to_end_id) == ("requested", None, "")
    assert made(desk).refunds.get() == refund


def test_who_may_not_and_what_changed_since_is_not_drawn_up(desk: Desk) -> None:
    firm, *_ = too_much(desk)
    for stranger in (firm.manager, desk.world.case_worker, desk.world.provider_user):
        expect_refusal("not_allowed", None, made, desk=desk, actor=stranger)
    expect_refusal("plan_changed", None, made, desk=desk, seen="0" * 32)
    assert not PaymentBatch.objects.exists()
