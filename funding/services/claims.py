"""Claims: what a provider asks for, what another person approves, and when it becomes payable.

Where a scheme gives the learner a part back, the claim is the learner's own and names the account to pay to.
"""

from collections.abc import Sequence
from datetime import date

from django.db import transaction

from accounts.models import User
from funding import permissions
from funding.banking.identifiers import normalise_iban
from funding.models import (
    Allocation,
    Booking,
    BookingState,
    Bucket,
    Claim,
    ClaimKind,
    ClaimLine,
    ClaimState,
)
from funding.schemes import deadlines, windows
from funding.services import claim_approvals, holds, ledger
from funding.services.bookings.context import calendar_of
from funding.services.bookings.guards import check_was_held
from funding.services.bookings.money import (
    allocations_of,
    in_booking_line,
    provider_parts,
    reimbursements_of,
)
from funding.services.bookings.training import IN_COURSE, attended_percent, check_complete
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError
from ila.core.money import share_floor, split_largest_remainder

# The service is not proved yet: nothing is owed (F-27).
BEFORE_VALIDATION = (
    BookingState.REQUESTED,
    BookingState.PROPOSED,
    BookingState.ACCEPTED,
    BookingState.IN_TRAINING,
    BookingState.LEFT,
    BookingState.SERVICE_DECLARED,
)
# Where the scheme pays in advance, a claim is lawful in these once its day has come (N-07).
LEAD_STATES = (
    BookingState.ACCEPTED,
    BookingState.IN_TRAINING,
    BookingState.LEFT,
    BookingState.SERVICE_DECLARED,
)
# The training has been, or is being, taught: after its end a claim needs the proof of completion (N-08).
BEFORE_DECLARATION = (BookingState.ACCEPTED, *IN_COURSE)
TAUGHT = (*BEFORE_DECLARATION, BookingState.SERVICE_DECLARED, BookingState.SERVICE_VALIDATED)
# While the training lasts an advance may be asked for (F-31).
ADVANCE_STATES = (BookingState.IN_TRAINING, BookingState.LEFT, BookingState.SERVICE_DECLARED)
# A late cancellation or an unjustified no-show makes the price owed (F-24, F-25): `realised_percent` says so.
OWED_EXITS = (BookingState.CANCELLED_BY_LEARNER, BookingState.NO_SHOW)
# Claimed and not yet paid: this money may not be claimed a second time.
OPEN_CLAIMS = (
    ClaimState.DRAFT,
    ClaimState.SUBMITTED,
    ClaimState.APPROVED,
    ClaimState.IN_BATCH,
    ClaimState.RETURNED,
)
_RELATED = (
    "account__scheme",
    "account__citizen",
    "provider",
    "session",
    "credential",
    "scheme_version__scheme",
)


@transaction.atomic
def create_claim(
    *, actor: User, booking_id: int, kind: ClaimKind = ClaimKind.FINAL, payee_iban: str = ""
) -> Claim:
    """A manager of the provider drafts a claim for what is still owed of a booking, split over its sources.

    In a scheme that reimburses, the learner drafts it for what is given back, to an account of theirs
    (payee_iban); in one that pays before the service is done, an advance is the claim itself (N-07).
    Locks: the booking.
    Raises: DomainError `not_allowed` for another's booking, one that ended without owing anything, or one that
    is claimed already; `too_early` before the service is validated, the advance's day or the first day of a claim
    (F-27, F-31, N-07); `on_hold`; `already_settled`; `incomplete` when nothing is left to claim, completion is not
    proved (N-08) or the account is missing.
    """
    booking = _lock_booking(booking_id)
    kind = _kind_of(booking, kind)
    if not _may_claim(booking, kind, actor):
        raise DomainError("not_allowed", status=403, booking=booking.pk)
    _require_claimable(booking, kind)
    holds.check_no_hold(booking)
    parts = _parts(booking, kind)
    amount_cents = sum(cents for _, cents in parts)
    if amount_cents <= 0:
        raise DomainError("incomplete", what="nothing is left to claim", booking=booking.pk)
    claim = Claim(
        booking=booking,
        provider=booking.provider,
        kind=kind,
        amount_cents=amount_cents,
        currency=booking.currency,
        payee_iban=_payee_iban(kind, payee_iban),
        payee_name=_payee_name(booking) if kind == ClaimKind.REIMBURSEMENT else "",
        author=actor,
        created_at=clock.now(),
    )
    fsm.start(claim, actor=actor)
    ClaimLine.objects.bulk_create(
        ClaimLine(claim=claim, allocation=allocation, amount_cents=cents)
        for allocation, cents in parts
        if cents
    )
    return claim


@transaction.atomic
def submit_claim(*, actor: User, claim_id: int) -> Claim:
    """Its author hands the claim in: the term of payment begins (F-31).

    Locks: booking, claim. Raises: DomainError `not_allowed`, `too_early`, `on_hold`. Logs: ClaimLog.
    """
    booking, claim = _lock_claim(claim_id)
    if not _may_claim(booking, ClaimKind(claim.kind), actor):
        raise DomainError("not_allowed", status=403, claim=claim.pk)
    if claim.state == ClaimState.DRAFT:
        _require_owed(booking, ClaimKind(claim.kind))
        holds.check_no_hold(booking)
        claim.due_on = _due_on(booking)
    fsm.apply(claim, "submit", actor=actor)
    return claim


@transaction.atomic
def claim_booking(
    *, actor: User, booking_id: int, kind: ClaimKind = ClaimKind.FINAL, payee_iban: str = ""
) -> Claim:
    """Draft and submit in one step. Raises: as `create_claim` and `submit_claim`."""
    claim = create_claim(actor=actor, booking_id=booking_id, kind=kind, payee_iban=payee_iban)
    return submit_claim(actor=actor, claim_id=claim.pk)


@transaction.atomic
def approve_claim(*, actor: User, claim_id: int) -> Claim:
    """A payment officer who did not write the claim finds it owed: what was held becomes payable.

    Above the scheme's limit the first approval is only kept, and the claim waits for another officer's (decision 0243).
    Locks: booking, claim. Raises: DomainError `not_allowed` for its own author and for both approvals by one person,
    `too_early`, `on_hold`. Logs: ClaimLog.
    """
    booking, claim = _lock_claim(claim_id)
    if claim.author_id == actor.pk:
        raise DomainError("not_allowed", status=403, reason="approved by its own author", claim=claim.pk)
    refund = claim.kind == ClaimKind.REFUND
    if claim.state == ClaimState.SUBMITTED and not refund:
        _require_owed(booking, ClaimKind(claim.kind))
        holds.check_no_hold(booking)
        if claim_approvals.is_first_of_two(claim, actor):
            return claim
    fsm.apply(claim, "approve", actor=actor, approver=actor)
    if not refund:
        # A learner's own money is due to them until the bank has paid it (decision 0188).
        _move(booking, claim, Bucket.HELD, Bucket.PAYABLE, what="approve", actor=actor)
    return claim


@transaction.atomic
def reject_claim(*, actor: User, claim_id: int, reason: str) -> Claim:
    """A payment officer finds a claim not owed; approved money is held again, and another claim may follow.

    Locks: booking, claim. Raises: DomainError `incomplete` without a reason, `not_allowed`. Logs: ClaimLog.
    """
    if not reason.strip():
        raise DomainError("incomplete", what="reason")
    booking, claim = _lock_claim(claim_id)
    was_payable = claim.state == ClaimState.APPROVED and claim.kind != ClaimKind.REFUND
    fsm.apply(claim, "reject", actor=actor, reason=reason)
    if was_payable:
        _move(booking, claim, Bucket.PAYABLE, Bucket.HELD, what="reject", actor=actor)
    return claim


def _lock_booking(booking_id: int) -> Booking:
    seen = Booking.objects.select_related(*_RELATED).filter(pk=booking_id).first()
    if seen is None:
        raise DomainError("not_found", status=404, kind="booking")
    (booking,) = locks.acquire(locks.lock(Booking, booking_id))
    return _carry_over(booking, seen)


def _lock_claim(claim_id: int) -> tuple[Booking, Claim]:
    seen = (
        Claim.objects.select_related(*(f"booking__{name}" for name in _RELATED)).filter(pk=claim_id).first()
    )
    if seen is None:
        raise DomainError("not_found", status=404, kind="claim")
    booking, claim = locks.acquire(locks.lock(Booking, seen.booking_id), locks.lock(Claim, claim_id))
    claim.booking = _carry_over(booking, seen.booking)
    return booking, claim


def _carry_over(booking: Booking, seen: Booking) -> Booking:
    """Rows that never change for a booking need no second reading."""
    booking.account, booking.provider, booking.session = seen.account, seen.provider, seen.session
    booking.credential = seen.credential
    if booking.scheme_version_id == seen.scheme_version_id:
        booking.scheme_version = seen.scheme_version
    return booking


def _require_claimable(booking: Booking, kind: ClaimKind) -> None:
    live = Claim.objects.filter(booking=booking, kind=kind).exclude(state=ClaimState.REJECTED).first()
    if booking.state == BookingState.SETTLED or (live is not None and live.state == ClaimState.PAID):
        raise DomainError("already_settled", booking=booking.pk)
    if live is not None:
        raise DomainError("not_allowed", reason="claimed already", claim=live.pk)
    _require_owed(booking, kind)


def _require_owed(booking: Booking, kind: ClaimKind) -> None:
    if booking.state == BookingState.DISPUTED:
        raise DomainError("on_hold", reason="disputed", booking=booking.pk)
    check_was_held(booking.session)
    if kind == ClaimKind.ADVANCE:
        _require_advance_due(booking)
        return
    if booking.state in BEFORE_VALIDATION:
        _require_complete(booking)
        _require_lead(booking)
        return
    _require_complete(booking)
    owed_exit = booking.state in OWED_EXITS and booking.realised_percent
    if booking.state != BookingState.SERVICE_VALIDATED and not owed_exit:
        raise DomainError("not_allowed", state=booking.state, booking=booking.pk)


def _require_complete(booking: Booking) -> None:
    """Once the training is over, a missing proof of completion says more than a missing validation (N-08)."""
    ends = booking.session.ends_at
    if booking.scheme_version is None or ends is None or booking.state not in TAUGHT:
        return
    if booking.state in BEFORE_DECLARATION and clock.now() < ends:
        return
    percent = booking.declared_percent
    check_complete(
        booking, booking.scheme_version.parsed, attended_percent(booking) if percent is None else percent
    )


def _require_lead(booking: Booking) -> None:
    """Before the service is validated only where the scheme pays in advance, from its day on (F-27, N-07)."""
    starts = booking.session.starts_at
    rules = None if booking.scheme_version is None else booking.scheme_version.parsed
    if rules is None or starts is None or booking.state not in LEAD_STATES or not rules.pays_in_advance:
        raise DomainError("too_early", rule="F-27", booking=booking.pk)
    first = windows.claim_from(rules, calendar_of(booking.account.scheme), starts)
    if first is not None and clock.now() < first:
        raise DomainError("too_early", rule="N-07", first=first.isoformat(), booking=booking.pk)


def _kind_of(booking: Booking, kind: ClaimKind) -> ClaimKind:
    """What a claim of this kind is under the booking's rules."""
    rules = None if booking.scheme_version is None else booking.scheme_version.parsed
    if rules is not None and rules.funding == "reimbursement":
        return ClaimKind.REIMBURSEMENT
    if rules is not None and rules.pays_in_advance and not rules.advance_percent:
        return ClaimKind.FINAL
    return kind


def _may_claim(booking: Booking, kind: ClaimKind, actor: User) -> bool:
    if kind == ClaimKind.REIMBURSEMENT:
        return permissions.is_learner(booking, actor)
    return permissions.manages_provider(booking, actor)


def _payee_iban(kind: ClaimKind, text: str) -> str:
    """The account that a learner names. Raises: DomainError `incomplete` for none, or one that is no IBAN."""
    if kind != ClaimKind.REIMBURSEMENT:
        return ""
    try:
        return normalise_iban(text)
    except ValueError as error:
        raise DomainError("incomplete", what="payee_iban") from error


def _payee_name(booking: Booking) -> str:
    citizen = booking.account.citizen
    return f"{citizen.given_name} {citizen.family_name}".strip()[:140] or "Learner"


def _require_advance_due(booking: Booking) -> None:
    if booking.state in (BookingState.REQUESTED, BookingState.PROPOSED, BookingState.ACCEPTED):
        raise DomainError("too_early", rule="F-31", booking=booking.pk)
    if booking.state not in ADVANCE_STATES or booking.scheme_version is None or booking.entered_at is None:
        raise DomainError("not_allowed", rule="F-31", state=booking.state, booking=booking.pk)
    starts, ends = booking.session.starts_at, booking.session.ends_at
    due = None
    if starts is not None and ends is not None:
        rules = booking.scheme_version.parsed
        due = deadlines.advance_due(
            rules, calendar_of(booking.account.scheme), booking.entered_at, starts, ends
        )
    if due is None:
        raise DomainError("not_allowed", rule="F-31", reason="no advance is paid", booking=booking.pk)
    if clock.now() < due:
        raise DomainError("too_early", rule="F-31", due=due.isoformat(), booking=booking.pk)


def _parts(booking: Booking, kind: ClaimKind) -> list[tuple[Allocation, int]]:
    """What each source pays of such a claim, in cents."""
    if kind == ClaimKind.ADVANCE:
        return _advance_parts(booking)
    if kind == ClaimKind.REIMBURSEMENT:
        return [(each, each.outstanding_cents) for each in reimbursements_of(booking)]
    return _final_parts(booking)


def _final_parts(booking: Booking) -> list[tuple[Allocation, int]]:
    """What each source still owes: what was not given back, not paid, and not claimed already.

    What the learner pays the provider themselves is in no claim: it never came in here (decision 204).
    """
    allocations = allocations_of(booking)
    claimed = _claimed_by_allocation(allocations)
    parts = [
        (each, max(0, each.outstanding_cents - claimed.get(each.pk, 0)))
        for each in allocations
        if not each.direct
    ]
    if booking.realised_percent is not None and parts:
        # What was not realised went back to its sources when the service was validated (F-28).
        assert booking.scheme_version is not None
        shares = provider_parts(booking, booking.scheme_version.parsed, allocations)
        owed = sum(cents for each, cents in zip(allocations, shares, strict=True) if not each.direct)
        kept = sum(each.amount_cents - each.returned_cents for each, _ in parts)
        if kept > max(owed, sum(each.paid_cents for each, _ in parts)):
            raise DomainError("incomplete", rule="F-28", what="the part not realised was not given back")
    return parts


def _advance_parts(booking: Booking) -> list[tuple[Allocation, int]]:
    """The advance on the price, rounded down to the cent, in proportion to what each source gave (F-31)."""
    assert booking.scheme_version is not None
    percent = booking.scheme_version.parsed.advance_percent or 0
    final = _final_parts(booking)
    direct = sum(each.amount_cents for each in allocations_of(booking) if each.direct)
    total = min(share_floor(booking.price_cents - direct, percent), sum(cents for _, cents in final))
    shares = split_largest_remainder(total, [cents for _, cents in final])
    return [(allocation, cents) for (allocation, _), cents in zip(final, shares, strict=True)]


def _claimed_by_allocation(allocations: Sequence[Allocation]) -> dict[int, int]:
    claimed: dict[int, int] = {}
    lines = ClaimLine.objects.filter(allocation__in=allocations, claim__state__in=OPEN_CLAIMS)
    lines = lines.exclude(claim__kind=ClaimKind.REFUND)
    for allocation_id, cents in lines.values_list("allocation_id", "amount_cents"):
        claimed[allocation_id] = claimed.get(allocation_id, 0) + cents
    return claimed


def _due_on(booking: Booking) -> date | None:
    if booking.scheme_version is None:
        return None
    calendar = calendar_of(booking.account.scheme)
    due = deadlines.payment_due(booking.scheme_version.parsed, calendar, clock.now())
    return None if due is None else calendar.last_day_before(due)


def _move(booking: Booking, claim: Claim, source: Bucket, target: Bucket, *, what: str, actor: User) -> None:
    """Carry a claim's money from one bucket to another, source by source; each move happens once to a claim."""
    lines = [
        posting
        for line in claim.lines.select_related("allocation").order_by("pk")
        for posting in ledger.transfer(
            in_booking_line(booking, line.allocation, source, line.amount_cents), source, target
        )
    ]
    ledger.post(
        scheme=booking.account.scheme,
        kind=f"{what}_claim",
        key=f"claim:{claim.pk}:{what}",
        actor=actor,
        lines=lines,
    )
