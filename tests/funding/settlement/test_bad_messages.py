"""What the bank sends may be wrong, late, twice, or another's: it is kept, shown, and moves nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from django.conf import settings
from django.db import transaction

from funding.banking.port import RawMessage
from funding.models import BankLine, BankMessage, BankStatement, Payment
from funding.services import bank_messages, reconciliation
from tests.funding.settlement.desk import Desk, balances, states

PRICE = 165_000


def give(content: bytes) -> BankMessage:
    """Store and work on a message, as an operator who imports a file."""
    message, _ = bank_messages.store_message(content=content)
    return bank_messages.process_message(message_id=message.pk)


def waiting(desk: Desk) -> dict[str, bytes]:
    """The bank's letter box by kind, taken out of it without being stored."""
    raw: list[RawMessage] = desk.bank.client.fetch()
    desk.bank.client.confirm(raw)
    found: dict[str, bytes] = {}
    for message in raw:
        kind = next(
            k for k in ("pain.002", "camt.053", "camt.054", "pacs.004") if k.encode() in message.content
        )
        found.setdefault(kind, message.content)
    return found


def sent(desk: Desk, *, count: int = 1) -> dict[str, bytes]:
    """One batch sent and executed by the bank, its messages not yet read."""
    for n in range(count):
        desk.claim(desk.booking(provider=desk.providers[n]))
    desk.send(desk.batch())
    return waiting(desk)


Change = Callable[[bytes], bytes]


def replace(before: bytes, after: bytes) -> Change:
    def change(content: bytes) -> bytes:
        assert before in content
        return content.replace(before, after)

    return change


MISFITS: list[tuple[str, Change, str]] = [
    ("camt.054", lambda c: c[: len(c) // 2], "truncated"),
    ("pain.002", lambda c: c[:-20], "truncated"),
    ("camt.054", replace(b">1650.00<", b">1650.01<"), "other_amount"),
    ("camt.054", replace(b'Ccy="EUR">1650.00<', b'Ccy="EUR">-1650.00<'), "bad_amount"),
    ("camt.054", replace(b"<EndToEndId>E", b"<EndToEndId>X"), "unknown_payment"),
    ("camt.054", replace(b'<Amt Ccy="EUR">', b'<!DOCTYPE x><Amt Ccy="EUR">'), "doctype"),
    ("pain.002", replace(b"<OrgnlMsgId>ILA", b"<OrgnlMsgId>XXX"), "unknown_file"),
    ("pain.002", replace(b">pain.001.001.09<", b">pain.008.001.08<"), "unknown_file"),
    ("pain.002", replace(b"<OrgnlEndToEndId>E", b"<OrgnlEndToEndId>X"), "unknown_payment"),
    ("pain.002", replace(b"<OrgnlNbOfTxs>1<", b"<OrgnlNbOfTxs>2<"), "other_amount"),
    ("pain.002", replace(b"<OrgnlCtrlSum>1650.00<", b"<OrgnlCtrlSum>1650.01<"), "other_amount"),
    ("pain.002", replace(b"<OrgnlPmtInfId>ILA", b"<OrgnlPmtInfId>XXX"), "unknown_file"),
]


def test_a_message_that_does_not_fit_is_refused_and_shown(desk: Desk) -> None:
    messages = sent(desk)
    before = (balances(), states())
    for number, (kind, change, reason) in enumerate(MISFITS, start=1):
        message = give(change(messages[kind]))
        assert (message.state, message.reason) == ("refused", reason), number
        assert message.detail["message"], number
        assert (balances(), states()) == before, number
        assert list(reconciliation.reconcile().refused)[-1] == message, number
    assert len(reconciliation.reconcile().refused) == len(MISFITS)
    assert BankLine.objects.count() == 0
    # The true messages are believed afterwards.
    assert give(messages["pain.002"]).state == "processed"
    assert give(messages["camt.054"]).state == "processed"
    assert balances() == {"paid": PRICE}


def test_another_customers_message_is_refused(desk: Desk) -> None:
    messages = sent(desk)
    foreign = messages["camt.054"].replace(settings.BANK_ACCOUNT_IBAN.encode(), b"DE89370400440532013000")
    assert give(foreign).reason == "unknown_account"
    assert balances() == {"in_transit": PRICE}


def test_a_payment_told_under_another_of_our_files_is_refused(desk: Desk) -> None:
    first = sent(desk)
    second = sent(desk)
    of_first = first["pain.002"].split(b"<OrgnlMsgId>")[1].split(b"<")[0]
    of_second = second["pain.002"].split(b"<OrgnlMsgId>")[1].split(b"<")[0]
    mixed = second["camt.054"].replace(of_second, of_first)
    assert give(mixed).reason == "other_batch"
    assert give(second["pain.002"].replace(of_second, of_first)).reason == "unknown_payment"
    assert balances() == {"in_transit": 2 * PRICE}


def test_the_same_bytes_count_once_and_are_noted(desk: Desk) -> None:
    messages = sent(desk)
    first = give(messages["camt.054"])
    again = give(messages["camt.054"])
    assert first.pk == again.pk
    assert len(again.detail["received_again"]) == 1
    assert BankLine.objects.count() == 1
    assert balances() == {"paid": PRICE}


def test_the_same_identification_with_other_content_is_refused(desk: Desk) -> None:
    messages = sent(desk)
    give(messages["camt.054"])
    message = give(messages["camt.054"].replace(b"Payer", b"Prayer"))
    assert (message.state, message.reason) == ("refused", "duplicate_message")
    assert balances() == {"paid": PRICE}


def test_a_second_debit_of_one_payment_is_found(desk: Desk) -> None:
    messages = sent(desk)
    give(messages["camt.054"])
    twice = messages["camt.054"].replace(b"MB-C054", b"MB-X054").replace(b"MB-PMT-", b"MB-PMT-9")
    message = give(twice)
    assert (message.state, message.detail["counts"]) == ("processed", {"debited_twice": 1})
    assert [line.finding for line in BankLine.objects.order_by("pk")] == ["", "debited_twice"]
    assert balances() == {"paid": PRICE}
    assert [line.finding for line in reconciliation.reconcile().findings] == ["debited_twice"]
    # The same movement told again under a new identification is no second debit.
    told_again = give(messages["camt.054"].replace(b"MB-C054", b"MB-Y054"))
    assert told_again.detail["counts"] == {"confirmed": 1}


def test_messages_in_any_order_end_alike(desk: Desk) -> None:
    messages = sent(desk, count=2)
    desk.advance()
    messages |= waiting(desk)
    for order in itertools.permutations(["pain.002", "camt.054", "camt.053"]):
        with transaction.atomic():
            for kind in order:
                assert give(messages[kind]).state == "processed", order
            for kind in reversed(order):
                give(messages[kind])
            assert balances() == {"paid": 2 * PRICE}, order
            assert states() == {
                "batches": ["executed"],
                "claims": ["paid"] * 2,
                "bookings": ["settled"] * 2,
                "payments": ["executed"] * 2,
            }, order
            assert not BankLine.objects.exclude(finding="").exists(), order
            assert reconciliation.reconcile().ok, order
            transaction.set_rollback(True)


def test_a_return_in_any_order_ends_payable(desk: Desk) -> None:
    desk.bank.change_account("ILA", behaviour="return-later", parameters={"days": 1})
    messages = sent(desk)
    desk.advance()
    later = waiting(desk)
    messages |= {"camt.053": later["camt.053"], "pacs.004": later["pacs.004"], "return": later["camt.054"]}
    for order in itertools.permutations(["camt.054", "pacs.004", "camt.053", "return"]):
        with transaction.atomic():
            for kind in order:
                assert give(messages[kind]).state == "processed", order
            assert balances() == {"payable": PRICE}, order
            assert states()["claims"] == ["approved"], order
            assert states()["payments"] == ["returned"], order
            assert not BankLine.objects.exclude(finding="").exists(), order
            transaction.set_rollback(True)


def test_a_rejection_after_the_debit_contradicts_and_moves_nothing(desk: Desk) -> None:
    messages = sent(desk)
    give(messages["camt.054"])
    rejected = messages["pain.002"].replace(b">ACCP<", b">RJCT<")
    message = give(rejected)
    assert (message.state, message.reason) == ("refused", "contradicts_execution")
    assert balances() == {"paid": PRICE}


def test_a_debit_after_the_rejection_contradicts_and_is_shown(desk: Desk) -> None:
    messages = sent(desk)
    give(messages["pain.002"].replace(b">ACCP<", b">RJCT<"))
    assert balances() == {"payable": PRICE}
    message = give(messages["camt.054"])
    assert (message.state, message.reason) == ("refused", "contradicts_rejection")
    desk.advance()
    statement_message = give(waiting(desk)["camt.053"])
    # A statement is kept whatever it says; the line shows what does not fit.
    assert statement_message.state == "processed"
    assert [line.finding for line in BankLine.objects.all()] == ["contradicts_rejection"]
    assert balances() == {"payable": PRICE}


def test_statements_that_come_late_close_the_hole_they_left(desk: Desk) -> None:
    sent(desk)
    days = []
    for _ in range(3):
        desk.advance()
        days.append(waiting(desk)["camt.053"])
    give(days[0])
    give(days[2])
    assert list(BankStatement.objects.order_by("sequence").values_list("gap", flat=True)) == [
        "",
        "missing_statement",
    ]
    give(days[1])
    assert list(BankStatement.objects.order_by("sequence").values_list("sequence", "gap")) == [
        (1, ""),
        (2, ""),
        (3, ""),
    ]
    changed = days[2].replace(b"MB-C053", b"MB-X053")
    assert give(changed).reason == "duplicate_statement"


def test_a_statement_entry_with_another_amount_is_a_finding(desk: Desk) -> None:
    sent(desk)
    desk.advance()
    content = waiting(desk)["camt.053"].replace(b">1650.00<", b">1651.00<")
    message = give(content)
    assert (message.state, message.detail["counts"]) == (
        "processed",
        {"other_amount": 1, "unexplained_amount": 1},
    )
    assert [line.finding for line in BankLine.objects.all()] == ["other_amount"]
    assert balances() == {"in_transit": PRICE}


def test_money_that_is_not_ours_to_match_is_shown(desk: Desk) -> None:
    desk.bank.control(
        "POST",
        "/_mock/credits",
        {
            "account": "ILA",
            "amount": 5000,
            "note": "Refund",
            "debtor": {"name": "Somebody", "iban": "BE68539007547034"},
        },
    )
    (message,) = desk.collect()
    assert (message.state, message.detail["counts"]) == ("processed", {"unknown_credit": 1})
    desk.advance()
    desk.collect()
    assert [(line.finding, line.amount_cents) for line in BankLine.objects.all()] == [
        ("unknown_credit", 5000),
        ("unknown_credit", 5000),
    ]


def test_a_return_of_another_amount_is_refused(desk: Desk) -> None:
    desk.bank.change_account("ILA", behaviour="return-later", parameters={"days": 1})
    messages = sent(desk)
    give(messages["camt.054"])
    desk.advance()
    returned = waiting(desk)["pacs.004"].replace(b">1650.00<", b">1640.00<")
    message = give(returned)
    assert (message.state, message.reason) == ("refused", "other_amount")
    assert balances() == {"paid": PRICE}


def test_a_message_about_a_batch_that_never_left_is_refused(desk: Desk) -> None:
    messages = sent(desk)
    desk.claim(desk.booking(provider=desk.providers[1]))
    batch = desk.batch()
    of_first = messages["pain.002"].split(b"<OrgnlMsgId>")[1].split(b"<")[0]
    assert give(messages["pain.002"].replace(of_first, batch.msg_id.encode())).reason == "unknown_file"
    assert Payment.objects.filter(batch=batch, outcome="pending").count() == 1
