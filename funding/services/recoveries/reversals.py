"""A debt that never was: what it took back from the provider is undone, to the cent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from funding.models import (
    Allocation,
    Booking,
    Bucket,
    Claim,
    ClaimKind,
    ClaimState,
    InstalmentPlan,
    JournalEntry,
    PlanState,
    Receivable,
    RecoveryReceipt,
    SessionFinding,
)
from funding.models.receivables import UNSETTLED
from funding.permissions import may_pay
from funding.services import ledger, receivables
from funding.services.bookings.context import today
from funding.services.ledger import Line
from funding.services.receivables import Dimensions
from funding.services.recoveries import demands
from ila.core import clock, fsm
from ila.core.errors import DomainError

FINDING = "debt_was_wrong"


@dataclass(frozen=True)
class Undone:
    """What became of a debt, in cents. sent_back: to be sent back to the provider by a person.

    from_learner: taken from the sources again. from_funder: what the learner has used meanwhile, the funder bears.
    """

    sent_back_cents: int
    from_sources_cents: int
    from_funder_cents: int

    @property
    def said(self) -> str:
        """As one line for files."""
        return (
            f"sent back {self.sent_back_cents}, sources {self.from_sources_cents},"
            f" funder {self.from_funder_cents} cents"
        )


def undo_receivable(*, actor: User, receivable_id: int, reason: str) -> Undone:
    """A debt turns out never to have been owed: it is dropped, and what was taken for it is the provider's again.

    The entry that gave the booking's sources their money back is reversed. Where a learner has used it meanwhile, or
    their own money is on its way to them, or their rights rest on a finding about the session, they keep it and the
    funder makes it good (decision 225). What the provider has paid back, interest with it, waits in the list of sums
    that came in too much, until a person has sent it back. What was written off already stays so.
    Locks: booking, receivable. Logs: receivable `reopen`, then `drop` or `write_off`.
    Raises: DomainError `incomplete` without a reason, `not_allowed` (403), `being_netted` while a payment that keeps
    some of it is on its way.
    """
    if not reason.strip():
        raise DomainError("incomplete", status=422, what="reason")
    with transaction.atomic():
        receivable = demands.lock_receivable(receivable_id)
        if not may_pay(receivable.booking, actor):
            raise DomainError("not_allowed", status=403, transition="undo_receivable")
        if receivable.written_off_cents:
            return Undone(0, 0, 0)
        demands.require_free(receivable)
        sent_back = _give_back_recovered(receivable, reason=reason, actor=actor)
        if receivable.state not in UNSETTLED:
            return Undone(sent_back, 0, 0)
        from_sources = 0
        if _learner_still_has_it(receivable):
            from_sources = _take_from_sources(receivable, reason=reason, actor=actor)
        from_funder = 0 if from_sources else _funder_bears(receivable, reason=reason, actor=actor)
        InstalmentPlan.objects.filter(receivable=receivable, state=PlanState.AGREED).update(
            state=PlanState.BROKEN, closed_at=clock.now()
        )
        return Undone(sent_back, from_sources, from_funder)


def _give_back_recovered(receivable: Receivable, *, reason: str, actor: User) -> int:
    """What came back of the debt is owed to the provider: in the books, and as a sum to be sent back."""
    booking, cents = receivable.booking, receivable.recovered_cents
    interest = receivable.interest_paid_cents
    if not cents + interest:
        return 0
    scheme = booking.account.scheme
    receivables.count_interest(receivable, on=today(scheme))
    if cents:
        lines: list[Line] = []
        left = cents
        for (lot_id, budget_id, fund), came in _recovered_by_source(booking).items():
            part = min(left, came)
            left -= part
            moved = Line(Bucket.OWED, fund, part, lot_id, budget_id, booking.pk)
            lines += ledger.transfer(moved, Bucket.OWED, Bucket.PAID)
        if left:
            raise RuntimeError(f"{left} cents more than came back for booking {booking.pk} by its postings")
        ledger.post(
            scheme=scheme,
            kind="recovery_undone",
            key=f"receivable:{receivable.pk}:undone",
            actor=actor,
            lines=lines,
        )
        fsm.apply(receivable, "reopen", actor=actor, reason=reason, amount_cents=cents)
    paid = RecoveryReceipt.objects.filter(receivable=receivable, interest_cents__gt=0)
    keys = [f"recovery:{pk}:interest" for pk in paid.values_list("pk", flat=True)]
    for entry in JournalEntry.objects.filter(scheme=scheme, idempotency_key__in=keys).select_related(
        "scheme"
    ):
        ledger.reverse(entry=entry, actor=actor)
    RecoveryReceipt.objects.create(
        key=f"undone:{receivable.pk}",
        receivable=receivable,
        amount_cents=cents + interest,
        currency=receivable.currency,
        reference=receivable.reference,
        payer_name=str(receivable.provider)[:140],
        payer_iban=receivable.provider.iban,
        booked_on=today(scheme),
        finding=FINDING,
    )
    return cents + interest


def _recovered_by_source(booking: Booking) -> Mapping[Dimensions, int]:
    """What came back of the booking's debts, by source: what was restored, less what is still owed."""
    found: dict[Dimensions, int] = {}
    rows = booking.postings.filter(bucket=Bucket.OWED).filter(
        Q(entry__kind="restore_booking")
        | Q(entry__reverses__kind="restore_booking")
        | Q(entry__kind="write_off")
    )
    for *source, cents in rows.order_by("pk").values_list("lot_id", "budget_id", "fund", "amount_cents"):
        which = cast("Dimensions", tuple(source))
        found[which] = found.get(which, 0) - cents
    for which, owed in receivables._owed_by_source(booking).items():
        found[which] = found.get(which, 0) - owed
    return found


def _learner_still_has_it(receivable: Receivable) -> bool:
    """Whether nothing but an untouched balance stands in the way of taking it from the sources again."""
    booking = receivable.booking
    on_its_way = Claim.objects.filter(booking=booking, kind=ClaimKind.REFUND).exclude(
        state=ClaimState.REJECTED
    )
    found = SessionFinding.objects.filter(session_id=booking.session_id)
    return not on_its_way.exists() and not found.exists()


def _take_from_sources(receivable: Receivable, *, reason: str, actor: User) -> int:
    """Reverse the entry that opened the debt. Returns the cents, or 0 where a source has too little now."""
    entry = _opening_entry(receivable)
    if entry is None:
        return 0
    try:
        with transaction.atomic():
            ledger.reverse(entry=entry, actor=actor)
            fsm.apply(receivable, "drop", actor=actor, reason=reason)
    except DomainError as error:
        if error.code not in ("insufficient_rights", "budget_exhausted"):
            raise
        receivable.refresh_from_db(fields=["state", "closed_at"])
        return 0
    allocations = {
        (each.lot_id, each.budget_id, each.fund): each
        for each in Allocation.objects.filter(booking=receivable.booking, reimburses=False)
    }
    for posting in entry.postings.filter(bucket=Bucket.OWED):
        allocation = allocations[posting.lot_id, posting.budget_id, posting.fund]
        allocation.paid_cents -= posting.amount_cents
        allocation.returned_cents += posting.amount_cents
    Allocation.objects.bulk_update(allocations.values(), ["returned_cents", "paid_cents"])
    return receivable.amount_cents


def _opening_entry(receivable: Receivable) -> JournalEntry | None:
    """The n-th restoration of a booking opened its n-th receivable, and its key ends with that number."""
    number = Receivable.objects.filter(booking=receivable.booking_id, pk__lt=receivable.pk).count()
    keys = [f"booking:{receivable.booking_id}:{word}:{number}" for word in ("restore", "dispute")]
    return (
        JournalEntry.objects.filter(
            scheme=receivable.booking.account.scheme, idempotency_key__in=keys, reversed_by__isnull=True
        )
        .select_related("scheme")
        .first()
    )


def _funder_bears(receivable: Receivable, *, reason: str, actor: User) -> int:
    """The learner keeps what came back, the provider owes nothing: what is lost is the funder's."""
    cents = receivable.owed_cents
    receivables.post_recovery(
        receivable.booking,
        cents,
        actor=actor,
        kind="write_off",
        key=f"receivable:{receivable.pk}:borne",
        lost=True,
    )
    fsm.apply(receivable, "write_off", actor=actor, reason=reason)
    return cents
