"""Claims for the agency: the queue, one claim with its proof, and several decided at once in two steps."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from funding import permissions, words
from funding.agency_forms import ClaimFilter, ReasonForm
from funding.models import Claim, ClaimState
from funding.selectors.agency_claims import ClaimRow, claims_for, rows_of, schemes_for, searched, with_proof
from funding.sentences import sentence
from funding.services.claim_decisions import decide_claims

PER_PAGE = 25
# So many may be ticked on one page; more are not decided with a look at each.
MOST = 50


@never_cache
@require_safe
def claim_list(request: HttpRequest) -> HttpResponse:
    """Claims that wait for a decision, the first to be paid first; others by filter."""
    user = _reader(request)
    schemes = permissions.schemes_of(user, *permissions.CLAIM_ROLES)
    form = ClaimFilter(request.GET, schemes=schemes_for(schemes))
    found = searched(
        claims_for(schemes),
        state=form.asked("state"),
        scheme=form.asked("scheme"),
        text=form.asked("q"),
        only=form.asked("only"),
    )
    page = Paginator(with_proof(found), PER_PAGE).get_page(request.GET.get("page"))
    totals = found.order_by().values("currency").annotate(number=Count("pk"), cents=Sum("amount_cents"))
    context = {
        "form": form,
        "page": page,
        "rows": [_told(row, user) for row in rows_of(list(page))],
        "totals": totals,
        "may_decide": permissions.may_pay(None, user),
    }
    return render(request, "funding/agency/claims.html", context)


@never_cache
@require_safe
def claim_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One claim: what proves it, what speaks against it, what happened to it."""
    user = _reader(request)
    claim = (
        with_proof(claims_for(permissions.schemes_of(user, *permissions.CLAIM_ROLES))).filter(pk=pk).first()
    )
    if claim is None:
        raise Http404
    (row,) = rows_of([claim])
    context = {
        "claim": claim,
        "row": _told(row, user),
        "zone": claim.booking.account.scheme.timezone,
        "lines": [
            (words.word(words.SOURCES, line.allocation.source), line.amount_cents)
            for line in claim.lines.select_related("allocation").order_by("pk")
        ],
        "events": [
            (each, words.word(words.CLAIM_EVENTS, each.transition))
            for each in claim.log.select_related("actor").order_by("pk")
        ],
        "payments": claim.payments.select_related("batch").order_by("pk"),
        "sees_batches": permissions.may_see_batches(user),
        "may_decide": permissions.may_pay(claim, user),
    }
    return render(request, "funding/agency/claim.html", context)


@never_cache
@require_POST
def claims_decide(request: HttpRequest) -> HttpResponse:
    """What was ticked, once more with its totals; then the decision, one claim after another."""
    user = _reader(request)
    if not permissions.may_pay(None, user):
        raise PermissionDenied
    approve = request.POST.get("decision") == "approve"
    seen = _seen(request)
    form = ReasonForm(request.POST if "confirm" in request.POST or not approve else None)
    visible = claims_for(permissions.schemes_of(user, *permissions.PAYMENT_ROLES))
    claims = {claim.pk: claim for claim in with_proof(visible.filter(pk__in=seen))}
    if any(pk not in claims for pk in seen):
        raise Http404
    if not seen:
        messages.info(request, _("Tick at least one claim."))
        return redirect("agency_claims")
    confirmed = "confirm" in request.POST and (approve or form.is_valid())
    if confirmed:
        reason = "" if approve else form.cleaned_data["reason"]
        decided = decide_claims(actor=user, seen=seen, approve=approve, reason=reason)
        waiting = [claim for claim in decided.done if claim.state == ClaimState.SUBMITTED]
        if len(waiting) < len(decided.done):
            messages.success(request, _said(len(decided.done) - len(waiting), approve=approve))
        if waiting:
            messages.success(request, _said_first(len(waiting)))
        if not decided.left_out:
            return redirect("agency_claims")
        context = {
            "approve": approve,
            "done": [claims[claim.pk] for claim in decided.done],
            "waiting": [claim.pk for claim in waiting],
            "left_out": [(claims[pk], sentence(refused)) for pk, refused in decided.left_out],
        }
        return render(request, "funding/agency/claims_done.html", context, status=409)
    rows = [_told(row, user) for row in rows_of([claims[pk] for pk in seen])]
    ready = [row for row in rows if row["decidable"]]
    context = {
        "approve": approve,
        "rows": ready,
        "left_out": [row for row in rows if not row["decidable"]],
        "totals": _totals([row["claim"] for row in ready]),
        "some_need_two": any(row["two_above_cents"] is not None for row in ready),
        "form": form if "confirm" in request.POST else ReasonForm(),
    }
    failed = "confirm" in request.POST
    return render(request, "funding/agency/claims_decide.html", context, status=422 if failed else 200)


def _seen(request: HttpRequest) -> dict[int, str]:
    """The ticked claims, each with what was shown of it; what is no claim is nobody's."""
    seen = {}
    for each in request.POST.getlist("claim")[:MOST]:
        number, _colon, shown = each.partition(":")
        if not (number.isascii() and number.isdigit() and len(number) < 19):
            raise Http404
        seen[int(number)] = shown
    return seen


def _told(row: ClaimRow, user: User) -> dict[str, Any]:
    claim = row.claim
    own = claim.author_id == user.pk
    first = row.first if row.two_above_cents is not None else None
    mine = first is not None and first.approver_id == user.pk
    return {
        "row": row,
        "claim": claim,
        "kind": words.word(words.CLAIM_KINDS, claim.kind),
        "state": words.word(words.CLAIM_STATES, claim.state),
        "flags": [words.word(words.FLAGS, flag) for flag in row.booking.flags],
        "reviews": [words.word(words.REVIEW_REASONS, review.reason) for review in row.reviews],
        "booking_state": words.word(words.BOOKING_STATES, row.booking.state),
        "certificates": [words.CERTIFICATES.get(one.kind, one.kind) for one in row.certificates],
        "own": own,
        "disputed": row.booking.state == "disputed",
        "first": first,
        "first_mine": mine,
        "two_above_cents": row.two_above_cents,
        "decidable": not own and not mine and claim.state == ClaimState.SUBMITTED,
        "ticket": f"{claim.pk}:{row.seen}",
    }


def _totals(claims: list[Claim]) -> list[tuple[str, str, int, int]]:
    """By provider and currency: how many claims and how many cents; the last rows are the sums by currency."""
    numbers: dict[tuple[str, str], int] = defaultdict(int)
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for claim in claims:
        for name in (str(claim.provider), ""):
            numbers[name, claim.currency] += 1
            sums[name, claim.currency] += claim.amount_cents
    # The nameless rows, the sums by currency, come last.
    order = sorted(sums, key=lambda key: (not key[0], key))
    return [(name, currency, numbers[name, currency], sums[name, currency]) for name, currency in order]


def _said(number: int, *, approve: bool) -> str:
    if approve:
        return ngettext("%(number)d claim is approved.", "%(number)d claims are approved.", number) % {
            "number": number
        }
    return ngettext("%(number)d claim is rejected.", "%(number)d claims are rejected.", number) % {
        "number": number
    }


def _said_first(number: int) -> str:
    return ngettext(
        "%(number)d claim has your approval and waits for a second person's.",
        "%(number)d claims have your approval and wait for a second person's.",
        number,
    ) % {"number": number}


def _reader(request: HttpRequest) -> User:
    user = cast("User", request.user)
    if not permissions.may_see_claims(user):
        raise PermissionDenied
    return user
