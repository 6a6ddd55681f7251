"""Claims: the clerk's queue, and the person's answer."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.identity import words
from accounts.identity.facts import BirthDate
from accounts.identity.forms import AnswerForm, DecisionForm
from accounts.models import CitizenMark, IdentityClaim, User
from accounts.models.identities import OPEN_STATES
from accounts.permissions import may_decide_identities
from accounts.services import identity_claims
from ila.core.errors import DomainError

PER_PAGE = 25


@never_cache
@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """What waits for a decision, the oldest first; or what was decided, the latest first."""
    _may(request)
    decided = request.GET.get("show") == "decided"
    claims = IdentityClaim.objects.select_related("identity")
    if decided:
        claims = claims.exclude(state__in=OPEN_STATES).order_by("-decided_at", "-pk")
    else:
        claims = claims.filter(state__in=OPEN_STATES).order_by("opened_at", "pk")
    page = Paginator(claims, PER_PAGE).get_page(request.GET.get("page"))
    rows = [(one, words.STATES[one.state], words.REASONS[one.reason]) for one in page]
    context = {"page": page, "rows": rows, "decided": decided}
    return render(request, "account/claims.html", context)


@never_cache
@require_GET
def claim(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One claim, with everybody the person may be, and which facts agree."""
    _may(request)
    return _page(request, _found(public_id))


@never_cache
@require_POST
def act(request: HttpRequest, public_id: uuid.UUID, act: str) -> HttpResponse:
    """Ask, match, confirm, send back, make an account, or refuse."""
    user = _may(request)
    found = _found(public_id)
    if act not in _ACTS:
        raise Http404
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form=form)
    try:
        _ACTS[act](user, found, form.cleaned_data, request)
    except DomainError as refusal:
        about = str(refusal.params.get("what") or refusal.params.get("fact") or "")
        error = words.REFUSALS.get(about) or words.REFUSALS.get(refusal.code, words.REFUSALS["not_allowed"])
        return _page(request, _found(public_id), form=form, error=error)
    messages.success(request, _("It is done."))
    return redirect("identity_claim", public_id)


@never_cache
@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest) -> HttpResponse:
    """The person answers what a clerk asked. 404 where nothing was asked."""
    user = cast("User", request.user)
    asked = IdentityClaim.objects.filter(user=user, state="questioned").first()
    if asked is None:
        if request.method == "POST":
            return redirect("identity_account")
        raise Http404
    form = AnswerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            identity_claims.answer_question(user=user, answer=form.cleaned_data["answer"])
        except DomainError as refusal:
            form.add_error(
                "answer", words.REFUSALS["answer" if refusal.code == "incomplete" else "not_allowed"]
            )
        else:
            return redirect("identity_account")
    context = {"form": form, "claim": asked}
    return render(request, "account/identity_answer.html", context, status=422 if form.errors else 200)


def _match(user: User, found: IdentityClaim, data: dict[str, Any], request: HttpRequest) -> None:
    try:
        citizen = uuid.UUID(request.POST.get("citizen", ""))
    except ValueError:
        raise DomainError("not_found", status=404, kind="citizen") from None
    identity_claims.match_claim(
        actor=user, claim_id=found.public_id, citizen_id=citizen, reason=data["reason"]
    )


def _create(user: User, found: IdentityClaim, data: dict[str, Any], _request: HttpRequest) -> None:
    identity_claims.create_account(
        actor=user, claim_id=found.public_id, reason=data["reason"], birth_date=data["birth_date"]
    )


def _ask(user: User, found: IdentityClaim, data: dict[str, Any], _request: HttpRequest) -> None:
    identity_claims.ask_person(actor=user, claim_id=found.public_id, question=data["reason"])


def _plain(service: Callable[..., Any]) -> Callable[[User, IdentityClaim, dict[str, Any], HttpRequest], None]:
    def run(user: User, found: IdentityClaim, data: dict[str, Any], _request: HttpRequest) -> None:
        service(actor=user, claim_id=found.public_id, reason=data["reason"])

    return run


_ACTS: dict[str, Callable[[User, IdentityClaim, dict[str, Any], HttpRequest], None]] = {
    "ask": _ask,
    "match": _match,
    "confirm": _plain(identity_claims.confirm_match),
    "send_back": _plain(identity_claims.send_back),
    "create": _create,
    "refuse": _plain(identity_claims.refuse_claim),
}


def _may(request: HttpRequest) -> User:
    if not may_decide_identities(request.user):
        raise PermissionDenied
    return cast("User", request.user)


def _found(public_id: uuid.UUID) -> IdentityClaim:
    found = (
        IdentityClaim.objects.select_related("identity", "citizen", "proposed_by")
        .filter(public_id=public_id)
        .first()
    )
    if found is None:
        raise Http404
    return found


def _page(
    request: HttpRequest, one: IdentityClaim, *, form: DecisionForm | None = None, error: Any = ""
) -> HttpResponse:
    told = BirthDate.parse(one.birth_date)
    candidates = [
        {
            "row": row,
            "citizen": row.citizen,
            "facts": [(_fact(kind), agrees) for kind, agrees in sorted(row.agreement.items())],
            "same_name": row.likeness == 100,
            "same_day": told is not None and told.may_be(row.citizen.birth_date),
            "claimed": row.citizen.user_id is not None,
        }
        for row in one.candidates.select_related("citizen").order_by("-likeness", "pk")
    ]
    context = {
        "claim": one,
        "whole": told is not None and told.whole is not None,
        "state_label": words.STATES[one.state],
        "reason_label": words.REASONS[one.reason],
        "candidates": candidates,
        "log": [
            (row, words.ACTS.get(row.transition, row.transition))
            for row in one.log.select_related("actor").order_by("pk")
        ],
        "form": form or DecisionForm(),
        "error": error,
        "error_target": "id_reason",
        "own": one.user_id == request.user.pk,
        "proposer": one.proposed_by_id == request.user.pk,
    }
    status = 422 if error or (form is not None and form.errors) else 200
    return render(request, "account/claim.html", context, status=status)


def _fact(kind: str) -> Any:
    return words.FACTS["national_id" if kind.startswith(CitizenMark.NATIONAL_ID) else kind]
