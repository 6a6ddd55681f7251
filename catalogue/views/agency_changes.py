"""Pages of the authority: changes of accounts, and what accredited providers have changed of themselves."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from catalogue import change_forms, permissions, provider_forms
from catalogue import provider_words as words
from catalogue.models import AccountChange, EntryVersion, PayeeAnswer, ProviderDetail
from catalogue.selectors import account_changes as selected
from catalogue.selectors import details as known
from catalogue.services import account_changes, details
from catalogue.views.agency_providers import may_act, may_look
from catalogue.views.provider_account import told_of
from catalogue.views.provider_details import told_of as detail_told
from ila.core.errors import DomainError

PER_PAGE = 25
ACTS = ("call_back", "approve", "refuse")


@never_cache
@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """What waits: changes of accounts, then what matters for an accreditation, the oldest first."""
    return _queue(request, may_look(request))


@never_cache
@require_POST
def detail_act(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Say that a change was looked at, or object to it."""
    user = may_act(request)
    if act not in ("accept", "object") or not ProviderDetail.objects.filter(pk=pk).exists():
        raise Http404
    try:
        details.review_detail(
            actor=user, detail_id=pk, accepted=act == "accept", note=request.POST.get("note", "")
        )
    except DomainError as refusal:
        return _queue(request, user, error=words.sentence(refusal), target=f"note-{pk}")
    messages.success(request, _("It is done."))
    return redirect("agency_changes")


@never_cache
@require_GET
def account_change(request: HttpRequest, public_id: str) -> HttpResponse:
    """One change of account: what the bank says, who asked, who confirmed, who was told."""
    may_look(request)
    return _page(request, _found(public_id))


@never_cache
@require_POST
def account_change_act(request: HttpRequest, public_id: str, act: str) -> HttpResponse:
    """Note a call back, approve or refuse."""
    user = may_act(request)
    one = _found(public_id)
    if act not in ACTS:
        raise Http404
    form = _forms()[act].__class__(request.POST, auto_id=f"{act}_%s")
    if not form.is_valid():
        return _page(request, one, act=act, form=form)
    data = form.cleaned_data
    try:
        if act == "call_back":
            account_changes.confirm_by_call_back(actor=user, change_id=one.pk, note=data["note"])
        elif act == "approve":
            account_changes.approve(actor=user, change_id=one.pk, note=data["note"])
        else:
            account_changes.refuse(actor=user, change_id=one.pk, reason=data["reason"])
    except DomainError as refusal:
        return _page(request, _found(public_id), act=act, form=form, error=words.sentence(refusal))
    messages.success(request, _("It is done."))
    return redirect("agency_account_change", one.public_id)


def _queue(request: HttpRequest, user: User, *, error: str = "", target: str = "") -> HttpResponse:
    page = Paginator(known.waiting(), PER_PAGE).get_page(request.GET.get("page"))
    versions = (
        EntryVersion.objects.filter(applied_at__isnull=True, ended_at__isnull=True)
        .select_related("micro_credential__provider")
        .order_by("asked_at", "pk")
    )
    context = {
        "accounts": [told_of(one) for one in selected.waiting()[:100]],
        "page": page,
        "rows": [detail_told(one) for one in page],
        "versions": versions[:PER_PAGE],
        "may_act": permissions.is_authority(None, user),
        "error": error,
        "error_target": target,
    }
    return render(request, "catalogue/agency/changes.html", context, status=422 if error else 200)


def _found(public_id: str) -> AccountChange:
    one = (
        AccountChange.objects.select_related(
            "provider__organisation", "asked_by", "confirmed_by", "approved_by"
        )
        .filter(public_id=public_id)
        .first()
    )
    if one is None:
        raise Http404
    return one


def _forms() -> dict[str, Form]:
    return {
        "call_back": change_forms.CallBackForm(auto_id="call_back_%s"),
        "approve": change_forms.NoteForm(auto_id="approve_%s"),
        "refuse": provider_forms.ReasonForm(auto_id="refuse_%s"),
    }


def _page(
    request: HttpRequest, one: AccountChange, *, act: str = "", form: Form | None = None, error: str = ""
) -> HttpResponse:
    user = cast("User", request.user)
    forms = _forms()
    if form is not None:
        forms[act] = form
    context: dict[str, Any] = {
        "told": told_of(one),
        "change": one,
        "provider": one.provider,
        "alone": not selected.second_persons(one).exists(),
        "vouched": one.payee_answer == PayeeAnswer.MATCH,
        "is_other": user.pk not in (one.asked_by_id, one.confirmed_by_id),
        "may_act": permissions.is_authority(None, user),
        "log": words.steps_of(one.log.select_related("actor").order_by("pk")),
        "forms": forms,
        "form": form,
        "act": act,
        "error": error,
        "error_target": act,
        "zone": one.provider.time_zone,
    }
    status = 422 if error or (form is not None and form.errors) else 200
    return render(request, "catalogue/agency/account_change.html", context, status=status)
