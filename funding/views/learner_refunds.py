"""What comes back to a learner, where it stands and until when; and the account that it is paid into."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import sessions
from accounts.models import Citizen, User
from accounts.services import consents
from funding import words
from funding.learner_forms import RefundAccountForm
from funding.selectors.refunds import coming_back, reimbursements
from funding.sentences import sentence
from funding.services import refund_accounts
from ila.core.errors import DomainError


@never_cache
@require_safe
def refund_list(request: HttpRequest) -> HttpResponse:
    """Own money due back, and what is on its way or paid. 404 for who is no citizen."""
    user = cast("User", request.user)
    get_object_or_404(Citizen, user=user)
    account = refund_accounts.account_of(user)
    context = {
        "coming": coming_back(user),
        "claims": [(one, words.word(words.CLAIM_STATES, one.claim.state)) for one in reimbursements(user)],
        "account": account,
        "masked": refund_accounts.masked(account.iban) if account is not None else "",
    }
    return render(request, "accounts/refunds.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def refund_account(request: HttpRequest) -> HttpResponse:
    """Enter the account, under a strong sign-in of these minutes. 404 for who is no citizen."""
    user = cast("User", request.user)
    citizen = get_object_or_404(Citizen, user=user)
    sign_in = sessions.sign_in_of(request)
    needs_identity = consents.needs_strong_sign_in(sign_in)
    sent = request.method == "POST"
    if sent and needs_identity:
        return redirect(f"{reverse('confirm_identity')}?{urlencode({'next': request.path})}")
    holder = f"{citizen.given_name} {citizen.family_name}".strip()
    form = RefundAccountForm(request.POST if sent else None, initial={"holder": holder})
    if sent and form.is_valid():
        try:
            refund_accounts.set_account(
                actor=user,
                sign_in=sign_in,
                iban=form.cleaned_data["iban"],
                holder=form.cleaned_data["holder"],
            )
        except DomainError as refused:
            form.add_error("iban" if refused.code == "bad_iban" else None, sentence(refused))
        else:
            messages.success(request, _("Your account is entered. You are told by e-mail as well."))
            return redirect("refunds")
    context = {"form": form, "needs_identity": needs_identity}
    return render(request, "accounts/refund_account.html", context, status=422 if form.errors else 200)
