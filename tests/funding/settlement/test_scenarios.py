"""The six bank scenarios, against a real process that speaks the real messages."""

from __future__ import annotations

from funding.models import BankLine, BankMessage, BankStatement, Payment, PaymentBatch
from funding.services import batches
from tests.funding.settlement.desk import OPENING, Desk, balances, states

PRICE = 165_000


def test_happy_path_from_the_claim_to_the_reconciled_statement(desk: Desk) -> None:
    first, second = (desk.claim(desk.booking(provider=desk.providers[n])) for n in (0, 1))
    assert balances()["payable"] == 2 * PRICE
    batch = desk.batch()
    desk.send(batch)
    assert balances()["in_transit"] == 2 * PRICE
    assert "payable" not in balances()
    told = desk.collect()
    assert [(m.kind, m.state, m.batch_id) for m in told] == [
        ("pain.002", "processed", batch.pk),
        ("camt.054", "processed", batch.pk),
    ]
    assert states() == {
        "batches": ["executed"],
        "claims": ["paid"] * 2,
        "bookings": ["settled"] * 2,
        "payments": ["executed"] * 2,
    }
    assert balances()["paid"] == 2 * PRICE
    assert "in_transit" not in balances()
    desk.advance()
    (statement_message,) = desk.collect()
    assert (statement_message.kind, statement_message.state) == ("camt.053", "processed")
    (statement,) = BankStatement.objects.all()
    assert (statement.gap, statement.opening_cents, statement.closing_cents) == ("", OPENING, OPENING - 2 * PRICE)
    lines = BankLine.objects.filter(statement=statement).order_by("pk")
    assert [line.payment.claim_id for line in lines if line.payment] == [first.pk, second.pk]
    assert [line.finding for line in lines] == ["", ""]
    assert desk.bank.balance_cents("ILA") == OPENING - 2 * PRICE
