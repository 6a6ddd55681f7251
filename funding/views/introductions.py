"""Who brought learners, by their own word: a page of those who follow a suspicion."""

from __future__ import annotations

from typing import cast

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import User
from funding import permissions
from funding.selectors import introductions

PER_PAGE = 25


@never_cache
@require_safe
def introduction_list(request: HttpRequest) -> HttpResponse:
    """By provider, how many said that somebody brought them, and whom it has not declared (F-35)."""
    user = cast("User", request.user)
    if not permissions.has_agency_role(user, *permissions.FRAUD_ROLES):
        raise PermissionDenied
    schemes = permissions.schemes_of(user, *permissions.FRAUD_ROLES)
    page = Paginator(introductions.by_provider(schemes), PER_PAGE).get_page(request.GET.get("page"))
    named = introductions.names_of([row["booking__provider"] for row in page], schemes)
    context = {
        "page": page,
        "rows": [(row, named.get(row["booking__provider"], [])) for row in page],
        "least": introductions.LEAST_TOLD,
    }
    return render(request, "funding/agency/introductions.html", context)
