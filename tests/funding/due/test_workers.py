"""Several workers at once, and workers that are killed: each deadline exactly once."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import timedelta

import psycopg
import pytest
from django.db import connection, transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.models import Message
from funding import tasks
from funding.models import Booking, BookingLog, JournalEntry, Lot
from funding.services import bookings, due
from funding.services.due import terms as due_terms
from ila.core import clock
from ila.core.models import JobRun
from tests.funding.bookings.course import taught
from tests.support import books
from tests.support.database import ROOT, WorkerDatabase, command_environ
from tests.support.world import ENDS, MONDAY, STARTS, World

NUMBER = 24


def overdue_world(number: int = NUMBER) -> None:
    """Half of the bookings are proposals that should have lapsed, half services that should be validated."""
    with clock.at(MONDAY) as hand:
        world = World()
        declared = [world.accepted(world.make_learner()) for _ in range(number // 2)]
        hand.move(STARTS)
        for booking in declared:
            bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
        hand.move(ENDS)
        for booking in declared:
            taught(world, booking, percent=60)
        later = world.make_session(starts_at=ENDS + timedelta(60), ends_at=None)
        for _ in range(number // 2):
            world.proposed(world.make_learner(), later)


def expect_each_once(number: int = NUMBER) -> None:
    assert books.faults() == []
    assert not Booking.objects.filter(next_due_at__isnull=False).exists()
    for transition, state in (("lapse", "lapsed"), ("validate_service", "service_validated")):
        assert Booking.objects.filter(state=state).count() == number // 2
        rows = BookingLog.objects.filter(transition=transition)
        assert rows.count() == rows.values("subject").distinct().count() == number // 2
    assert Message.objects.filter(template="booking_lapsed").count() == number // 2
    assert JournalEntry.objects.filter(kind="partial_service_booking").count() == number // 2
    assert set(Lot.objects.filter(held_cents__gt=0).values_list("available_cents", "held_cents")) == {
        (410_000, 90_000)
    }


def start_run(database: WorkerDatabase, *, chunk: int, pause: float = 0.0) -> subprocess.Popen[bytes]:
    """A process that executes what is due in small sets, and dawdles inside each."""
    code = (
        "import time, django; django.setup()\n"
        "from funding.services import due\n"
        "from funding.services.bookings import in_bulk\n"
        "from funding.services.due import terms\n"
        f"terms.CHUNK = {chunk}\n"
        "def slowly(act):\n"
        "    def acted(members, **given):\n"
        "        act(members, **given)\n"
        f"        time.sleep({pause})\n"
        "    return acted\n"
        "in_bulk.lapse, in_bulk.validate = slowly(in_bulk.lapse), slowly(in_bulk.validate)\n"
        "due.run_due()\n"
    )
    return subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-c", code], cwd=ROOT, env=command_environ(database), stderr=subprocess.PIPE
    )


def test_four_processes_do_each_thing_once(committed_db: None, worker_database: WorkerDatabase) -> None:
    overdue_world()
    processes = [start_run(worker_database, chunk=3, pause=0.02) for _ in range(4)]
    for process in processes:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said.decode()
    assert due.run_due() == due.DueResult()
    expect_each_once()


def test_killed_in_the_middle_of_a_set_and_started_again(
    committed_db: None, worker_database: WorkerDatabase, owner_connection: psycopg.Connection
) -> None:
    overdue_world()
    for _ in range(2):
        process = start_run(worker_database, chunk=4, pause=0.5)
        done = Booking.objects.filter(next_due_at__isnull=True).count()
        deadline = time.monotonic() + 60
        while Booking.objects.filter(next_due_at__isnull=True).count() == done:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.2)  # the next set is written and not yet committed
        process.kill()
        process.communicate()
        left = Booking.objects.filter(next_due_at__isnull=False).count()
        assert 0 < left < NUMBER
    # The server notices that the client is gone before its locks matter to anybody.
    due.run_due()
    expect_each_once()


def test_what_one_worker_has_in_hand_the_others_pass_over(
    committed_db: None, owner_connection: psycopg.Connection
) -> None:
    overdue_world(8)
    first = Booking.objects.order_by("next_due_at", "pk").first()
    assert first is not None
    with owner_connection.transaction():
        owner_connection.execute("SELECT 1 FROM funding_booking WHERE id = %s FOR UPDATE", [first.pk])
        # It returns while the row is still locked.
        result = due.run_due()
        assert (result.lapsed + result.validated, result.failed) == (7, 0)
    assert due.run_due().lapsed + due.run_due().validated in {0, 1}
    expect_each_once(8)


def test_without_skipping_two_workers_would_wait_for_each_other(
    committed_db: None, owner_connection: psycopg.Connection
) -> None:
    """The control: locked in the plain way the second worker waits for the first."""
    overdue_world(2)
    with owner_connection.transaction():
        owner_connection.execute("SELECT 1 FROM funding_booking FOR UPDATE")
        with (
            pytest.raises(Exception, match="lock timeout"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("SET LOCAL lock_timeout = '100ms'")
            cursor.execute("SELECT 1 FROM funding_booking WHERE next_due_at <= now() FOR NO KEY UPDATE")


def test_a_run_that_finds_much_asks_for_helpers(committed_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    overdue_world(8)
    monkeypatch.setattr(due, "CHUNK", 3)
    monkeypatch.setattr(due_terms, "CHUNK", 3)
    result = tasks.run_due(timestamp=0)
    assert (result.lapsed, result.validated) == (4, 4)
    waiting = ProcrastinateJob.objects.filter(task_name="funding.share_due")
    assert [job.args for job in waiting.order_by("pk")] == [{"number": 1}, {"number": 2}]
    assert tasks.share_due(number=1) == due.DueResult()
    run = JobRun.objects.get(name="funding.run_due")
    assert run.counts == {"lapsed": 4, "validated": 4}


def test_the_command_says_what_it_did(committed_db: None, run_manage) -> None:
    overdue_world(4)
    done = run_manage("run_due")
    assert (done.returncode, done.stdout) == (0, "2 lapsed, 2 validated.\n")
    assert run_manage("run_due").stdout == "Nothing is due.\n"
    assert '"lapsed": 0' in run_manage("run_due", "--scheme", "cpf", "--json").stdout
    unknown = run_manage("run_due", "--scheme", "nowhere")
    assert unknown.returncode == 1
    assert unknown.stderr.endswith("There is no scheme 'nowhere'.\n")
    expect_each_once(4)
    assert JobRun.objects.filter(name="funding.run_due").count() == 3
