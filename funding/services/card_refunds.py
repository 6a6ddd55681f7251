"""Money back to whoever paid by card or debit: on our word, or found at Stripe, where somebody else gave it."""

from collections.abc import Sequence

from django.db import transaction

from accounts.models import User
from accounts.permissions import manages_organisation
from accounts.services import messages, service_users
from funding.cards.config import open_cards
from funding.cards.port import (
    DISPUTE_OVER,
    REFUND_RANK,
    REFUND_UNDONE,
    CardsRefused,
    RefundSeen,
)
from funding.models import CardPayment, CardPaymentState, CardRefund, TopUp, TopUpState
from funding.models.top_ups import OPEN_REFUNDS
from funding.services import card_money
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError


def request_for_top_up(*, actor: User, top_up_id: int) -> list[CardRefund]:
    """Send back to the cards and accounts that paid it what an order has too much, newest payment first.

    Locks: the top-up, its payments. Raises: DomainError `not_found` (404), `not_allowed` (403), `nothing_to_refund`,
    `already_waiting` while a refund by transfer is asked for.
    """
    service = service_users.get("cards")
    made = []
    with transaction.atomic():
        order: TopUp
        (order,) = locks.acquire(locks.lock(TopUp, top_up_id))
        if not manages_organisation(order, actor):
            raise DomainError("not_allowed", status=403)
        if order.refunds.filter(state__in=OPEN_REFUNDS).exists():
            raise DomainError("already_waiting")
        left = order.refundable_cents
        payments = CardPayment.objects.filter(top_up=order, state=CardPaymentState.SUCCEEDED)
        for payment in reversed(locks.acquire_set(payments.select_related("scheme"))):
            cents = min(left, payment.returnable_cents)
            if cents > 0 and not has_open_dispute(payment):
                made.append(want(payment, order, cents, reason="asked_for", actor=service))
                payment.save(update_fields=["refunded_cents"])
                left -= cents
        if not made:
            raise DomainError("nothing_to_refund")
    return made


def want(payment: CardPayment, order: TopUp | None, cents: int, *, reason: str, actor: User) -> CardRefund:
    """Promise so many cents to the payer: from now on nobody else gets them. The caller saves the payment."""
    refund = CardRefund(payment=payment, amount_cents=cents, reason=reason[:100])
    refund.save(force_insert=True)
    parts = card_money.take(payment, order, cents, what="card_refund", which=str(refund.pk), actor=actor)
    if parts.debt:
        raise RuntimeError(f"{payment} promises {parts.debt} cents that are not there")
    refund.from_due_cents, refund.from_deposit_cents = parts.due, parts.deposit
    refund.save(update_fields=["from_due_cents", "from_deposit_cents"])
    payment.refunded_cents += cents
    return refund


def want_own(payment: CardPayment, *, actor: User) -> CardRefund | None:
    """Promise a learner what they are owed: for a booking that ended (F-23), or one that did not come about.

    Not while a dispute takes the same money away, and one refund at a time.
    """
    if payment.state != CardPaymentState.SUCCEEDED or has_open_dispute(payment):
        return None
    cents = min(card_money.due_cents(payment) + payment.deposit_cents, payment.returnable_cents)
    # One that Stripe or the payer's bank would not have is for a person to look at.
    if cents <= 0 or payment.refunds.filter(made_here=True, status__in=["wanted", *REFUND_UNDONE]).exists():
        return None
    return want(payment, None, cents, reason="owed", actor=actor)


def want_owed(*, payment_id: int) -> CardRefund | None:
    """Promise what a learner is owed of a payment now; what they owe us is paid first. Locks: booking, payment."""
    actor = service_users.get("cards")
    with transaction.atomic():
        payment, _order = lock_with_order(payment_id)
        card_money.settle_with_due(payment, actor=actor)
        refund = want_own(payment, actor=actor)
        payment.save()
    return refund


def has_open_dispute(payment: CardPayment) -> bool:
    """Whether the payer's bank has been asked for the money too."""
    return payment.disputes.exclude(status__in=DISPUTE_OVER).exists()


def send(*, refund_id: int) -> CardRefund:
    """Ask Stripe for a promised refund, once, however often this is called. Outside transactions.

    Where Stripe says no for good, the money lies where it was, and a person looks at it. Raises: CardsUnavailable;
    CardsRefused where it is about our key and not about the refund.
    """
    refund = CardRefund.objects.select_related("payment").get(pk=refund_id)
    if refund.status != "wanted":
        return refund
    assert refund.payment.intent_id is not None
    try:
        seen = open_cards().refund(
            key=f"ila-refund-{refund.public_id}",
            reference=str(refund.public_id),
            intent_id=refund.payment.intent_id,
            amount_cents=refund.amount_cents,
        )
    except CardsRefused as refused:
        if not refused.about_it:
            # It is about our key: the refund waits until that is right.
            raise
        seen = RefundSeen("", refund.amount_cents, "refused", str(refund.public_id))
        reason = refused.code
    else:
        reason = ""
    with transaction.atomic():
        payment, order = lock_with_order(refund.payment_id)
        apply_refunds(payment, order, [seen], actor=service_users.get("cards"))
        payment.save()
        if reason:
            CardRefund.objects.filter(pk=refund_id).update(reason=reason[:100])
    refund.refresh_from_db()
    return refund


def apply_refunds(
    payment: CardPayment, order: TopUp | None, seen: Sequence[RefundSeen], *, actor: User
) -> None:
    """Take over what Stripe says of refunds. The payment and its order are locked; the caller saves the payment."""
    for each in seen:
        refund = _known(payment, each)
        if refund is None:
            if each.status not in REFUND_UNDONE:
                _found(payment, order, each, actor)
            continue
        if REFUND_RANK.get(each.status, 1) <= REFUND_RANK[refund.status]:
            continue
        if each.refund_id:
            refund.refund_id = each.refund_id
        was, refund.status = refund.status, each.status if each.status in REFUND_RANK else "pending"
        if refund.status in REFUND_UNDONE:
            refund.closed_at = clock.now()
            payment.refunded_cents -= refund.amount_cents
            card_money.put_back(
                payment,
                order,
                refund.amount_cents,
                what="card_refund_undone",
                which=str(refund.pk),
                actor=actor,
            )
        elif refund.status == "succeeded" and was != "succeeded":
            refund.closed_at = clock.now()
            _done(payment, order, refund, actor)
        refund.save()


def _known(payment: CardPayment, seen: RefundSeen) -> CardRefund | None:
    refunds = CardRefund.objects.select_for_update(no_key=True).filter(payment=payment)
    if seen.refund_id:
        found = refunds.filter(refund_id=seen.refund_id).first()
        if found is not None:
            return found
    ours = [each for each in refunds if str(each.public_id) == seen.reference]
    return ours[0] if ours else None


def _found(payment: CardPayment, order: TopUp | None, seen: RefundSeen, actor: User) -> None:
    """Somebody gave it back in Stripe's own pages: it is gone, whether or not it lay there."""
    refund = CardRefund.objects.create(
        payment=payment,
        refund_id=seen.refund_id,
        amount_cents=seen.amount_cents,
        status=seen.status if seen.status in REFUND_RANK else "pending",
        reason="found at Stripe",
        made_here=False,
        closed_at=clock.now() if seen.status == "succeeded" else None,
    )
    parts = card_money.take(
        payment, order, seen.amount_cents, what="card_refund", which=str(refund.pk), actor=actor
    )
    refund.from_due_cents, refund.from_deposit_cents = parts.due, parts.deposit
    refund.save()
    payment.refunded_cents += seen.amount_cents
    unspent = order is not None and order.deposit_cents < order.total_cents - order.allocated_cents
    if (
        order is not None
        and (unspent or parts.debt)
        and order.state in (TopUpState.PAID, TopUpState.ALLOCATED)
    ):
        # What was to be on accounts, or is there, went back to the employer.
        fsm.apply(order, "dispute", actor=actor, reason="given back at Stripe")
        fsm.apply(order, "charge_back", actor=actor)


def _done(payment: CardPayment, order: TopUp | None, refund: CardRefund, actor: User) -> None:
    over = order is not None and order.state in (TopUpState.ALLOCATED, TopUpState.FAILED)
    if order is not None and over and order.refunded_cents == order.received_cents:
        fsm.apply(order, "refund", actor=actor)
    messages.queue(
        recipient=payment.payer,
        template="card_payment_refunded",
        payment=str(payment.public_id),
        amount_cents=refund.amount_cents,
        currency=payment.currency,
    )


def lock_with_order(payment_id: int) -> tuple[CardPayment, TopUp | None]:
    """A payment whose refunds move: with its order, or its booking, locked first."""
    found = CardPayment.objects.select_related("scheme", "payer").get(pk=payment_id)
    order = None
    wanted = [locks.lock(CardPayment, payment_id)]
    if found.top_up_id is not None:
        order, payment = locks.acquire(locks.lock(TopUp, found.top_up_id), *wanted)
        order.scheme = found.scheme
    elif found.booking_id is not None:
        _booking, payment = locks.acquire(locks.lock_through(CardPayment, payment_id, "booking"), *wanted)
    else:
        (payment,) = locks.acquire(*wanted)
    payment.scheme, payment.payer = found.scheme, found.payer
    return payment, order
