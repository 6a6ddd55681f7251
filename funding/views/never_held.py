"""What the agency found out after teaching was said to be done: no session, less of it, or money to be taken back."""

from __future__ import annotations

import uuid
from typing import cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from catalogue import provider_words
from catalogue.models import Session, SessionState
from funding import words
from funding.models import Booking, SessionFinding
from funding.permissions import FUNDER_ROLES, PAYMENT_ROLES, has_agency_role, may_pay
from funding.recovery_forms import FindingForm, ShareForm, TakeBackForm
from funding.selectors.never_held import undoing_of
from funding.selectors.scope import within
from funding.sentences import sentence
from funding.services import bookings
from funding.services.bookings.not_held import BEGUN, may_find
from funding.services.recoveries import demands
from ila.core.errors import DomainError

# Before these there is nothing to find out: the session is called off.
NOT_BEGUN = (SessionState.PLANNED, SessionState.OPEN, SessionState.GUARANTEED)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def session_never_held(request: HttpRequest, session_id: int) -> HttpResponse:
    """A session did not take place: what that undoes, why, then for good."""
    user = cast("User", request.user)
    if not may_find(user):
        raise PermissionDenied
    session = get_object_or_404(Session.objects.select_related("micro_credential__provider"), pk=session_id)
    finding = SessionFinding.objects.filter(session=session).select_related("found_by").first()
    form = FindingForm(request.POST if request.method == "POST" else None)
    error = ""
    if request.method == "POST" and form.is_valid():
        act = bookings.find_never_held if session.state in BEGUN else bookings.cancel_session
        try:
            done = act(actor=user, session_id=session.pk, reason=form.cleaned_data["reason"])
        except DomainError as refused:
            error = sentence(refused)
        else:
            told = ngettext("%(n)d booking is cancelled.", "%(n)d bookings are cancelled.", len(done)) % {
                "n": len(done)
            }
            messages.success(request, f"{told} " + _("What was paid is owed back."))
            return redirect("agency_session_never_held", session.pk)
    undoing = undoing_of(session.pk)
    context = {
        "session": session,
        "state": provider_words.SESSION_STATES[session.state],
        "begun": session.state in BEGUN,
        "done": finding is not None or session.state in (SessionState.CANCELLED, SessionState.NEVER_HELD),
        "finding": finding,
        "states": [(words.word(words.BOOKING_STATES, state), number) for state, number in undoing.states],
        "money": undoing.money,
        "form": form,
        "error": error,
        "error_target": "id_reason",
    }
    status = 409 if error else 422 if form.errors else 200
    return render(request, "funding/recoveries/never_held.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def reduce_service(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Less was taught than was validated: the share that stands, why, then for good."""
    user = cast("User", request.user)
    if not has_agency_role(user, *FUNDER_ROLES):
        raise PermissionDenied
    found = within(Booking.objects.all(), "account__scheme", user, *FUNDER_ROLES)
    booking = _booking(found, public_id)
    form = ShareForm(request.POST if request.method == "POST" else None)
    error = ""
    if request.method == "POST" and form.is_valid():
        try:
            bookings.reduce_service(actor=user, booking_id=booking.pk, **form.values)
        except DomainError as refused:
            error = sentence(refused)
        else:
            messages.success(
                request, _("The rest is back where it came from; what was paid of it is owed back.")
            )
            return redirect("booking", booking.public_id)
    context = {"booking": booking, "form": form, "error": error, "error_target": "id_percent"}
    status = 409 if error else 422 if form.errors else 200
    return render(request, "funding/recoveries/reduce_service.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def take_back(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Misuse was found after payment: how much is taken back, why, then for good."""
    user = cast("User", request.user)
    if not may_pay(None, user):
        raise PermissionDenied
    booking = _booking(within(Booking.objects.all(), "account__scheme", user, *PAYMENT_ROLES), public_id)
    paid = sum(
        booking.allocations.filter(reimburses=False, direct=False).values_list("paid_cents", flat=True)
    )
    form = TakeBackForm(request.POST if request.method == "POST" else None)
    error = ""
    if request.method == "POST" and form.is_valid():
        try:
            receivable = demands.open_receivable(actor=user, booking_id=booking.pk, **form.values)
        except DomainError as refused:
            error = sentence(refused)
        else:
            messages.success(request, _("The learner has it back; the provider owes it."))
            return redirect("agency_receivable", receivable.pk)
    context = {"booking": booking, "paid": paid, "form": form, "error": error, "error_target": "id_amount"}
    status = 409 if error else 422 if form.errors else 200
    return render(request, "funding/recoveries/take_back.html", context, status=status)


def _booking(found: QuerySet[Booking], public_id: uuid.UUID) -> Booking:
    related = found.select_related("credential", "provider", "account__scheme")
    booking = related.filter(public_id=public_id).first()
    if booking is None:
        raise Http404
    return booking
