"""Where investigators begin: the week's queue, what is theirs, what waits for a decision, how far the facts go."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from fraud import deadlines, selectors, words
from fraud.models import Case
from fraud.models.cases import UNDER_INVESTIGATION, CaseState
from fraud.services import cases, feeds
from fraud.views.steps import reader
from funding.forms import StateFilter

PER_PAGE = 25
MOST = 50


@never_cache
@require_safe
def desk(request: HttpRequest) -> HttpResponse:
    """The queue by score, my cases, and proposals that I may decide."""
    user = reader(request)
    counts = selectors.case_counts()
    context = {
        "queue": rows(selectors.cases().filter(state=CaseState.TRIAGE)[:MOST]),
        "mine": rows(selectors.cases().filter(investigator=user, state__in=UNDER_INVESTIGATION)[:MOST]),
        "decisions": rows(selectors.decisions_for(user)),
        "counts": [
            (code, words.CASE_STATES[code], counts[code]) for code in words.CASE_STATES if code in counts
        ],
        "open_alerts": selectors.open_alerts(),
        "capacity": cases.capacity(),
        "places_waiting": selectors.places_waiting(),
        "rules_to_decide": selectors.rules_for(user),
        "due": deadlines.due_for(user),
        "late": [each for each in feeds.standings() if each.is_behind],
        "failed": [
            name for run in selectors.runs(1) for name in (run.failed or ([run.error] if run.error else []))
        ],
    }
    return render(request, "fraud/desk.html", context)


@never_cache
@require_safe
def case_list(request: HttpRequest) -> HttpResponse:
    """Every case, by state."""
    reader(request)
    form = StateFilter(request.GET, states=words.CASE_STATES)
    found = selectors.cases()
    shown = found.filter(state=form.chosen) if form.chosen else found
    page = Paginator(shown, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "fraud/cases.html", {"form": form, "page": page, "rows": rows(page)})


@never_cache
@require_safe
def feed_list(request: HttpRequest) -> HttpResponse:
    """How far the facts have followed the platform, and how the last runs of the detectors went."""
    reader(request)
    context = {
        "feeds": feeds.standings(),
        "runs": [
            (run, words.RUNS[run.outcome], sorted(run.failed.items())) for run in selectors.runs(PER_PAGE)
        ],
    }
    return render(request, "fraud/feeds.html", context)


def rows(found: Any) -> list[tuple[Case, Any, Any]]:
    """Each case with its kind and state in words."""
    return [(case, words.TYPOLOGIES[case.typology], words.CASE_STATES[case.state]) for case in found]
