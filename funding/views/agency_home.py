"""The agency's home: what waits for whoever looks, and everything else by group."""

from __future__ import annotations

from typing import cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import Role, User
from accounts.team_words import ROLES
from funding.agency_pages import groups_for
from funding.selectors.agency_home import desk_of, waiting_for


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What waits, by the roles of this person, and the pages they may open."""
    desk = desk_of(cast("User", request.user))
    if not desk.roles:
        raise PermissionDenied
    counts = [(each, reverse(each.kind.url) + each.kind.query) for each in waiting_for(desk)]
    context = {
        "waiting": [row for row in counts if row[0].number],
        "nothing": [row for row in counts if not row[0].number],
        "groups": groups_for(
            set(desk.roles), {role for role, schemes in desk.roles.items() if schemes is None}
        ),
        "roles": [ROLES[Role(role)] for role in desk.roles],
        "limited": any(schemes is not None for schemes in desk.roles.values()),
    }
    return render(request, "funding/agency/home.html", context)
