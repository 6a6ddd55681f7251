"""The policy laboratory: ask for a run, see how far it is, read what came out, take it away."""

from __future__ import annotations

import json
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from funding import permissions, words
from funding.laboratory import charts, tables
from funding.laboratory.rulesets import LaboratoryError
from funding.laboratory_forms import RunForm, lines_of
from funding.models import LaboratoryOutcome, LaboratoryRun, Scheme
from funding.schemes.presets import load_preset
from funding.services import laboratory
from funding.tasks import run_laboratory
from ila.core import jobs
from ila.core.errors import DomainError

PER_PAGE = 20
LOOK_AGAIN_S = 3
CSV = ("costs", "groups", "rules")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def run_list(request: HttpRequest) -> HttpResponse:
    """Earlier runs, newest first, and the form for another one."""
    user = _reader(request)
    may_run = permissions.may_run_laboratory(user)
    if request.method == "POST" and not may_run:
        raise PermissionDenied
    form = (
        RunForm(request.POST, request.FILES) if request.method == "POST" else RunForm(initial=_like(request))
    )
    if request.method == "POST" and form.is_valid():
        run = _ask(user, form)
        if run is not None:
            return redirect("laboratory_run", public_id=run.public_id)
    runs = LaboratoryRun.objects.select_related("asked_by").defer("result", "changes")
    page = Paginator(runs, PER_PAGE).get_page(request.GET.get("page"))
    names = _scheme_names()
    context = {
        "form": form,
        "may_run": may_run,
        "page": page,
        "rows": [(run, names(run.scheme_code), _outcome(run)) for run in page],
        "most": laboratory.MOST_GENERATED,
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "funding/laboratory.html", context, status=status)


@never_cache
@require_safe
def run_detail(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One run: how far it is, or what came out."""
    user = _reader(request)
    run = get_object_or_404(LaboratoryRun.objects.select_related("asked_by"), public_id=public_id)
    context: dict[str, Any] = {
        "run": run,
        "scheme": _scheme_names()(run.scheme_code),
        "outcome": _outcome(run),
        "refresh": LOOK_AGAIN_S if run.is_unfinished else None,
        "may_end": permissions.may_end_laboratory_run(run, user),
        "may_run": permissions.may_run_laboratory(user),
        "faults": run.error.splitlines(),
    }
    if run.result is not None:
        locale = get_language() or "en"
        found = tables.tables(run.result, locale)
        drawn = {name: charts.describe(run.result, name, locale) for name in charts.names(run.result)}
        context |= {
            "summary": tables.summary(run.result, locale),
            "changes": [each for each in found if each.key == "changes"],
            "costs": [each for each in found if each.key.startswith("cost_")],
            "measures": _by_measure(found, drawn),
            "others": [
                each for each in found if not each.key.startswith(("cost_", "gains_", "deciles_", "changes"))
            ],
            "cost_chart": drawn["costs"],
            "note": tables.suppressed_note(run.result),
            "csv": CSV,
        }
    return render(request, "funding/laboratory_run.html", context)


@never_cache
@require_POST
def cancel(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Stop a run: who asked for it, or a manager."""
    user = _reader(request)
    try:
        laboratory.cancel_run(actor=user, public_id=public_id)
    except DomainError as refusal:
        if refusal.status != 409:
            _refuse(refusal)
        messages.info(request, _("The run is over already."))
    else:
        messages.success(request, _("The run is cancelled."))
    return redirect("laboratory_run", public_id=public_id)


@never_cache
@require_POST
def delete(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Remove a run and its result: who asked for it, or a manager."""
    user = _reader(request)
    try:
        laboratory.delete_run(actor=user, public_id=public_id)
    except DomainError as refusal:
        _refuse(refusal)
    messages.success(request, _("The run is deleted."))
    return redirect("laboratory")


@never_cache
@require_safe
def chart_svg(request: HttpRequest, public_id: UUID, name: str) -> HttpResponse:
    """One chart of a run."""
    result = _result(request, public_id)
    try:
        svg = charts.draw(result, name, get_language() or "en")
    except LookupError as error:
        raise Http404 from error
    return HttpResponse(svg, content_type="image/svg+xml; charset=utf-8")


@never_cache
@require_safe
def result_json(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Everything of a run's result, amounts in cents."""
    text = json.dumps(_result(request, public_id), ensure_ascii=False)
    return _file(text, "application/json", f"laboratory-{public_id}.json")


@never_cache
@require_safe
def result_csv(request: HttpRequest, public_id: UUID, which: str) -> HttpResponse:
    """One table of a run's result, amounts in cents."""
    result = _result(request, public_id)
    if which not in CSV:
        raise Http404
    return _file(
        tables.write_csv(result, which), "text/csv; charset=utf-8", f"laboratory-{which}-{public_id}.csv"
    )


def _reader(request: HttpRequest) -> User:
    user = cast("User", request.user)
    if not permissions.may_see_laboratory(user):
        raise PermissionDenied
    return user


def _ask(user: User, form: RunForm) -> LaboratoryRun | None:
    """Ask for the run and have it played; None: what is wrong stands in the form."""
    values = form.cleaned_data
    try:
        run = laboratory.ask_for_run(
            actor=user,
            title=values["title"],
            scheme=values["scheme"],
            changes=values["rules"],
            years=form.years,
            generated=form.generated,
            seed=values["seed"] if values["seed"] is not None else 1,
        )
    except LaboratoryError as error:
        for fault in error.faults:
            form.add_error("changes", fault)
        return None
    jobs.defer(run_laboratory, public_id=str(run.public_id))
    return run


def _like(request: HttpRequest) -> dict[str, Any]:
    """The form filled in as an earlier run was, to be changed and tried again."""
    try:
        run = LaboratoryRun.objects.defer("result").get(public_id=UUID(request.GET.get("like", "")))
    except (ValueError, LaboratoryRun.DoesNotExist):
        return {}
    filled = {"population": "stored" if run.generated is None else "generated", "seed": run.seed}
    if run.generated is not None:
        filled["number"] = run.generated
    return {
        "title": run.title,
        "scheme": run.scheme_code,
        "changes": lines_of(run.changes),
        "first_year": run.first_year,
        "last_year": run.last_year,
        **filled,
    }


def _result(request: HttpRequest, public_id: UUID) -> dict[str, Any]:
    _reader(request)
    run = get_object_or_404(LaboratoryRun, public_id=public_id, outcome=LaboratoryOutcome.DONE)
    return cast("dict[str, Any]", run.result)


def _refuse(refusal: DomainError) -> None:
    if refusal.code == "not_found":
        raise Http404 from refusal
    raise PermissionDenied from refusal


def _outcome(run: LaboratoryRun) -> Any:
    return words.word(words.LABORATORY_OUTCOMES, run.outcome)


def _scheme_names() -> Any:
    names = dict(Scheme.objects.values_list("code", "name"))

    def name(code: str) -> str:
        try:
            return names.get(code) or load_preset(code).name
        except LookupError:
            return code

    return name


def _by_measure(found: list[tables.Table], drawn: dict[str, str]) -> list[dict[str, Any]]:
    by_key = {table.key: table for table in found}
    return [
        {
            "name": key,
            "table": table,
            "deciles": by_key.get(key.replace("gains_", "deciles_")),
            "chart": drawn.get(key),
        }
        for key, table in by_key.items()
        if key.startswith("gains_")
    ]


def _file(text: str, content_type: str, name: str) -> HttpResponse:
    answer = HttpResponse(text, content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
