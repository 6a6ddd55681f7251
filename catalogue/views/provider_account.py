"""Pages on which a provider asks for another bank account, confirms it or objects; and the link of the notice."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from catalogue import change_forms, permissions
from catalogue import provider_words as words
from catalogue.connect import connect_is_offered
from catalogue.models import AccountChange, Provider
from catalogue.selectors import account_changes as selected
from catalogue.services import account_changes
from ila.core.errors import DomainError

LISTED = 20


def provider_or_404(request: HttpRequest, pk: int) -> Provider:
    """The provider, if the visitor acts for its organisation. Raises: Http404 for everybody else."""
    found = Provider.objects.select_related("organisation").filter(pk=pk).first()
    user = cast("User", request.user)
    if (
        found is None
        or found.organisation is None
        or not permissions.acts_for_organisation(found.organisation, user)
    ):
        raise Http404
    return found


@never_cache
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest, provider: int) -> HttpResponse:
    """The account in force, a change that is under way, and what became of earlier ones."""
    one = provider_or_404(request, provider)
    if request.method != "POST":
        return _page(request, one)
    form = change_forms.AccountChangeForm(request.POST)
    if not form.is_valid():
        return _page(request, one, form=form)
    data = form.cleaned_data
    try:
        account_changes.ask(actor=cast("User", request.user), provider_id=one.pk, **data)
    except DomainError as refusal:
        if refusal.code == "payee_close_match":
            form.offer_the_name()
        where = refusal.params.get("what")
        form.add_error(where if where in form.fields else None, words.sentence(refusal))
        return _page(request, one, form=form)
    messages.success(request, _("It is asked for. Everybody of you has been written to."))
    return redirect("provider_account", one.pk)


@never_cache
@require_POST
def account_act(request: HttpRequest, provider: int, public_id: str, act: str) -> HttpResponse:
    """Confirm a change, object to it, or take it back."""
    one = provider_or_404(request, provider)
    change = one.account_changes.filter(public_id=public_id).first()
    if change is None or act not in ("confirm", "object", "take_back"):
        raise Http404
    actor = cast("User", request.user)
    try:
        if act == "confirm":
            account_changes.confirm(actor=actor, change_id=change.pk)
        elif act == "object":
            account_changes.object_to(
                actor=actor, change_id=change.pk, reason=request.POST.get("reason", "")[:500]
            )
        else:
            account_changes.take_back(actor=actor, change_id=change.pk)
    except DomainError as refusal:
        return _page(request, one, error=words.sentence(refusal))
    messages.success(request, _("It is done."))
    return redirect("provider_account", one.pk)


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def objection(request: HttpRequest, token: str) -> HttpResponse:
    """The link of a notice: whoever received it says that nobody of them wants this, without signing in."""
    try:
        change = account_changes.by_link(token)
    except DomainError as refusal:
        raise Http404 from refusal
    if request.method == "POST":
        try:
            account_changes.object_by_link(token=token)
        except DomainError:
            # Ended or in force since the page was opened: the page says which.
            return redirect("account_objection", token)
        return redirect("account_objection", token)
    context = {
        "change": change,
        "label": words.word(words.ACCOUNT_STATES, change.state),
        "ending": change.iban[-4:],
    }
    response = render(request, "catalogue/provider/objection.html", context)
    # The address is the key to it: every page's referrer stays here. Not `no-referrer`: browsers would then hide
    # where the form comes from, and it would be refused.
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def told_of(change: AccountChange) -> dict[str, Any]:
    """A change as its pages show it."""
    return {
        "one": change,
        "label": words.word(words.ACCOUNT_STATES, change.state),
        "iban": selected.masked(change.iban),
        "before": selected.masked(change.iban_before),
        "payee": words.PAYEE_ANSWERS.get(change.payee_answer, ""),
    }


def _page(
    request: HttpRequest,
    one: Provider,
    *,
    form: change_forms.AccountChangeForm | None = None,
    error: str = "",
) -> HttpResponse:
    user = cast("User", request.user)
    changes = list(
        one.account_changes.select_related("asked_by", "confirmed_by").order_by("-asked_at", "-pk")[:LISTED]
    )
    waiting = next((each for each in changes if each.is_open), None)
    seconds = selected.second_persons(waiting) if waiting is not None else User.objects.none()
    shown: Form = form or change_forms.AccountChangeForm(initial={"holder": one.name or ""})
    context = {
        "provider": one,
        "account": selected.masked(one.iban),
        "waiting": told_of(waiting) if waiting is not None else None,
        "may_ask": one.organisation is not None and permissions.manages_organisation(one.organisation, user),
        "is_mine": waiting is not None and waiting.asked_by_id == user.pk,
        "may_confirm": seconds.filter(pk=user.pk).exists(),
        "alone": waiting is not None and not seconds.exists(),
        "ended": [told_of(each) for each in changes if not each.is_open],
        "form": shown,
        "error": error,
        "error_target": "waiting",
        "zone": one.time_zone,
        "offers_stripe": connect_is_offered(),
    }
    status = 422 if error or shown.errors else 200
    return render(request, "catalogue/provider/account.html", context, status=status)
