"""The money of a booking: held, given back to where it came from, restored after it was paid."""

from collections.abc import Iterable, Mapping, Sequence

from accounts.models import User
from funding.models import (
    Allocation,
    Booking,
    BookingState,
    Bucket,
    Claim,
    ClaimKind,
    ClaimLine,
    ClaimState,
    JournalEntry,
    Receivable,
    Source,
)
from funding.models.bookings import REINSTATED
from funding.schemes import planning
from funding.schemes.facts import Allocation as Share
from funding.schemes.rules import SchemeRules
from funding.services import ledger
from funding.services.ledger import Line
from ila.core import fsm, locks
from ila.core.errors import DomainError

# A claim in these states has not left for the bank: it can still be called back.
CALLABLE_BACK = (ClaimState.DRAFT, ClaimState.SUBMITTED, ClaimState.APPROVED)

Part = tuple[Allocation, int]


def hold_lines(booking: Booking, allocations: Iterable[Allocation]) -> list[Line]:
    """Postings that hold what each source pays: out of the lots, the learner's own money, or a budget."""
    lines: list[Line] = []
    for allocation in allocations:
        origin = _origin(booking, allocation, -allocation.amount_cents, spent=Bucket.APPROPRIATION)
        lines += [origin, _in_booking(booking, allocation, Bucket.HELD, allocation.amount_cents)]
    return lines


def release(booking: Booking, parts: Iterable[Part], *, what: str, actor: User, key: str = "") -> int:
    """Give held money back to the sources it came from, once per `key`. Returns the cents given back."""
    moved = [(allocation, cents) for allocation, cents in parts if cents]
    key = key or f"booking:{booking.pk}:{what}" + (":again" if REINSTATED in booking.flags else "")
    return _give_back(booking, moved, Bucket.HELD, what=what, key=key, actor=actor)


def release_lines(booking: Booking, parts: Iterable[Part], *, bucket: Bucket = Bucket.HELD) -> list[Line]:
    """Money of a booking given back to the sources it came from."""
    return [
        line
        for allocation, cents in parts
        for line in (
            _in_booking(booking, allocation, bucket, -cents),
            _origin(booking, allocation, cents, spent=Bucket.REFUND_DUE),
        )
    ]


def restore_paid(
    booking: Booking, *, actor: User, reason: str, parts: Iterable[Part] | None = None
) -> Receivable | None:
    """Give back to the sources, at once, what was already paid to the provider, who now owes it.

    parts: what of each allocation (all that was paid). Opens a receivable. Returns it, or None if nothing was paid.
    What a learner paid the provider directly never was the platform's to give back.
    """
    if booking.scheme_version is not None and booking.scheme_version.parsed.funding == "reimbursement":
        return None
    if parts is None:
        parts = [(allocation, allocation.paid_cents) for allocation in allocations_of(booking)]
    moved = [(allocation, cents) for allocation, cents in parts if cents and not allocation.direct]
    if not moved:
        return None
    for allocation, cents in moved:
        allocation.paid_cents -= cents
    key = f"{_restore_key(booking)}{booking.receivables.count()}"
    total = _give_back(booking, moved, Bucket.OWED, what="restore", key=key, actor=actor)
    receivable = Receivable(
        booking=booking,
        provider=booking.provider,
        amount_cents=total,
        currency=booking.currency,
        reason=reason,
    )
    fsm.start(receivable, actor=actor, reason=reason, transition="open")
    return receivable


def provider_parts(
    booking: Booking,
    rules: SchemeRules,
    allocations: Sequence[Allocation],
    *,
    away: Mapping[int, int] | None = None,
) -> list[int]:
    """What of each allocation is the provider's by the realised share, in cents (F-28).

    What an advance took of a source counts first: the rounding of two divisions opens no debt of a cent. What the
    learner owes the provider directly covers such a cent, and nothing else that we paid too much (decision 205).
    away: cents on their way to the bank, by allocation id, for who has read them already.
    """
    assert booking.realised_percent is not None
    shares = [Share(each.lot_id, each.source, each.amount_cents) for each in allocations]
    parts = list(
        planning.settle_shares(rules, booking.price_cents, booking.realised_percent, shares).provider
    )
    away = in_transit_by_allocation(booking) if away is None else away
    taken = [0 if each.direct else each.paid_cents + away.get(each.pk, 0) for each in allocations]
    ours = [place for place, each in enumerate(allocations) if not each.direct]
    covered = cover([taken[place] for place in ours], [parts[place] for place in ours])
    for place, cents in zip(ours, covered, strict=True):
        parts[place] = cents
    missing = sum(max(0, taken[place] - parts[place]) for place in ours)
    return cover(taken, parts) if missing <= len(ours) else parts


def cover(taken: Sequence[int], parts: Sequence[int]) -> list[int]:
    """`parts` with the same sum, so that no source gives less than was taken while another gives more than was."""
    covered = list(parts)
    missing = [max(0, took - part) for took, part in zip(taken, parts, strict=True)]
    spare = [max(0, part - took) for took, part in zip(taken, parts, strict=True)]
    movable = min(sum(missing), sum(spare))
    for amounts, sign in ((missing, 1), (spare, -1)):
        left = movable
        for position, amount in enumerate(amounts):
            covered[position] += sign * min(left, amount)
            left -= min(left, amount)
    return covered


def restore_overpaid(
    booking: Booking, rules: SchemeRules, *, actor: User, reason: str = "paid beyond the realised share"
) -> None:
    """Give back what was paid beyond the realised share; the provider owes it (F-28, F-31)."""
    allocations = allocations_of(booking)
    owed = provider_parts(booking, rules, allocations)
    beyond = [(each, max(0, each.paid_cents - part)) for each, part in zip(allocations, owed, strict=True)]
    restore_paid(booking, actor=actor, reason=reason, parts=beyond)


def take_back_restored(booking: Booking, *, actor: User, reason: str) -> None:
    """Undo what `restore_paid` did during a dispute that was rejected. Receivables of it fall away.

    What was owed for another reason (an advance beyond the realised share) stays owed.
    Raises: DomainError `insufficient_rights` when the learner has used the money meanwhile (decision 95),
    `not_allowed` when the provider has paid some of it back already.
    """
    # The n-th restoration of a booking opened its n-th receivable, and its key ends with that number.
    receivables = locks.acquire_set(Receivable.objects.filter(booking=booking))
    prefix = _restore_key(booking, disputed=True)
    entries = JournalEntry.objects.filter(
        scheme=booking.account.scheme, idempotency_key__startswith=prefix, reversed_by__isnull=True
    )
    allocations = {(each.lot_id, each.budget_id, each.fund): each for each in allocations_of(booking)}
    for entry in entries.select_related("scheme").order_by("pk"):
        receivable = receivables[int(entry.idempotency_key.removeprefix(prefix))]
        if receivable.recovered_cents or receivable.reserved_cents:
            raise DomainError("not_allowed", reason="partly_recovered")
        if receivable.closed_at is None:
            fsm.apply(receivable, "drop", actor=actor, reason=reason)
        for posting in entry.postings.filter(bucket=Bucket.OWED):
            allocation = allocations[posting.lot_id, posting.budget_id, posting.fund]
            allocation.paid_cents -= posting.amount_cents
            allocation.returned_cents += posting.amount_cents
        _reverse_restored(entry, actor=actor)
    Allocation.objects.bulk_update(allocations.values(), ["returned_cents", "paid_cents"])


def _reverse_restored(entry: JournalEntry, *, actor: User) -> None:
    try:
        ledger.reverse(entry=entry, actor=actor)
    except DomainError as error:
        if error.code == "insufficient_rights":
            # Whoever decides must know why: it is not the learner who asks for money here (decision 95).
            raise DomainError(error.code, reason="spent_meanwhile") from error
        raise


def unwind(booking: Booking, *, actor: User, reason: str) -> None:
    """All goes back: claims that have not left are called back, what is held is released, what was paid is owed."""
    call_back_claims(booking, actor=actor, reason=reason)
    away = in_transit_by_allocation(booking)
    allocations = allocations_of(booking)
    parts = [(each, each.outstanding_cents - away.get(each.pk, 0)) for each in allocations]
    parts += [(each, each.outstanding_cents - away.get(each.pk, 0)) for each in reimbursements_of(booking)]
    release(booking, parts, what="unwind", actor=actor)
    restore_paid(booking, actor=actor, reason=reason, parts=[(each, each.paid_cents) for each in allocations])


def call_back_claims(booking: Booking, *, actor: User, reason: str) -> None:
    """Reject the booking's claims that have not left for the bank; their money is held again."""
    theirs = Claim.objects.filter(booking=booking, state__in=CALLABLE_BACK).exclude(kind=ClaimKind.REFUND)
    for claim in locks.acquire_set(theirs):
        if claim.state == ClaimState.APPROVED:
            lines = [
                line
                for each in claim.lines.select_related("allocation")
                for line in ledger.transfer(
                    _in_booking(booking, each.allocation, Bucket.HELD, each.amount_cents),
                    Bucket.PAYABLE,
                    Bucket.HELD,
                )
            ]
            ledger.post(
                scheme=booking.account.scheme,
                kind="call_back_claim",
                key=f"claim:{claim.pk}:call_back",
                actor=actor,
                lines=lines,
            )
        fsm.apply(claim, "call_back", actor=actor, reason=reason)


def allocations_of(booking: Booking) -> list[Allocation]:
    """The parts of the booking's price in draw-down order. The booking's lock guards them."""
    return list(booking.allocations.filter(reimburses=False).order_by("position"))


def reimbursements_of(booking: Booking) -> list[Allocation]:
    """What is kept for the learner to be given back of the price; at most one."""
    return list(booking.allocations.filter(reimburses=True).order_by("position"))


def pay_directly(booking: Booking, *, actor: User, allocations: Iterable[Allocation] | None = None) -> None:
    """The learner has paid the provider themselves: what was kept as their own money is spent for good.

    In schemes that give a part back afterwards no public money reaches the provider (no bank is asked).
    allocations: those of them, in other schemes (all).
    """
    allocations = allocations_of(booking) if allocations is None else allocations
    parts = [each for each in allocations if each.outstanding_cents]
    if not parts:
        return
    lines: list[Line] = []
    for each in parts:
        moved = _in_booking(booking, each, Bucket.HELD, each.outstanding_cents)
        lines += ledger.transfer(moved, Bucket.HELD, Bucket.PAID)
        each.paid_cents += each.outstanding_cents
    key = f"booking:{booking.pk}:paid_directly"
    ledger.post(scheme=booking.account.scheme, kind="paid_directly", key=key, actor=actor, lines=lines)
    Allocation.objects.bulk_update(parts, ["paid_cents"])


def price_owed(booking: Booking, rules: SchemeRules, *, actor: User) -> None:
    """The full price is owed to the provider. Where the learner pays it directly, nothing is given back of it.

    What of it the learner pays the provider themselves is between the two of them (decision 205).
    """
    if rules.funding == "reimbursement":
        kept = [(each, each.outstanding_cents) for each in reimbursements_of(booking)]
        release(booking, kept, what="not_reimbursed", actor=actor)
        pay_directly(booking, actor=actor)
        return
    pay_directly(booking, actor=actor, allocations=[each for each in allocations_of(booking) if each.direct])


def in_transit_by_allocation(booking: Booking) -> dict[int, int]:
    """Cents of each allocation (by its id) that are on their way to the bank."""
    away: dict[int, int] = {}
    lines = ClaimLine.objects.filter(claim__booking=booking, claim__state=ClaimState.IN_BATCH)
    lines = lines.exclude(claim__kind=ClaimKind.REFUND)
    for allocation_id, cents in lines.values_list("allocation_id", "amount_cents"):
        away[allocation_id] = away.get(allocation_id, 0) + cents
    return away


def in_booking_line(booking: Booking, allocation: Allocation, bucket: Bucket, cents: int) -> Line:
    """A posting of a booking's money that one source pays."""
    return _in_booking(booking, allocation, bucket, cents)


def _restore_key(booking: Booking, *, disputed: bool | None = None) -> str:
    """How the key of a restoration begins; during a dispute it tells that the dispute is why."""
    if disputed is None:
        disputed = booking.state == BookingState.DISPUTED
    return f"booking:{booking.pk}:{'dispute' if disputed else 'restore'}:"


def _give_back(
    booking: Booking, moved: list[Part], bucket: Bucket, *, what: str, key: str, actor: User
) -> int:
    if not moved:
        return 0
    ledger.post(
        scheme=booking.account.scheme,
        kind=f"{what}_booking",
        key=key,
        actor=actor,
        lines=release_lines(booking, moved, bucket=bucket),
    )
    for allocation, cents in moved:
        allocation.returned_cents += cents
    Allocation.objects.bulk_update([allocation for allocation, _ in moved], ["returned_cents", "paid_cents"])
    return sum(cents for _, cents in moved)


def _in_booking(booking: Booking, allocation: Allocation, bucket: Bucket, cents: int) -> Line:
    return Line(bucket, allocation.fund, cents, allocation.lot_id, allocation.budget_id, booking.pk)


def _origin(booking: Booking, allocation: Allocation, cents: int, *, spent: Bucket) -> Line:
    if allocation.lot_id is not None:
        return Line(Bucket.AVAILABLE, allocation.fund, cents, lot_id=allocation.lot_id)
    if allocation.source == Source.GRANT and cents > 0:
        # What comes back of a grant is the funder's again: it does not reopen the window (N-03).
        return Line(Bucket.RETURNED, allocation.fund, cents, None, allocation.budget_id, booking.pk)
    if allocation.budget_id is not None:
        return Line(Bucket.BUDGET, allocation.fund, cents, budget_id=allocation.budget_id)
    # The learner's own money comes from outside the books, and is owed to them when it is given back.
    if spent == Bucket.REFUND_DUE and allocation.direct:
        # It never came in here: whoever took it gives it back (decision 204).
        spent = Bucket.RETURNED
    return Line(spent, allocation.fund, cents, booking_id=booking.pk)
