"""Holds and suspended accounts for the agency: listed, placed with a reason and an end, released and ended."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from funding import permissions, words
from funding.agency_forms import AccountSearch, HoldForm, ReasonForm, SuspensionForm
from funding.models import Booking
from funding.selectors import agency_holds as selected
from funding.sentences import sentence
from funding.services import holds, sanctions
from funding.services.bookings.context import calendar_of, today
from ila.core import clock
from ila.core.errors import DomainError

PER_PAGE = 25


@never_cache
@require_safe
def hold_list(request: HttpRequest) -> HttpResponse:
    """Holds that stand, those that end first in front; or all that there were."""
    user = _holder(request)
    every = request.GET.get("show") == "all"
    schemes = permissions.schemes_of(user, *permissions.HOLD_ROLES)
    page = Paginator(selected.holds_for(schemes, open_only=not every), PER_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "page": page,
        "rows": [(hold, words.HOLD_SCOPES[hold.scope], hold.stands) for hold in page],
        "every": every,
    }
    return render(request, "funding/agency/holds.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def hold_new(request: HttpRequest) -> HttpResponse:
    """Stop money: what, why and until when; read again; then for good."""
    user = _holder(request)
    schemes = permissions.schemes_of(user, *permissions.HOLD_ROLES)
    asked = {key: request.GET[key] for key in ("scope", "which") if key in request.GET}
    form = HoldForm(request.POST if request.method == "POST" else None, initial=asked)
    error, found = "", None
    if form.is_bound and form.is_valid() and "change" not in request.POST:
        values = form.cleaned_data
        found = selected.scope_named(values["scope"], values["which"], schemes=schemes)
        if found is None:
            form.add_error("which", _("There is none with this reference. Look for a slip."))
        elif "confirm" in request.POST:
            try:
                holds.place_hold(
                    owner=user,
                    reason=values["reason"],
                    until=_end_of(values["until"], found),
                    tell=True,
                    **found,
                )
            except DomainError as refused:
                error, found = sentence(refused), None
            else:
                messages.success(request, _("The hold stands."))
                return redirect("agency_holds")
    context = {
        "form": form,
        "error": error,
        "found": found,
        "scope": words.HOLD_SCOPES.get(form.data.get("scope", ""), ""),
        "limited": schemes is not None,
    }
    status = 409 if error else 422 if form.errors else 200
    return render(request, "funding/agency/hold_new.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def hold_release(request: HttpRequest, pk: int) -> HttpResponse:
    """Let money go again before the hold's end."""
    user = _holder(request)
    schemes = permissions.schemes_of(user, *permissions.HOLD_ROLES)
    hold = get_object_or_404(selected.holds_for(schemes, open_only=False), pk=pk)
    error = ""
    if request.method == "POST":
        try:
            holds.release_hold(hold_id=hold.pk, actor=user)
        except DomainError as refused:
            error = sentence(refused)
        else:
            messages.success(request, _("The hold is released: what waited goes on."))
            return redirect("agency_holds")
    context = {
        "hold": hold,
        "scope": words.HOLD_SCOPES[hold.scope],
        "stands": hold.stands,
        "error": error,
    }
    return render(request, "funding/agency/hold_release.html", context, status=409 if error else 200)


@never_cache
@require_safe
def suspension_list(request: HttpRequest) -> HttpResponse:
    """Accounts that are closed to new bookings; and finding one by a booking's reference."""
    user = _judge(request)
    schemes = permissions.schemes_of(user, *permissions.FUNDER_ROLES)
    form = AccountSearch(request.GET if "booking" in request.GET else None)
    if form.is_bound and form.is_valid():
        bookings = Booking.objects.filter(public_id=form.cleaned_data["booking"]).select_related("account")
        if schemes is not None:
            bookings = bookings.filter(account__scheme__in=schemes)
        booking = bookings.first()
        if booking is not None:
            return redirect("agency_suspend", booking.account.public_id)
        form.add_error("booking", _("There is no booking with this reference. Look for a slip."))
    found = selected.suspended_accounts(schemes, clock.now().date())
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    status = 422 if form.errors else 200
    return render(request, "funding/agency/suspensions.html", {"page": page, "form": form}, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def suspend(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One account: suspend it within a rule's limits, or open it again; the learner is told of both."""
    user = _judge(request)
    account = selected.account_for(public_id, permissions.schemes_of(user, *permissions.FUNDER_ROLES))
    if account is None:
        raise Http404
    limits = sanctions.limits_of(account)
    act = request.POST.get("act", "") if request.method == "POST" else ""
    form = SuspensionForm(request.POST if act == "suspend" else None, limits=limits, labels=words.SUSPENSIONS)
    ending = ReasonForm(request.POST if act == "end" else None)
    error, read_again = "", False
    asked = ending if act == "end" else form
    if act in ("suspend", "end") and asked.is_valid() and "change" not in request.POST:
        read_again = act == "suspend" and "confirm" not in request.POST
        if not read_again:
            try:
                _decide(request, user, account.pk, act, asked.cleaned_data)
            except DomainError as refused:
                error = sentence(refused)
            else:
                return redirect("agency_suspend", public_id)
    decisions, ends = selected.decisions_about(account)
    until = account.suspended_until
    context = {
        "account": account,
        "zone": account.scheme.timezone,
        "suspended": until is not None and until >= today(account.scheme),
        "limits": [
            (words.SUSPENSIONS[rule], first, None if last == date.max else last)
            for rule, (first, last) in limits.items()
        ],
        "decisions": [(each, words.SUSPENSIONS.get(each.rule, each.rule)) for each in decisions],
        "ends": ends,
        "no_shows": selected.no_shows_of(account)[:PER_PAGE],
        "form": form,
        "ending": ending,
        "summary": asked,
        "read_again": read_again,
        "rule": words.SUSPENSIONS.get(form.data.get("rule", ""), ""),
        "error": error,
    }
    status = 409 if error else 422 if asked.errors else 200
    return render(request, "funding/agency/suspend.html", context, status=status)


def _decide(request: HttpRequest, user: User, account_id: int, act: str, values: dict[str, Any]) -> None:
    if act == "end":
        sanctions.end_suspension(actor=user, account_id=account_id, reason=values["reason"])
        messages.success(request, _("The account is open again. The learner has been told."))
        return
    sanctions.suspend_account(
        actor=user,
        account_id=account_id,
        rule=values["rule"],
        last_day=values["last_day"],
        reason=values["reason"],
    )
    messages.success(request, _("The account is suspended. The learner has been told."))


def _end_of(day: date, found: dict[str, Any]) -> Any:
    """The end of a last day: of a booking in its scheme's time zone, of what is no scheme's own at midnight UTC."""
    booking = found.get("booking")
    if booking is None:
        return datetime.combine(day + timedelta(days=1), time.min, tzinfo=UTC)
    return calendar_of(booking.account.scheme).end_of_day(day)


def _holder(request: HttpRequest) -> User:
    user = cast("User", request.user)
    if not permissions.may_hold(user):
        raise PermissionDenied
    return user


def _judge(request: HttpRequest) -> User:
    user = cast("User", request.user)
    if not permissions.may_suspend(None, user):
        raise PermissionDenied
    return user
