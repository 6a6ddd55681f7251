"""The ways to the bank: a real process over HTTP, and folders."""

from __future__ import annotations

import socket
from datetime import date
from pathlib import Path

import pytest

from funding.banking.folder import FolderBank
from funding.banking.http import HttpBank
from funding.banking.messages import AccountMessage, PaymentStatusReport
from funding.banking.parse import parse_bank_message
from funding.banking.port import (
    BankPort,
    BankRefusedDelivery,
    BankUnreachable,
    OutgoingFile,
)
from tests.funding.banking.conftest import CREDITOR, OPENING, BankDesk, make_file


def kinds(desk: BankDesk) -> list[str]:
    return [parse_bank_message(m.content).kind for m in desk.collect()]


def test_a_file_is_answered_executed_and_stated(desk: BankDesk) -> None:
    desk.send(make_file())
    assert kinds(desk) == ["pain.002", "camt.054"]
    desk.bank.advance(days=1)
    assert kinds(desk) == ["camt.053"]
    assert desk.bank.balance_cents("ILA") == OPENING - 200_001


def test_what_is_only_looked_at_stays_in_the_box(desk: BankDesk) -> None:
    desk.send(make_file())
    looked = desk.bank.client.fetch()
    assert looked == desk.bank.client.fetch()
    # A message that comes between the look and the confirmation is not lost.
    desk.send(make_file("ILA-TEST-2"))
    desk.bank.client.confirm(looked)
    later = desk.bank.client.fetch()
    assert len(later) == 2
    assert not {m.reference for m in later} & {m.reference for m in looked}
    assert {m.reference for m in desk.bank.client.fetch(again=True)} == {m.reference for m in looked + later}


def test_the_second_copy_of_a_file_is_refused_as_a_duplicate_and_pays_nothing(
    desk: BankDesk,
) -> None:
    desk.send(make_file())
    desk.send(make_file())
    reports = [parse_bank_message(content) for content in desk.collect_kind("pain.002")]
    assert [isinstance(r, PaymentStatusReport) and r.is_duplicate for r in reports] == [
        False,
        True,
    ]
    assert desk.bank.balance_cents("ILA") == OPENING - 200_001


def test_a_whole_file_can_be_refused(desk: BankDesk) -> None:
    desk.bank.change_account("ILA", behaviour="reject-file")
    desk.send(make_file())
    (content,) = desk.collect_kind("pain.002")
    report = parse_bank_message(content)
    assert isinstance(report, PaymentStatusReport)
    assert (report.group_status, report.transactions, report.is_duplicate) == (
        "RJCT",
        (),
        False,
    )
    assert report.group_reasons[0].code == "FF01"


def test_a_silent_bank_still_pays(desk: BankDesk) -> None:
    desk.bank.change_account("ILA", behaviour="silent")
    desk.send(make_file())
    assert kinds(desk) == ["camt.054"]


def test_a_statement_can_leave_a_payment_out(desk: BankDesk) -> None:
    desk.bank.change_account("ILA", behaviour="statement-gap")
    desk.send(make_file())
    desk.bank.advance(to=date(2026, 5, 5))
    (content,) = desk.collect_kind("camt.053")
    message = parse_bank_message(content)
    assert isinstance(message, AccountMessage)
    assert message.reports[0].difference_cents == -100_001


def test_a_closed_port_and_a_closed_door_are_told_apart() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(BankUnreachable, match="POST /payments"):
        HttpBank(f"http://127.0.0.1:{port}").send(OutgoingFile("X", b"<x/>"))
    with pytest.raises(ValueError, match="http"):
        HttpBank("file:///etc/passwd")


def test_a_bank_that_never_answers_is_given_up_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        bank = HttpBank(f"http://127.0.0.1:{server.getsockname()[1]}", timeout=0.2)
        with pytest.raises(BankUnreachable):
            bank.send(OutgoingFile("X", b"<x/>"))


def test_an_unreadable_file_is_delivered_and_refused_by_the_bank(
    desk: BankDesk,
) -> None:
    acknowledgement = desk.bank.client.send(OutgoingFile("X", b"<x/>"))
    assert acknowledgement.detail == "RJCT"
    assert desk.bank.balance_cents("ILA") == OPENING


def test_folders_keep_files_whole_and_messages_until_confirmed(tmp_path: Path) -> None:
    outbox, inbox = tmp_path / "out", tmp_path / "in"
    outbox.mkdir()
    inbox.mkdir()
    bank: BankPort = FolderBank(outbox, inbox)
    outgoing = OutgoingFile("ILA-1", b"<a/>")
    bank.send(outgoing)
    bank.send(outgoing)
    assert [path.name for path in outbox.iterdir()] == ["ILA-1.xml"]
    with pytest.raises(BankRefusedDelivery, match="other content"):
        bank.send(OutgoingFile("ILA-1", b"<b/>"))
    with pytest.raises(BankRefusedDelivery, match="no file name"):
        bank.send(OutgoingFile("../ILA-1", b"<b/>"))
    (inbox / "camt.xml").write_bytes(b"<c/>")
    (inbox / "camt2.xml.part").write_bytes(b"<c")
    (inbox / ".hidden").write_bytes(b"")
    (message,) = bank.fetch()
    assert (message.reference, message.content) == ("camt.xml", b"<c/>")
    bank.confirm([message])
    bank.confirm([message])
    assert bank.fetch() == []
    assert bank.fetch(again=True) == [message]


def test_a_missing_folder_is_an_unreachable_bank(tmp_path: Path) -> None:
    bank = FolderBank(tmp_path / "out", tmp_path / "in")
    with pytest.raises(BankUnreachable):
        bank.send(OutgoingFile("X", b""))
    with pytest.raises(BankUnreachable):
        bank.fetch()


def test_the_bank_pays_what_the_file_says(desk: BankDesk) -> None:
    desk.send(make_file(creditors=(CREDITOR,)))
    (paid,) = desk.bank.payments()
    assert (paid["end_to_end_id"], paid["amount"], paid["creditor_iban"]) == (
        "ILA-TEST-1-0",
        100_000,
        CREDITOR,
    )
