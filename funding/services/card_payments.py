"""Payments by card and direct debit: asked for, opened at Stripe, and brought to where Stripe says they are.

Each step is a transaction of its own, with the network between them. A process that dies anywhere leaves rows that
`card_sweeping` takes up again: the keys that Stripe is asked with are the same each time.
"""

from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override
from stdnum import iso11649

from accounts.models import Employer, EmployerState, SignIn, User
from accounts.permissions import manages_organisation
from accounts.services import messages, service_users
from funding.cards.config import cards_are_taken, open_cards, require_own_account
from funding.cards.port import CardsRefused, CheckoutAsked, PaymentSeen
from funding.models import (
    CardPayment,
    CardPaymentState,
    Fund,
    TopUp,
    TopUpReceipt,
    TopUpState,
)
from funding.models.card_payments import WAITING
from funding.services import card_disputes, card_money, card_refunds, own_parts, payer_debts, windows
from funding.services.bookings.situation import lock_booking
from funding.services.bookings.texts import Shown
from funding.services.reservations import end_reservation, reserve
from funding.services.top_ups.receipts import CLOSED, receive
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError

# The least that Stripe allows is half an hour; a minute more, so that a slow answer is no refusal.
BOOKING_TIME = timedelta(minutes=32)
TOP_UP_TIME = timedelta(hours=12)
BOOKING_METHODS = ("card",)  # a seat is not kept for the days of a debit
TOP_UP_METHODS = ("card", "sepa_debit")
DEBIT_CURRENCY = "EUR"

Locked = tuple[CardPayment, TopUp | None]


def start_for_top_up(*, actor: User, top_up_id: int, language: str = "en") -> CardPayment:
    """Ask for what is missing of an order by card or direct debit. One payment at a time waits for an order.

    Locks: the top-up, the payment. Raises: DomainError `cards_not_configured`, `not_found` (404), `not_allowed` (403)
    unless the actor manages the organisation, `employer_not_verified` (403), `not_allowed` for an order that waits
    for nothing. Logs: payment `create`.
    """
    _require_cards()
    with transaction.atomic():
        order: TopUp
        (order,) = locks.acquire(locks.lock(TopUp, top_up_id))
        if not manages_organisation(order, actor):
            raise DomainError("not_allowed", status=403)
        if not _is_verified(order):
            raise DomainError("employer_not_verified", status=403)
        if not order.missing_cents:
            raise DomainError("not_allowed", transition="pay", state=order.state)
        waiting = CardPayment.objects.filter(top_up=order, state__in=WAITING).first()
        if waiting is not None:
            return waiting
        payment = CardPayment(
            scheme_id=order.scheme_id,
            top_up=order,
            payer=actor,
            fund=Fund.EMPLOYER,
            amount_cents=order.missing_cents,
            currency=order.currency,
            language=language,
            expires_at=_whole_seconds(clock.now() + TOP_UP_TIME),
        )
        fsm.start(payment, actor=actor)
    return payment


def start_for_booking(*, actor: User, booking_id: int, sign_in: SignIn | None, shown: Shown) -> CardPayment:
    """The learner consents and is about to pay their part: seat and rights are kept until they have, or the time is up.

    Nothing is accepted yet: the proposal stands, and `accept` comes with the money.
    Locks: as `bookings.accept`, then the payment. Raises: as `bookings.accept`; DomainError `cards_not_configured`,
    `not_allowed` where they have nothing to pay. Logs: payment `create`.
    """
    _require_cards()
    from_service = service_users.get("cards")
    with transaction.atomic():
        booking, _earlier = lock_booking(booking_id, actor, None)
        waiting = CardPayment.objects.filter(booking=booking, state__in=WAITING).first()
        if waiting is not None and waiting.payer_id == actor.pk:
            return waiting
        consented = own_parts.prepare(actor=actor, booking_id=booking_id, sign_in=sign_in, shown=shown)
        payment = CardPayment(
            fund=Fund.OWN,
            expires_at=_whole_seconds(clock.now() + BOOKING_TIME),
            **consented.kept_with_it(),
        )
        fsm.start(payment, actor=actor)
        reserve(payment, consented.booking, consented.plan, actor=from_service)
    return payment


def start_for_application(
    *, actor: User, account_id: int, session_id: int, window_id: int, sign_in: SignIn | None, shown: Shown
) -> CardPayment:
    """The learner applies for what costs more than a window's grant, and is about to pay the rest (decision 204).

    Seat, count and grant are kept until they have, or the time is up; nothing is granted before.
    Locks, Raises and Logs: as `windows.keep`; DomainError `cards_not_configured`.
    """
    _require_cards()
    return windows.keep(
        actor=actor,
        account_id=account_id,
        session_id=session_id,
        window_id=window_id,
        sign_in=sign_in,
        shown=shown,
        expires_at=_whole_seconds(clock.now() + BOOKING_TIME),
    )


def open_at_stripe(*, payment_id: int) -> CardPayment:
    """Have the page made on which it is paid, once, however often this is called. Outside transactions.

    Locks: the payment. Raises: CardsUnavailable. A refusal of Stripe's closes the payment. Logs: payment `expire`.
    """
    payment = CardPayment.objects.select_related("top_up", "booking__credential", "payer", "repays").get(
        pk=payment_id
    )
    if payment.session_id is not None or payment.state != CardPaymentState.OPENED:
        return payment
    try:
        require_own_account()
        opened = open_cards().open_checkout(_asked(payment))
    except CardsRefused as refused:
        return close_unpaid(payment_id=payment_id, finding=refused.code[:40])
    with transaction.atomic():
        payment, _order = _lock(payment_id)
        if payment.session_id is None:
            payment.session_id, payment.address = opened.session_id, opened.address
            payment.save(update_fields=["session_id", "address"])
    return payment


def refresh(*, payment_id: int) -> CardPayment:
    """Look at it at Stripe and bring it there. Outside transactions. Raises: CardsUnavailable; CardsRefused."""
    payment = open_at_stripe(payment_id=payment_id)
    if payment.session_id is None:
        return payment
    seen = open_cards().read_payment(payment.session_id)
    return apply_seen(payment_id=payment_id, seen=seen)


def give_up(*, actor: User, payment_id: int) -> CardPayment:
    """Whoever was to pay does not want to: nobody can pay any more, and what was kept is given back.

    Outside transactions. Raises: DomainError `not_allowed` (403) for others; CardsUnavailable.
    """
    payment = CardPayment.objects.select_related("top_up").get(pk=payment_id)
    manages = payment.top_up is not None and manages_organisation(payment.top_up, actor)
    if payment.payer_id != actor.pk and not manages:
        raise DomainError("not_allowed", status=403)
    return expire_at_stripe(payment_id=payment_id)


def expire_at_stripe(*, payment_id: int) -> CardPayment:
    """Close the page, then look what became of it: it may have been paid at the last moment. Outside transactions."""
    payment = open_at_stripe(payment_id=payment_id)
    if payment.session_id is None or payment.state not in WAITING:
        return payment
    open_cards().expire_checkout(payment.session_id)
    return refresh(payment_id=payment_id)


def close_unpaid(*, payment_id: int, finding: str) -> CardPayment:
    """Stripe will not have it: nobody can have paid. Locks: the booking or top-up, the payment."""
    actor = service_users.get("cards")
    with transaction.atomic():
        payment, _order = _lock(payment_id)
        if payment.state == CardPaymentState.OPENED:
            payment.finding = finding
            fsm.apply(payment, "expire", actor=actor, reason=finding)
            end_reservation(payment, actor=actor)
    return payment


def apply_seen(*, payment_id: int, seen: PaymentSeen) -> CardPayment:
    """Bring a payment to where Stripe says it is: from wherever it was, however old what was seen may be.

    Called twice, late, or in any order, the end is the same: states go forward only, a refund and a dispute are
    known by their ids, money is moved by what is new.
    Locks: as `bookings.accept`, or the top-up; then the payment. Logs: payment, top-up, booking.
    """
    actor = service_users.get("cards")
    with transaction.atomic():
        payment, order = _lock(payment_id)
        if seen.session_id != payment.session_id:
            raise ValueError("another payment was looked at")
        _bring_forward(payment, order, seen, actor)
        if payment.state == CardPaymentState.SUCCEEDED:
            card_refunds.apply_refunds(payment, order, seen.refunds, actor=actor)
            card_disputes.apply_disputes(payment, order, seen.disputes, actor=actor)
            if order is None:
                card_money.settle_with_due(payment, actor=actor)
                card_refunds.want_own(payment, actor=actor)
        payment.looked_at = clock.now()
        payment.save()
    return payment


def _bring_forward(payment: CardPayment, order: TopUp | None, seen: PaymentSeen, actor: User) -> None:
    if payment.state == CardPaymentState.SUCCEEDED:
        return
    if seen.status == "succeeded":
        if (seen.amount_cents, seen.currency) != (payment.amount_cents, payment.currency):
            # Kept and named; no balance is changed by what nobody asked for.
            payment.finding = "other_amount"
            return
        fsm.apply(payment, "succeed", actor=actor, paid_by=seen.method, intent_id=seen.intent_id)
        if order is not None:
            _credit_order(payment, order, actor)
        elif payment.repays_id is not None:
            payer_debts.repay(payment, actor=actor)
        else:
            _accept_booking(payment, actor)
    elif seen.status == "processing" and payment.state == CardPaymentState.OPENED:
        fsm.apply(payment, "process", actor=actor, paid_by=seen.method)
    elif payment.state in WAITING and _cannot_come(seen):
        if payment.state == CardPaymentState.OPENED and seen.session_status == "expired":
            fsm.apply(payment, "expire", actor=actor)
        else:
            fsm.apply(payment, "fail", actor=actor, failure=seen.failure or "declined")
        stood = end_reservation(payment, actor=actor)
        # Who left the booking meanwhile knows that they did not pay.
        if stood or not hasattr(payment, "reservation"):
            _tell(payment, "grant_not_paid" if _of_window(payment) else "card_payment_failed")


def _of_window(payment: CardPayment) -> bool:
    """Whether it is for what is above a window's grant."""
    return payment.booking_id is not None and payment.reservation.window_id is not None


def _cannot_come(seen: PaymentSeen) -> bool:
    """Whether nothing can come of it any more. A card that was declined on an open page may be tried again."""
    if seen.session_status == "expired" or seen.status == "canceled":
        return True
    return seen.session_status == "complete" and seen.status == "requires_payment_method"


def _credit_order(payment: CardPayment, order: TopUp, actor: User) -> None:
    """Received like a transfer. For who may not have it any more it is received too, and goes straight back."""
    if order.state == TopUpState.PENDING and not _is_verified(order):
        payment.finding = "closed_employer"
        fsm.apply(order, "fail", actor=actor, reason="the employer is closed")
    elif order.state in CLOSED:
        payment.finding = "closed_order"
    receipt, new = TopUpReceipt.objects.get_or_create(
        key=f"stripe:{payment.intent_id}",
        defaults={
            "amount_cents": payment.amount_cents,
            "currency": payment.currency,
            "reference": order.reference,
            "payer_name": order.organisation.name[:140],
            "booked_on": clock.now().date(),
            "top_up": order,
        },
    )
    if new:
        receive(order, receipt, actor=actor)
    if payment.finding:
        card_refunds.want(payment, order, payment.amount_cents, reason=payment.finding, actor=actor)


def _accept_booking(payment: CardPayment, actor: User) -> None:
    """With the money, the acceptance or the grant. Where it is refused now, all goes back to the learner."""
    card_money.receive_own(payment, actor=actor)
    of_window = _of_window(payment)
    if not of_window:
        end_reservation(payment, actor=actor)
    assert payment.booking is not None
    # What is kept of a window is granted as it lies: it is given back only where that is refused.
    grant = partial(windows.grant_paid, payment, payment.booking) if of_window else None
    refused = own_parts.bind(payment, grant=grant)
    if refused:
        payment.finding = refused
        end_reservation(payment, actor=actor)
        _tell(payment, "card_payment_too_late")
        return
    card_money.apply_own(payment, payment.amount_cents, actor=actor)


def _lock(payment_id: int) -> Locked:
    """The payment with what it pays for, locked in the house's order."""
    found = CardPayment.objects.select_related("scheme", "payer", "sign_in", "repays").get(pk=payment_id)
    order = None
    payment: CardPayment
    if found.top_up_id is not None:
        order, payment = locks.acquire(
            locks.lock(TopUp, found.top_up_id), locks.lock(CardPayment, payment_id)
        )
        order.scheme, payment.top_up = found.scheme, order
    elif found.repays_id is not None:
        payer_debts.lock_repaid(found.repays_id)
        (payment,) = locks.acquire(locks.lock(CardPayment, payment_id))
        payment.repays = found.repays
    else:
        assert found.booking_id is not None
        booking, _earlier = lock_booking(found.booking_id, found.payer, None)
        (payment,) = locks.acquire(locks.lock(CardPayment, payment_id))
        payment.booking = booking
    payment.scheme, payment.payer, payment.sign_in = found.scheme, found.payer, found.sign_in
    return payment, order


def _asked(payment: CardPayment) -> CheckoutAsked:
    """Made of what never changes, so that every try asks for the same."""
    page = f"{settings.SITE_ADDRESS}{reverse('card_payment', args=[payment.public_id])}"
    with override(payment.language):
        if payment.top_up is not None:
            what = _("Top-up %(reference)s") % {"reference": iso11649.format(payment.top_up.reference)}
        elif payment.repays is not None:
            what = _("What is owed: %(reference)s") % {"reference": payment.repays.shown_reference}
        else:
            assert payment.booking is not None
            what = _("Your part of: %(title)s") % {"title": payment.booking.credential.title[:150]}
    methods = TOP_UP_METHODS if payment.top_up is not None else BOOKING_METHODS
    return CheckoutAsked(
        key=f"ila-checkout-{payment.public_id}",
        reference=str(payment.public_id),
        amount_cents=payment.amount_cents,
        currency=payment.currency,
        description=what,
        methods=methods if payment.currency == DEBIT_CURRENCY else BOOKING_METHODS,
        email=payment.payer.email,
        language=payment.language,
        expires_at=payment.expires_at,
        success_address=page,
        cancel_address=page,
    )


def _tell(payment: CardPayment, template: str) -> None:
    messages.queue(
        recipient=payment.payer,
        template=template,
        payment=str(payment.public_id),
        amount_cents=payment.amount_cents,
        currency=payment.currency,
    )


def _require_cards() -> None:
    if not cards_are_taken():
        raise DomainError("cards_not_configured", status=503)


def _is_verified(order: TopUp) -> bool:
    return Employer.objects.filter(organisation=order.organisation_id, state=EmployerState.VERIFIED).exists()


def _whole_seconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
