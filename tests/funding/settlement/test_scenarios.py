"""The six bank scenarios, against a real process that speaks the real messages."""

from __future__ import annotations

from funding.models import BankLine, BankMessage, BankStatement, Payment, PaymentBatch
from funding.services import reconciliation
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
    assert (statement.gap, statement.opening_cents, statement.closing_cents) == (
        "",
        OPENING,
        OPENING - 2 * PRICE,
    )
    lines = BankLine.objects.filter(statement=statement).order_by("pk")
    assert [line.payment.claim_id for line in lines if line.payment] == [first.pk, second.pk]
    assert [line.finding for line in lines] == ["", ""]
    assert desk.bank.balance_cents("ILA") == OPENING - 2 * PRICE


def test_a_closed_account_is_rejected_and_payable_again(desk: Desk) -> None:
    desk.bank.open_account("CLOSED", desk.providers[1].iban, behaviour="closed-account")
    desk.bank.change_account("CLOSED", closed=True)
    good, closed = (desk.claim(desk.booking(provider=desk.providers[n])) for n in (0, 1))
    desk.send(desk.batch())
    report, _ = desk.collect()
    assert report.detail["counts"] == {"accepted": 1, "rejected": 1}
    assert states()["claims"] == ["paid", "approved"]
    assert states()["bookings"] == ["settled", "service_validated"]
    assert states()["batches"] == ["executed"]
    rejected = Payment.objects.get(claim=closed)
    assert (rejected.outcome, rejected.reason_code) == ("rejected", "AC04")
    assert balances() == {"paid": PRICE, "payable": PRICE}
    # The provider names another account, and the same claim is paid once more: from now on it is one payment.
    desk.providers[1].iban = desk.providers[2].iban
    desk.providers[1].save(update_fields=["iban"])
    desk.send(desk.batch())
    desk.collect()
    assert states()["claims"] == ["paid", "paid"]
    assert balances() == {"paid": 2 * PRICE}
    paid = [each for each in desk.bank.payments() if each["booked_at"]]
    assert sorted(each["creditor_iban"] for each in paid) == sorted(
        [good.provider.iban, desk.providers[2].iban]
    )


def test_a_wholly_rejected_file_leaves_everything_payable(desk: Desk) -> None:
    desk.bank.change_account("ILA", behaviour="reject-file")
    desk.claim(desk.booking())
    desk.send(desk.batch())
    desk.collect()
    assert states()["batches"] == ["rejected"]
    assert states()["claims"] == ["approved"]
    assert balances() == {"payable": PRICE}
    desk.bank.change_account("ILA", behaviour="accept")
    desk.send(desk.batch())
    desk.collect()
    assert states()["batches"] == ["rejected", "executed"]
    assert balances() == {"paid": PRICE}
    assert desk.bank.balance_cents("ILA") == OPENING - PRICE


def test_a_file_sent_twice_is_the_same_file_and_pays_once(desk: Desk) -> None:
    desk.claim(desk.booking())
    batch = desk.batch()
    content = desk.export(batch)
    desk.send(batch)
    desk.send(batch)
    assert desk.export(batch) == content
    kinds = [(m.kind, m.state, m.detail["counts"]) for m in desk.collect()]
    assert kinds == [
        ("pain.002", "processed", {"accepted": 1}),
        ("camt.054", "processed", {"executed": 1}),
        ("pain.002", "processed", {"duplicate_file": 1}),
    ]
    assert states()["batches"] == ["executed"]
    assert balances() == {"paid": PRICE}
    assert desk.bank.balance_cents("ILA") == OPENING - PRICE


def test_a_duplicate_answer_that_comes_first_undoes_nothing(desk: Desk) -> None:
    desk.bank.change_account("ILA", behaviour="silent")
    desk.claim(desk.booking())
    batch = desk.batch()
    desk.send(batch)
    desk.bank.change_account("ILA", behaviour="accept")
    desk.send(batch)
    told = desk.collect()
    assert sorted(m.kind for m in told) == ["camt.054", "pain.002"]
    assert states()["claims"] == ["paid"]
    assert balances() == {"paid": PRICE}


def test_a_silent_bank_is_an_alarm_until_it_speaks(desk: Desk) -> None:
    desk.bank.change_account("ILA", behaviour="silent")
    desk.claim(desk.booking())
    batch = desk.batch()
    # Tomorrow's value date: nothing books today, and nothing is said.
    PaymentBatch.objects.filter(pk=batch.pk).update(value_date="2026-07-01")
    desk.send(batch)
    assert desk.collect() == []
    assert [(each.batch.pk, each.alarm) for each in reconciliation.waiting_batches()] == [(batch.pk, False)]
    desk.advance(days=1)
    assert [m.kind for m in desk.collect()] == ["camt.053"]
    (waiting,) = reconciliation.waiting_batches()
    assert (waiting.batch.pk, waiting.alarm, waiting.hours) == (batch.pk, True, 24)
    assert balances() == {"in_transit": PRICE}
    # The bank pays without a word of acceptance: its debit settles the claim, and the alarm ends.
    desk.advance(days=1)
    desk.collect()
    assert states()["batches"] == ["executed"]
    assert reconciliation.waiting_batches() == []
    assert balances() == {"paid": PRICE}


def test_money_returned_after_three_days_is_payable_again(desk: Desk) -> None:
    desk.bank.change_account("ILA", behaviour="return-later", parameters={"days": 3})
    claim = desk.claim(desk.booking())
    desk.send(desk.batch())
    desk.collect()
    assert balances() == {"paid": PRICE}
    desk.bank.change_account("ILA", behaviour="accept", parameters={})
    for _ in range(3):
        desk.advance()
        desk.collect()
    returns = BankMessage.objects.filter(kind="pacs.004")
    assert [m.detail["counts"] for m in returns] == [{"returned": 1}]
    payment = Payment.objects.get()
    assert (payment.outcome, payment.reason_code) == ("returned", "AC04")
    assert balances() == {"payable": PRICE}
    assert states()["claims"] == ["approved"]
    assert [row.transition for row in claim.log.order_by("pk")][-2:] == ["return_payment", "approve_again"]
    # The bank tells of the same return three times; it counts once, and the statement shows it.
    desk.advance()
    desk.collect()
    credited = BankLine.objects.filter(amount_cents=PRICE, payment=payment)
    assert [
        (line.statement is not None, line.return_reason, line.finding) for line in credited.order_by("pk")
    ] == [
        (False, "AC04", ""),
        (True, "AC04", ""),
    ]
    assert set(BankStatement.objects.values_list("gap", flat=True)) == {""}
    desk.send(desk.batch())
    desk.collect()
    assert balances() == {"paid": PRICE}
    assert states()["payments"] == ["returned", "executed"]
    assert states()["bookings"] == ["settled"]


def test_a_statement_with_a_gap_names_the_payment_it_leaves_out(desk: Desk) -> None:
    desk.bank.change_account("ILA", behaviour="statement-gap")
    first, second = (
        desk.claim(desk.booking(provider=desk.providers[n], percent=p)) for n, p in ((0, 100), (1, 60))
    )
    desk.send(desk.batch())
    desk.collect()
    desk.advance()
    (message,) = desk.collect()
    (statement,) = BankStatement.objects.all()
    assert (message.state, statement.gap) == ("processed", "unexplained_amount")
    report = reconciliation.reconcile()
    assert [(gap.statement.pk, gap.cents, [p.claim_id for p in gap.payments]) for gap in report.gaps] == [
        (statement.pk, -second.amount_cents, [second.pk])
    ]
    assert [payment.claim_id for payment in report.unstated] == [second.pk]
    assert not report.ok
    assert balances() == {"paid": first.amount_cents + second.amount_cents}
