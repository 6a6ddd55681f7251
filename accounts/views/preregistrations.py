"""Registering citizens in advance on a page: hand in a file, see what it would do, say yes, take the faults home."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID

from django import forms
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import permissions, tasks
from accounts import preregistration_words as words
from accounts.models import Preregistration, User
from accounts.services import preregistration_files as files
from accounts.services.preregistration import COLUMNS
from ila.core import jobs
from ila.core.errors import DomainError

PER_PAGE = 20
SHOWN = 50


class CitizensForm(forms.Form):
    """Which file."""

    file = forms.FileField(label=_("File (CSV, UTF-8)"), help_text=_("At most 25 MB."), allow_empty_file=True)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def preregistrations(request: HttpRequest) -> HttpResponse:
    """What was handed in, and the form for the next file."""
    actor = _registrar(request)
    form = CitizensForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            with transaction.atomic():
                run = files.request_preregistration(
                    actor=actor, name=file.name, content=file.read(files.MAX_BYTES + 1)
                )
                jobs.defer(tasks.check_citizens, run_id=run.pk)
        except DomainError as refusal:
            form.add_error("file", str(words.REFUSALS[refusal.code]))
        else:
            return redirect("preregistration", run.public_id)
    found = Preregistration.objects.select_related("requested_by").defer("content", "report", "result")
    page = Paginator(found.order_by("-requested_at", "-pk"), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "rows": [(run, words.STAGES[run.stage], words.COLOURS[run.stage]) for run in page],
        "columns": [(name, words.COLUMNS[name]) for name in COLUMNS],
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "accounts/preregistrations.html", context, status=status)


@never_cache
@require_safe
def preregistration(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One file: how far it is, what it would do or did, which rows are at fault."""
    _registrar(request)
    run = _found(public_id)
    report = run.result or run.report or {}
    errors = report.get("errors", [])
    context = {
        "run": run,
        "stage": words.STAGES[run.stage],
        "colour": words.COLOURS[run.stage],
        "under_way": run.stage in files.UNDER_WAY,
        "report": report,
        "refusal": words.REFUSALS.get(run.error, run.error),
        "errors": [{**one, "means": words.FAULTS.get(one["code"], one["code"])} for one in errors[:SHOWN]],
        "error_count": len(errors) + report.get("errors_left_out", 0),
        "shown": SHOWN,
        "storable": run.stage == "checked" and not errors and report.get("created", 0) > 0,
    }
    return render(request, "accounts/preregistration.html", context)


@never_cache
@require_safe
def progress(request: HttpRequest, public_id: UUID) -> JsonResponse:
    """How far a file is, for the page that shows it."""
    _registrar(request)
    run = _found(public_id)
    told = {
        "under_way": run.stage in files.UNDER_WAY,
        "stage": str(words.STAGES[run.stage]),
        "done": run.done,
    }
    return JsonResponse(told)


@never_cache
@require_safe
def report(request: HttpRequest, public_id: UUID) -> StreamingHttpResponse:
    """The rows at fault as CSV, by their lines: no value of the file is in it."""
    _registrar(request)
    run = _found(public_id)
    response = StreamingHttpResponse(
        _lines(run.result or run.report or {}), content_type="text/csv; charset=utf-8"
    )
    response.headers["Content-Disposition"] = f'attachment; filename="citizens-{run.public_id}.csv"'
    return response


@require_POST
def decide(request: HttpRequest, public_id: UUID, act: str) -> HttpResponse:
    """Store what was checked, or put it aside."""
    actor = _registrar(request)
    if act not in {"store", "discard"}:
        raise Http404
    try:
        with transaction.atomic():
            run = files.decide(actor=actor, public_id=public_id, store=act == "store")
            if act == "store":
                jobs.defer(tasks.store_citizens, run_id=run.pk)
    except DomainError as refusal:
        if refusal.status == 404:
            raise Http404 from refusal
        # Pressed twice, or decided in another window: the page says how it stands.
    return redirect("preregistration", public_id)


class _Echo:
    """Gives a line of a table back, instead of writing it anywhere."""

    def write(self, text: str) -> str:
        """The line."""
        return text


def _lines(told: dict[str, Any]) -> Iterator[str]:
    table = csv.writer(_Echo())
    yield "\ufeff" + table.writerow(["line", "column", "code", "meaning"])
    for one in told.get("errors", []):
        yield table.writerow([one["line"], one["column"], one["code"], words.FAULTS.get(one["code"], "")])


def _found(public_id: UUID) -> Preregistration:
    rows = Preregistration.objects.select_related("requested_by", "decided_by").defer("content")
    return get_object_or_404(rows, public_id=public_id)


def _registrar(request: HttpRequest) -> User:
    actor = cast("User", request.user)
    if not permissions.may_preregister(actor):
        raise PermissionDenied
    return actor
