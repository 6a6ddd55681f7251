"""Statements of learning accounts, for their learners and the agency."""

from __future__ import annotations

import uuid
from typing import cast

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import User
from funding import papers, permissions
from funding.models import Statement
from funding.selectors.scope import within
from funding.services import statements

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
        "lines": papers.lines_of(statement),
        "expiries": papers.expiries_of(statement),
        "whole": statements.is_whole(statement),
    }
    return render(request, "funding/statement.html", context)


@never_cache
@require_safe
def statement_pdf(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The same as a file."""
    statement = _find(request, public_id)
    answer = HttpResponse(papers.statement(statement), content_type="application/pdf")
    answer.headers["Content-Disposition"] = f'attachment; filename="statement-{statement.public_id}.pdf"'
    return answer


def _visible(user: User) -> QuerySet[Statement]:
    found = Statement.objects.select_related("account__scheme", "account__citizen")
    if permissions.may_see_statements(user):
        return within(found, "account__scheme", user, *permissions.LABORATORY_ROLES)
    return found.filter(account__citizen__user_id=user.pk)


def _find(request: HttpRequest, public_id: uuid.UUID) -> Statement:
    statement = _visible(cast("User", request.user)).filter(public_id=public_id).first()
    if statement is None:
        raise Http404
    return statement
