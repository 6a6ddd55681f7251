"""Runs of jobs are written down; what a killed worker had begun is taken up; a failed job is done again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from ila.core import jobs, runs
from ila.core.errors import DomainError
from ila.core.models import JobRun


@dataclass
class Counts:
    done: int = 2
    none: int = 0


@jobs.task(name="tests.count_things", queue="tests")
def count_things() -> Counts:
    return Counts()


@jobs.task(name="tests.refuse", queue="tests", retry=False)
def refuse() -> None:
    raise DomainError("budget_exhausted", secret="of a person")


@jobs.task(name="tests.each_minute", queue="tests", cron="0 3 1 1 *", lock="tests.each_minute", retry=False)
def each_minute(timestamp: int) -> int:
    return timestamp


def work() -> None:
    with app.replace_connector(app.connector.get_worker_connector()) as worker_app:  # type: ignore[attr-defined]
        worker_app.run_worker(
            queues=["tests"], wait=False, install_signal_handlers=False, listen_notify=False
        )


def queue() -> dict[str, Any]:
    """What the tests' queue holds; the platform's own periodic jobs wait in others."""
    (found,) = (dict(row) for row in runs.queue_lengths() if row["queue_name"] == "tests")
    del found["queue_name"]
    return found


def leave_behind(job_id: int) -> None:
    """The job as a killed worker leaves it: being done by nobody who lives."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') RETURNING id"
        )
        (worker,) = cursor.fetchone()
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s WHERE id = %s", [worker, job_id]
        )
    JobRun.objects.create(name="tests.each_minute", job_id=job_id)


def test_a_run_keeps_what_it_did(committed_db: None) -> None:
    number = jobs.defer(count_things)
    work()
    run = JobRun.objects.get(name="tests.count_things")
    assert (run.outcome, run.counts, run.job_id, run.error) == ("done", {"done": 2}, number, "")
    assert run.finished_at is not None
    assert run.finished_at >= run.started_at


def test_a_failed_run_names_the_kind_and_no_values(committed_db: None) -> None:
    number = jobs.defer(refuse)
    work()
    run = JobRun.objects.get(name="tests.refuse")
    assert (run.outcome, run.error, run.job_id) == ("failed", "DomainError: budget_exhausted", number)
    assert [job.pk for job in runs.failed_jobs(limit=5)] == [number]
    assert queue() == {"waiting": 0, "later": 0, "doing": 0, "failed": 1}
    runs.retry_failed_job(job_id=number or 0)
    assert (queue()["waiting"], queue()["failed"]) == (1, 0)
    with pytest.raises(DomainError, match="not_found"):
        runs.retry_failed_job(job_id=number or 0)
    work()
    assert JobRun.objects.filter(name="tests.refuse").count() == 2


def test_called_by_hand_a_run_is_written_down_too(db: None) -> None:
    assert each_minute(timestamp=7) == 7
    run = JobRun.objects.get()
    assert (run.job_id, run.counts) == (None, {"done": 7})


def test_what_a_killed_worker_had_begun_waits_again(db: None) -> None:
    number = each_minute.defer(timestamp=1)
    leave_behind(number)
    assert runs.take_up_stalled_jobs() == 1
    job = ProcrastinateJob.objects.get(pk=number)
    assert (job.status, job.attempts) == ("todo", 1)
    assert JobRun.objects.get().outcome == "interrupted"
    assert runs.take_up_stalled_jobs() == 0


def test_a_periodic_job_that_waits_already_is_not_doubled(db: None) -> None:
    begun = each_minute.defer(timestamp=1)
    leave_behind(begun)
    waiting = each_minute.defer(timestamp=2)
    assert runs.take_up_stalled_jobs() == 1
    assert list(ProcrastinateJob.objects.values_list("pk", "status")) == [(waiting, "todo")]


def test_a_living_worker_keeps_its_jobs(db: None) -> None:
    number = each_minute.defer(timestamp=1)
    leave_behind(number)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = now()")
    assert runs.take_up_stalled_jobs() == 0
    assert runs.live_workers() == 1


def test_a_failed_job_whose_twin_waits_is_not_doubled(db: None) -> None:
    failed = each_minute.defer(timestamp=1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'failed' WHERE id = %s", [failed])
    each_minute.defer(timestamp=2)
    with pytest.raises(DomainError, match="already_waiting"):
        runs.retry_failed_job(job_id=failed)


def test_runs_are_kept_for_a_month(db: None) -> None:
    now = timezone.now()
    for days in (1, 29, 31, 400):
        JobRun.objects.create(name="x", started_at=now - timedelta(days=days))
    assert runs.remove_old_runs() == 2


def test_the_latest_run_of_each_and_those_that_did_something(db: None) -> None:
    now = timezone.now()
    for minutes, name, counts, outcome in [
        (3, "a", {"done": 1}, "done"),
        (2, "a", {}, "done"),
        (1, "b", {}, "failed"),
        (0, "b", {}, "running"),
    ]:
        JobRun.objects.create(
            name=name,
            started_at=now - timedelta(minutes=minutes),
            counts=counts,
            outcome=outcome,
            finished_at=None if outcome == "running" else now,
        )
    assert {name: run.outcome for name, run in runs.latest_runs().items()} == {"a": "done", "b": "running"}
    assert [(run.name, run.outcome) for run in runs.runs_that_did_something(limit=9)] == [
        ("b", "failed"),
        ("a", "done"),
    ]
