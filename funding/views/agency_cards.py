"""Payments by card and through Stripe, for who pays and who audits: debts, disputes, findings, refused messages."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import User
from funding import card_words, permissions, recovery_words
from funding.models import CardPayment
from funding.selectors import agency_cards as selected

PER_PAGE = 25


@never_cache
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """What is owed after charge-backs, page by page, and everything else that a person has to know of."""
    _reader(request)
    page = Paginator(selected.open_debts(), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "debts": [
            (
                each,
                card_words.DEBT_STATES[each.state],
                card_words.DEBT_COLOURS[each.state],
                _about(each.payment),
            )
            for each in page
        ],
        "owed": selected.owed_by_currency(),
        "disputes": [
            (each, card_words.dispute(each.status), _about(each.payment))
            for each in selected.open_disputes()[:PER_PAGE]
        ],
        "findings": [
            (each, card_words.finding_of(each.finding, paid=each.succeeded_at is not None), _about(each))
            for each in selected.found_payments()[:PER_PAGE]
        ],
        "refunds": [
            (each, card_words.REFUNDS.get(each.status, each.status), _about(each.payment))
            for each in selected.stuck_refunds()[:PER_PAGE]
        ],
        "payouts": selected.stuck_payouts()[:PER_PAGE],
        "webhooks": [
            (each, card_words.WEBHOOKS.get(each.reason, each.reason)) for each in selected.refused_webhooks()
        ],
        "events": [(each, card_words.event(each.finding)) for each in selected.unused_events()],
    }
    return render(request, "funding/agency/cards.html", context)


@never_cache
@require_safe
def payment(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One payment with its refunds and disputes, what is owed of it, how that was paid, and what Stripe told."""
    _reader(request)
    one = get_object_or_404(selected.payments(), public_id=public_id)
    debt = one.debt if hasattr(one, "debt") else None
    context = {
        "payment": one,
        "about": _about(one),
        "state": card_words.STATES[one.state],
        "colour": card_words.COLOURS.get(one.state, ""),
        "finding": card_words.finding_of(one.finding, paid=one.succeeded_at is not None),
        "method": card_words.METHODS.get(one.method, ""),
        "debt": debt,
        "debt_state": card_words.DEBT_STATES[debt.state] if debt is not None else "",
        "debt_colour": card_words.DEBT_COLOURS[debt.state] if debt is not None else "",
        "receipts": [
            (each, recovery_words.FINDINGS.get(each.finding, each.finding) if each.finding else "")
            for each in (debt.receipts.order_by("pk") if debt is not None else ())
        ],
        "repayments": [
            (each, card_words.STATES[each.state])
            for each in (debt.repayments.order_by("pk") if debt is not None else ())
        ],
        "refunds": [
            (each, card_words.REFUNDS.get(each.status, each.status))
            for each in one.refunds.order_by("-wanted_at", "-pk")
        ],
        "disputes": [
            (each, card_words.dispute(each.status)) for each in one.disputes.order_by("-opened_at", "-pk")
        ],
        "events": one.events.order_by("-created_at", "-pk")[:PER_PAGE],
    }
    return render(request, "funding/agency/card_payment.html", context)


def _about(one: CardPayment) -> Any:
    """Whose payment it is, as the agency knows them: an employer by its name, a learner by their address."""
    return one.top_up.organisation.name if one.top_up is not None else one.payer.email


def _reader(request: HttpRequest) -> None:
    # What Stripe holds is every scheme's, as the bank's account is.
    if not permissions.is_for_every_scheme(cast("User", request.user), *permissions.BATCH_ROLES):
        raise PermissionDenied
