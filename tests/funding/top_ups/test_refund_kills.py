"""A process that dies between a word of the bank and its own commit: each employer is paid back once, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from accounts.services import messages
from funding.models import BankMessage, PaymentBatch, PaymentFile, Posting, TopUpRefund
from funding.services import bank_messages, batches, top_ups
from funding.services import payments as payment_services
from funding.services.top_ups import refund_batches
from funding.services.top_ups import transfers as refund_transfers
from tests.funding.recoveries.test_kills import Killed, dying
from tests.funding.settlement.desk import OPENING, Desk, settlement_desk
from tests.funding.top_ups.support import IBAN, OTHER_IBAN, Firm, check_books
from tests.support.world import World

pytestmark = pytest.mark.django_db
TOO_MUCH = 5_000
# Where it dies: after each call of the bank, and inside what is written around it. "bank" is the desk's own.
POINTS: tuple[tuple[Any, str], ...] = (
    (refund_batches, "new_reference"),
    (refund_batches, "transfers_of"),
    (batches, "export_batch"),
    ("bank", "send"),
    (batches, "send_batch"),
    ("bank", "fetch"),
    (bank_messages, "store_message"),
    ("bank", "confirm"),
    (refund_transfers, "post_refund"),
    (refund_transfers, "undo_refund"),
    (messages, "queue"),
    (payment_services.Settlement, "_write_batches"),
    (bank_messages, "process_message"),
)
ENDS = {
    # How the employer's bank behaves: what becomes of the refund, and what is still due to the employer.
    "": ("paid", "executed", 0),
    "closed-account": ("failed", "rejected", TOO_MUCH),
    "return-later": ("failed", "returned", TOO_MUCH),
}
NEVER_REACHED: dict[str, set[str]] = {
    "": {"undo_refund", "queue"},
    "closed-account": {"post_refund", "undo_refund"},
    "return-later": set(),
}


@pytest.fixture
def desk(db: None) -> Iterator[Desk]:
    with settlement_desk() as desk:
        yield desk
        check_books()


def go_on(desk: Desk) -> None:
    """What officers and jobs do, from wherever it was left."""
    world: World = desk.world
    if TopUpRefund.objects.filter(state="requested").exists():
        refund_batches.create_refund_batch(actor=world.second_payer, scheme=world.scheme)
    for batch in PaymentBatch.objects.filter(state="draft"):
        batches.approve_batch(actor=world.third_payer, batch_id=batch.pk)
    for batch in PaymentBatch.objects.filter(state="approved"):
        batches.export_batch(actor=world.third_payer, batch_id=batch.pk)
    batches.send_unsent(bank=desk.bank.client)
    desk.collect()


def until_killed(act: Callable[[], None]) -> bool:
    try:
        act()
    except Killed:
        return True
    return False


@pytest.mark.parametrize("behaviour", ENDS)
def test_killed_anywhere_an_employer_is_paid_back_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, behaviour: str
) -> None:
    """All points on one desk, one order for each: what each death left is finished before the next."""
    if behaviour == "closed-account":
        desk.bank.open_account("EMPLOYER", OTHER_IBAN, behaviour=behaviour)
    if behaviour == "return-later":
        desk.bank.change_account("ILA", behaviour="return-later", parameters={"days": 1})
    firm = Firm(desk.world)
    state, outcome, due = ENDS[behaviour]
    died = []
    for number, (owner, name) in enumerate(POINTS, start=1):
        order = firm.order(30_000)
        firm.pay(order, 30_000 + TOO_MUCH)
        iban = OTHER_IBAN if behaviour == "closed-account" else IBAN
        refund = top_ups.request_refund(actor=firm.manager, top_up_id=order.pk, iban=iban)
        target = desk.bank.client if owner == "bank" else owner
        with monkeypatch.context() as patch:
            patch.setattr(target, name, dying(getattr(target, name), 1))
            for _ in range(4):
                if until_killed(lambda: go_on(desk)):
                    died.append(name)
                    break
                desk.advance()
        for _ in range(4):
            go_on(desk)
            refund.refresh_from_db()
            if refund.outcome == outcome:
                break
            desk.advance()
        order.refresh_from_db()
        assert (refund.state, refund.outcome) == (state, outcome), name
        assert (order.refundable_cents, order.refunded_cents) == (due, TOO_MUCH - due), name
        left = sum(Posting.objects.filter(bucket="deposit").values_list("amount_cents", flat=True))
        assert left == number * due, name
        assert desk.bank.balance_cents("ILA") == OPENING - number * (TOO_MUCH - due), name
    # What the bank has told since, and told again, changes nothing.
    desk.advance()
    bank_messages.receive_messages(bank=desk.bank.client, again=True)
    assert desk.bank.balance_cents("ILA") == OPENING - len(POINTS) * (TOO_MUCH - due)
    assert {name for _, name in POINTS} - set(died) == NEVER_REACHED[behaviour]
    assert PaymentFile.objects.count() == len(POINTS)
    assert not BankMessage.objects.filter(state="received").exists()
