"""A provider's statement over a time, and the numbered advice of each payment to it."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from catalogue.exporting.cells import csv_lines
from funding import debt_papers, recovery_words
from funding.entry_words import entry_word
from funding.models import Remittance
from funding.recovery_forms import period_of
from funding.selectors import provider_statements as selected
from funding.selectors.provider_work import Desk
from funding.views.provider_desk import desk

ZONE = "Europe/Paris"


@never_cache
@require_safe
def statement(request: HttpRequest) -> HttpResponse:
    """What stood, what happened and what stands, one table for each currency."""
    mine = desk(request, managing=True)
    form, first, last = period_of(request.GET)
    context = {"form": form, "first": first, "last": last, "statements": _statements(mine, first, last)}
    context["advices"] = list(_advices(mine).order_by("-number")[:100])
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "funding/recoveries/provider_statement.html", context, status=status)


@never_cache
@require_safe
def statement_csv(request: HttpRequest) -> HttpResponse:
    """The same as a file; amounts in cents, in the provider's favour."""
    mine = desk(request, managing=True)
    _form, first, last = period_of(request.GET)
    rows: list[tuple[Any, ...]] = []
    for one, _lines in _statements(mine, first, last):
        rows.append((first.isoformat(), one.currency, "opening", "", one.opening_cents))
        rows += [
            (line.at.isoformat(), one.currency, line.kind, line.booking, line.cents) for line in one.lines
        ]
        rows.append((last.isoformat(), one.currency, "closing", "", one.closing_cents))
    lines = csv_lines(("at", "currency", "what", "booking", "cents"), rows)
    return _file(lines, "text/csv; charset=utf-8", f"statement-{first}-{last}.csv")


@never_cache
@require_safe
def advice_pdf(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The advice of one payment as a file."""
    remittance = _own(request, public_id)
    return _file(
        debt_papers.remittance_paper(remittance), "application/pdf", f"remittance-{remittance.number}.pdf"
    )


@never_cache
@require_safe
def advice_csv(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The advice of one payment as a table; amounts in cents."""
    remittance = _own(request, public_id)
    currency = remittance.payment.batch.currency
    rows = [
        (remittance.number, remittance.payment.end_to_end_id, what, currency, cents)
        for what, cents in debt_papers.remittance_lines(remittance)
    ]
    lines = csv_lines(("number", "reference", "what", "currency", "cents"), rows)
    return _file(lines, "text/csv; charset=utf-8", f"remittance-{remittance.number}.csv")


def _statements(mine: Desk, first: date, last: date) -> list[tuple[Any, list[tuple[Any, str]]]]:
    made = []
    for currency in selected.currencies_of(mine.managed):
        one = selected.statement_of(
            organisations=mine.managed, currency=currency, first=first, last=last, zone=ZONE
        )
        kinds = recovery_words.STATEMENT_KINDS
        made.append((one, [(line, str(kinds.get(line.kind) or entry_word(line.kind))) for line in one.lines]))
    return made


def _advices(mine: Desk) -> Any:
    return Remittance.objects.filter(provider__organisation__in=mine.managed).select_related(
        "scheme", "payment__batch", "payment__claim__booking__credential"
    )


def _own(request: HttpRequest, public_id: uuid.UUID) -> Remittance:
    found: Remittance = get_object_or_404(_advices(desk(request, managing=True)), public_id=public_id)
    return found


def _file(content: Any, media_type: str, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=media_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
