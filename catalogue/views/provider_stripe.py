"""A provider's account at Stripe: how far it is, the way to Stripe's own pages, and asking to be paid there."""

from __future__ import annotations

from typing import cast

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from catalogue import provider_words as words
from catalogue.connect import connect_is_offered
from catalogue.models import OPEN_CHANGES
from catalogue.services import connected_accounts
from catalogue.views.provider_account import provider_or_404
from ila.core.errors import DomainError


@never_cache
@require_http_methods(["GET", "POST"])
def account_at_stripe(request: HttpRequest, provider: int) -> HttpResponse:
    """Open and set up the account at Stripe, then ask to be paid there: like any other change of account."""
    one = provider_or_404(request, provider)
    if not connect_is_offered():
        raise Http404
    actor = cast("User", request.user)
    link = error = ""
    close = False
    if request.method == "POST":
        back = f"{settings.SITE_ADDRESS}{reverse('provider_stripe', args=[one.pk])}"
        try:
            if request.POST.get("act") == "ask":
                connected_accounts.ask_to_be_paid_there(
                    actor=actor, provider_id=one.pk, accept_close=request.POST.get("accept_close") == "1"
                )
                messages.success(request, _("It is asked for. Everybody of you has been written to."))
                return redirect("provider_account", one.pk)
            link = connected_accounts.set_up(actor=actor, provider_id=one.pk, back=back, again=back)
        except DomainError as refusal:
            error = words.sentence(refusal)
            close = refusal.code == "payee_close_match"
    account = connected_accounts.look(provider_id=one.pk)
    context = {
        "provider": one,
        "account": account,
        "link": link,
        "error": error,
        "error_target": "main-content",
        "close": close,
        "in_force": account is not None and account.account_id == one.iban,
        "change_open": one.account_changes.filter(state__in=OPEN_CHANGES).exists(),
    }
    return render(request, "catalogue/provider/stripe.html", context, status=422 if error else 200)
