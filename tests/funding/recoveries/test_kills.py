"""A process that dies while learners' own money is paid back: whoever goes on pays each cent once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from funding.models import Claim, Payment, PaymentBatch, RecoveryReceipt
from funding.services import bank_messages, batches, bookings, claims, payments, receivables, refunds
from funding.services.recoveries import demands, receipts
from ila.core import clock
from tests.funding.recoveries.house import PRICE, House, buckets, state
from tests.funding.recoveries.test_refunds import OWN, due, name_account
from tests.funding.top_ups.support import Transfer, camt054, give


class Killed(BaseException):
    """The process is gone: nothing catches it, and what was not committed never was."""


POINTS: tuple[tuple[Any, str, int], ...] = (
    (refunds, "_prepare", 1),
    (refunds, "_prepare", 2),
    (refunds, "due_refunds", 2),
    (batches, "write_nettings", 1),
    (batches, "post_moves", 1),
    (payments.Settlement, "_write_claims", 1),
    (payments.Settlement, "_write_allocations", 1),
    (payments.Settlement, "_write_batches", 1),
    (payments, "number_payments", 1),
)


def dying(original: Callable[..., Any], at: int) -> Callable[..., Any]:
    calls = 0

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        result = original(*args, **kwargs)
        calls += 1
        if calls == at:
            raise Killed
        return result

    return wrapper


def pay_back(house: House) -> None:
    """What jobs and officers do, from wherever it was left."""
    refunds.prepare_refunds()
    world = house.world
    for claim in Claim.objects.filter(kind="refund", state="submitted"):
        claims.approve_claim(actor=world.payer, claim_id=claim.pk)
    if Claim.objects.filter(kind="refund", state="approved").exists():
        batches.create_batch(actor=world.second_payer, scheme=world.scheme)
    for batch in PaymentBatch.objects.filter(state="draft"):
        batches.approve_batch(actor=world.third_payer, batch_id=batch.pk)
    for batch in PaymentBatch.objects.filter(state="approved"):
        batches.export_batch(actor=world.third_payer, batch_id=batch.pk)
    sent = Payment.objects.filter(batch__state__in=["exported", "acknowledged", "executed"])
    payments.execute_payments(payment_ids=list(sent.values_list("pk", flat=True)))


@pytest.mark.parametrize(("owner", "name", "at"), POINTS)
def test_killed_anywhere_each_refund_is_paid_once(
    house: House, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, at: int
) -> None:
    for learner, booking in house.accepted(2):
        name_account(learner)
        bookings.withdraw(actor=learner.user, booking_id=booking.pk)
    assert due() == 2 * OWN
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, dying(getattr(owner, name), at))
        with pytest.raises(Killed):
            pay_back(house)
    pay_back(house)
    pay_back(house)
    assert (due(), buckets()) == (0, {})
    paid = Payment.objects.filter(claim__kind="refund", outcome="executed")
    assert sorted(paid.values_list("amount_cents", flat=True)) == [OWN, OWN]
    assert Claim.objects.filter(kind="refund").count() == 2


RECEIVING: tuple[tuple[Any, str], ...] = (
    (bank_messages, "store_message"),
    (receipts, "_post_interest"),
    (receivables, "post_recovery"),
    (receivables, "take_off"),
    (receipts, "_take"),
    (receipts, "look_at_plan"),
    (bank_messages, "process_message"),
)


@pytest.mark.parametrize(("owner", "name"), RECEIVING)
def test_killed_anywhere_a_providers_transfer_counts_once(
    house: House, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    """The bank tells of it again for as long as nobody has confirmed it: the interest and the debt are paid once."""
    ((learner, booking),) = house.accepted()
    house.validated(booking)
    debt = house.debt(learner, booking)
    house.hand.move(clock.now() + timedelta(days=2))
    assert demands.demand_opened() == 1
    house.hand.move(clock.now() + timedelta(days=90))
    debt.refresh_from_db()
    interest = demands.interest_of(debt)
    assert interest
    content = camt054(Transfer(interest + 100_000, debt.reference))
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, dying(getattr(owner, name), 1))
        with pytest.raises(Killed):
            give(content)
    for _ in range(2):
        give(content)
    assert state(debt) == ("partly_recovered", PRICE - 100_000, 0)
    receipt = RecoveryReceipt.objects.get()
    assert (receipt.interest_cents, receipt.applied_cents, receipt.finding) == (interest, 100_000, "")
