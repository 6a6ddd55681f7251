"""A learner's own pages of employers' money: the code to give to an employer, and what employers gave."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import sessions
from accounts.models import Citizen, User
from accounts.services import consents
from funding import words
from funding.learner_forms import PayrollForm
from funding.models import LearningAccount
from funding.selectors import employers as selected
from funding.sentences import sentence
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


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def payroll_number(request: HttpRequest, account_id: int) -> HttpResponse:
    """Let an employer add to one's account by the number of the pay slip, under a strong sign-in of these minutes."""
    user = cast("User", request.user)
    account = get_object_or_404(
        LearningAccount.objects.select_related("scheme"), pk=account_id, citizen__user=user
    )
    sign_in = sessions.sign_in_of(request)
    needs_identity = consents.needs_strong_sign_in(sign_in)
    sent = request.method == "POST"
    if sent and needs_identity:
        return redirect(f"{reverse('confirm_identity')}?{urlencode({'next': request.path})}")
    form = PayrollForm(request.POST if sent else None)
    if sent and form.is_valid():
        try:
            top_ups.give_payroll_number(
                actor=user, account_id=account_id, sign_in=sign_in, **form.cleaned_data
            )
        except DomainError as refusal:
            where = refusal.params.get("what")
            form.add_error(str(where) if where in form.fields else None, sentence(refusal))
        else:
            messages.success(request, _("Your employer can add to your account by this number now."))
            return redirect("my_top_ups")
    context = {"account": account, "form": form, "needs_identity": needs_identity}
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "funding/employer/payroll.html", context, status=status)


@never_cache
@require_POST
def payroll_revoke(request: HttpRequest, account_id: int, number: int) -> HttpResponse:
    """Take a payroll number back."""
    try:
        top_ups.revoke_payroll_number(
            actor=cast("User", request.user), account_id=account_id, number_id=number
        )
    except DomainError as refusal:
        raise Http404 from refusal
    messages.success(request, _("The number is taken back: nobody can use it any more."))
    return redirect("my_top_ups")
