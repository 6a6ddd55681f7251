"""How detectors do: each against its own past, and all of them against the random control."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from fraud import rule_words
from fraud.detection.registry import DETECTORS
from fraud.tuning import charts, control, drift
from fraud.views.steps import reader


@never_cache
@require_safe
def drift_list(request: HttpRequest) -> HttpResponse:
    """Every detector's last whole week against its past, those that drifted first."""
    reader(request)
    found = drift.drifts()
    rows = [(each, DETECTORS[each.detector], _in_words(each), _week(each.last)) for each in found]
    context = {
        "rows": sorted(rows, key=lambda row: not row[2]),
        "drifted": sum(bool(each.odd) and each.has_past for each in found),
        "past": any(each.has_past for each in found),
        "monday": found[0].last.monday,
    }
    return render(request, "fraud/tuning/drift.html", context)


@never_cache
@require_safe
def drift_detail(request: HttpRequest, detector: str) -> HttpResponse:
    """One detector week by week."""
    reader(request)
    found = _one(detector)
    context = {
        "detector": DETECTORS[detector],
        "drift": found,
        "odd": _in_words(found),
        "weeks": [_week(each) for each in reversed(found.weeks)],
    }
    return render(request, "fraud/tuning/drift_detector.html", context)


@never_cache
@require_safe
def drift_chart(request: HttpRequest, detector: str) -> HttpResponse:
    """A detector's alerts by week with what its past explains, as SVG."""
    reader(request)
    return HttpResponse(charts.control_chart(_one(detector)), content_type="image/svg+xml; charset=utf-8")


@never_cache
@require_safe
def control_detail(request: HttpRequest) -> HttpResponse:
    """What learners drawn by lot say, and what that means for what no detector named."""
    reader(request)
    found = control.look()
    context = {
        "control": found,
        "least": control.LEAST_ANSWERS,
        "share": _percent(found.share),
        "low": _percent(found.low),
        "high": _percent(found.high),
        "answering": _rate(found.answered, found.asked),
    }
    return render(request, "fraud/tuning/control.html", context)


def _one(detector: str) -> drift.Drift:
    if detector not in DETECTORS:
        raise Http404
    (found,) = drift.drifts([detector])
    return found


def _in_words(found: drift.Drift) -> list[str]:
    return [str(rule_words.DRIFTED[odd]) for odd in found.odd.items()]


def _week(week: drift.Week) -> dict[str, Any]:
    """A week with its shares in words."""
    return {
        "week": week,
        "providers": _rate(week.providers, week.known),
        "confirmed": _rate(week.confirmed, week.decided),
        "dismissed": _rate(week.dismissed, week.decided),
        "silent": week.failed + week.not_run + week.missing,
    }


def _rate(hits: int, size: int) -> str:
    """A share in words; "none yet" of nothing."""
    return _percent(hits / size) if size else _("none yet")


def _percent(share: float) -> str:
    return _("%(number)s %%") % {"number": f"{100 * share:.1f}".removesuffix(".0")}
