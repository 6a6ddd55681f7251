"""When a payer's bank takes money back, weeks later: out of what lies there, from accounts, or owed from then on."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import F, Q, Sum

from accounts.models import User
from accounts.services import messages, service_users
from funding.cards.port import DISPUTE_LOST, DISPUTE_OVER, DisputeSeen
from funding.models import (
    Bucket,
    CardDispute,
    CardPayment,
    LearningAccount,
    Lot,
    PayerDebt,
    PayerDebtState,
    Posting,
    TopUp,
    TopUpState,
)
from funding.services import card_money, ledger
from funding.services.ledger import Line
from ila.core import clock, fsm, locks

CHUNK = 500
"""Lots of one transaction."""

# A dispute with more moves of money is newer; with as many, the one further on.
_RANK = {"warning_needs_response": 0, "warning_under_review": 1, "needs_response": 2, "under_review": 3}
_OVER = 4


def apply_disputes(
    payment: CardPayment, order: TopUp | None, seen: Sequence[DisputeSeen], *, actor: User
) -> None:
    """Take over what Stripe says of disputes. The payment and its order are locked; the caller saves the payment."""
    for each in seen:
        dispute = (
            CardDispute.objects.select_for_update(no_key=True).filter(dispute_id=each.dispute_id).first()
        )
        if dispute is None:
            dispute = CardDispute(
                payment=payment, dispute_id=each.dispute_id, status="", amount_cents=each.amount_cents
            )
        elif (each.moves, _RANK.get(each.status, _OVER)) < (
            dispute.moves,
            _RANK.get(dispute.status, _OVER),
        ):
            continue
        change = each.taken_cents - dispute.taken_cents
        dispute.status, dispute.reason = each.status[:30], each.reason
        dispute.taken_cents, dispute.moves = each.taken_cents, each.moves
        if each.status in DISPUTE_OVER and dispute.closed_at is None:
            dispute.closed_at = clock.now()
        dispute.save()
        _move(payment, order, dispute, change, actor)
    if seen and order is not None:
        _move_order(payment, order, actor)


def _move(payment: CardPayment, order: TopUp | None, dispute: CardDispute, change: int, actor: User) -> None:
    which = f"{dispute.pk}:{dispute.moves}"
    if change > 0:
        card_money.take(payment, order, change, what="taken_back", which=which, actor=actor)
        messages.queue(
            recipient=payment.payer,
            template="card_payment_taken_back",
            payment=str(payment.public_id),
            amount_cents=change,
            currency=payment.currency,
        )
    elif change < 0:
        card_money.put_back(payment, order, -change, what="reinstated", which=which, actor=actor)
    payment.taken_back_cents += change


def _move_order(payment: CardPayment, order: TopUp, actor: User) -> None:
    """Where an order stands follows from all disputes of all its payments."""
    disputes = CardDispute.objects.filter(payment__top_up=order)
    moved = disputes.filter(Q(taken_cents__gt=0) | ~Q(status__startswith="warning"))
    still_open = moved.exclude(status__in=DISPUTE_OVER).exists()
    lost = moved.filter(status=DISPUTE_LOST).exists()
    if (still_open or lost) and order.state in (TopUpState.PAID, TopUpState.ALLOCATED):
        fsm.apply(order, "dispute", actor=actor, reason=payment.intent_id or "")
    if order.state == TopUpState.DISPUTED and not still_open:
        fsm.apply(order, "charge_back" if lost else "restore", actor=actor)


def claw_back_waiting(*, actor: User | None = None) -> int:
    """Take from accounts what is unspent of orders whose payers owe us, until nothing is owed. Returns the cents.

    What bookings hold stays held; what comes back of them is taken by a later call. And what was taken so is put on
    the accounts again where a dispute was won. In chunks of a transaction each, any number of times.
    Locks: the learning accounts of a chunk, the top-up, the payment.
    """
    actor = actor or service_users.get("cards")
    moved = 0
    owing = CardPayment.objects.filter(top_up__isnull=False).filter(
        debt__state__in=[PayerDebtState.OPENED, PayerDebtState.PARTLY_RECOVERED]
    )
    for pk in owing.order_by("pk").values_list("pk", flat=True):
        while taken := _claw_chunk(pk, actor):
            moved += taken
    for pk in _to_give_again():
        moved += _give_again(pk, actor)
    return moved


@transaction.atomic
def _claw_chunk(payment_id: int, actor: User) -> int:
    found = CardPayment.objects.select_related("scheme").get(pk=payment_id)
    unspent = Lot.objects.filter(top_up_id=found.top_up_id, available_cents__gt=0).order_by("pk")
    chosen = list(unspent.values_list("pk", "account_id")[:CHUNK])
    if not chosen:
        return 0
    locks.acquire_set(LearningAccount.objects.filter(pk__in=[account for _, account in chosen]))
    order: TopUp
    order, payment = locks.acquire(locks.lock(TopUp, found.top_up_id), locks.lock(CardPayment, payment_id))
    payment.scheme, left = found.scheme, card_money.owed_cents(payment)
    lines: list[Line] = []
    for lot in unspent.filter(pk__in=[pk for pk, _ in chosen]):
        part = min(left, lot.available_cents)
        left -= part
        lines.append(Line(Bucket.AVAILABLE, lot.fund, -part, lot_id=lot.pk))
    taken = -sum(line.amount_cents for line in lines)
    if not taken:
        return 0
    number = PayerDebt.objects.get(payment=payment).log.count()
    ledger.post(
        scheme=payment.scheme,
        kind="top_up_clawed_back",
        # Each takes something of the debt, which writes its log: no number comes twice.
        key=card_money.key_of(payment, "clawed_back", payment.pk, number),
        actor=actor,
        lines=[*lines, Line(Bucket.DEBT, payment.fund, taken)],
    )
    card_money.recover(payment, taken, actor=actor)
    order.ended_cents += taken
    order.refunded_cents += taken
    order.save(update_fields=["ended_cents", "refunded_cents"])
    return taken


def _to_give_again() -> list[int]:
    """Orders that stand again, with what had been taken from accounts lying there."""
    restored = TopUp.objects.filter(
        state__in=[TopUpState.PAID, TopUpState.ALLOCATED],
        ended_cents__gt=0,
        card_payments__disputes__isnull=False,
        received_cents__gt=F("allocated_cents") - F("ended_cents") + F("refunded_cents"),
    )
    return list(restored.distinct().order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def _give_again(top_up_id: int, actor: User) -> int:
    """Put back on each account what was taken from it, as far as it is there."""
    clawed = (
        Posting.objects.filter(
            lot__top_up=top_up_id,
            bucket=Bucket.AVAILABLE,
            entry__kind__in=["top_up_clawed_back", "top_up_given_again"],
        )
        .values_list("lot", "lot__account", "lot__fund")
        .annotate(cents=Sum("amount_cents"))
        .filter(cents__lt=0)
        .order_by("lot")
    )
    locks.acquire_set(LearningAccount.objects.filter(pk__in=[account for _, account, _, _ in clawed]))
    order: TopUp
    (order,) = locks.acquire(locks.lock(TopUp, top_up_id))
    if order.state not in (TopUpState.PAID, TopUpState.ALLOCATED):
        return 0
    waiting = order.total_cents - order.allocated_cents if order.state == TopUpState.PAID else 0
    left = order.deposit_cents - waiting
    lines: list[Line] = []
    for lot_id, _account, fund, cents in clawed.all():
        part = max(0, min(left, -cents))
        left -= part
        lines.append(Line(Bucket.AVAILABLE, fund, part, lot_id=lot_id))
    given = sum(line.amount_cents for line in lines)
    if not given:
        return 0
    ledger.post(
        scheme=order.scheme,
        kind="top_up_given_again",
        key=f"topup:{order.pk}:given_again:{order.log.count()}:{order.ended_cents}",
        actor=actor,
        lines=[*lines, Line(Bucket.DEPOSIT, lines[0].fund, -given)],
    )
    order.ended_cents -= given
    order.save(update_fields=["ended_cents"])
    return given
