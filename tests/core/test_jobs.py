"""Jobs are enqueued in the caller's transaction and done by `manage.py worker`."""

from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from ila.core import jobs

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
DONE: list[tuple[str, int]] = []


@jobs.task(name="tests.note_number", queue="tests")
def note_number(*, number: int) -> None:
    DONE.append(("number", number))
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        DONE.append((cursor.fetchone()[0], number))


@jobs.task(name="tests.fail_always", queue="tests", retry=False)
def fail_always() -> None:
    raise RuntimeError("on purpose")


@jobs.task(name="tests.tick", queue="tests", cron="0 3 * * *")
def tick(timestamp: int) -> None:
    DONE.append(("tick", timestamp))


def _waiting() -> list[str]:
    return list(
        ProcrastinateJob.objects.filter(queue_name="tests", status="todo").values_list("task_name", flat=True)
    )


def _work() -> None:
    with app.replace_connector(app.connector.get_worker_connector()) as worker_app:  # type: ignore[attr-defined]
        worker_app.run_worker(
            queues=["tests"], wait=False, install_signal_handlers=False, listen_notify=False
        )


def test_a_job_is_enqueued_with_its_transaction(db):
    number = jobs.defer(note_number, number=7)
    assert number is not None
    job = ProcrastinateJob.objects.get(pk=number)
    assert (job.task_name, job.queue_name, job.args) == ("tests.note_number", "tests", {"number": 7})


def test_a_job_disappears_with_its_transaction(committed_db):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        jobs.defer(note_number, number=1)
        raise ZeroDivisionError
    assert _waiting() == []


def test_once_enqueues_once_and_spares_the_callers_transaction(db):
    assert jobs.defer(note_number, number=1, once="n1") is not None
    assert jobs.defer(note_number, number=1, once="n1") is None
    assert jobs.defer(note_number, number=2, once="n2") is not None
    assert _waiting() == ["tests.note_number"] * 2


def test_a_job_for_later_waits(db):
    number = jobs.defer(note_number, number=3, at=NOON)
    assert number is not None
    assert ProcrastinateJob.objects.get(pk=number).scheduled_at == NOON


def test_the_worker_does_the_jobs_as_the_application_role(committed_db, worker_database):
    DONE.clear()
    for number in (1, 2):
        jobs.defer(note_number, number=number)
    _work()
    assert [number for name, number in DONE if name == "number"] == [1, 2]
    assert {name for name, _number in DONE if name != "number"} == {connection.settings_dict["USER"]}
    assert _waiting() == []


def test_a_failing_job_is_kept_as_failed(committed_db):
    number = jobs.defer(fail_always)
    _work()
    assert ProcrastinateJob.objects.get(pk=number).status == "failed"


def test_periodic_jobs_are_known(db):
    assert any(
        periodic.task.name == "tests.tick" for periodic in app.periodic_registry.periodic_tasks.values()
    )


def test_the_worker_command_ends_when_nothing_is_left(committed_db, run_manage):
    done = run_manage("worker", "--once")
    assert (done.returncode, done.stderr) == (0, "")
