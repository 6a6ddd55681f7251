"""Lists of employees in a file: handed in, tried, shown with what is wrong, ordered as a job."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.permissions import manages_organisation
from catalogue.exporting.cells import csv_lines
from funding import employer_words, tasks
from funding.employer_forms import ListForm
from funding.models import DraftStage, TopUpDraft
from funding.selectors import employers as selected
from funding.sentences import sentence
from funding.services import top_ups
from funding.services.top_ups.lists import COLUMNS, MAX_BYTES
from funding.views.employers import earmark_words, own_employer
from ila.core import jobs
from ila.core.errors import DomainError

UNDER_WAY = (DraftStage.CHECKING, DraftStage.ORDERING)
SHOWN = 50


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new_list(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Hand in a list of employees and amounts."""
    employer = own_employer(request, public_id)
    form = ListForm(request.POST or None, request.FILES or None)
    error = ""
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        file = values["file"]
        try:
            with transaction.atomic():
                draft = top_ups.request_draft(
                    actor=cast("User", request.user),
                    organisation=employer.organisation,
                    scheme=values["scheme"],
                    kind=values["kind"],
                    earmark=form.earmark,
                    ends_on=values["ends_on"],
                    name=file.name,
                    content=file.read(MAX_BYTES + 1),
                )
                jobs.defer(tasks.check_top_up_list, draft_id=draft.pk)
        except DomainError as refusal:
            error = sentence(refusal)
        else:
            return redirect("employer_draft", draft.public_id)
    context = {"form": form, "employer": employer, "error": error, "error_target": "id_file"}
    status = 409 if error else 422 if form.is_bound and form.errors else 200
    return render(request, "funding/employer/list_new.html", context, status=status)


@require_safe
def list_template(_request: HttpRequest) -> HttpResponse:
    """The empty table with one example row."""
    text = "".join(csv_lines(COLUMNS, [["K7QM-2T9X-45", "300.00", "EUR"]]))
    headers = {"Content-Disposition": 'attachment; filename="top-ups.csv"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


@never_cache
@require_safe
def draft_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One list: how far it is, what it comes to, which rows are left out and why."""
    draft = _own_draft(request, public_id)
    faults = [line.split(",") for line in draft.faults.lstrip("\ufeff").splitlines()[1 : SHOWN + 1]]
    context = {
        "draft": draft,
        "employer": draft.organisation.employer,
        "stage": employer_words.STAGES[draft.stage],
        "colour": employer_words.COLOURS.get(draft.stage, ""),
        "under_way": draft.stage in UNDER_WAY,
        "kind": employer_words.KINDS.get(draft.kind, draft.kind),
        "earmark": earmark_words(draft.earmark),
        "refusal": employer_words.REFUSALS.get(draft.refusal, draft.refusal) if draft.refusal else "",
        "faults": [(line, employer_words.FAULTS.get(code, code)) for line, code in faults],
        "left_out": draft.unmatched + draft.faulty,
        "shown": SHOWN,
        "may_order": manages_organisation(draft, request.user),
    }
    return render(request, "funding/employer/draft.html", context)


@never_cache
@require_safe
def draft_progress(request: HttpRequest, public_id: UUID) -> JsonResponse:
    """How far a list is, for the page that shows it."""
    draft = _own_draft(request, public_id)
    return JsonResponse(
        {
            "under_way": draft.stage in UNDER_WAY,
            "stage": str(employer_words.STAGES[draft.stage]),
            "done": draft.done,
        }
    )


@never_cache
@require_safe
def draft_faults(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The rows that are left out, and why, as CSV: for whoever has to mend the list."""
    draft = _own_draft(request, public_id)
    rows = [line.split(",") for line in draft.faults.lstrip("\ufeff").splitlines()[1:]]
    told = ([line, code, str(employer_words.FAULTS.get(code, code))] for line, code in rows)
    headers = {"Content-Disposition": f'attachment; filename="left-out-{draft.public_id}.csv"'}
    text = "".join(csv_lines(("line", "code", "meaning"), told))
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


@never_cache
@require_POST
def draft_confirm(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Order what was shown."""
    _own_draft(request, public_id)
    try:
        with transaction.atomic():
            draft = top_ups.confirm_draft(actor=cast("User", request.user), public_id=public_id)
            jobs.defer(tasks.order_top_up_list, draft_id=draft.pk)
    except DomainError as refusal:
        if refusal.status in (403, 404):
            raise Http404 from refusal
        # Pressed twice, or decided in another window: the page says how it stands.
    return redirect("employer_draft", public_id)


@never_cache
@require_POST
def draft_discard(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Put a list aside."""
    _own_draft(request, public_id)
    try:
        top_ups.discard_draft(actor=cast("User", request.user), public_id=public_id)
    except DomainError as refusal:
        if refusal.status in (403, 404):
            raise Http404 from refusal
    return redirect("employer_draft", public_id)


def _own_draft(request: HttpRequest, public_id: UUID) -> TopUpDraft:
    own = selected.employers_of(cast("User", request.user)).values("organisation")
    drafts = TopUpDraft.objects.select_related("scheme", "organisation__employer", "top_up").defer("content")
    return get_object_or_404(drafts, public_id=public_id, organisation__in=own)
