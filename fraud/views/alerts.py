"""Alerts: what a detector found, frozen as it was found, and what to do about it."""

from __future__ import annotations

import uuid
from typing import Any

import networkx
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from fraud import charts, pictures, selectors, steps, words
from fraud.detection.registry import DETECTORS
from fraud.evidence import tables_of
from fraud.models import Alert, ParameterVersion
from fraud.screening.onboarding import matches_of
from fraud.screening.words import explain
from fraud.views.steps import answer, reader
from funding.forms import StateFilter

PER_PAGE = 25
LIKENESS = "D07"


@never_cache
@require_safe
def alert_list(request: HttpRequest) -> HttpResponse:
    """Alerts by state, open ones first to be asked for, the highest score first."""
    reader(request)
    form = StateFilter(request.GET, states=words.ALERT_STATES)
    found = selectors.alerts()
    shown = found.filter(state=form.chosen) if form.chosen else found
    page = Paginator(shown, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "rows": [(alert, explanation(alert), words.ALERT_STATES[alert.state]) for alert in page],
    }
    return render(request, "fraud/alerts.html", context)


@never_cache
@require_safe
def alert_detail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One alert: what it says, with which parameters, on which rows, and what became of it."""
    user = reader(request)
    alert = get_object_or_404(Alert.objects.select_related("provider", "case"), public_id=public_id)
    sightings = list(alert.sightings.order_by("-pk"))
    rows = sightings[0].evidence_rows if sightings else alert.evidence_rows
    context = {
        "alert": alert,
        "explanation": explanation(alert),
        "state": words.ALERT_STATES[alert.state],
        "action": words.ACTIONS[alert.action],
        "parameters": sorted(alert.parameters.items()),
        "tables": tables_of(rows),
        "places": pictures.places_in(rows),
        "stays": pictures.stays_in(rows),
        "spread": pictures.spread_in(alert.detector, rows),
        "shared": shared_in_words(charts.links_in(rows)),
        "alike": alike(alert),
        "sightings": sightings,
        "log": [
            (row, words.ALERT_EVENTS[row.transition])
            for row in alert.log.select_related("actor").order_by("pk")
        ],
        "steps": steps.open_to(alert, user),
        "rule": ParameterVersion.objects.filter(detector=alert.detector, number=alert.rule).first(),
    }
    return render(request, "fraud/alert.html", context)


@never_cache
@require_safe
def alert_picture(request: HttpRequest, public_id: uuid.UUID, name: str) -> HttpResponse:
    """`map`, `times`, `spread` or `links` of its evidence as SVG. Raises: Http404 where there is nothing to draw."""
    reader(request)
    alert = get_object_or_404(Alert, public_id=public_id)
    latest = alert.sightings.order_by("-pk").first()
    svg = _draw(name, alert.detector, latest.evidence_rows if latest is not None else alert.evidence_rows)
    if not svg:
        raise Http404
    return HttpResponse(svg, content_type="image/svg+xml; charset=utf-8")


def _draw(name: str, detector: str, rows: list[dict[str, Any]]) -> str:
    if name == "map":
        places = pictures.places_in(rows)
        return pictures.map_of(places) if places else ""
    if name == "times":
        stays = pictures.stays_in(rows)
        return pictures.times_of(stays) if stays else ""
    if name == "spread":
        spread = pictures.spread_in(detector, rows)
        return pictures.histogram_of(spread) if spread is not None else ""
    graph = charts.links_in(rows)
    return charts.picture(graph) if graph and name == "links" else ""


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def alert_step(request: HttpRequest, public_id: uuid.UUID, code: str) -> HttpResponse:
    """A step on an alert."""
    reader(request)
    alert = get_object_or_404(Alert.objects.select_related("provider", "case"), public_id=public_id)
    title = f"{alert.detector}: {explanation(alert)}"
    return answer(request, alert, code, title=title, back=reverse("fraud_alert", args=[public_id]))


def shared_in_words(graph: networkx.Graph[str]) -> list[tuple[Any, str, list[str]]]:
    """What is shared, by whom, the kind in words."""
    return [(words.SHARED[kind], value, people) for kind, value, people in charts.shared_list(graph)]


def alike(alert: Alert) -> list[str]:
    """Of a likeness with the blacklist: which names, by how much and through whom, as it stands now."""
    if alert.detector != LIKENESS or alert.provider is None:
        return []
    return [explain(match) for match in matches_of(alert.provider)]


def explanation(alert: Alert) -> str:
    """What the detector says, in one sentence; a detector that is no more has only its number."""
    detector = DETECTORS.get(alert.detector)
    return alert.detector if detector is None else str(detector.explanation)
