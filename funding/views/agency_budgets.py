"""Budgets for the agency: where a scheme's money stands, and giving it more by two persons."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import Role, User
from funding import permissions, words
from funding.agency_forms import AppropriationForm, ReasonForm
from funding.models import Appropriation, AppropriationState
from funding.selectors import agency_budgets as selected
from funding.selectors.agency_claims import schemes_for
from funding.sentences import sentence
from funding.services import appropriations
from ila.core.errors import DomainError

PER_PAGE = 25
SHOWN = 20


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def budget_list(request: HttpRequest) -> HttpResponse:
    """Each scheme's money by place, its budgets with what is left, and proposals; a POST counts again."""
    user = _reader(request)
    if request.method == "POST":
        selected.count_again()
        return redirect("agency_budgets")
    schemes = _schemes(user)
    page = Paginator(schemes_for(schemes), PER_PAGE).get_page(request.GET.get("page"))
    at, money = selected.money_by_scheme(page.object_list)  # type: ignore[arg-type]
    waiting = selected.proposals_for(schemes).filter(state=AppropriationState.PROPOSED)
    context = {
        "page": page,
        "at": at,
        "money": [_money(one) for one in money],
        "warnings": [(one.scheme, row) for one in money for row in one.budgets if row.warning],
        "waiting": waiting[:SHOWN],
        "may_propose": permissions.may_propose_appropriation(None, user),
    }
    return render(request, "funding/agency/budgets.html", context)


@never_cache
@require_http_methods(["GET", "HEAD"])
def budget_detail(request: HttpRequest, code: str) -> HttpResponse:
    """One scheme's money, and every act that gave it some."""
    user = _reader(request)
    scheme = get_object_or_404(schemes_for(_schemes(user)), code=code)
    at, (money,) = selected.money_by_scheme(schemes_for({scheme.pk}))
    page = Paginator(selected.history_of(scheme), PER_PAGE).get_page(request.GET.get("page"))
    proposals = {
        f"appropriation:{one.public_id}": one
        for one in selected.proposals_for({scheme.pk}).filter(state=AppropriationState.APPROVED)
    }
    context = {
        "one": _money(money),
        "at": at,
        "page": page,
        "history": [(entry, proposals.get(entry.idempotency_key)) for entry in page],
        "proposals": [
            (one, words.word(words.APPROPRIATION_STATES, one.state))
            for one in selected.proposals_for({scheme.pk})[:SHOWN]
        ],
        "may_propose": permissions.may_propose_appropriation(scheme, user),
    }
    return render(request, "funding/agency/budget.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def appropriation_new(request: HttpRequest) -> HttpResponse:
    """Propose money for a budget: write it down, read it again, propose it."""
    user = _reader(request)
    if not permissions.may_propose_appropriation(None, user):
        raise PermissionDenied
    schemes = schemes_for(permissions.schemes_of(user, *permissions.PAYMENT_ROLES))
    posted = request.POST if request.method == "POST" else None
    form = AppropriationForm(posted, schemes=schemes, initial={"scheme": request.GET.get("scheme", "")})
    error, read_again = "", False
    if form.is_bound and form.is_valid() and "change" not in request.POST:
        values = form.cleaned_data
        read_again = "confirm" not in request.POST
        if not read_again:
            try:
                proposal = appropriations.propose_appropriation(
                    actor=user,
                    scheme=values["scheme"],
                    budget_name=values["budget"],
                    amount_cents=form.amount_cents,
                    reason=values["reason"],
                    document=values["document"],
                )
            except DomainError as refused:
                error = sentence(refused)
            else:
                messages.success(request, _("Proposed. Another manager gives the money, or says no."))
                return redirect("agency_appropriation", proposal.public_id)
    context = {"form": form, "error": error, "read_again": read_again}
    status = 409 if error else 422 if form.errors else 200
    return render(request, "funding/agency/appropriation_new.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def appropriation(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One proposal: what it is, and the other person's decision, confirmed on a second page."""
    user = _reader(request)
    proposal = get_object_or_404(selected.proposals_for(_schemes(user)), public_id=public_id)
    may_decide = permissions.may_decide_appropriation(proposal, user)
    may_take_back = permissions.is_proposer(proposal, user)
    act = request.POST.get("act", "") if request.method == "POST" else ""
    form = ReasonForm(request.POST if act == "reject" else None)
    error, confirm = "", False
    if act:
        if not (may_take_back if act == "take_back" else may_decide):
            raise PermissionDenied
        confirm = act == "approve" and "confirm" not in request.POST
        if not confirm and (act != "reject" or form.is_valid()):
            try:
                _act(request, user, proposal, act, form)
            except DomainError as refused:
                error = sentence(refused)
            else:
                return redirect("agency_appropriation", proposal.public_id)
    context = {
        "proposal": proposal,
        "state": words.word(words.APPROPRIATION_STATES, proposal.state),
        "events": [
            (each, words.word(words.APPROPRIATION_EVENTS, each.transition))
            for each in proposal.log.select_related("actor").order_by("pk")
        ],
        "open": proposal.state == AppropriationState.PROPOSED,
        "may_decide": may_decide,
        "may_take_back": may_take_back,
        "confirm": confirm,
        "form": form,
        "error": error,
    }
    status = 409 if error else 422 if form.errors else 200
    return render(request, "funding/agency/appropriation.html", context, status=status)


def _act(request: HttpRequest, user: User, proposal: Appropriation, act: str, form: ReasonForm) -> None:
    if act == "approve":
        appropriations.approve_appropriation(actor=user, public_id=proposal.public_id)
        # The page counts anew: what was given is in the budget.
        cache.delete(selected.KEY)
        messages.success(request, _("The money is in the budget."))
    elif act == "reject":
        appropriations.reject_appropriation(
            actor=user, public_id=proposal.public_id, reason=form.cleaned_data["reason"]
        )
        messages.success(request, _("The proposal is rejected."))
    elif act == "take_back":
        appropriations.take_back_appropriation(actor=user, public_id=proposal.public_id)
        messages.success(request, _("The proposal is taken back."))
    else:
        raise DomainError("not_allowed", act=act)


def _money(one: selected.SchemeMoney) -> dict[str, Any]:
    return {
        "money": one,
        "scheme": one.scheme,
        "places": [(place, words.BUDGET_PLACES[place], cents) for place, cents in one.places if cents],
        "bar": one.bar,
    }


def _schemes(user: User) -> frozenset[int] | None:
    return permissions.schemes_of(user, *Role)


def _reader(request: HttpRequest) -> User:
    user = cast("User", request.user)
    if not permissions.may_see_budgets(user):
        raise PermissionDenied
    return user
