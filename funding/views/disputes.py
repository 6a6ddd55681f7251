"""Disputes and alarms, for who decides them at the agency: the evidence, then a decision in two steps."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import AccountAlarm, User
from accounts.services import alarms, devices
from funding import permissions, words
from funding.consent_forms import DecisionForm
from funding.models import Booking
from funding.selectors import disputes as selected
from funding.selectors.bookings import money_of
from funding.selectors.scope import of_people, within
from funding.sentences import sentence
from funding.services import bookings, holds
from ila.core import clock
from ila.core.errors import DomainError

# What `_decide` answers once the finding has been acted on.
DECIDED = "decided"
PER_PAGE = 25


@never_cache
@require_safe
def dispute_list(request: HttpRequest) -> HttpResponse:
    """Disputed bookings and alarms, the oldest first."""
    found = _disputes(request)
    now = clock.now()
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    alarm_page = Paginator(selected.open_alarms(_schemes(request)), PER_PAGE).get_page(
        request.GET.get("alarms")
    )
    context = {
        "page": page,
        "disputes": [(booking, _age(now, booking.disputed_at)) for booking in page],
        "alarm_page": alarm_page,
        "alarms": [
            (alarm, words.word(words.NOT_ME_KINDS, alarm.kind), _age(now, alarm.raised_at))
            for alarm in alarm_page
        ],
    }
    return render(request, "funding/disputes.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def dispute_detail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One disputed booking: receipt, sign-in, device, changes of address; then the decision."""
    booking = _disputes(request).filter(public_id=public_id).first()
    if booking is None:
        raise Http404
    form = _asked(request)
    step, error = _decide(request, form, partial(bookings.resolve_dispute, booking_id=booking.pk))
    if step == DECIDED:
        return redirect("disputes")
    user = booking.account.citizen.user
    assert user is not None
    context = {
        "booking": booking,
        "money": money_of(booking),
        "zone": booking.account.scheme.timezone,
        "holds": list(holds.holds_on(booking)),
        "state_before": words.word(words.BOOKING_STATES, booking.state_before_dispute),
        "reason": booking.log.filter(transition="dispute")
        .order_by("-pk")
        .values_list("reason", flat=True)
        .first(),
        **_evidence(user, booking.accepted_at),
        **_step(form, step, error),
    }
    return render(request, "funding/dispute.html", context, status=_status(form, error))


@never_cache
@require_http_methods(["GET", "POST"])
def alarm_detail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One alarm: what was told, who signed in, what changed; then the decision."""
    _require(request)
    known = of_people(AccountAlarm.objects.all(), "user", _schemes(request))
    alarm = known.select_related("user", "link__message").filter(public_id=public_id).first()
    if alarm is None:
        raise Http404
    form = _asked(request)
    step, error = _decide(request, form, partial(alarms.close_alarm, alarm_id=alarm.pk))
    if step == DECIDED:
        return redirect("disputes")
    recent = within(
        Booking.objects.filter(account__citizen__user=alarm.user).select_related("credential"),
        "account__scheme",
        cast("User", request.user),
        *permissions.FUNDER_ROLES,
    )
    context = {
        "alarm": alarm,
        "kind": words.word(words.NOT_ME_KINDS, alarm.kind),
        "bookings": [
            (each, words.word(words.BOOKING_STATES, each.state))
            for each in recent.order_by("-requested_at")[:10]
        ],
        **_evidence(alarm.user, alarm.raised_at),
        **_step(form, step, error),
    }
    return render(request, "funding/alarm.html", context, status=_status(form, error))


def _require(request: HttpRequest) -> None:
    if not permissions.may_end_dispute(None, request.user):
        raise PermissionDenied


def _disputes(request: HttpRequest) -> QuerySet[Booking]:
    """The disputes of the schemes that this person works for."""
    _require(request)
    schemes = _schemes(request)
    found = selected.open_disputes()
    return found if schemes is None else found.filter(account__scheme__in=schemes)


def _schemes(request: HttpRequest) -> frozenset[int] | None:
    return permissions.schemes_of(request.user, *permissions.FUNDER_ROLES)


def _asked(request: HttpRequest) -> DecisionForm:
    return DecisionForm(request.POST if request.method == "POST" else None, initial={"step": "check"})


def _decide(request: HttpRequest, form: DecisionForm, act: Callable[..., object]) -> tuple[str, str]:
    """The step that follows what was posted, and what was refused: a finding is checked once more before it counts."""
    if not form.is_bound or not form.is_valid():
        return "decide", ""
    if form.cleaned_data["step"] != "confirm":
        return "check", ""
    try:
        act(actor=cast("User", request.user), upheld=form.upheld, reason=form.cleaned_data["reason"])
    except DomainError as refused:
        return "decide", sentence(refused)
    messages.success(request, _decided(upheld=form.upheld))
    return DECIDED, ""


def _step(form: DecisionForm, step: str, error: str) -> dict[str, Any]:
    return {"form": form, "step": step, "error": error, "upheld": step == "check" and form.upheld}


def _status(form: DecisionForm, error: str) -> int:
    if error:
        return 409
    return 422 if form.errors else 200


def _evidence(user: User, moment: Any) -> dict[str, Any]:
    found = selected.evidence_about(user, moment or clock.now())
    return {
        "sign_ins": [
            (each, devices.said(each.device_name), known_device, known_network)
            for each, known_device, known_network in found.sign_ins
        ],
        "addresses": found.addresses,
        "changed": found.changed,
    }


def _age(now: Any, since: Any) -> int:
    return 0 if since is None else (now - since).days


def _decided(*, upheld: bool) -> str:
    if upheld:
        return _("Decided: it was not the learner. They have been told.")
    return _("Decided: it was the learner. They have been told.")
