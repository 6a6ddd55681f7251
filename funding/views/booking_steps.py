"""What a learner does with bookings besides answering a proposal: asking for a place, and leaving again."""

from __future__ import annotations

import uuid
from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import Citizen, User
from catalogue.models import Session
from funding import words
from funding.forms import AskForm, LeaveForm
from funding.models import Booking
from funding.selectors.asking import ways_to_ask
from funding.selectors.leaving import leaving_of
from funding.sentences import sentence
from funding.services import bookings, kept
from ila.core.errors import DomainError


@never_cache
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest, session_id: int) -> HttpResponse:
    """What a place in this session would cost, account by account; then asking the provider for it."""
    user = cast("User", request.user)
    found = Session.objects.select_related("micro_credential__provider", "offer")
    session = get_object_or_404(
        found.exclude(micro_credential__state__in=["draft", "submitted"]), pk=session_id, removed_at=None
    )
    ways = ways_to_ask(user, session)
    open_ways = [way for way in ways if way.refusal is None]
    form = AskForm(request.POST if request.method == "POST" else None, ways=open_ways)
    error = ""
    if request.method == "POST" and form.is_valid():
        try:
            booking = bookings.request_booking(
                actor=user, account_id=form.chosen.account.pk, session_id=session.pk
            )
        except DomainError as refused:
            error = sentence(refused, rules=form.chosen.rules)
        else:
            messages.success(
                request, _("You have asked for a place. The provider answers; you are told by e-mail.")
            )
            return redirect("booking", public_id=booking.public_id)
    context = {
        "session": session,
        "entry": session.micro_credential,
        "zone": session.micro_credential.provider.time_zone,
        "ways": [(way, words.shares(way.plan)) for way in open_ways if way.plan],
        "refused": [(way, sentence(way.refusal, rules=way.rules)) for way in ways if way.refusal is not None],
        "citizen": bool(ways) or Citizen.objects.filter(user=user).exists(),
        "form": form,
        "error": error,
    }
    status = 409 if error else 422 if form.errors else 200
    return render(request, "funding/booking_ask.html", context, status=status)


@never_cache
@require_http_methods(["GET", "POST"])
def leave(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """What leaving this booking costs now, then leaving it. 404 for everybody but its learner."""
    user = cast("User", request.user)
    booking = get_object_or_404(
        Booking.objects.select_related(
            "account__scheme", "session", "credential", "provider", "scheme_version"
        ),
        public_id=public_id,
        account__citizen__user=user,
    )
    leaving = leaving_of(booking)
    if leaving is None:
        if request.method == "POST":
            messages.error(request, _("This booking has moved on; it cannot be left any more."))
        return redirect("booking", public_id=booking.public_id)
    form = LeaveForm(request.POST if request.method == "POST" else None, leaving=leaving)
    error = ""
    if request.method == "POST" and form.is_valid():
        try:
            _leave(user, booking, form)
        except DomainError as refused:
            error = sentence(refused, rules=leaving.rules)
        else:
            booking.refresh_from_db()
            messages.success(request, _said(booking))
            return redirect("booking", public_id=booking.public_id)
    context = {
        "booking": booking,
        "zone": booking.account.scheme.timezone,
        "leaving": leaving,
        "kept": (standing := kept.standing_of(booking)) is not None,
        "kept_for_card": standing is not None and standing.payment_id is not None,
        # What the learner pays the provider: it never comes in here, and does not go back from here.
        "direct_cents": sum(each.amount_cents for each in booking.allocations.all() if each.direct),
        "form": form,
        "error": error,
    }
    status = 409 if error else 422 if form.errors else 200
    return render(request, "funding/booking_leave.html", context, status=status)


def _leave(user: User, booking: Booking, form: LeaveForm) -> None:
    bookings.cancel_by_learner(
        actor=user,
        booking_id=booking.pk,
        reason="force_majeure" if form.kept_away else "",
        told=form.cleaned_data["what"],
        may_owe=form.agreed_to_owe,
    )


def _said(booking: Booking) -> str:
    if booking.realised_percent is not None:
        return _("You have cancelled. The price is owed, as the page said.")
    return _("You have left this booking. What was held for it is back where it came from.")
