"""The audit on books that are in order."""

import json
import threading

import pytest
from django.db import connection, connections, transaction

from accounts.services import service_users
from funding import audit
from funding.audit import runner
from funding.models import JournalEntry, Scheme, Seal
from funding.services import schemes, seals
from tests.support.queries import captured_queries


def test_books_of_a_year_are_in_order(books):
    report = audit.run()
    assert [(each.id, each.findings) for each in report.invariants if not each.ok] == []
    assert report.ok
    assert report.violations == []
    assert [each.id for each in report.invariants] == list(range(1, 12))
    assert all(each.checked > 0 for each in report.invariants)


def test_the_command_shows_a_table_and_json(books, run_manage):
    done = run_manage("audit")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The books are in order" in done.stdout
    assert len([line for line in done.stdout.splitlines() if ": ok (" in line]) == 11 + len(
        audit.further.rules()
    )
    done = run_manage("audit", "--json")
    assert done.returncode == 0
    assert done.stderr == ""
    shown = json.loads(done.stdout)
    assert shown["ok"] is True
    assert [each["id"] for each in shown["invariants"]] == list(range(1, 12))
    assert all({"id", "name", "checked", "violations"} <= each.keys() for each in shown["invariants"])
    assert all(each["violations"] == [] for each in shown["invariants"])
    last = shown["invariants"][-1]
    assert (last["checked"], last["unsealed"]) == (JournalEntry.objects.count() - 1, 1)


def test_the_command_fails_and_names_the_rows(books, run_manage, tamper):
    tamper(f"UPDATE funding_lot SET available_cents = available_cents + 1 WHERE id = {books.rights_lot}")
    done = run_manage("audit", "--json")
    assert done.returncode == 1
    shown = json.loads(done.stdout)
    assert shown["ok"] is False
    broken = {each["id"]: each["violations"] for each in shown["invariants"] if each["violations"]}
    assert broken[3] == [f"lot:{books.rights_lot}"]
    done = run_manage("audit", "--only", "3")
    assert done.returncode == 1
    assert f"lot:{books.rights_lot}: balance_differs" in done.stdout
    assert "NOT in order" in done.stdout
    assert run_manage("audit", "--only", "2").returncode == 0


@pytest.mark.parametrize("arguments", [["--only", "12"], ["--anchor", "x"], ["--nonsense"]])
def test_wrong_usage(books, run_manage, arguments):
    assert run_manage("audit", *arguments).returncode == 2


def test_what_was_published_is_compared(books, run_manage):
    head = Seal.objects.latest("number")
    assert run_manage("audit", "--only", "11", "--anchor", f"{head.number}:{head.chain_hash}").returncode == 0
    done = run_manage("audit", "--only", "11", "--anchor", f"{head.number}:{'0' * 64}")
    assert done.returncode == 1
    assert f"seal:{head.number}" in done.stdout


def test_only_what_was_asked_for(books):
    report = audit.run(only={3, 11})
    assert [each.id for each in report.invariants] == [3, 11]
    with pytest.raises(ValueError, match="no invariant 12"):
        audit.run(only={12})


def test_it_sees_what_the_caller_has_not_committed(books):
    scheme = Scheme.objects.get()
    with transaction.atomic():
        schemes.appropriate(
            scheme=scheme,
            budget_name="not committed",
            amount_cents=100,
            actor=service_users.get("ledger"),
            idempotency_key="inside",
        )
        with connection.cursor() as cursor:
            cursor.execute("SHOW work_mem")
            before = cursor.fetchone()
        report = audit.run()
        assert report.ok, report.as_json()
        assert report.invariants[-1].notes["unsealed"] == 2
        with connection.cursor() as cursor:
            cursor.execute("SHOW work_mem")
            assert cursor.fetchone() == before
        transaction.set_rollback(True)
    assert not JournalEntry.objects.filter(idempotency_key="inside").exists()


def test_the_first_entry_of_the_callers_transaction_is_no_stranger(books):
    """Its transaction id is newer than the snapshot's end."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT 1 FROM funding_scheme")
        schemes.appropriate(
            scheme=Scheme.objects.get(),
            budget_name="x",
            amount_cents=100,
            actor=service_users.get("ledger"),
            idempotency_key="inside",
        )
        assert audit.run(only={11}).ok
        transaction.set_rollback(True)


def test_writers_beside_it_do_not_disturb_it(books):
    scheme = Scheme.objects.get()
    stop = threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            number += 1
            schemes.appropriate(
                scheme=scheme,
                budget_name="Budget 2026",
                amount_cents=100,
                actor=service_users.get("ledger"),
                idempotency_key=f"beside:{number}",
            )
            if number % 5 == 0:
                seals.seal_entries()
        connections.close_all()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            report = audit.run()
            assert report.ok, report.as_json()
    finally:
        stop.set()
        writer.join()


def test_it_cannot_write(books):
    seen: list[str] = []

    def look(name, _done, _total):
        if not seen:
            with connection.cursor() as cursor:
                cursor.execute("SHOW transaction_read_only")
                seen.append(cursor.fetchone()[0])

    audit.run(only={2}, progress=look)
    assert seen == ["on"]


def test_the_number_of_queries_does_not_grow(books):
    def audited():
        with captured_queries() as queries:
            audit.run()
        return len(queries)

    first = audited()
    for number in range(30):
        schemes.appropriate(
            scheme=Scheme.objects.get(),
            budget_name=f"b{number}",
            amount_cents=100,
            actor=service_users.get("ledger"),
            idempotency_key=f"more:{number}",
        )
    assert audited() == first


def test_a_thousand_faults_of_a_kind_are_named_and_all_are_counted(books, tamper):
    tamper(
        "INSERT INTO funding_journalentry (scheme_id, kind, currency, idempotency_key, actor_id, occurred_at)"
        " SELECT scheme_id, 'gift', currency, 'forged' || n, actor_id, now() FROM"
        " (SELECT * FROM funding_journalentry LIMIT 1) e, generate_series(1, 1200) n"
    )
    (report,) = audit.run(only={1}).invariants
    assert len(report.findings) == 1000
    assert report.left_out == 200


def test_two_connections_find_the_same_on_one_snapshot(books, tamper, monkeypatch):
    tamper(f"UPDATE funding_lot SET available_cents = available_cents + 1 WHERE id = {books.rights_lot}")
    alone = audit.run().as_json()
    monkeypatch.setattr(runner, "SHARED_FROM", -2)
    assert audit.run().as_json() == alone
    assert not alone["ok"]
