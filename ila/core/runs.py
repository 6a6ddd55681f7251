"""What jobs did and when: one row per run, and what the queues hold, for whoever keeps the platform running."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import Count, Q, QuerySet
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob, ProcrastinateWorker
from procrastinate.exceptions import UniqueViolation

from ila.core import clock
from ila.core.errors import DomainError
from ila.core.models import JobRun, RunOutcome

log = structlog.get_logger(__name__)

# A worker says every ten seconds that it lives.
SILENT_AFTER = timedelta(seconds=60)
KEEP = timedelta(days=30)

FINISH_JOB = "SELECT procrastinate_finish_job_v1(%s, 'aborted', true)"


class Run:
    """A run under way: what it did is told to `count`."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def count(self, result: object) -> None:
        """Keep what a service returns: a number, numbers by name, or a record of numbers; zeros are left out."""
        if is_dataclass(result) and not isinstance(result, type):
            result = asdict(result)
        if isinstance(result, Mapping):
            self.counts.update({str(key): value for key, value in result.items() if _is_number(value)})
        elif _is_number(result):
            self.counts["done"] = int(result)  # type: ignore[call-overload]


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value != 0


@contextmanager
def recorded(name: str, *, job_id: int | None = None) -> Iterator[Run]:
    """Write down that something runs, and how it ended. What it raises goes on."""
    row = JobRun.objects.create(name=name, job_id=job_id, started_at=clock.now())
    run = Run()
    try:
        yield run
    except BaseException as error:
        _end(row, run, RunOutcome.FAILED, error=_kind(error))
        raise
    _end(row, run, RunOutcome.DONE)


def _end(row: JobRun, run: Run, outcome: RunOutcome, *, error: str = "") -> None:
    row.outcome, row.counts, row.error, row.finished_at = outcome, run.counts, error, clock.now()
    try:
        row.save(update_fields=["outcome", "counts", "error", "finished_at"])
    except DatabaseError as failure:
        # The run's own result is not lost for its record; the row stays as it was and shows that.
        log.warning("run_not_recorded", run=row.pk, error=type(failure).__name__)


def _kind(error: BaseException) -> str:
    kind = type(error).__name__
    return f"{kind}: {error.code}" if isinstance(error, DomainError) else kind


# -- jobs that nobody does any more ----------------------------------------------------------------


def take_up_stalled_jobs() -> int:
    """Let jobs wait again whose worker was killed at them; returns how many. Jobs may run twice, so nothing is lost."""
    silent = clock.now() - SILENT_AFTER
    gone = Q(worker__isnull=True) | Q(worker__last_heartbeat__lt=silent)
    stalled = list(ProcrastinateJob.objects.filter(gone, status="doing").values_list("pk", flat=True))
    for job_id in stalled:
        try:
            with transaction.atomic():
                app.job_manager.retry_job_by_id(job_id, retry_at=clock.now())
        except UniqueViolation:
            # The same periodic job waits already: this one would only do it twice.
            with connection.cursor() as cursor:
                cursor.execute(FINISH_JOB, [job_id])
    JobRun.objects.filter(job_id__in=stalled, outcome=RunOutcome.RUNNING).update(
        outcome=RunOutcome.INTERRUPTED, finished_at=clock.now()
    )
    return len(stalled)


def retry_failed_job(*, job_id: int) -> None:
    """Let a failed job wait again, to be done at once.

    Raises: DomainError `not_found` (404) for a job that is not there or has not failed, `already_waiting`
    when the same job waits already.
    """
    if not ProcrastinateJob.objects.filter(pk=job_id, status="failed").exists():
        raise DomainError("not_found", status=404, kind="job")
    try:
        with transaction.atomic():
            app.job_manager.retry_job_by_id(job_id, retry_at=clock.now())
    except UniqueViolation as error:
        raise DomainError("already_waiting", job=job_id) from error


def remove_old_runs(*, now: datetime | None = None) -> int:
    """Forget runs older than a month. Returns how many."""
    removed, _ = JobRun.objects.filter(started_at__lt=(now or clock.now()) - KEEP).delete()
    return removed


# -- what one looks at ----------------------------------------------------------------


def latest_runs() -> dict[str, JobRun]:
    """The latest run of each job, by name."""
    latest = JobRun.objects.order_by("name", "-started_at", "-pk").distinct("name")
    return {run.name: run for run in latest}


@dataclass(frozen=True, slots=True)
class Planned:
    """A job that comes by itself, and when next (UTC)."""

    name: str
    cron: str
    next_at: datetime


def planned_runs(*, now: datetime) -> list[Planned]:
    """Jobs that come by themselves, the next first. From the declarations: no query."""
    found = []
    for periodic in app.periodic_registry.periodic_tasks.values():
        # A copy: the worker's own keeps where it is.
        upcoming = copy(periodic.croniter).get_next(datetime, start_time=now.astimezone(UTC))
        found.append(Planned(periodic.task.name, periodic.cron, upcoming))
    return sorted(found, key=lambda each: (each.next_at, each.name))


def runs_that_did_something(*, limit: int) -> list[JobRun]:
    """The latest runs that found something to do, failed or were interrupted, newest first."""
    empty = Q(outcome__in=[RunOutcome.DONE, RunOutcome.RUNNING], counts={})
    return list(JobRun.objects.exclude(empty).order_by("-started_at", "-pk")[:limit])


def failed_jobs(*, limit: int) -> list[ProcrastinateJob]:
    """Jobs that failed and are not tried again by themselves, newest first."""
    return list(ProcrastinateJob.objects.filter(status="failed").order_by("-pk")[:limit])


def queue_lengths(*, now: datetime | None = None) -> list[dict[str, Any]]:
    """Per queue: jobs that wait, that are being done, that have failed."""
    moment = now or clock.now()
    waiting = Q(status="todo") & (Q(scheduled_at__isnull=True) | Q(scheduled_at__lte=moment))
    jobs: QuerySet[ProcrastinateJob, dict[str, Any]] = ProcrastinateJob.objects.filter(
        status__in=["todo", "doing", "failed"]
    ).values("queue_name")
    return list(
        jobs.annotate(
            waiting=Count("pk", filter=waiting),
            later=Count("pk", filter=Q(status="todo") & ~waiting),
            doing=Count("pk", filter=Q(status="doing")),
            failed=Count("pk", filter=Q(status="failed")),
        ).order_by("queue_name")
    )


def live_workers(*, now: datetime | None = None) -> int:
    """How many workers have said in the last minute that they live."""
    since = (now or clock.now()) - SILENT_AFTER
    return ProcrastinateWorker.objects.filter(last_heartbeat__gte=since).count()
