"""Money owed back by providers: what was paid taken back, and recovered in whole or in part."""

from collections.abc import Mapping
from datetime import date
from typing import cast

from django.db import transaction

from accounts.models import User
from funding import permissions
from funding.models import Booking, Bucket, JournalEntry, Receivable, ReceivableLog
from funding.models.receivables import UNSETTLED
from funding.services import ledger
from funding.services.bookings.context import today
from funding.services.ledger import Line
from ila.core import fsm, locks
from ila.core.errors import DomainError

Dimensions = tuple[int | None, int | None, str]
"""A lot, a budget and the fund: where a booking's money came from."""
YEAR_DAYS = 365
BASIS_POINTS = 10_000


@transaction.atomic
def recover(*, actor: User, booking_id: int, amount_cents: int) -> list[Receivable]:
    """The provider has paid back so much of what it owes for a booking; oldest receivable first.

    The learner's rights came back when the receivable was opened: this only closes the provider's debt. What is to
    be kept from payments on their way is not asked for twice.
    Locks: booking, receivables. Logs: receivable `recover_part` or `recover_rest`.
    Raises: DomainError `not_allowed` for nothing, or more than is owed.
    """
    (booking,) = locks.acquire(locks.lock(Booking, booking_id))
    if not permissions.may_pay(booking, actor):
        raise DomainError("not_allowed", status=403, transition="recover")
    receivables = locks.acquire_set(Receivable.objects.filter(booking=booking, state__in=UNSETTLED))
    if amount_cents <= 0 or amount_cents > sum(each.free_cents for each in receivables):
        raise DomainError("not_allowed", reason="more than is owed", amount_cents=amount_cents)
    # Counts closed receivables too: a number must not come twice.
    times = ReceivableLog.objects.filter(subject__booking=booking).count()
    key = f"booking:{booking.pk}:recover:{times}"
    post_recovery(booking, amount_cents, actor=actor, kind="recover", key=key)
    left = amount_cents
    for receivable in receivables:
        part = min(left, receivable.free_cents)
        left -= part
        if part:
            take_off(receivable, part, actor=actor, on=today(booking.account.scheme))
    return receivables


def take_off(receivable: Receivable, amount_cents: int, *, actor: User, on: date, reason: str = "") -> None:
    """Write down that so much of a locked receivable came back on a day; its ledger entry is written beside it.

    Logs: `recover_part` or `recover_rest`.
    """
    count_interest(receivable, on=on)
    if amount_cents == receivable.owed_cents:
        fsm.apply(receivable, "recover_rest", actor=actor, reason=reason)
    else:
        fsm.apply(receivable, "recover_part", actor=actor, reason=reason, amount_cents=amount_cents)


def count_interest(receivable: Receivable, *, on: date) -> None:
    """Add up what was owed since the demand's term ended, times the days: before what is owed changes."""
    if receivable.due_on is None:
        return
    since = max(receivable.due_on, receivable.cent_days_until or receivable.due_on)
    if on > since:
        receivable.cent_days += receivable.owed_cents * (on - since).days
        receivable.cent_days_until = on


def interest_cents(receivable: Receivable, *, basis_points: int | None, on: date) -> int:
    """Simple interest from the day after the term to that day, in cents rounded down, less what was paid of it.

    basis_points: of a year of 365 days; none where the scheme asks for no interest.
    """
    if not basis_points or receivable.due_on is None:
        return 0
    since = max(receivable.due_on, receivable.cent_days_until or receivable.due_on)
    running = receivable.owed_cents * max(0, (on - since).days)
    total = (receivable.cent_days + running) * basis_points // (YEAR_DAYS * BASIS_POINTS)
    return max(0, total - receivable.interest_paid_cents)


def post_recovery(
    booking: Booking, amount_cents: int, *, actor: User, kind: str, key: str, lost: bool = False
) -> None:
    """The debt (negative) and what was paid out (positive) both shrink, source by source, oldest first.

    lost: it did not come back. The funder puts in as much, in the fund that it was owed to, and that is gone.
    """
    lines: list[Line] = []
    left = amount_cents
    for (lot_id, budget_id, fund), cents in _owed_by_source(booking).items():
        part = min(left, cents)
        left -= part
        moved = Line(Bucket.PAID, fund, part, lot_id, budget_id, booking.pk)
        lines += ledger.transfer(moved, Bucket.PAID, Bucket.OWED)
        if lost:
            lines += ledger.transfer(Line(Bucket.RETURNED, fund, part), Bucket.APPROPRIATION, Bucket.RETURNED)
    if left:
        raise RuntimeError(f"{left} cents more than booking {booking.pk} owes by its postings")
    ledger.post(scheme=booking.account.scheme, kind=kind, key=key, actor=actor, lines=lines)


def _owed_by_source(booking: Booking) -> Mapping[Dimensions, int]:
    owed: dict[Dimensions, int] = {}
    postings = booking.postings.filter(bucket=Bucket.OWED).order_by("pk")
    for *source, cents in postings.values_list("lot_id", "budget_id", "fund", "amount_cents"):
        which = cast("Dimensions", tuple(source))
        owed[which] = owed.get(which, 0) - cents
    return owed


def undo_recovery(booking: Booking, *, key: str, actor: User) -> None:
    """The opposite of an earlier `post_recovery`, by the key it was written under."""
    scheme = booking.account.scheme
    entry = JournalEntry.objects.select_related("scheme").get(scheme=scheme, idempotency_key=key)
    ledger.reverse(entry=entry, actor=actor)
