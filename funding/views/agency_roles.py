"""Roles at the agency: what each may do, who holds it for which schemes, and limiting one."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Membership, Role, User
from accounts.team_words import ROLES
from funding import permissions
from funding.agency_forms import LimitForm
from funding.rights import GROUPS, RIGHTS
from funding.selectors.agency_roles import holders
from funding.sentences import sentence
from funding.services import delegations
from ila.core.errors import DomainError

PER_PAGE = 50


@never_cache
@require_safe
def role_list(request: HttpRequest) -> HttpResponse:
    """Every right by role, and everybody who holds a role here, with the schemes it counts for."""
    user = _reader(request)
    page = Paginator(holders(user), PER_PAGE).get_page(request.GET.get("page"))
    may_limit = permissions.has_agency_role(user, Role.MANAGER) and permissions.is_for_every_scheme(
        user, Role.MANAGER
    )
    context = {
        "roles": [ROLES[role] for role in Role],
        "groups": [
            (
                label,
                [
                    (right, [(ROLES[role], role in right.roles) for role in Role])
                    for right in RIGHTS
                    if right.group == code
                ],
            )
            for code, label in GROUPS.items()
        ],
        "page": page,
        "holders": [
            (one, ROLES[Role(one.role)], _schemes(one), may_limit and one.user_id != user.pk) for one in page
        ],
        "may_limit": may_limit,
    }
    return render(request, "funding/agency/roles.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def role_schemes(request: HttpRequest, pk: int) -> HttpResponse:
    """For which schemes somebody else's role counts."""
    user = _reader(request)
    membership = holders(user).filter(pk=pk).first()
    if membership is None:
        raise Http404
    if not permissions.may_limit_roles(membership, user):
        raise PermissionDenied
    codes = [limit.scheme.code for limit in membership.scheme_limits.all()]
    form = LimitForm(request.POST if request.method == "POST" else None, initial={"schemes": codes})
    error = ""
    if form.is_bound and form.is_valid():
        try:
            delegations.limit_membership(
                actor=user,
                membership_id=membership.pk,
                schemes=list(form.cleaned_data["schemes"]),
                reason=form.cleaned_data["reason"],
            )
        except DomainError as refused:
            error = sentence(refused)
        else:
            messages.success(request, _("Saved. It holds from now on."))
            return redirect("agency_roles")
    log = membership.scheme_limit_log.select_related("actor").order_by("-at", "-pk")
    context = {
        "membership": membership,
        "role": ROLES[Role(membership.role)],
        "form": form,
        "error": error,
        "log": [(each, ", ".join(each.schemes)) for each in log],
    }
    status = 409 if error else 422 if form.errors else 200
    return render(request, "funding/agency/role_schemes.html", context, status=status)


def _schemes(membership: Membership) -> str:
    """The schemes that a role is limited to, by name; empty for every scheme."""
    return ", ".join(sorted(limit.scheme.name for limit in membership.scheme_limits.all()))


def _reader(request: HttpRequest) -> User:
    user = cast("User", request.user)
    if not permissions.may_see_roles(user):
        raise PermissionDenied
    return user
