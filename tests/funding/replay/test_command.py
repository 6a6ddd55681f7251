"""`manage.py replay`: its exit statuses, its two outputs, and that nothing of a scenario stays."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from psycopg import sql

from funding import audit, replay
from funding.audit import AuditReport, InvariantReport
from funding.audit.report import Finding
from funding.models import JournalEntry, Scheme
from ila.core import clock
from tests.funding.replay.theatre import accepted, credit, do, paid, play, scenario, validated

Run = Callable[..., CompletedProcess[str]]
DATA = Path(__file__).parents[2] / "data" / "replay"


def tables(dsn: str) -> dict[str, int]:
    """Rows in every table."""
    with psycopg.connect(dsn) as connection:
        names = [
            row[0]
            for row in connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
            )
        ]
        count = sql.SQL("SELECT count(*) FROM {}")
        found = {}
        for name in names:
            row = connection.execute(count.format(sql.Identifier(name))).fetchone()
            assert row is not None
            found[name] = row[0]
        return found


def write(tmp_path: Path, values: Any) -> str:
    path = tmp_path / "scenario.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    return str(path)


def test_json_alone_is_printed_and_nothing_stays(
    committed_db: None, run_manage: Run, tmp_path: Path, owner_dsn: str
) -> None:
    before, files = tables(owner_dsn), sorted(tmp_path.rglob("*"))
    done = run_manage("replay", str(DATA / "example_12.json"), "--json", environ={"TMPDIR": str(tmp_path)})
    assert (done.returncode, done.stderr) == (0, "")
    outcome = json.loads(done.stdout)
    assert list(outcome) == ["events", "bookings", "learners", "providers", "audit"]
    assert outcome["events"][0] == {"n": 0, "ok": True}
    assert outcome["bookings"]["B1"]["state"] == "settled"
    assert outcome["audit"] == {"ok": True, "violations": []}
    assert tables(owner_dsn) == before
    assert sorted(tmp_path.rglob("*")) == files


def test_a_report_for_people(committed_db: None, run_manage: Run, tmp_path: Path) -> None:
    values = scenario(
        credit(), accepted(), do("accept"), validated(), do("advance", None, to="2026-08-01"), paid()
    )
    done = run_manage("replay", write(tmp_path, values))
    assert (done.returncode, done.stderr) == (0, "")
    for words in (
        "Compte personnel de formation, from 2026-05-04 09:00 (Europe/Paris)",
        "available −€1,500.00, held +€1,650.00",
        "refused: not_allowed",
        "payable −€1,650.00, in transit +€1,650.00",
        "rights €1,500.00, learner €150.00",
        "L1       €3,500.00  €0.00  €1,500.00",
        "Audit: every invariant holds.",
    ):
        assert words in done.stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1, column 1: no JSON: Expecting value"),
        (b"\xff", "byte 0: is not UTF-8"),
        (b'{"scheme": "cpf", "clock": NaN}', "NaN is no number"),
        (b'{"scheme": "cpf", "clock": "2026-05-04", "colour": 1}', "colour: unknown key"),
        (
            b'{"scheme": "spam", "clock": "2026-05-04"}',
            (
                "scheme: 'spam' is unknown: there are canada, cpf, croatia, flanders, geneva, germany, greece, "
                "lithuania, skillsfuture, stap, uk_2000, upper_austria, wioa_ita"
            ),
        ),
        (
            b'{"scheme": "cpf", "clock": "2026-05-04", "rules": {"x": 1}}',
            "rules.x: no such parameter",
        ),
        (
            b'{"scheme": "cpf", "clock": "2026-05-04", "events": [{"do": "accept", "booking": "B9"}]}',
            "events[0].booking: unknown booking 'B9'",
        ),
    ],
)
def test_a_file_at_fault(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "bad\nname.json"
    path.write_bytes(content)
    with pytest.raises(SystemExit) as caught:
        call("replay", str(path), "--json")
    out, err = capsys.readouterr()
    assert caught.value.code == 2
    assert out == ""
    assert err.endswith(f"bad name.json: {message}\n")
    assert err.count("\n") == 1


@pytest.mark.parametrize("path", ["/nowhere/at/all.json", "."])
def test_no_file(run_manage: Run, committed_db: None, path: str) -> None:
    done = run_manage("replay", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


def test_usage(run_manage: Run, committed_db: None) -> None:
    assert run_manage("replay").returncode == 2
    assert run_manage("replay", "a.json", "--loud").returncode == 2


@pytest.mark.django_db
def test_the_clock_and_the_database_are_as_before() -> None:
    before = clock.now()
    play(credit(), accepted())
    assert not JournalEntry.objects.exists()
    assert not Scheme.objects.exists()
    assert abs((clock.now() - before).total_seconds()) < 300


@pytest.mark.django_db
def test_a_fault_in_the_middle_leaves_nothing_either(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(audit, "run", fail)
    with pytest.raises(RuntimeError, match="out of luck"):
        play(credit(), accepted())
    assert not Scheme.objects.exists()


@pytest.mark.django_db
def test_what_the_audit_finds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def found(*rows: str) -> AuditReport:
        return AuditReport([InvariantReport(3, "balances", findings=[Finding(row, "wrong") for row in rows])])

    answers = iter([found("funding_lot:1", "funding_lot:2"), found("funding_lot:1")] * 2)
    monkeypatch.setattr(audit, "run", lambda **_: next(answers))
    # What was wrong before is no finding about the scenario.
    outcome = replay.run_scenario(scenario())
    assert outcome.as_json()["audit"] == {"ok": False, "violations": ["funding_lot:2"]}
    with pytest.raises(SystemExit) as caught:
        call("replay", write(tmp_path, scenario()))
    assert caught.value.code == 1
    assert "Audit: 1 rows break an invariant: funding_lot:2" in capsys.readouterr().out


def call(*arguments: str) -> None:
    """The command in this process."""
    call_command(*arguments)
