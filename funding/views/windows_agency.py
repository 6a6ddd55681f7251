"""Windows for the agency: the list, opening one in two steps, and how one goes."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Role, User
from funding import permissions
from funding.models import Scheme, SchemeVersion, Window
from funding.selectors import waiting, window_lists
from funding.selectors.agency_claims import schemes_for
from funding.sentences import sentence
from funding.services import windows
from funding.window_forms import WindowForm
from ila.core import clock
from ila.core.errors import DomainError

PER_PAGE = 20
MINUTES = 60


@never_cache
@require_safe
def window_list(request: HttpRequest) -> HttpResponse:
    """All windows, the latest first."""
    user = _reader(request)
    found = _windows(user).order_by("-opens_at", "-pk")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "now": clock.now(), "may_open": permissions.may_open_windows(user)}
    return render(request, "funding/window_agency.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def window_open(request: HttpRequest) -> HttpResponse:
    """Open a window: write it down, read it again, confirm."""
    user = cast("User", request.user)
    if not permissions.may_open_windows(user):
        raise PermissionDenied
    form = WindowForm(request.POST if request.method == "POST" else None, schemes=_schemes_with_windows(user))
    error, read_again = "", False
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        if "change" in request.POST:
            read_again = False
        elif "confirm" not in request.POST:
            read_again = True
        else:
            try:
                window = windows.open_window(
                    actor=user,
                    scheme=values["scheme"],
                    name=values["name"],
                    budget_cents=form.budget_cents,
                    opens_at=values["opens"],
                    closes_at=values["closes"],
                    admissions_per_s=values["admissions_per_s"],
                    slices=values["slices"],
                )
            except DomainError as refused:
                error = sentence(refused)
            else:
                messages.success(request, _("The window is set, and its budget appropriated."))
                return redirect("agency_window", pk=window.pk)
    context = {"form": form, "error": error, "read_again": read_again}
    status = 409 if error else 422 if form.errors else 200
    return render(request, "funding/window_open.html", context, status=status)


@never_cache
@require_safe
def window_run(request: HttpRequest, pk: int) -> HttpResponse:
    """How one window goes: what is left, what was granted minute by minute, who waits."""
    window = get_object_or_404(_windows(_reader(request)), pk=pk)
    run = window_lists.run_of(window, minutes=MINUTES)
    context = {
        "window": window,
        "zone": window.scheme.timezone,
        "now": clock.now(),
        "budget": waiting.budgeted(window),
        "kept_cents": waiting.kept_cents(window),
        "queue": waiting.queue_of(window),
        "run": run,
        "bars": window_lists.bars(run.minutes),
        "parts": [window.budget, *(part.budget for part in window.slices.all())],
    }
    return render(request, "funding/window_run.html", context)


def _reader(request: HttpRequest) -> User:
    user = cast("User", request.user)
    if not permissions.may_see_windows(user):
        raise PermissionDenied
    return user


def _windows(user: User) -> QuerySet[Window]:
    """The windows of the schemes that somebody works for."""
    schemes = permissions.schemes_of(user, *Role)
    found = window_lists.windows_with_money()
    return found if schemes is None else found.filter(scheme__in=schemes)


def _schemes_with_windows(user: User) -> QuerySet[Scheme]:
    """Schemes whose grants come from windows, as far as somebody may set one."""
    versions = SchemeVersion.objects.filter(rules__funding="window")
    schemes = permissions.schemes_of(user, *permissions.FUNDER_ROLES)
    return schemes_for(schemes).filter(pk__in=versions.values("scheme"))
