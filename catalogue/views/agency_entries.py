"""Pages of the authority: entries that were submitted, and prices that jumped."""

from __future__ import annotations

from datetime import date
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
from catalogue import described, permissions, provider_forms
from catalogue import provider_words as words
from catalogue.models import MicroCredential, PriceChange
from catalogue.selectors import completeness as selected
from catalogue.services import entry_drafts, entry_versions, micro_credentials
from catalogue.views.agency_providers import may_act, may_look
from ila.core.errors import DomainError

PER_PAGE = 25
VERSIONS = ("version_yes", "version_no")
ACTS = ("register", "send_back", "suspend", "resume", "delist", "price_yes", "price_no", *VERSIONS)
NEEDS_REASON = frozenset({"send_back", "suspend", "delist", "price_no", "version_no"})


@never_cache
@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """What waits: submitted entries, the oldest first, and prices that jumped."""
    may_look(request)
    waiting = (
        MicroCredential.objects.filter(state="submitted")
        .select_related("provider")
        .order_by("submitted_at", "pk")
    )
    prices = (
        PriceChange.objects.filter(applied_at__isnull=True, refused_at__isnull=True)
        .select_related("micro_credential__provider")
        .order_by("asked_at", "pk")
    )
    context = {
        "page": Paginator(waiting, PER_PAGE).get_page(request.GET.get("page")),
        "prices": prices[:PER_PAGE],
    }
    return render(request, "catalogue/agency/entries.html", context)


@never_cache
@require_GET
def entry(request: HttpRequest, pk: int) -> HttpResponse:
    """One entry with all it says, claims marked, what it seems to repeat, and its price."""
    may_look(request)
    return _page(request, _found(pk))


@never_cache
@require_POST
def act(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Register it, send it back, suspend it, or decide its price."""
    user = may_act(request)
    one = _found(pk)
    if act not in ACTS:
        raise Http404
    form = provider_forms.EntryActForm(request.POST)
    if not form.is_valid() and (act in NEEDS_REASON or "suspended_until" in form.errors):
        return _page(request, one, act=act, form=form)
    reason = request.POST.get("reason", "").strip()[:2000]
    try:
        if act in VERSIONS:
            stamp = request.POST.get("stamp", "")[:40]
            entry_versions.decide_version(
                actor=user, entry_id=one.pk, stamp=stamp, accepted=act == "version_yes", reason=reason
            )
        else:
            _run(user, one, act, reason, until=form.cleaned_data.get("suspended_until"))
    except DomainError as refusal:
        return _page(request, _found(pk), act=act, error=words.sentence(refusal))
    messages.success(request, _("It is done."))
    return redirect("agency_entry", one.pk)


def _run(user: User, one: MicroCredential, act: str, reason: str, *, until: date | None) -> None:
    if act in ("price_yes", "price_no"):
        waiting = one.price_changes.filter(applied_at__isnull=True, refused_at__isnull=True).first()
        if waiting is None:
            raise DomainError("not_allowed", what="decide_price", reason="decided")
        entry_drafts.decide_price(
            actor=user, change_id=waiting.pk, accepted=act == "price_yes", reason=reason
        )
    elif act == "register":
        entry_drafts.register_entry(actor=user, entry_id=one.pk, reason=reason)
    elif act == "send_back":
        entry_drafts.send_back_entry(actor=user, entry_id=one.pk, reason=reason)
    elif act == "suspend":
        micro_credentials.suspend_micro_credential(
            actor=user, micro_credential_id=one.pk, reason=reason, until=until
        )
    elif act == "resume":
        micro_credentials.resume_micro_credential(actor=user, micro_credential_id=one.pk, reason=reason)
    else:
        micro_credentials.delist_micro_credential(actor=user, micro_credential_id=one.pk, reason=reason)


def _found(pk: int) -> MicroCredential:
    """An entry that was submitted once: drafts are their provider's own. Raises: Http404."""
    found = MicroCredential.objects.select_related("provider", "description").filter(pk=pk)
    one = found.exclude(state="draft").first()
    if one is None:
        raise Http404
    return one


def _page(
    request: HttpRequest, one: MicroCredential, *, act: str = "", form: Form | None = None, error: str = ""
) -> HttpResponse:
    description = selected.description_of(one)
    told = selected.completeness(one, description)
    waiting = one.price_changes.filter(applied_at__isnull=True, refused_at__isnull=True).first()
    version = one.versions.filter(applied_at__isnull=True, ended_at__isnull=True).first()
    context: dict[str, Any] = {
        "entry": one,
        "version": version,
        "changes": described.changes_of(one, version) if version is not None else [],
        "version_claims": [
            (words.ELEMENTS[name], claim, words.CLAIMS[claim.name])
            for name, claim in (selected.claims_in(version.values) if version is not None else ())
        ],
        "description": description,
        "told": told,
        "state_label": words.word(words.ENTRY_STATES, one.state),
        "elements": described.elements_of(one),
        "claims": [
            (words.ELEMENTS[name], claim, words.CLAIMS[claim.name])
            for name, claim in selected.claims_of(one, description)
        ],
        "duplicates": selected.duplicates_of(one),
        "waiting": waiting,
        "prices": list(one.price_changes.select_related("asked_by").order_by("-asked_at", "-pk")[:20]),
        "log": words.steps_of(one.log.select_related("actor").order_by("pk")),
        "may_act": permissions.is_authority(None, cast("User", request.user)),
        "reason": form or provider_forms.EntryActForm(),
        "form": form,
        "error": error,
        "error_target": act,
        "zone": one.provider.time_zone,
    }
    status = 422 if error or (form is not None and form.errors) else 200
    return render(request, "catalogue/agency/entry.html", context, status=status)
