"""The commands: what they print, and how they end."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from funding.banking.port import BankUnreachable
from ila.core.errors import DomainError
from tests.funding.settlement.desk import Desk, balances

PRICE = 165_000


def manage(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_a_kept_file_is_written_byte_for_byte(
    desk: Desk, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    desk.claim(desk.booking())
    batch = desk.batch()
    with pytest.raises(CommandError, match="no exported batch"):
        manage("bank_export", batch.msg_id)
    content = desk.export(batch)
    manage("bank_export", batch.msg_id, "--out", str(tmp_path / "pain.xml"))
    assert (tmp_path / "pain.xml").read_bytes() == content
    capfdbinary.readouterr()
    manage("bank_export", batch.msg_id)
    assert capfdbinary.readouterr().out == content


def test_the_exchange_sends_collects_and_says_so(desk: Desk, settings: Any) -> None:
    settings.BANK_ADDRESS = desk.bank.address
    desk.claim(desk.booking())
    batch = desk.batch()
    desk.export(batch)
    answer = json.loads(manage("bank_exchange", "--json"))
    assert answer["sent"] == [batch.msg_id]
    assert [(m["kind"], m["state"], m["counts"]) for m in answer["messages"]] == [
        ("pain.002", "processed", {"accepted": 1}),
        ("camt.054", "processed", {"executed": 1}),
    ]
    assert balances() == {"paid": PRICE}
    assert manage("bank_exchange", "--again") == "0 files sent, 0 messages read, 0 refused.\n"
    assert manage("bank_status") == "The bank's word and the books agree.\n"
    assert json.loads(manage("bank_status", "--json"))["ok"] is True


def test_files_of_the_bank_are_read_and_what_is_wrong_is_named(desk: Desk, tmp_path: Path) -> None:
    desk.claim(desk.booking())
    desk.send(desk.batch())
    desk.collect()
    raw = desk.bank.client.fetch(again=True)[1].content
    made = {"same.xml": raw, "cut.xml": raw[:500], "other.xml": raw.replace(b"1650.00", b"1.00")}
    for name, content in made.items():
        (tmp_path / name).write_bytes(content)
    out = StringIO()
    with pytest.raises(CommandError, match="2 of 3 files were refused"):
        call_command("bank_import", *(str(tmp_path / name) for name in made), stdout=out)
    same, cut, other = out.getvalue().splitlines()
    assert same.endswith("(seen before)")
    assert "truncated" in cut
    assert "duplicate_message" in other
    with pytest.raises(FileNotFoundError):
        manage("bank_import", str(tmp_path / "absent.xml"))
    assert (
        json.loads(manage("bank_import", str(tmp_path / "same.xml"), "--json"))["messages"][0]["new"] is False
    )
    assert balances() == {"paid": PRICE}


def test_status_names_everything_that_waits_for_a_person(desk: Desk) -> None:
    desk.bank.change_account("ILA", behaviour="statement-gap")
    for n in (0, 1):
        desk.claim(desk.booking(provider=desk.providers[n]))
    desk.send(desk.batch())
    desk.collect()
    desk.claim(desk.booking(provider=desk.providers[2]))
    waiting = desk.batch()
    desk.export(waiting)
    desk.advance()
    desk.collect()
    out = StringIO()
    with pytest.raises(CommandError, match="do not agree yet"):
        call_command("bank_status", stdout=out)
    lines = out.getvalue().splitlines()
    assert lines[0] == f"ALARM: {waiting.msg_id} not sent, 24 h without an answer"
    assert lines[1].startswith("gap: MB-C053-ILA-1 unexplained_amount, ")
    assert lines[2].startswith("not on a statement: E")
    shown = StringIO()
    with pytest.raises(CommandError):
        call_command("bank_status", "--json", stdout=shown)
    found = json.loads(shown.getvalue())
    assert [gap["cents"] for gap in found["gaps"]] == [-PRICE]
    assert found["gaps"][0]["payments"] == found["unstated"]


def test_without_a_bank_the_error_is_clear(db: None, settings: Any) -> None:
    with pytest.raises(DomainError, match="bank_not_configured"):
        manage("bank_exchange")
    settings.BANK_ADDRESS = "http://127.0.0.1:9"
    with pytest.raises(BankUnreachable):
        manage("bank_exchange")
