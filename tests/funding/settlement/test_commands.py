"""The commands: what they print, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.funding.settlement.desk import Desk, balances, settlement_desk

Manage = Callable[..., "CompletedProcess[str]"]
PRICE = 165_000


@pytest.fixture
def desk(committed_db: None) -> Iterator[Desk]:
    with settlement_desk() as made:
        yield made


@pytest.mark.slow
def test_from_the_exported_file_to_the_books_in_commands(
    desk: Desk, run_manage: Manage, tmp_path: Path
) -> None:
    environ = {"BANK_ADDRESS": desk.bank.address}
    desk.claim(desk.booking())
    batch = desk.batch()
    missing = run_manage("bank_export", batch.msg_id)
    assert (missing.returncode, missing.stderr) == (
        1,
        f"CommandError: There is no exported batch '{batch.msg_id}'.\n",
    )
    content = desk.export(batch)
    out = tmp_path / "pain.xml"
    assert run_manage("bank_export", batch.msg_id, "--out", str(out)).returncode == 0
    assert out.read_bytes() == content
    assert run_manage("bank_export", batch.msg_id).stdout.encode() == content

    waiting = run_manage("bank_status", "--json")
    assert waiting.returncode == 1  # exported on the virtual payday, long ago by the real clock
    assert json.loads(waiting.stdout)["waiting"][0] | {"hours": 0} == {
        "batch": batch.msg_id,
        "sent": False,
        "hours": 0,
        "alarm": True,
    }
    done = run_manage("bank_exchange", "--json", environ=environ)
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert answer["sent"] == [batch.msg_id]
    assert [(m["kind"], m["state"], m["counts"]) for m in answer["messages"]] == [
        ("pain.002", "processed", {"accepted": 1}),
        ("camt.054", "processed", {"executed": 1}),
    ]
    assert balances() == {"paid": PRICE}
    again = run_manage("bank_exchange", "--again", environ=environ)
    assert again.stdout == "0 files sent, 0 messages read, 0 refused.\n"
    assert run_manage("bank_status").stdout == "The bank's word and the books agree.\n"

    raw = desk.bank.client.fetch(again=True)[1].content
    for name, changed in (
        ("same.xml", raw),
        ("cut.xml", raw[:500]),
        ("other.xml", raw.replace(b"1650.00", b"1.00")),
    ):
        (tmp_path / name).write_bytes(changed)
    files = [str(tmp_path / name) for name in ("same.xml", "cut.xml", "other.xml")]
    imported = run_manage("bank_import", *files)
    assert imported.returncode == 1
    assert imported.stderr.splitlines()[-1].endswith(
        "2 of 3 files were refused; they are kept and change nothing."
    )
    lines = imported.stdout.splitlines()
    assert lines[0].endswith("(seen before)")
    assert "truncated" in lines[1]
    assert "duplicate_message" in lines[2]
    absent = run_manage("bank_import", str(tmp_path / "absent.xml"), "--json")
    assert (absent.returncode, absent.stdout) == (1, "")
    assert len(absent.stderr.splitlines()) == 1
    assert run_manage("bank_import").returncode == 2
    assert balances() == {"paid": PRICE}


@pytest.mark.slow
def test_without_a_bank_there_is_one_line(committed_db: None, run_manage: Manage) -> None:
    done = run_manage("bank_exchange", environ={"BANK_ADDRESS": ""})
    assert done.returncode == 1
    assert done.stderr.startswith("bank_not_configured")
    assert len(done.stderr.splitlines()) == 1
    closed = run_manage("bank_exchange", environ={"BANK_ADDRESS": "http://127.0.0.1:9"})
    assert closed.returncode == 1
    assert closed.stderr.startswith("bank_unreachable")
