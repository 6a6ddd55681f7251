"""Whether honest people are held more often in one group than in others."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from fraud import fairness, words
from fraud.views.steps import reader


@never_cache
@require_safe
def fairness_report(request: HttpRequest) -> HttpResponse:
    """Holds of a year by learners' age, provider's size and region, and how many of them were wrong."""
    reader(request)
    report = fairness.report()
    tables = [
        (words.DIMENSIONS[each.dimension], each, [(words.group(row.name), row) for row in each.rows])
        for each in report.compared
    ]
    context = {"report": report, "tables": tables, "least": fairness.LEAST}
    return render(request, "fraud/fairness.html", context)
