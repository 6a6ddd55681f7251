"""The page behind "this wasn't me" in a mail, and the way back into an account that was closed by it."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from accounts import sessions
from accounts.models import NotMeLink, User
from accounts.services import alarms
from accounts.services import not_me as links
from accounts.services.consents import needs_strong_sign_in
from funding import words
from funding.models import Booking
from funding.sentences import sentence
from funding.services import not_me
from ila.core import clock
from ila.core.errors import DomainError


@sensitive_variables("token")
@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def report(request: HttpRequest, token: str) -> HttpResponse:
    """One button. Opening the page changes nothing, so that what scans mails disputes nothing."""
    link = links.find(token)
    if link is None:
        return _answer(request, {"unknown": True}, status=404)
    context = _context(link)
    if request.method == "POST":
        try:
            link, done = not_me.report(token=token)
        except DomainError as refused:
            return _answer(request, {**context, "over": refused.code, "link": link}, status=refused.status)
        return _answer(request, {**context, "done": done.value})
    if link.used_at is not None or link.expires_at <= clock.now():
        code = "link_expired" if link.used_at is None else "link_used"
        return _answer(request, {**context, "over": code}, status=410)
    return _answer(request, context)


@never_cache
@require_http_methods(["GET", "POST"])
def not_mine(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The same from the page of a booking, for its learner."""
    user = cast("User", request.user)
    booking = (
        Booking.objects.select_related("credential", "provider", "account__citizen")
        .filter(public_id=public_id, account__citizen__user_id=user.pk)
        .first()
    )
    if booking is None:
        raise Http404
    context: dict[str, Any] = {"booking": booking, "own": True}
    if request.method == "POST":
        try:
            done = not_me.dispute_booking(actor=user, booking_id=booking.pk)
        except DomainError as refused:
            messages.error(request, sentence(refused))
            return redirect("booking", public_id=public_id)
        context["done"] = done.value
    return render(request, "funding/not_me.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def account_back(request: HttpRequest) -> HttpResponse:
    """The owner of an account that was closed is back, and says so under a fresh strong sign-in."""
    user = cast("User", request.user)
    sign_in = sessions.sign_in_of(request)
    waiting = list(alarms.unconfirmed(user.pk).order_by("raised_at"))
    error = ""
    if request.method == "POST":
        try:
            alarms.confirm_account(actor=user, sign_in=sign_in)
        except DomainError as refused:
            error = sentence(refused)
        else:
            messages.success(request, _("Your account is open again: you can book."))
            return redirect("account_back")
    stale = sign_in is None or any(alarm.raised_at >= sign_in.at for alarm in waiting)
    context = {
        "alarms": [(alarm, words.word(words.NOT_ME_KINDS, alarm.kind)) for alarm in waiting],
        "error": error,
        "identity_url": f"{reverse('confirm_identity')}?{urlencode({'next': request.path})}"
        if waiting and (stale or needs_strong_sign_in(sign_in))
        else "",
    }
    return render(request, "funding/account_back.html", context, status=409 if error else 200)


def _context(link: NotMeLink) -> dict[str, Any]:
    booking = None
    if link.reference:
        booking = (
            Booking.objects.select_related("credential", "provider")
            .filter(public_id=link.reference, account__citizen__user_id=link.user_id)
            .first()
        )
    return {"link": link, "booking": booking, "kind": words.word(words.NOT_ME_KINDS, link.kind)}


def _answer(request: HttpRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    answer = render(request, "funding/not_me.html", context, status=status)
    # The address is a secret: it goes to nobody else (every page's referrer stays here), and to no search engine.
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer
