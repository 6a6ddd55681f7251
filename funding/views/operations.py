"""Operations: what falls due and what the jobs do, for who keeps the platform running."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from funding import permissions, words
from funding.selectors import operations as selected
from funding.services import reviews
from ila.core import clock, runs
from ila.core.errors import DomainError
from ila.core.models import JobRun

RUNS = 20
FAILED = 20


@never_cache
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """What fell due, what is overdue and why, runs, failed jobs and queues."""
    user = cast("User", request.user)
    if not permissions.may_see_operations(user):
        raise PermissionDenied
    now = clock.now()
    latest = runs.latest_runs()
    counts, waiting = selected.open_reviews()
    last = latest.get("funding.run_due")
    context = {
        "now": now,
        "last": last,
        "silent": last is None or now - last.started_at > selected.PATIENCE,
        "workers": runs.live_workers(now=now),
        "due": [(row, words.word(words.DUE_KINDS, row["next_due"])) for row in selected.due_by_kind()],
        "held": [
            (each, words.word(words.DUE_KINDS, each.booking.next_due)) for each in selected.held_bookings()
        ],
        "late": [
            (booking, words.word(words.DUE_KINDS, booking.next_due)) for booking in selected.late_bookings()
        ],
        "review_counts": [(row, words.word(words.REVIEW_REASONS, row["reason"])) for row in counts],
        "reviews": [(review, words.word(words.REVIEW_REASONS, review.reason)) for review in waiting],
        "claims": selected.overdue_claims(now),
        "windows": selected.windows_around(now),
        "latest": [_run(latest[name]) for name in sorted(latest)],
        "planned": [
            (job, words.word(words.JOBS, job.name), words.JOBS_DO.get(job.name, ""))
            for job in runs.planned_runs(now=now)
        ],
        "runs": [_run(run) for run in runs.runs_that_did_something(limit=RUNS)],
        "failed": [(job, words.word(words.JOBS, job.task_name)) for job in runs.failed_jobs(limit=FAILED)],
        "queues": runs.queue_lengths(now=now),
        "may_retry": permissions.may_retry_jobs(user),
        "may_review": permissions.may_review(user),
    }
    return render(request, "funding/operations.html", context)


@never_cache
@require_POST
def retry_job(request: HttpRequest, job_id: int) -> HttpResponse:
    """Have a failed job done again: a manager of the agency."""
    if not permissions.may_retry_jobs(cast("User", request.user)):
        raise PermissionDenied
    try:
        runs.retry_failed_job(job_id=job_id)
    except DomainError as refusal:
        if refusal.code == "not_found":
            raise Http404 from refusal
        messages.info(request, _("The same job waits already."))
    else:
        messages.success(request, _("The job waits to be done again."))
    return redirect("operations")


@never_cache
@require_POST
def close_review(request: HttpRequest, review_id: int) -> HttpResponse:
    """Somebody has looked at a booking: a case worker or manager of the agency."""
    if not permissions.may_review(cast("User", request.user)):
        raise PermissionDenied
    try:
        reviews.close_review(actor=cast("User", request.user), review_id=review_id)
    except DomainError as refusal:
        if refusal.code == "not_found":
            raise Http404 from refusal
        messages.info(request, _("This review is closed already."))
    else:
        messages.success(request, _("The review is closed."))
    return redirect("operations")


def _run(run: JobRun) -> dict[str, object]:
    seconds = None if run.finished_at is None else (run.finished_at - run.started_at).total_seconds()
    return {
        "run": run,
        "name": words.word(words.JOBS, run.name),
        "outcome": words.word(words.RUN_OUTCOMES, run.outcome),
        "seconds": seconds,
        "counts": [(name.replace("_", " "), number) for name, number in sorted(run.counts.items())],
    }
