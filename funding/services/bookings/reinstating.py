"""A cancellation by the agency that turns out wrong: the booking stands again, with all its money, to the cent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from accounts.models import User
from accounts.services import messages
from catalogue.services import sessions
from funding.models import (
    Allocation,
    Booking,
    BookingState,
    Bucket,
    Budget,
    Claim,
    ClaimKind,
    ClaimState,
    JournalEntry,
    Lot,
    Posting,
)
from funding.models.bookings import OPEN_STATES, REINSTATABLE_STATES, REINSTATED, SEATED_STATES
from funding.services import ledger
from funding.services.bookings import terms
from funding.services.bookings.context import open_walk
from funding.services.ledger import Line
from ila.core import fsm
from ila.core.errors import DomainError


@dataclass(frozen=True)
class Reinstated:
    """What a booking holds again, in cents. made_good: what its sources had no more, the funder bore."""

    state: str
    held_cents: int
    made_good_cents: int


@transaction.atomic
def reinstate(*, actor: User, booking_id: int, reason: str) -> Reinstated:
    """A booking that the agency cancelled by a wrong decision is what it was before, and may be claimed again.

    Its sources pay as before. What a source has no more, because the learner used it meanwhile, its money expired or
    was refunded, the funder makes good: nobody asks a learner for it (decision 234). Only from the entry into training
    on: a place that was not taken up is the learner's to ask for again. Once per booking.
    Locks: account, session, booking, its sources. Logs: booking `reinstate`.
    Raises: DomainError `incomplete` without a reason; `not_allowed` for another state, before the entry, a second time,
    or while the learner has another booking of the session; `session_full`.
    """
    if not reason.strip():
        raise DomainError("incomplete", status=422, what="reason")
    walk = open_walk(booking_id)
    booking = walk.booking
    state = state_before(booking)
    if booking.state != BookingState.CANCELLED_BY_FUNDER or state not in REINSTATABLE_STATES:
        raise DomainError("not_allowed", transition="reinstate", state=state or booking.state)
    if REINSTATED in booking.flags:
        raise DomainError("not_allowed", transition="reinstate", reason="again")
    others = Booking.objects.filter(account=booking.account_id, session=booking.session_id)
    if state in OPEN_STATES and others.filter(state__in=OPEN_STATES).exists():
        raise DomainError("not_allowed", transition="reinstate", reason="booked_again")
    held, made_good = _hold_again(booking, actor=actor)
    fsm.apply(booking, "reinstate", actor=actor, reason=reason.strip(), state=state)
    terms.set_again(booking, walk.rules, walk.calendar)
    if state in SEATED_STATES:
        sessions.take_seat(session_id=booking.session_id)
    messages.queue(
        recipient=walk.account.citizen.user, template="booking_reinstated", booking=str(booking.public_id)
    )
    return Reinstated(state, held, made_good)


def state_before(booking: Booking) -> str:
    """The state that the agency's cancellation ended; of a dispute, the state before it. Empty for another booking."""
    rows = booking.log.order_by("-pk").values_list("transition", "source", "target")
    last = rows.filter(target=BookingState.CANCELLED_BY_FUNDER).first()
    if last is None:
        return ""
    if last[1] == BookingState.DISPUTED:
        disputed = rows.filter(transition="dispute").first()
        return "" if disputed is None else str(disputed[1])
    return str(last[1])


def would_be_paid(booking: Booking) -> int:
    """What a cancelled booking would hold again if it were reinstated, in cents."""
    entry = _unwinding(booking)
    held = (
        []
        if entry is None
        else entry.postings.filter(bucket=Bucket.HELD).values_list("amount_cents", flat=True)
    )
    return -sum(held)


def _unwinding(booking: Booking) -> JournalEntry | None:
    """The entry by which everything that the booking held went back to its sources."""
    return (
        JournalEntry.objects.filter(
            scheme=booking.account.scheme,
            idempotency_key=f"booking:{booking.pk}:unwind",
            reversed_by__isnull=True,
        )
        .select_related("scheme")
        .first()
    )


def _hold_again(booking: Booking, *, actor: User) -> tuple[int, int]:
    """Reverse the entry that gave the booking's held money back. Returns the cents, and what the funder made good."""
    entry = _unwinding(booking)
    if entry is None:
        return 0, 0
    postings = list(entry.postings.order_by("pk"))
    missing = _missing(booking, postings)
    lines = [
        line
        for posting, cents in missing
        for line in (
            Line(Bucket.APPROPRIATION, posting.fund, -cents, booking_id=posting.booking_id),
            Line(
                Bucket(posting.bucket),
                posting.fund,
                cents,
                posting.lot_id,
                posting.budget_id,
                posting.booking_id,
            ),
        )
    ]
    if lines:
        ledger.post(
            scheme=entry.scheme,
            kind="made_good",
            key=f"booking:{booking.pk}:made_good",
            actor=actor,
            lines=lines,
        )
    ledger.reverse(entry=entry, actor=actor)
    held = [posting for posting in postings if posting.bucket == Bucket.HELD]
    changed = _take_from_returned(booking, held)
    Allocation.objects.bulk_update(changed, ["returned_cents"])
    return -sum(posting.amount_cents for posting in held), sum(cents for _, cents in missing)


def _missing(booking: Booking, postings: Sequence[Posting]) -> list[tuple[Posting, int]]:
    """Of what went back to each source, the cents that are not there any more."""
    lots = Lot.objects.filter(pk__in={each.lot_id for each in postings if each.lot_id})
    budgets = Budget.objects.filter(pk__in={each.budget_id for each in postings if each.budget_id})
    in_lots = {each.pk: each.available_cents for each in lots.order_by("pk").select_for_update(no_key=True)}
    in_budgets = {
        each.pk: each.available_cents for each in budgets.order_by("pk").select_for_update(no_key=True)
    }
    due = _refund_still_due(booking)
    found = []
    for each in postings:
        there = each.amount_cents
        if each.bucket == Bucket.AVAILABLE:
            there = in_lots[each.lot_id]  # type: ignore[index]
        elif each.bucket == Bucket.BUDGET:
            there = in_budgets[each.budget_id]  # type: ignore[index]
        elif each.bucket == Bucket.REFUND_DUE:
            there = due
        if each.amount_cents > there:
            found.append((each, each.amount_cents - max(0, there)))
    return found


def _refund_still_due(booking: Booking) -> int:
    """Own money that is to be refunded and is not on its way: what is, the learner gets."""
    on_its_way = Claim.objects.filter(booking=booking, kind=ClaimKind.REFUND).exclude(
        state=ClaimState.REJECTED
    )
    if on_its_way.exists():
        return 0
    due = sum(booking.postings.filter(bucket=Bucket.REFUND_DUE).values_list("amount_cents", flat=True))
    # What came too much was never of the price.
    return due - sum(booking.own_transfers.values_list("due_cents", flat=True))


def _take_from_returned(booking: Booking, held: Sequence[Posting]) -> list[Allocation]:
    allocations = list(booking.allocations.order_by("reimburses", "position"))
    for posting in held:
        cents = -posting.amount_cents
        theirs = next(
            each
            for each in allocations
            if (each.lot_id, each.budget_id, each.fund) == (posting.lot_id, posting.budget_id, posting.fund)
            and each.returned_cents >= cents
        )
        theirs.returned_cents -= cents
    return allocations
