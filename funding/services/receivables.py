"""Money owed back by providers: recovered in whole or in part."""

from typing import cast

from django.db import transaction

from accounts.models import User
from funding.models import Booking, Bucket, Receivable, ReceivableLog
from funding.models.receivables import UNSETTLED
from funding.services import ledger
from funding.services.ledger import Line
from ila.core import fsm, locks
from ila.core.errors import DomainError

Dimensions = tuple[int | None, int | None, str]
"""A lot, a budget and the fund: where a booking's money came from."""


@transaction.atomic
def recover(*, actor: User, booking_id: int, amount_cents: int) -> list[Receivable]:
    """The provider has paid back so much of what it owes for a booking; oldest receivable first.

    The learner's rights came back when the receivable was opened: this only closes the provider's debt.
    Locks: booking, receivables. Logs: receivable `recover_part` or `recover_rest`.
    Raises: DomainError `not_allowed` for nothing, or more than is owed.
    """
    (booking,) = locks.acquire(locks.lock(Booking, booking_id))
    receivables = locks.acquire_set(Receivable.objects.filter(booking=booking, state__in=UNSETTLED))
    if amount_cents <= 0 or amount_cents > sum(each.owed_cents for each in receivables):
        raise DomainError("not_allowed", reason="more than is owed", amount_cents=amount_cents)
    # Counts closed receivables too: a number must not come twice.
    times = ReceivableLog.objects.filter(subject__booking=booking).count()
    _post(booking, amount_cents, actor=actor, times=times)
    left = amount_cents
    for receivable in receivables:
        part = min(left, receivable.owed_cents)
        left -= part
        if part == receivable.owed_cents:
            fsm.apply(receivable, "recover_rest", actor=actor)
        elif part:
            fsm.apply(receivable, "recover_part", actor=actor, amount_cents=part)
    return receivables


def _post(booking: Booking, amount_cents: int, *, actor: User, times: int) -> None:
    """The debt (negative) and what was paid out (positive) both shrink, source by source, oldest first."""
    owed: dict[Dimensions, int] = {}
    postings = booking.postings.filter(bucket=Bucket.OWED).order_by("pk")
    for *source, cents in postings.values_list("lot_id", "budget_id", "fund", "amount_cents"):
        which = cast("Dimensions", tuple(source))
        owed[which] = owed.get(which, 0) - cents
    lines: list[Line] = []
    left = amount_cents
    for (lot_id, budget_id, fund), cents in owed.items():
        part = min(left, cents)
        left -= part
        lines += ledger.transfer(
            Line(Bucket.PAID, fund, part, lot_id, budget_id, booking.pk), Bucket.PAID, Bucket.OWED
        )
    ledger.post(
        scheme=booking.account.scheme,
        kind="recover",
        key=f"booking:{booking.pk}:recover:{times}",
        actor=actor,
        lines=lines,
    )
