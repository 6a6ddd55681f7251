"""Killed anywhere between the file and the last message, and started again: everything is paid once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from funding.models import BankMessage, Payment, PaymentBatch, PaymentFile
from funding.services import reconciliation
from tests.funding.settlement import walks
from tests.funding.settlement.desk import OPENING, Desk, balances, check_books, settlement_desk, states
from tests.funding.settlement.walks import POINTS, run_race
from tests.support.database import WorkerDatabase

PRICE = 165_000


@pytest.fixture
def desk(committed_db: None) -> Iterator[Desk]:
    with settlement_desk() as made:
        yield made
        check_books()


def dsns(database: WorkerDatabase) -> tuple[str, str]:
    return database.owner_dsn, database.app_dsn


def run(database: WorkerDatabase, *arguments: object) -> int | None:
    process = walks.start(database.owner_dsn, walks.walk, *arguments)
    process.join(120)
    return process.exitcode


@pytest.mark.slow
def test_killed_at_every_step_and_repeated_pays_once(desk: Desk, worker_database: WorkerDatabase) -> None:
    for number, point in enumerate(POINTS, start=1):
        desk.claim(desk.booking(provider=desk.providers[number % len(desk.providers)]))
        batch = desk.batch()
        walk = (batch.pk, desk.bank.address)
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


@pytest.mark.slow
def test_processes_that_make_batches_of_the_same_claims(desk: Desk, worker_database: WorkerDatabase) -> None:
    for n in range(8):
        desk.claim(desk.booking(provider=desk.providers[n % 4]))
    # The control: without the lock the database's own constraints have to stop what should never be tried.
    control = run_race(*dsns(worker_database), "create", desk.world.scheme.pk, locked=False)
    assert any(answer.startswith("IntegrityError") for answer in control), control
    assert Payment.objects.values("claim").distinct().count() == Payment.objects.count() == 8
    PaymentBatch.objects.get()


@pytest.mark.slow
def test_processes_that_make_batches_agree_who_does(desk: Desk, worker_database: WorkerDatabase) -> None:
    for n in range(8):
        desk.claim(desk.booking(provider=desk.providers[n % 4]))
    answers = run_race(*dsns(worker_database), "create", desk.world.scheme.pk, locked=True)
    assert sorted(answers) == ["done", "incomplete", "incomplete", "incomplete"]
    assert Payment.objects.count() == 8


@pytest.mark.slow
def test_processes_that_export_one_batch_write_one_file(desk: Desk, worker_database: WorkerDatabase) -> None:
    for n in range(4):
        desk.claim(desk.booking(provider=desk.providers[n]))
    batch = desk.batch()
    answers = run_race(*dsns(worker_database), "export", batch.pk, locked=True)
    assert answers == ["done"] * 4
    assert PaymentFile.objects.count() == 1
    assert balances() == {"in_transit": 4 * PRICE}
