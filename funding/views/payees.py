"""An account that no bank has matched with its payee's name, and who takes it on themselves."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from catalogue.models import PayeeAnswer
from funding import permissions, words
from funding.agency_forms import ReasonForm
from funding.models import PayeeCheck
from funding.sentences import sentence
from funding.services import payee_checks
from ila.core.errors import DomainError

SHOWN = 100


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def payee(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """What the bank said of an account, the claims that wait for it, and accepting it with a reason."""
    user = cast("User", request.user)
    if not permissions.may_pay(None, user):
        raise PermissionDenied
    schemes = permissions.schemes_of(user, *permissions.PAYMENT_ROLES)
    known = PayeeCheck.objects.select_related("scheme", "asked_by")
    if schemes is not None:
        known = known.filter(scheme__in=schemes)
    check = get_object_or_404(known, public_id=public_id)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    error = ""
    if form.is_bound and form.is_valid():
        try:
            payee_checks.accept_payee(actor=user, public_id=public_id, reason=form.cleaned_data["reason"])
        except DomainError as refused:
            error = sentence(refused)
        else:
            messages.success(request, _("The account is accepted: its claims can go into a batch."))
            return redirect(f"{reverse('batch_new')}?{urlencode({'scheme': check.scheme.code})}")
    claims = payee_checks.claims_of(check)
    context = {
        "check": check,
        "answer": words.PAYEE_ANSWERS[check.answer],
        "claims": claims[:SHOWN],
        "accepted": check.acceptances.select_related("accepted_by").order_by("accepted_at", "pk"),
        "why_not": _why_not(check, user, mine=any(user.pk in (c.approver_id, c.author_id) for c in claims)),
        "form": form,
        "error": error,
    }
    status = 409 if error else 422 if form.errors else 200
    return render(request, "funding/agency/payee.html", context, status=status)


def _why_not(check: PayeeCheck, user: User, *, mine: bool) -> str:
    if check.answer == PayeeAnswer.MATCH:
        return _("The bank has matched this account: there is nothing to accept.")
    if mine:
        return _("You wrote or approved a claim that is to be paid there: a colleague accepts the account.")
    if check.acceptances.filter(accepted_by=user).exists():
        return _("You have accepted this account.")
    return ""
