"""Schemes in plain words for everybody, and for the agency with their versions and budgets."""

from __future__ import annotations

from datetime import date
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from funding import permissions, words
from funding.models import Scheme, SchemeVersion
from funding.schemes.drafting import HEAD
from funding.schemes.files import write_file
from funding.schemes.plain import cites, describe
from funding.selectors import schemes as selected
from funding.sentences import sentence
from funding.services import scheme_drafts
from ila.core.errors import DomainError


@login_not_required
@require_safe
def scheme_list(request: HttpRequest) -> HttpResponse:
    """Every scheme with what it gives today, or from when on."""
    rows = []
    for scheme in selected.with_versions():
        versions = list(scheme.versions.all())
        version = selected.version_at(versions, selected.today(scheme)) or (
            versions[-1] if versions else None
        )
        if version is not None:
            rows.append(
                {"scheme": scheme, "version": version, "gets": describe(version.parsed)[0].sentences[:2]}
            )
    return render(request, "funding/schemes.html", {"rows": rows})


@login_not_required
@require_safe
def scheme_page(request: HttpRequest, code: str) -> HttpResponse:
    """A scheme in plain words, on a day: today's rules, or those of `?on=`; what came before and comes next."""
    scheme = get_object_or_404(selected.with_versions(), code=code)
    versions = list(scheme.versions.all())
    if not versions:
        raise Http404
    today = selected.today(scheme)
    asked = _day(request.GET.get("on", "")) or today
    version = selected.version_at(versions, asked)
    if version is None:
        version = versions[0] if asked < versions[0].valid_from else versions[-1]
    steps = selected.steps(versions)
    context = {
        "scheme": scheme,
        "version": version,
        "today": today,
        "holds": selected.version_at([version], today) is not None,
        "begun": version.valid_from <= today,
        "sections": [
            (
                section,
                [(one, one.rule if cites(version.parsed, one.rule) else "") for one in section.sentences],
            )
            for section in describe(version.parsed)
        ],
        "coming": [step for step in steps if step.version.valid_from > today],
        "past": [step for step in reversed(steps) if step.version.valid_from <= today],
    }
    return render(request, "funding/scheme.html", context)


@never_cache
@require_safe
def agency_list(request: HttpRequest) -> HttpResponse:
    """All schemes with the version in force and what comes, and every open draft."""
    user = _require_agency(request)
    rows = []
    for scheme in selected.with_versions().prefetch_related("budgets"):
        versions, today = list(scheme.versions.all()), selected.today(scheme)
        rows.append(
            {
                "scheme": scheme,
                "version": selected.version_at(versions, today),
                "coming": [each for each in versions if each.valid_from > today],
                "available_cents": sum(budget.available_cents for budget in scheme.budgets.all()),
            }
        )
    context = {
        "rows": rows,
        "drafts": _drafts(
            selected.drafts(permissions.drafts_for(user)).filter(state__in=selected.OPEN_DRAFTS)
        ),
        "may_draft": permissions.may_draft_schemes(user),
    }
    return render(request, "funding/scheme_admin_list.html", context)


@never_cache
@require_safe
def agency_scheme(request: HttpRequest, code: str) -> HttpResponse:
    """One scheme for the agency: versions with who wrote and approved them, budgets, drafts."""
    user = _require_agency(request)
    return _agency_scheme(request, user, get_object_or_404(Scheme, code=code))


@never_cache
@require_safe
def version_file(request: HttpRequest, code: str, day: str) -> HttpResponse:
    """A version as a file that can be read in again: never shown as a page."""
    _require_agency(request)
    version = _version(code, day)
    head = {name: str(getattr(version.scheme, name)) for name in HEAD}
    text = write_file(head, [(version.valid_from, version.parsed)])
    response = HttpResponse(text, content_type="application/toml; charset=utf-8")
    name = f"{version.scheme.code}-{version.valid_from}.toml"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


@never_cache
@require_POST
def withdraw_version(request: HttpRequest, code: str, day: str) -> HttpResponse:
    """A manager proposes to take back a version that has not begun."""
    user = _require_agency(request)
    version = _version(code, day)
    if not permissions.may_draft_schemes(user, version.scheme):
        raise PermissionDenied
    try:
        draft = scheme_drafts.propose_withdrawal(
            actor=user, version=version, reason=request.POST.get("reason", "")
        )
    except DomainError as refusal:
        return _agency_scheme(request, user, version.scheme, error=sentence(refusal), status=409)
    messages.success(request, _("Another manager can now take these rules back."))
    return redirect("scheme_draft", draft_id=draft.public_id)


def _agency_scheme(
    request: HttpRequest, user: User, scheme: Scheme, *, error: str = "", status: int = 200
) -> HttpResponse:
    today = selected.today(scheme)
    versions = SchemeVersion.with_withdrawn.filter(scheme=scheme).select_related("author", "approver")
    context = {
        "scheme": scheme,
        "error": error,
        "reason": request.POST.get("reason", ""),
        "rows": [
            {
                "version": version,
                "coming": version.valid_from > today and version.withdrawn_at is None,
                "holds": version.withdrawn_at is None and selected.version_at([version], today) is not None,
            }
            for version in versions.order_by("-valid_from", "-pk")
        ],
        "budgets": scheme.budgets.order_by("name"),
        "drafts": _drafts(selected.drafts(permissions.drafts_for(user)).filter(scheme=scheme)),
        "may_draft": permissions.may_draft_schemes(user, scheme),
    }
    return render(request, "funding/scheme_admin.html", context, status=status)


def _drafts(found: object) -> list[tuple[object, object]]:
    return [(draft, words.word(words.DRAFT_STATES, draft.state)) for draft in found]  # type: ignore[attr-defined]


def _version(code: str, day: str) -> SchemeVersion:
    first = _day(day)
    if first is None:
        raise Http404
    return get_object_or_404(
        SchemeVersion.objects.select_related("scheme"), scheme__code=code, valid_from=first
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _require_agency(request: HttpRequest) -> User:
    user = cast("User", request.user)
    if not permissions.may_see_schemes(user):
        raise PermissionDenied
    return user
