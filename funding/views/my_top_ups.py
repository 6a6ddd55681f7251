"""A learner's own pages of employers' money: the code to give to an employer, and what employers gave."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Citizen, User
from funding import words
from funding.selectors import employers as selected
from funding.services import top_ups
from funding.views.employers import earmark_words
from ila.core.errors import DomainError


@never_cache
@require_safe
def my_top_ups(request: HttpRequest) -> HttpResponse:
    """The code of each of one's accounts, and what employers put on it."""
    user = cast("User", request.user)
    if not Citizen.objects.filter(user=user).exists():
        raise Http404
    rows = [
        {
            "own": own,
            "lots": [(lot, words.SOURCES[lot.source], earmark_words(lot.earmark)) for lot in own.lots],
        }
        for own in selected.accounts_of(user)
    ]
    return render(request, "funding/employer/mine.html", {"rows": rows})


@never_cache
@require_POST
def reference_give(request: HttpRequest, account_id: int) -> HttpResponse:
    """Make the code of one's own account."""
    try:
        top_ups.give_reference(actor=cast("User", request.user), account_id=account_id)
    except DomainError as refusal:
        raise Http404 from refusal
    messages.success(request, _("Your reference is below. Give it to your employer."))
    return redirect("my_top_ups")


@never_cache
@require_POST
def reference_revoke(request: HttpRequest, account_id: int) -> HttpResponse:
    """Take the code of one's own account back."""
    try:
        top_ups.revoke_reference(actor=cast("User", request.user), account_id=account_id)
    except DomainError as refusal:
        raise Http404 from refusal
    messages.success(request, _("The reference is taken back: nobody can use it any more."))
    return redirect("my_top_ups")
