"""Jobs: work that follows a change, enqueued in its transaction: it is done if and only if the change was.

    @jobs.task(name="funding.execute_due_terms", queue="money")
    def execute_due_terms(*, booking_id: int) -> None: ...

    jobs.defer(execute_due_terms, booking_id=booking.pk)

A job may run more than once (a worker may die between the work and its note of it): tasks are idempotent.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

from django.db import transaction
from procrastinate import BaseRetryStrategy, RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.job_context import JobContext
from procrastinate.tasks import Task

from ila.core import runs

P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_QUEUE = "default"
# Locks of work that may take minutes: one of each kind at a time, so that it never takes all lanes of a worker.
LONG_IMPORT, LONG_LIST = "long.import", "long.list"
# Waits of 4, 16, 64 … seconds: a short outage passes unnoticed, a long one ends in a failed job.
DEFAULT_RETRY = RetryStrategy(max_attempts=6, exponential_wait=4)


def task(
    *,
    name: str,
    queue: str = DEFAULT_QUEUE,
    retry: BaseRetryStrategy | bool = DEFAULT_RETRY,
    cron: str | None = None,
    lock: str | None = None,
) -> Callable[[Callable[P, R]], Task[P, R, Any]]:
    """Declare a job in an app's `tasks.py`.

    name: stable, `app.verb_noun`: jobs already waiting in the database are found by it.
    cron: enqueue it by itself at these times (UTC), unless one waits already; the function then takes
    `timestamp`, seconds since 1970. What comes every minute is tried again by that alone: `retry=False`.
    lock: jobs of one lock run one after another, whatever the number of workers.
    Each run is written down (`ila.core.runs`) with the numbers that the function returns, if it does.
    """

    def declare(function: Callable[P, R]) -> Task[P, R, Any]:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> R:
            # The worker says which job it is; who calls the function by hand does not.
            context, given = (args[0], args[1:]) if args and isinstance(args[0], JobContext) else (None, args)
            with runs.recorded(name, job_id=context.job.id if context else None) as record:
                result = function(*given, **kwargs)
                record.count(result)
            return result

        waiting_once = name if cron is not None else None
        make: Any = app.task(
            name=name, queue=queue, retry=retry, lock=lock, queueing_lock=waiting_once, pass_context=True
        )
        declared: Task[P, R, Any] = make(run)
        if cron is not None:
            app.periodic(cron=cron)(declared)
        return declared

    return declare


def defer(
    job: Task[P, R, Any],
    *,
    at: datetime | None = None,
    lock: str | None = None,
    once: str | None = None,
    **arguments: Any,
) -> int | None:
    """Enqueue the job in the current transaction; returns its number.

    at: not before this time. lock: as in `task`, for this job alone.
    once: nothing is enqueued while a job with this key is still waiting; then the result is None.
    """
    given: dict[str, Any] = {"schedule_at": at, "lock": lock, "queueing_lock": once}
    configured = job.configure(**{key: value for key, value in given.items() if value is not None})
    try:
        # A savepoint: a job that is waiting already is no reason to lose the caller's transaction.
        with transaction.atomic():
            return configured.defer(**arguments)
    except AlreadyEnqueued:
        return None
