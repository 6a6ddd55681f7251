"""Statements of learning accounts, for their learners and the agency."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any, cast

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import User
from funding import permissions, words
from funding.models import Statement
from funding.printing import Paper
from funding.services import statements
from ila.core.money import format_cents

PER_PAGE = 24


@never_cache
@require_safe
def statement_list(request: HttpRequest) -> HttpResponse:
    """Statements, newest first: a learner's own, or for the agency everybody's."""
    user = cast("User", request.user)
    found = _visible(user).order_by("-last_day", "-pk")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "agency": permissions.may_see_statements(user)}
    return render(request, "funding/statements.html", context)


@never_cache
@require_safe
def statement_detail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One statement, to read and to print."""
    statement = _find(request, public_id)
    context = {
        "statement": statement,
        "scheme": statement.account.scheme,
        "citizen": statement.account.citizen,
        "currency": statement.account.scheme.currency,
        "lines": _lines(statement),
        "expiries": _expiries(statement),
        "whole": statements.is_whole(statement),
    }
    return render(request, "funding/statement.html", context)


@never_cache
@require_safe
def statement_pdf(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The same as a file."""
    statement = _find(request, public_id)
    currency = statement.account.scheme.currency
    title = _("Statement %(number)s") % {"number": statement.number}
    paper = Paper(title=title, foot=str(statement.public_id), made_at=statement.made_at)
    citizen = statement.account.citizen
    paper.say(f"{citizen.given_name} {citizen.family_name}\n{statement.account.scheme.name}", after=1)
    days = {"first": _day(statement.first_day), "last": _day(statement.last_day)}
    paper.say(_("From %(first)s to %(last)s") % days, after=3)
    rows = [("", _("You had"), "", _money(statement.opening_cents, currency))]
    rows += [
        (_day(line["day"]), str(line["what"]), str(line["source"]), _money(line["cents"], currency))
        for line in _lines(statement)
    ]
    rows.append(("", _("You have"), "", _money(statement.closing_cents, currency)))
    paper.rows((_("Day"), _("What"), _("Source"), _("Amount")), rows, (26, 74, 38, 32))
    if expiring := _expiries(statement):
        paper.say(_("What expires in the coming months"), style="B")
        cells = [(_day(one["day"]), str(one["source"]), _money(one["cents"], currency)) for one in expiring]
        paper.rows((_("Last day"), _("Source"), _("Amount")), cells, (50, 80, 40))
    paper.small(f"{_('Fingerprint of the statement (SHA-256):')} {statement.sha256}")
    answer = HttpResponse(paper.content(), content_type="application/pdf")
    answer.headers["Content-Disposition"] = f'attachment; filename="statement-{statement.public_id}.pdf"'
    return answer


def _visible(user: User) -> QuerySet[Statement]:
    found = Statement.objects.select_related("account__scheme", "account__citizen")
    if permissions.may_see_statements(user):
        return found
    return found.filter(account__citizen__user_id=user.pk)


def _find(request: HttpRequest, public_id: uuid.UUID) -> Statement:
    statement = _visible(cast("User", request.user)).filter(public_id=public_id).first()
    if statement is None:
        raise Http404
    return statement


def _lines(statement: Statement) -> list[dict[str, Any]]:
    """The movements in words, each with what there was after it."""
    left, lines = statement.opening_cents, []
    for line in statement.content["lines"]:
        left += line["cents"]
        lines.append(
            {
                "day": date.fromisoformat(line["day"]),
                "what": words.word(words.MOVEMENTS, line["kind"]),
                "source": words.word(words.SOURCES, line["source"]),
                "cents": line["cents"],
                "left": left,
                "booking": line["booking"],
            }
        )
    return lines


def _expiries(statement: Statement) -> list[dict[str, Any]]:
    return [
        {
            "day": date.fromisoformat(one["day"]),
            "source": words.word(words.SOURCES, one["source"]),
            "cents": one["cents"],
        }
        for one in statement.content["expiries"]
    ]


def _day(day: date) -> str:
    return date_format(day, "j F Y")


def _money(cents: int, currency: str) -> str:
    return format_cents(cents, currency, get_language() or "en")
