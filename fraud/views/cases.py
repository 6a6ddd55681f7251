"""One case: what speaks for it, what was done, and what may be done next; its documents and its dossier."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

import networkx
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from catalogue import documents
from fraud import charts, selectors, steps, words
from fraud.models import Alert, Case, CaseDocument, Letter, Measure
from fraud.services import dossiers
from fraud.services.measures import subject_of
from fraud.views.alerts import explanation, shared_in_words
from fraud.views.steps import answer, reader
from funding.sentences import sentence
from ila.core.downloads import kept_file
from ila.core.errors import DomainError


@never_cache
@require_safe
def case_detail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Everything of a case, the next steps first."""
    user = reader(request)
    case = _case(public_id)
    files = selectors.case_files(case)
    context = {
        "case": case,
        "kind": words.TYPOLOGIES[case.typology],
        "state": words.CASE_STATES[case.state],
        "proposed": words.CASE_STATES.get(case.proposed_outcome, ""),
        "outcome": words.CASE_STATES.get(case.outcome, ""),
        "steps": steps.open_to(case, user),
        **files,
        "alerts": [(each, explanation(each), words.ACTIONS[each.action]) for each in files["alerts"]],
        "bookings": [(each, words.FOUND[each.found]) for each in files["bookings"]],
        "surveys": [(each, words.SURVEY_ANSWERS.get(each.answer, "")) for each in files["surveys"]],
        "letters": _letters(files["letters"]),
        "measures": [
            (each, words.MEASURES[each.kind], words.MEASURE_STATES[each.state], subject_of(each))
            for each in files["measures"]
        ],
        "records": [(each, words.RECORDS[each.kind], words.state_in(each)) for each in files["records"]],
        "days": charts.by_day(each.booking.requested_at for each in files["bookings"]),
        "shared": shared_in_words(_links(files["alerts"])),
    }
    return render(request, "fraud/case.html", context)


@never_cache
@require_safe
def case_picture(request: HttpRequest, public_id: uuid.UUID, name: str) -> HttpResponse:
    """`timeline` or `links` as SVG. Raises: Http404 where there is nothing to draw."""
    reader(request)
    case = _case(public_id)
    if name == "timeline":
        rows = case.bookings.values_list("booking__requested_at", flat=True)
        days = charts.by_day(rows)
        svg = charts.timeline(days) if days else ""
    else:
        graph = _links(case.alerts.all())
        svg = charts.picture(graph) if graph else ""
    if not svg:
        raise Http404
    return HttpResponse(svg, content_type="image/svg+xml; charset=utf-8")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def case_step(request: HttpRequest, public_id: uuid.UUID, code: str) -> HttpResponse:
    """A step on a case."""
    reader(request)
    case = _case(public_id)
    title = f"{case.number}, {case.provider}"
    return answer(request, case, code, title=title, back=reverse("fraud_case", args=[public_id]))


@never_cache
@require_POST
def case_dossier(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The whole case as a ZIP; that it was made is a record of the file."""
    user = reader(request)
    case = _case(public_id)
    try:
        content = dossiers.make_dossier(actor=user, case_id=case.pk)
    except DomainError as refused:
        messages.error(request, sentence(refused))
        return redirect("fraud_case", public_id)
    return kept_file(content, media_type="application/zip", name=f"{case.number}.zip")


@never_cache
@require_safe
def case_document(request: HttpRequest, public_id: uuid.UUID, document_id: uuid.UUID) -> HttpResponse:
    """A document of a case, as it came."""
    reader(request)
    document = get_object_or_404(CaseDocument, public_id=document_id, case__public_id=public_id)
    return kept_file(documents.read(document.sha256), media_type=document.content_type, name=document.name)


@never_cache
@require_safe
def measure_detail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One measure: its reason, notice, answer, effects, and what may be done next."""
    user = reader(request)
    measure = _measure(public_id)
    context = {
        "measure": measure,
        "kind": words.MEASURES[measure.kind],
        "state": words.MEASURE_STATES[measure.state],
        "about": subject_of(measure),
        "steps": steps.open_to(measure, user),
        "lines": list(measure.lines.select_related("booking__credential").order_by("pk")),
        "effects": [
            (each, words.EFFECTS[each.kind])
            for each in measure.effects.select_related("actor", "receivable", "booking").order_by("pk")
        ],
        "letters": _letters(measure.letters.order_by("pk")),
        "log": [
            (row, words.MEASURE_EVENTS[row.transition])
            for row in measure.log.select_related("actor").order_by("pk")
        ],
    }
    return render(request, "fraud/measure.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def measure_step(request: HttpRequest, public_id: uuid.UUID, code: str) -> HttpResponse:
    """A step on a measure."""
    reader(request)
    measure = _measure(public_id)
    title = f"{words.MEASURES[measure.kind]}, {measure.case.provider}"
    return answer(request, measure, code, title=title, back=reverse("fraud_measure", args=[public_id]))


def _letters(found: Iterable[Letter]) -> list[tuple[Letter, Any, str]]:
    return [(each, words.LETTERS[each.kind], words.in_readers_language(each.bodies)) for each in found]


def _links(alerts: Iterable[Alert]) -> networkx.Graph[str]:
    return charts.links_in(row for alert in alerts for row in alert.evidence_rows)


def _case(public_id: uuid.UUID) -> Case:
    return get_object_or_404(Case.objects.select_related("provider", "investigator"), public_id=public_id)


def _measure(public_id: uuid.UUID) -> Measure:
    return get_object_or_404(
        Measure.objects.select_related("case__provider", "case__investigator", "related_provider"),
        public_id=public_id,
    )
