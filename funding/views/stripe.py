"""Where Stripe tells what happened, and the pages of a payment by card or debit."""

from __future__ import annotations

from datetime import timedelta
from typing import cast
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.permissions import manages_organisation, works_for_organisation
from funding import card_words, tasks
from funding.cards.config import cards_are_taken
from funding.cards.port import CardsRefused, CardsUnavailable
from funding.models import CardPayment, Reservation
from funding.models.card_payments import WAITING
from funding.sentences import sentence
from funding.services import card_events, card_payments, card_refunds, payer_debts
from funding.views.employers import own_order
from ila.core import clock, jobs
from ila.core.errors import DomainError

# Whoever comes back from paying is shown what Stripe says now; who reloads soon after, what it said then.
FRESH = timedelta(seconds=5)


@csrf_exempt
@login_not_required
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """What Stripe tells: kept and answered at once; a job works on it."""
    if not cards_are_taken():
        raise Http404
    header = request.headers.get("Stripe-Signature")
    try:
        seen = card_events.believe(body=request.body, header=header)
    except DomainError as refused:
        return HttpResponse(refused.code, status=refused.status, content_type="text/plain")
    # With its job in one transaction: what was answered with 200 is never lost.
    with transaction.atomic():
        event = card_events.keep_event(seen, told_by="webhook")
        if event is not None and event.done_at is None:
            jobs.defer(tasks.process_stripe_event, event_id=event.pk)
    return HttpResponse(status=200)


@never_cache
@require_safe
def payment_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One payment: what for, whether it is paid, where to pay it."""
    payment = _own(request, public_id)
    answers = True
    if payment.state in WAITING and _is_old(payment) and payment.session_id is not None:
        try:
            payment = card_payments.refresh(payment_id=payment.pk)
        except (CardsUnavailable, CardsRefused):
            answers = False
    payment = _own(request, public_id)
    kept = Reservation.objects.select_related("window").filter(payment=payment).first()
    # Stripe's page is closed by the next sweep; nothing is kept for who pays there until then.
    left = payment.state == "opened" and kept is not None and kept.ended_at is not None
    context = {
        "payment": payment,
        "left": left,
        "window": kept.window if kept else None,
        "kept_cents": kept.reserved_cents if kept and kept.window else 0,
        "state": card_words.STATES[payment.state],
        "colour": card_words.COLOURS.get(payment.state, ""),
        "failure": card_words.failure(payment.failure) if payment.failure else "",
        "finding": card_words.finding_of(payment.finding, paid=payment.succeeded_at is not None),
        "method": card_words.METHODS.get(payment.method, ""),
        "open": payment.state == "opened" and not left and payment.expires_at > clock.now(),
        "answers": answers,
        "may_end": payment.payer_id == request.user.pk and payment.state == "opened" and not left,
        "refunds": [
            (each, card_words.REFUNDS.get(each.status, each.status))
            for each in payment.refunds.order_by("-wanted_at", "-pk")
        ],
        "disputes": [
            (each, card_words.dispute(each.status)) for each in payment.disputes.order_by("-opened_at", "-pk")
        ],
        "owed_cents": payment.debt.owed_cents if hasattr(payment, "debt") else 0,
        "pays_debt": hasattr(payment, "debt")
        and payer_debts.may_pay_debt(payment.debt, cast("User", request.user)),
        "iban": settings.BANK_ACCOUNT_IBAN,
        "holder": settings.BANK_ACCOUNT_NAME,
        "takes_cards": cards_are_taken(),
        "zone": payment.booking.account.scheme.timezone if payment.booking else payment.scheme.timezone,
    }
    return render(request, "funding/card_payment.html", context)


@never_cache
@require_POST
def payment_open(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Ask Stripe once more for the page that it did not give."""
    payment = _own(request, public_id)
    _open(request, payment)
    return redirect("card_payment", public_id)


@never_cache
@require_POST
def payment_give_up(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Whoever was to pay does not want to."""
    payment = _own(request, public_id)
    try:
        payment = card_payments.give_up(actor=cast("User", request.user), payment_id=payment.pk)
    except DomainError as refusal:
        messages.error(request, sentence(refusal))
    except (CardsUnavailable, CardsRefused):
        messages.error(request, _("Stripe does not answer at the moment. Try again in a few minutes."))
    else:
        if payment.state == "expired":
            messages.success(request, _("The payment is cancelled. Nothing was taken from you."))
    return redirect("card_payment", public_id)


@never_cache
@require_POST
def top_up_pay(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Pay what is missing of an order by card or direct debit."""
    order = own_order(request, public_id)
    if not cards_are_taken() or not manages_organisation(order, request.user):
        raise Http404
    try:
        payment = card_payments.start_for_top_up(
            actor=cast("User", request.user), top_up_id=order.pk, language=get_language() or "en"
        )
    except DomainError as refusal:
        messages.error(request, sentence(refusal))
        return redirect("employer_top_up", public_id)
    _open(request, payment)
    return redirect("card_payment", payment.public_id)


@never_cache
@require_POST
def debt_pay(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Pay by card what is owed of a payment that one's bank took back."""
    payment = _own(request, public_id)
    if not cards_are_taken() or not hasattr(payment, "debt"):
        raise Http404
    try:
        made = payer_debts.start_by_card(
            actor=cast("User", request.user), debt_id=payment.debt.pk, language=get_language() or "en"
        )
    except DomainError as refusal:
        if refusal.status == 404:
            raise Http404 from refusal
        messages.error(request, sentence(refusal))
        return redirect("card_payment", public_id)
    _open(request, made)
    return redirect("card_payment", made.public_id)


@never_cache
@require_POST
def top_up_refund(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Send what an order has too much back to the card or account that paid it."""
    order = own_order(request, public_id)
    if not cards_are_taken() or not manages_organisation(order, request.user):
        raise Http404
    try:
        with transaction.atomic():
            made = card_refunds.request_for_top_up(actor=cast("User", request.user), top_up_id=order.pk)
            for refund in made:
                jobs.defer(tasks.send_card_refund, refund_id=refund.pk)
    except DomainError as refusal:
        messages.error(request, sentence(refusal))
    else:
        messages.success(request, _("It is sent back to the card or account that paid it."))
    return redirect("employer_top_up", public_id)


def _open(request: HttpRequest, payment: CardPayment) -> None:
    try:
        card_payments.open_at_stripe(payment_id=payment.pk)
    except CardsUnavailable:
        messages.error(request, _("Stripe does not answer at the moment. Try again in a few minutes."))


def _own(request: HttpRequest, public_id: UUID) -> CardPayment:
    """The payment, for its payer and for those who act for the employer; to everybody else there is none (404)."""
    related = (
        "scheme",
        "top_up",
        "booking__credential",
        "booking__account__scheme",
        "debt",
        "repays__payment",
    )
    payment = CardPayment.objects.select_related(*related).filter(public_id=public_id).first()
    if payment is None:
        raise Http404
    employer = payment.top_up is not None and works_for_organisation(payment.top_up, request.user)
    # Who left the employer sees its payments no more, even their own.
    if not employer and (payment.top_up is not None or payment.payer_id != request.user.pk):
        raise Http404
    return payment


def _is_old(payment: CardPayment) -> bool:
    return payment.looked_at is None or payment.looked_at < clock.now() - FRESH
