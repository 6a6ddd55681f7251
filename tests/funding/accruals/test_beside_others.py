"""The yearly credit beside bookings, other credits, itself, and after a kill."""

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from subprocess import CompletedProcess
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from accounts.services import service_users
from funding.models import Budget, LearningAccount, Lot
from funding.services import bookings, schemes
from funding.services.accruals import AccrualResult, accrue_year
from ila.core import clock
from tests.factories.accounts import CitizenFactory
from tests.factories.funding import BudgetFactory, LearningAccountFactory, SchemeFactory
from tests.support.database import ROOT, WorkerDatabase, command_environ
from tests.support.world import World

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]

FULL = 50_000
PEOPLE = """
WITH people AS (
    INSERT INTO accounts_citizen (public_id, given_name, family_name, birth_date, status, qualification_level,
        disabled, hours_ratio, driving_licences, residence, citizenship, work_incapacity_percent,
        prevention_account, student_finance, created_at)
    SELECT gen_random_uuid(), '', '', '1990-02-03', 'employed', 4,
           false, 1, '{}', 'FR', 'FR', 0, false, false, now()
      FROM generate_series(1, %s) RETURNING id
)
INSERT INTO funding_learningaccount (public_id, opened_at, citizen_id, scheme_id)
SELECT gen_random_uuid(), now(), id, %s FROM people
"""


def populate(owner: psycopg.Connection, budget: Budget, people: int) -> None:
    owner.execute(PEOPLE, [people, budget.scheme_id])
    owner.execute("ANALYZE accounts_citizen, funding_learningaccount")


def accrue(budget: Budget, **options: Any) -> AccrualResult:
    return accrue_year(
        scheme=budget.scheme, year=2026, actor=service_users.get("ledger"), budget=budget, **options
    )


def in_thread(call: Callable[[], Any]) -> Any:
    """What `call` returns, on a connection of this thread that is closed afterwards."""
    try:
        return call()
    finally:
        connection.close()


@contextlib.contextmanager
def locked_lot(app: psycopg.Connection, account: LearningAccount) -> Iterator[None]:
    """Somebody else keeps the account's lot locked."""
    with app.transaction():
        app.execute("SELECT 1 FROM funding_lot WHERE account_id = %s FOR NO KEY UPDATE", [account.pk])
        yield


def assert_everybody_once(budget: Budget) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FILTER (WHERE coalesce(lot.available_cents, -1) <> coalesce(posted.cents, -2)
                                       OR lot.accrued_years <> '{2026}' OR posted.cents <> %s)
              FROM funding_learningaccount account
              LEFT JOIN funding_lot lot ON lot.account_id = account.id
              LEFT JOIN (
                SELECT lot_id, sum(amount_cents) AS cents FROM funding_posting GROUP BY lot_id
              ) posted ON posted.lot_id = lot.id
            """,
            [FULL],
        )
        assert cursor.fetchone() == (0,)


@pytest.fixture
def budget() -> Budget:
    return BudgetFactory.create(scheme=SchemeFactory.create())


def test_two_calls_at_once_credit_everybody_once(
    owner_connection: psycopg.Connection, budget: Budget
) -> None:
    populate(owner_connection, budget, 5_000)
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(in_thread, lambda: accrue(budget, workers=2, chunk=200)) for _ in range(2)]
        results = [call.result() for call in calls]
    assert sum(each.credited for each in results) == 5_000
    assert_everybody_once(budget)


def test_a_locked_learner_delays_nobody_else(app_connection: psycopg.Connection, budget: Budget) -> None:
    learners = [LearningAccountFactory.create(citizen=CitizenFactory.create(user=None)) for _ in range(12)]
    for each in learners:
        Lot.objects.create(account=each, source="rights", fund="public", currency="EUR")
    others = Lot.objects.exclude(account=learners[5])
    with ThreadPoolExecutor(1) as pool:
        with locked_lot(app_connection, learners[5]):
            call = pool.submit(in_thread, lambda: accrue(budget))
            deadline = time.monotonic() + 20
            while others.filter(available_cents=0).exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            assert not others.filter(available_cents=0).exists()
            assert not call.done()
        assert call.result() == AccrualResult(credited=12, skipped=0, cents=12 * FULL)


def test_bookings_on_the_same_accounts_go_on_meanwhile() -> None:
    world = World()
    learners = [world.make_learner(rights_cents=200_000) for _ in range(12)]
    starts = clock.now() + timedelta(days=60)  # threads see the real clock only
    session = world.make_session(starts_at=starts, ends_at=starts + timedelta(days=2))
    proposed = [world.proposed(each, session, price_cents=100_000) for each in learners]

    def accept(position: int) -> None:
        learner = learners[position]
        bookings.accept(actor=learner.user, booking_id=proposed[position].pk, sign_in=learner.sign_in)

    with ThreadPoolExecutor(4) as pool:
        accrual = pool.submit(in_thread, lambda: accrue(world.budget, workers=2, chunk=3))
        calls = [pool.submit(in_thread, partial(accept, n)) for n in range(12)]
        for call in calls:
            call.result()
        assert accrual.result().credited == 12
    for each in learners:
        lot = each.lot()
        assert (lot.available_cents + lot.held_cents, lot.accrued_years) == (200_000 + FULL, [2026])


def test_the_accrual_gives_way_to_who_holds_the_budget_and_wants_a_lot(budget: Budget) -> None:
    """Each would wait for the other; the accrual steps back before the database chooses a victim."""
    first, second = (
        LearningAccountFactory.create(citizen=CitizenFactory.create(user=None)) for _ in range(2)
    )
    for each in (first, second):
        Lot.objects.create(account=each, source="rights", fund="public", currency="EUR")
    holds_budget, accruing = threading.Event(), threading.Event()

    def credit_both() -> None:
        with transaction.atomic():
            for each in (first, second):
                schemes.credit(
                    account=each,
                    source="rights",
                    amount_cents=100,
                    actor=service_users.get("ledger"),
                    idempotency_key=f"credit:{each.pk}",
                )
                holds_budget.set()
                accruing.wait(10)
                time.sleep(0.2)  # the accrual waits for the first lot or for the budget by now

    with ThreadPoolExecutor(2) as pool:
        crediting = pool.submit(in_thread, credit_both)
        assert holds_budget.wait(10)
        accrual = pool.submit(in_thread, lambda: accrue(budget, chunk=1, workers=2))
        accruing.set()
        crediting.result()
        assert accrual.result().credited == 2
    assert set(Lot.objects.values_list("available_cents", flat=True)) == {FULL + 100}


def test_killed_at_work_and_called_again_credits_everybody_once(
    worker_database: WorkerDatabase,
    owner_connection: psycopg.Connection,
    app_connection: psycopg.Connection,
    budget: Budget,
    run_manage: Callable[..., CompletedProcess[str]],
) -> None:
    populate(owner_connection, budget, 25_000)
    last = LearningAccount.objects.latest("pk")
    Lot.objects.create(account=last, source="rights", fund="public", currency="EUR")
    command = [sys.executable, str(ROOT / "manage.py"), "accrue", "cpf", "2026", "--workers", "1"]
    environ = command_environ(worker_database)
    with (
        locked_lot(app_connection, last),
        subprocess.Popen(command, cwd=ROOT, env=environ) as process,  # noqa: S603 - our own command
    ):
        while Lot.objects.filter(available_cents=FULL).count() < 20_000:
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    before = Lot.objects.filter(available_cents=FULL).count()
    assert 20_000 <= before < 25_000
    done = run_manage("accrue", "cpf", "2026", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "scheme": "cpf",
        "year": 2026,
        "credited": 25_000 - before,
        "skipped": before,
        "cents": (25_000 - before) * FULL,
    }
    assert "25000 of 25000 accounts" in done.stderr
    assert_everybody_once(budget)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["accrue", "nowhere", "2026"], 1, "There is no scheme 'nowhere'."),
        (["accrue", "cpf", "twenty"], 2, "'twenty' is no year"),
        (["accrue", "cpf", "2026", "--budget", "none"], 1, "has no budget called 'none'."),
        (["accrue", "cpf", "2000"], 1, "not_bookable"),
    ],
)
def test_the_command_says_in_a_line_what_is_wrong(
    budget: Budget,
    run_manage: Callable[..., CompletedProcess[str]],
    arguments: list[str],
    status: int,
    message: str,
) -> None:
    done = run_manage(*arguments)
    assert done.returncode == status
    assert message in done.stderr
    assert done.stdout == ""
