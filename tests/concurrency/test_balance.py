"""Processes against one balance: 30 rounds, 4 processes, each withdrawing until it is refused."""

import json
import subprocess
import sys

import psycopg
import pytest

from funding import audit
from funding.models import Lot
from tests.concurrency.withdrawals import BARRIER, START_CENTS, STEP_CENTS, TOGETHER
from tests.factories.funding import BudgetFactory, LearningAccountFactory, LotFactory
from tests.support.database import ROOT, command_environ

pytestmark = pytest.mark.slow

ROUNDS = 30
PROCESSES = 4


def race(worker_database, how, first):
    """Let the processes go at the same moment; how many withdrawals of each round succeeded together."""
    with psycopg.connect(worker_database.app_dsn, autocommit=True) as gate:
        gate.execute("SELECT pg_advisory_lock(%s)", [BARRIER])
        started = [
            subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "tests.concurrency.withdrawals", how, str(first), str(ROUNDS)],
                cwd=ROOT,
                env=command_environ(worker_database),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(PROCESSES)
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        gate.execute("SELECT pg_advisory_unlock(%s)", [BARRIER])
        counts = []
        for process in started:
            out, err = process.communicate(timeout=300)
            assert process.returncode == 0, err
            counts.append(json.loads(out.splitlines()[-1]))
    return [sum(one) for one in zip(*counts, strict=True)]


@pytest.fixture
def lots(committed_db):
    account = LearningAccountFactory.create()
    BudgetFactory.create(scheme=account.scheme)
    made = [
        LotFactory.create(account=account, amount_cents=START_CENTS, earmark=str(n)).pk for n in range(ROUNDS)
    ]
    assert made == list(range(made[0], made[0] + ROUNDS))
    return made


def test_without_a_condition_a_balance_is_overdrawn(committed_db, worker_database, owner_connection, app_dsn):
    """The control: the race is real, so that the tests below mean something."""
    LearningAccountFactory.create()
    role = psycopg.conninfo.conninfo_to_dict(app_dsn)["user"]
    owner_connection.execute("CREATE TABLE withdrawal_control (id bigint PRIMARY KEY, cents bigint NOT NULL)")
    owner_connection.execute(f"GRANT SELECT, UPDATE ON withdrawal_control TO {role}")
    owner_connection.execute(
        "INSERT INTO withdrawal_control SELECT n, %s FROM generate_series(1, %s) n", [START_CENTS, ROUNDS]
    )
    succeeded = race(worker_database, "unlocked", 1)
    assert max(succeeded) > START_CENTS // STEP_CENTS


def test_exactly_what_is_there_is_withdrawn(lots, worker_database):
    succeeded = race(worker_database, "alone", lots[0])
    possible, left = divmod(START_CENTS, STEP_CENTS)
    assert succeeded == [possible] * ROUNDS
    assert set(Lot.objects.filter(pk__in=lots).values_list("available_cents", flat=True)) == {left}
    assert audit.run().ok


def test_the_same_inside_a_callers_transaction(lots, worker_database):
    succeeded = race(worker_database, "inside", lots[0])
    possible, left = divmod(START_CENTS, TOGETHER * STEP_CENTS)
    assert succeeded == [possible] * ROUNDS
    assert set(Lot.objects.filter(pk__in=lots).values_list("available_cents", flat=True)) == {left}
    assert audit.run().ok
