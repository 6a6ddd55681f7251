"""Pages on which an accredited provider keeps up to date what it has told of itself."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import User
from catalogue import change_forms, regimes
from catalogue import provider_words as words
from catalogue.models import DetailKind, Provider, ProviderDetail
from catalogue.selectors import details as selected
from catalogue.services import details
from catalogue.views.provider_account import provider_or_404
from ila.core.errors import DomainError

PER_PAGE = 25


@never_cache
@require_GET
def overview(request: HttpRequest, provider: int) -> HttpResponse:
    """What holds today or is to hold, by kind, and what has ended."""
    one = provider_or_404(request, provider)
    today = selected.today_at(one)
    rows = selected.current(one, today)
    page = Paginator(selected.history(one, today), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "provider": one,
        "kinds": [
            (kind, label, [told_of(row) for row in rows if row.kind == kind])
            for kind, label in words.DETAIL_KINDS.items()
        ],
        "page": page,
        "ended": [told_of(row) for row in page],
        "today": today,
        "regime": regimes.REGIMES.get(one.register),
    }
    return render(request, "catalogue/provider/details.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, provider: int, kind: str) -> HttpResponse:
    """Tell something more of one kind."""
    one = provider_or_404(request, provider)
    if kind not in change_forms.DETAIL_FORMS:
        raise Http404
    return _ask(request, one, kind, None)


@never_cache
@require_http_methods(["GET", "POST"])
def detail(request: HttpRequest, provider: int, pk: int) -> HttpResponse:
    """Change something that was told, or say until when it holds."""
    one = provider_or_404(request, provider)
    row = one.facts_told.filter(pk=pk, valid_until__isnull=True).first()
    if row is None:
        raise Http404
    if request.method == "POST" and "end" in request.POST:
        form = change_forms.EndForm(request.POST, auto_id="end_%s")
        if form.is_valid():
            try:
                details.end_detail(
                    actor=cast("User", request.user), detail_id=row.pk, last_day=form.cleaned_data["last_day"]
                )
            except DomainError as refusal:
                form.add_error("last_day", words.sentence(refusal))
            else:
                messages.success(request, _("Its end is kept."))
                return redirect("provider_details", one.pk)
        return _form_page(request, one, row.kind, row, ending=form)
    return _ask(request, one, row.kind, row)


def told_of(row: ProviderDetail) -> dict[str, Any]:
    """A detail as its pages show it: a headline, a line under it, its days, what the authority says."""
    facts = row.facts
    main, sub = _SHOWN[row.kind](facts)
    review = row.end_review if row.end_review != "not_needed" else row.review
    return {
        "row": row,
        "kind": words.DETAIL_KINDS[row.kind],
        "main": main,
        "sub": sub,
        "review": words.REVIEWS[review],
        "waits": review == "waits",
        "objected": review == "objected",
    }


def _contact(facts: dict[str, Any]) -> tuple[Any, Any]:
    return facts.get("email", ""), ", ".join(
        part for part in (facts.get("phone"), facts.get("website")) if part
    )


def _establishment(facts: dict[str, Any]) -> tuple[Any, Any]:
    place = f"{facts.get('street', '')}, {facts.get('postcode', '')} {facts.get('city', '')}"
    return (facts.get("name") or facts.get("city", "")), place


def _person(facts: dict[str, Any]) -> tuple[Any, Any]:
    share = f", {facts['share_percent']} %" if facts.get("share_percent") else ""
    return facts.get("full_name", ""), f"{words.word(words.PERSON_ROLES, facts.get('role', ''))}{share}"


def _partner(facts: dict[str, Any]) -> tuple[Any, Any]:
    kind = words.word(words.PARTNER_KINDS, facts.get("kind", ""))
    return facts.get("name", ""), f"{kind}, {facts.get('number', '')}, {facts.get('task', '')}"


def _trainer(facts: dict[str, Any]) -> tuple[Any, Any]:
    return facts.get("full_name", ""), f"{facts.get('subject', '')}, {facts.get('qualification', '')}"


_SHOWN = {
    DetailKind.CONTACT.value: _contact,
    DetailKind.ESTABLISHMENT.value: _establishment,
    DetailKind.PERSON.value: _person,
    DetailKind.PARTNER.value: _partner,
    DetailKind.TRAINER.value: _trainer,
}


def _ask(request: HttpRequest, one: Provider, kind: str, row: ProviderDetail | None) -> HttpResponse:
    today = selected.today_at(one)
    if request.method != "POST":
        return _form_page(request, one, kind, row)
    form = change_forms.DETAIL_FORMS[kind](request.POST)
    days = change_forms.FromForm(request.POST)
    if form.is_valid() and days.is_valid():
        told: dict[str, Any] = {
            "actor": cast("User", request.user),
            "facts": change_forms.facts_of(form),
            "valid_from": days.cleaned_data["valid_from"] or today,
        }
        try:
            if row is None:
                kept = details.add_detail(provider_id=one.pk, kind=kind, **told)
            else:
                kept = details.replace_detail(detail_id=row.pk, **told)
        except DomainError as refusal:
            form.add_error(None, words.sentence(refusal))
        else:
            tell = _("It is kept. The agency looks at it.") if kept.review == "waits" else _("It is kept.")
            messages.success(request, tell)
            return redirect("provider_details", one.pk)
    return _form_page(request, one, kind, row, form=form, days=days)


def _form_page(
    request: HttpRequest,
    one: Provider,
    kind: str,
    row: ProviderDetail | None,
    *,
    form: Form | None = None,
    days: Form | None = None,
    ending: Form | None = None,
) -> HttpResponse:
    today = selected.today_at(one)
    wrong = ending or (form if form is None or form.errors else days)
    context = {
        "provider": one,
        "kind": kind,
        "row": told_of(row) if row is not None else None,
        "title": words.DETAIL_KINDS[kind],
        "facts_form": form or change_forms.DETAIL_FORMS[kind](initial=_initial(row)),
        "days_form": days or change_forms.FromForm(initial={"valid_from": today}),
        "end_form": ending or change_forms.EndForm(initial={"last_day": today}, auto_id="end_%s"),
        "form": wrong,
    }
    status = 422 if wrong is not None and wrong.errors else 200
    return render(request, "catalogue/provider/detail.html", context, status=status)


def _initial(row: ProviderDetail | None) -> dict[str, Any]:
    if row is None:
        return {}
    made = dict(row.facts)
    if row.kind == DetailKind.ESTABLISHMENT:
        made["accessible"] = {"True": "yes", "False": "no"}.get(str(made.get("accessible")), "")
    if row.kind == DetailKind.PARTNER:
        made["passes_on"] = "no"
    return made
