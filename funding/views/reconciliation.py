"""Bank, Stripe and books side by side by day, for who pays and who audits: what differs, explained or open."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from catalogue.exporting.cells import csv_lines
from funding import permissions, recovery_words, words
from funding.models import Side
from funding.recovery_forms import NoteForm, period_of
from funding.selectors import daily_books as selected
from funding.selectors.daily_stripe import daily_stripe, movements_of_day
from funding.sentences import sentence
from funding.services import differences, reconciliation
from ila.core.errors import DomainError


@never_cache
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """The last month, or the days that were chosen, newest first; and what the bank still owes an answer to."""
    _reader(request)
    form, first, last = period_of(request.GET)
    days = selected.daily_books(first, last)
    at_stripe = daily_stripe(first, last)
    whole = reconciliation.reconcile()
    context = {
        "form": form,
        "first": first,
        "last": last,
        "rows": [(one, recovery_words.DAY_STATES[one.status]) for one in days],
        "stripe_rows": [(one, recovery_words.DAY_STATES[one.status]) for one in at_stripe],
        "open": sum(one.status == "open" for one in (*days, *at_stripe)),
        "unowned": sum(one.status == "open" and one.note is None for one in (*days, *at_stripe)),
        "whole": whole,
        "gaps": len(whole.gaps),
        "waiting": sum(one.alarm for one in whole.waiting),
        "overdue": len(whole.overdue),
        "differences": [(words.word(words.BUCKETS, one.bucket), one) for one in whole.differences],
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "funding/recoveries/reconciliation.html", context, status=status)


@never_cache
@require_safe
def overview_csv(request: HttpRequest) -> HttpResponse:
    """The same as a file; amounts in cents."""
    _reader(request)
    _form, first, last = period_of(request.GET)
    head = (
        "side",
        "day",
        "currency",
        "bank_in",
        "bank_out",
        "books_in",
        "books_out",
        "difference",
        "kept_aside",
    )
    rows = [
        (
            side,
            one.day.isoformat(),
            one.currency,
            one.bank_in,
            one.bank_out,
            one.books_in,
            one.books_out,
            one.difference,
            one.kept_aside,
            one.status,
            "" if one.note is None else str(one.note.owner),
            "" if one.note is None else one.note.note,
        )
        for side, days in (
            (Side.BANK, selected.daily_books(first, last)),
            (Side.CARDS, daily_stripe(first, last)),
        )
        for one in days
    ]
    lines = csv_lines((*head, "state", "owner", "note"), rows)
    answer = HttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="reconciliation-{first}-{last}.csv"'
    return answer


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def day(request: HttpRequest, on: str, currency: str) -> HttpResponse:
    """One day of the bank, line by line, and what people found out about it."""
    chosen = _day(on)
    context = {
        "lines": [
            (line, recovery_words.LINE_FINDINGS.get(line.finding, line.finding))
            for line in selected.lines_of_day(chosen, currency)
        ]
    }
    return _one_day(request, chosen, currency, Side.BANK, selected.daily_books(chosen, chosen), context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stripe_day(request: HttpRequest, on: str, currency: str) -> HttpResponse:
    """One day at Stripe, movement by movement, and what people found out about it."""
    chosen = _day(on)
    context = {"movements": movements_of_day(chosen, currency), "at_stripe": True}
    return _one_day(request, chosen, currency, Side.CARDS, daily_stripe(chosen, chosen), context)


def _one_day(
    request: HttpRequest,
    chosen: date,
    currency: str,
    side: Side,
    days: list[selected.DaysBooks],
    about: dict[str, Any],
) -> HttpResponse:
    user = _reader(request)
    found = [one for one in days if one.currency == currency]
    if not found:
        raise Http404
    books = found[0]
    error = ""
    form = NoteForm(request.POST or None, owners=differences.owners(), initial={"owner": user.pk})
    if request.method == "POST":
        if not permissions.may_pay(None, user):
            raise PermissionDenied
        if form.is_valid():
            values = form.cleaned_data
            try:
                differences.note_difference(
                    actor=user,
                    day=chosen,
                    currency=currency,
                    difference_cents=books.difference,
                    owner=values["owner"],
                    note=values["note"],
                    explained=values["explained"],
                    side=side,
                )
            except DomainError as refusal:
                error = sentence(refusal)
            else:
                messages.success(request, _("The note is kept."))
                return redirect(request.path)
    context = about | {
        "books": books,
        "state": recovery_words.DAY_STATES[books.status],
        "notes": selected.notes_of_day(chosen, currency, side=side),
        "form": form,
        "error": error,
        "may_pay": permissions.may_pay(None, user),
    }
    status = 409 if error else 422 if form.is_bound and form.errors else 200
    return render(request, "funding/recoveries/reconciliation_day.html", context, status=status)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Http404 from error


def _reader(request: HttpRequest) -> User:
    user = cast("User", request.user)
    # The bank's account is every scheme's: who works for some of them alone is not shown what others pay.
    if not permissions.is_for_every_scheme(user, *permissions.BATCH_ROLES):
        raise PermissionDenied
    return user
