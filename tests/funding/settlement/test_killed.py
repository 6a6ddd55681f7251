"""Killed anywhere between the file and the last message, and started again: everything is paid once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from funding.models import BankMessage, Payment, PaymentBatch, PaymentFile
from funding.services import reconciliation
from tests.funding.settlement.desk import OPENING, Desk, balances, settlement_desk, states
from tests.funding.settlement.walks import BARRIER, POINTS
from tests.support.database import ROOT, WorkerDatabase, command_environ

PRICE = 165_000


@pytest.fixture
def desk(committed_db: None) -> Iterator[Desk]:
    with settlement_desk() as made:
        yield made


def start(database: WorkerDatabase, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "tests.funding.settlement.walks", *arguments],
        cwd=ROOT,
        env=command_environ(database, {"DJANGO_SETTINGS_MODULE": "ila.settings.dev"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(database: WorkerDatabase, *arguments: str) -> int:
    process = start(database, *arguments)
    _, errors = process.communicate(timeout=60)
    assert process.returncode in (0, -9), errors
    return process.returncode


@pytest.mark.slow
def test_killed_at_every_step_and_repeated_pays_once(desk: Desk, worker_database: WorkerDatabase) -> None:
    for number, point in enumerate(POINTS, start=1):
        desk.claim(desk.booking(provider=desk.providers[number % len(desk.providers)]))
        batch = desk.batch()
        walk = ("walk", str(batch.pk), desk.bank.address)
        assert run(worker_database, *walk, point) == -9, point
        assert run(worker_database, *walk, "-") == 0, point
        assert balances() == {"paid": number * PRICE}, point
        assert set(states()["claims"]) == {"paid"}, point
        assert desk.bank.balance_cents("ILA") == OPENING - number * PRICE, point
        assert not BankMessage.objects.exclude(state="processed").exists(), point
        assert reconciliation.reconcile().ok, point
    assert run(worker_database, *walk, "-") == 0
    assert balances() == {"paid": len(POINTS) * PRICE}
    assert PaymentFile.objects.count() == len(POINTS)
    assert set(states()["batches"]) == {"executed"}


def race(database: WorkerDatabase, *arguments: str, processes: int = 4) -> list[tuple[str, str]]:
    """What each process answered, all let go at the same moment."""
    with psycopg.connect(database.app_dsn, autocommit=True) as barrier:
        barrier.execute("SELECT pg_advisory_lock(%s)", [BARRIER])
        running = [start(database, "race", *arguments) for _ in range(processes)]
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        barrier.execute("SELECT pg_advisory_unlock(%s)", [BARRIER])
        ended = [process.communicate(timeout=60) for process in running]
    return [(out.strip(), errors.strip().splitlines()[-1] if errors.strip() else "") for out, errors in ended]


@pytest.mark.slow
def test_processes_that_make_batches_of_the_same_claims(desk: Desk, worker_database: WorkerDatabase) -> None:
    for n in range(8):
        desk.claim(desk.booking(provider=desk.providers[n % 4]))
    scheme = str(desk.world.scheme.pk)
    # The control: without the lock the database's own constraints have to stop what should never be tried.
    control = race(worker_database, "create", scheme, "unlocked")
    assert any("already exists" in errors for _, errors in control), control
    assert Payment.objects.values("claim").distinct().count() == Payment.objects.count() == 8
    PaymentBatch.objects.get()


@pytest.mark.slow
def test_processes_that_make_batches_agree_who_does(desk: Desk, worker_database: WorkerDatabase) -> None:
    for n in range(8):
        desk.claim(desk.booking(provider=desk.providers[n % 4]))
    answers = race(worker_database, "create", str(desk.world.scheme.pk), "locked")
    assert sorted(answers) == [("done", ""), ("incomplete", ""), ("incomplete", ""), ("incomplete", "")]
    assert Payment.objects.count() == 8


@pytest.mark.slow
def test_processes_that_export_one_batch_write_one_file(desk: Desk, worker_database: WorkerDatabase) -> None:
    for n in range(4):
        desk.claim(desk.booking(provider=desk.providers[n]))
    batch = desk.batch()
    answers = race(worker_database, "export", str(batch.pk), "locked")
    assert answers == [("done", "")] * 4
    assert PaymentFile.objects.count() == 1
    assert balances() == {"in_transit": 4 * PRICE}
