"""From paid to allocated: an order's money onto its employees' accounts, a chunk of lines at a time."""

from django.db import connection, transaction

from accounts.models import User
from accounts.services import service_users
from funding.models import Bucket, Lot, TopUp, TopUpLine, TopUpState, fund_of
from funding.services import ledger
from funding.services.ledger import Line
from ila.core import fsm, locks

CHUNK = 1000
"""Lines of one transaction."""

NAME_LOTS = f"""
UPDATE {TopUpLine._meta.db_table} AS line SET lot_id = lot.id
  FROM {Lot._meta.db_table} AS lot
 WHERE lot.top_up_id = line.top_up_id AND lot.account_id = line.account_id AND line.id = ANY (%s)
"""


def allocate_waiting(*, actor: User | None = None) -> int:
    """Put the money of all paid orders on their accounts. Returns how many lines were allocated now."""
    paid = TopUp.objects.filter(state=TopUpState.PAID).order_by("paid_at", "pk").values_list("pk", flat=True)
    return sum(allocate_top_up(top_up_id=pk, actor=actor) for pk in paid)


def allocate_top_up(*, top_up_id: int, actor: User | None = None) -> int:
    """Put a paid order's money on its employees' accounts. Returns how many lines were allocated now.

    Works in chunks of a transaction each: killed at any point and called again, by several workers at once too,
    each line is allocated once. Locks: the top-up, then the lots. Logs: top-up `allocate`, with the last line.
    """
    actor = actor or service_users.get("bank")
    allocated = 0
    while True:
        lines = _allocate_chunk(top_up_id, actor)
        if not lines:
            return allocated
        allocated += lines


@transaction.atomic
def _allocate_chunk(top_up_id: int, actor: User) -> int:
    order: TopUp
    (order,) = locks.acquire(locks.lock(TopUp, top_up_id))
    if order.state != TopUpState.PAID:
        return 0
    waiting = TopUpLine.objects.filter(top_up=order, lot__isnull=True).order_by("number")
    lines = list(waiting[: CHUNK + 1])
    last = len(lines) <= CHUNK
    lines = lines[:CHUNK]
    if lines:
        _credit(order, lines, actor)
        order.allocated_cents += sum(line.amount_cents for line in lines)
    if last:
        # Restored after a dispute with nothing left to do, it ends here too.
        fsm.apply(order, "allocate", actor=actor)
    else:
        order.save(update_fields=["allocated_cents"])
    return len(lines)


def _credit(order: TopUp, lines: list[TopUpLine], actor: User) -> None:
    fund = fund_of(order.source)
    lots = Lot.objects.bulk_create(
        Lot(
            account_id=line.account_id,
            source=order.source,
            fund=fund,
            currency=order.currency,
            expires_on=order.ends_on,
            earmark=order.earmark,
            top_up=order,
        )
        for line in lines
    )
    total = sum(line.amount_cents for line in lines)
    ledger.post(
        scheme=order.scheme,
        kind="top_up_allocated",
        key=f"topup:{order.pk}:allocated:{lines[0].number}",
        actor=actor,
        lines=[
            Line(Bucket.DEPOSIT, fund, -total),
            *(
                Line(Bucket.AVAILABLE, fund, line.amount_cents, lot_id=lot.pk)
                for line, lot in zip(lines, lots, strict=True)
            ),
        ],
    )
    with connection.cursor() as cursor:
        cursor.execute(NAME_LOTS, [[line.pk for line in lines]])
