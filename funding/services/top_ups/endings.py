"""The last day of an order: what is unspent leaves the accounts and is the employer's again."""

import uuid
from datetime import date

from django.db import transaction
from django.db.models import F

from accounts.models import User
from accounts.services import service_users
from funding.models import Bucket, LearningAccount, Lot, Scheme, TopUp, TopUpState
from funding.services import ledger
from funding.services.bookings.context import today
from funding.services.ledger import Line
from ila.core import fsm, locks

CHUNK = 1000
"""Lots of one transaction."""


def end_top_ups(*, on: date | None = None, actor: User | None = None) -> int:
    """Return what is unspent of orders whose last day is over; returns how many accounts it was taken from.

    on: orders whose last day lies before it; today where the scheme is, unless told. What bookings hold stays
    held; what comes back of them later is returned by a later call. Works in chunks of a transaction each: killed
    and called again, the result is the same. Locks: the learning accounts of a chunk, the top-up, then the lots.
    """
    actor = actor or service_users.get("clock")
    ended = 0
    for scheme in Scheme.objects.filter(top_ups__ends_on__isnull=False).distinct().order_by("pk"):
        day = on or today(scheme)
        over = TopUp.objects.filter(scheme=scheme, ends_on__lt=day, allocated_cents__gt=F("ended_cents"))
        for top_up_id in over.order_by("pk").values_list("pk", flat=True):
            ended += _end(top_up_id, day, actor)
    return ended


def fail_overdue(*, on: date | None = None, actor: User | None = None) -> int:
    """Close pledges whose last day of use is over before they were paid; returns how many.

    Locks: the top-ups, one by one. Logs: top-up `fail`.
    """
    actor = actor or service_users.get("clock")
    closed = 0
    for order in TopUp.objects.filter(state=TopUpState.PENDING, ends_on__isnull=False).select_related(
        "scheme"
    ):
        day = on or today(order.scheme)
        if not order.is_over(day):
            continue
        with transaction.atomic():
            (locked,) = locks.acquire(locks.lock(TopUp, order.pk))
            if locked.state == TopUpState.PENDING:
                fsm.apply(locked, "fail", actor=actor, reason="its last day is over")
                closed += 1
    return closed


def _end(top_up_id: int, day: date, actor: User) -> int:
    ended = after = 0
    while True:
        unspent = Lot.objects.filter(top_up=top_up_id, available_cents__gt=0, expires_on__lt=day)
        chunk = list(unspent.filter(pk__gt=after).order_by("pk").values_list("pk", "account_id")[:CHUNK])
        if not chunk:
            return ended
        after = chunk[-1][0]
        with transaction.atomic():
            locks.acquire_set(LearningAccount.objects.filter(pk__in=[account for _, account in chunk]))
            order: TopUp
            (order,) = locks.acquire(locks.lock(TopUp, top_up_id))
            lots = list(unspent.filter(pk__in=[pk for pk, _ in chunk]).order_by("pk"))
            if not lots:
                continue
            total = sum(lot.available_cents for lot in lots)
            ledger.post(
                scheme=order.scheme,
                kind="top_up_ended",
                # The lots' own balances, read under their locks, let this happen once.
                key=f"topup:{order.pk}:ended:{uuid.uuid4()}",
                actor=actor,
                lines=[
                    *(Line(Bucket.AVAILABLE, lot.fund, -lot.available_cents, lot_id=lot.pk) for lot in lots),
                    Line(Bucket.DEPOSIT, lots[0].fund, total),
                ],
            )
            order.ended_cents += total
            order.save(update_fields=["ended_cents"])
            ended += len(lots)
