"""Steps that many bookings take at once, in a number of statements that does not grow with them.

The services of one booking take the same steps with a list of one. The caller has locked the bookings.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import F

from accounts.models import Consent, Message, User
from accounts.services import messages
from funding.models import (
    Allocation,
    Booking,
    BookingReview,
    Budget,
    Claim,
    ClaimKind,
    ClaimLine,
    ClaimState,
    Lot,
)
from funding.schemes.rules import SchemeRules
from funding.services import ledger
from funding.services.bookings import money
from ila.core import clock, fsm, locks

# So many ledger entries travel in one message to the database.
POSTS_AT_ONCE = 250

NOTHING_DUE: dict[str, Any] = {"next_due": "", "next_due_at": None}


def lapse(bookings: Sequence[Booking], *, actor: User) -> None:
    """Proposals that nobody accepted in time end, and so do the questions for consent (F-21).

    Locks: the consents. Logs: booking `lapse`, consent `lapse`. The learners are told.
    """
    data = {each.pk: due_data(each) for each in bookings}
    fsm.apply_set(
        bookings,
        "lapse",
        actor=actor,
        fields={"ended_at": clock.now(), **NOTHING_DUE},
        data=lambda booking: data[booking.pk],
    )
    asked = [each.consent_id for each in bookings if each.consent_id is not None]
    consents = locks.acquire_set(Consent.objects.filter(pk__in=asked))
    open_ones = [each for each in consents if each.state == "asked"]
    fsm.apply_set(open_ones, "lapse", actor=actor, fields={"answered_at": None})
    tell_learners(bookings, "booking_lapsed")


def validate(bookings: Sequence[Booking], *, actor: User) -> None:
    """Services stand: what was not done goes back to its sources, the rest may be claimed (F-27, F-28).

    Where an advance has paid all of it already, the booking is settled.
    Locks: claims that are called back, then the lots, then the budgets. Logs: `validate_service`, `settle`.
    """
    data = {each.pk: due_data(each) for each in bookings}
    fields = {
        "service_validated_at": clock.now(),
        "realised_percent": F("declared_percent"),
        **NOTHING_DUE,
    }
    fsm.apply_set(
        bookings, "validate_service", actor=actor, fields=fields, data=lambda booking: data[booking.pk]
    )
    settle_parts(bookings, actor=actor)


def tell_learners(bookings: Sequence[Booking], template: str, **context: Any) -> None:
    """Write a message about each booking to its learner. context: what the template says besides."""
    Message.objects.bulk_create(
        [
            message
            for booking in bookings
            for message in messages.draft(
                recipient=booking.account.citizen.user,
                template=template,
                booking=str(booking.public_id),
                **context,
            )
        ]
    )


def due_data(booking: Booking) -> dict[str, Any]:
    """What the log keeps of a step that fell due: since when."""
    return {} if booking.next_due_at is None else {"due_at": booking.next_due_at.isoformat()}


@dataclass(slots=True)
class _Parts:
    """A booking, its allocations in draw-down order, and what of each the provider does not get."""

    booking: Booking
    allocations: list[Allocation]
    unused: list[int]


def settle_parts(bookings: Sequence[Booking], *, actor: User) -> None:
    """What is not the provider's by the realised share goes back; where nothing is left, the booking is settled."""
    direct = [each for each in bookings if _rules(each).funding == "reimbursement"]
    bookings = [each for each in bookings if each not in direct]
    ids = [each.pk for each in bookings]
    _call_back_claims(bookings, ids, actor=actor)
    allocations: dict[int, list[Allocation]] = defaultdict(list)
    for share in Allocation.objects.filter(booking__in=ids, reimburses=False).order_by(
        "booking_id", "position"
    ):
        allocations[share.booking_id].append(share)
    away = _in_transit(ids)
    settled = [_parts(booking, allocations[booking.pk], away) for booking in bookings]
    _release([each for each in settled if any(each.unused)], actor=actor)
    finished = [each for each in direct if _paid_by_learner(each, actor=actor)]
    for each in settled:
        # What the learner pays the provider themselves is between the two of them.
        own = [one for one in each.allocations if one.direct]
        if own:
            money.pay_directly(each.booking, actor=actor, allocations=own)
        if len(own) == len(each.allocations):
            # No public money is in it: nothing will be claimed.
            finished.append(each.booking)
            continue
        if not any(one.paid_cents for one in each.allocations if not one.direct):
            continue
        left = each.allocations
        rules = _rules(each.booking)
        if _overpaid(each, rules, away) and not rules.pays_in_advance:
            money.restore_overpaid(each.booking, rules, actor=actor)
            left = money.allocations_of(each.booking)
        elif _overpaid(each, rules, away):
            _ask_a_person(each.booking)
        paid = any(one.paid_cents for one in left if not one.direct)
        if paid and not any(one.outstanding_cents for one in left):
            finished.append(each.booking)
    fsm.apply_set(finished, "settle", actor=actor, fields={"settled_at": clock.now(), **NOTHING_DUE})


def _call_back_claims(bookings: Sequence[Booking], ids: list[int], *, actor: User) -> None:
    open_claims = Claim.objects.filter(booking__in=ids, state__in=money.CALLABLE_BACK)
    open_claims = open_claims.exclude(kind=ClaimKind.REFUND)
    concerned = set(open_claims.values_list("booking_id", flat=True))
    for booking in bookings:
        if booking.pk in concerned and not _stands(booking):
            money.call_back_claims(booking, actor=actor, reason="covered by the final claim")


def _stands(booking: Booking) -> bool:
    """Whether a claim made before the service was done is still for the right amount (N-07)."""
    return _rules(booking).pays_in_advance and booking.realised_percent == 100


def _paid_by_learner(booking: Booking, *, actor: User) -> bool:
    """The learner's own money is the provider's now; whether nothing is left to be given back to the learner."""
    money.pay_directly(booking, actor=actor)
    return not any(each.outstanding_cents for each in money.reimbursements_of(booking))


def _ask_a_person(booking: Booking) -> None:
    """What was paid before the service and lies beyond the realised share: its recovery is a decision (N-09)."""
    reason = "paid_beyond_share"
    if not booking.reviews.filter(reason=reason, closed_at__isnull=True).exists():
        BookingReview.objects.create(
            booking=booking, reason=reason, detail={"realised_percent": booking.realised_percent}
        )


def _in_transit(ids: list[int]) -> dict[int, int]:
    away: dict[int, int] = defaultdict(int)
    lines = ClaimLine.objects.filter(claim__booking__in=ids, claim__state=ClaimState.IN_BATCH)
    for allocation_id, cents in lines.values_list("allocation_id", "amount_cents"):
        away[allocation_id] += cents
    return away


def _parts(booking: Booking, allocations: list[Allocation], away: dict[int, int]) -> _Parts:
    owed = money.provider_parts(booking, _rules(booking), allocations, away=away)
    # What went back before, when more was thought to be taught, does not go back again.
    unused = [
        max(0, each.amount_cents - each.returned_cents - max(part, each.paid_cents + away.get(each.pk, 0)))
        for each, part in zip(allocations, owed, strict=True)
    ]
    return _Parts(booking, allocations, unused)


def _overpaid(parts: _Parts, rules: SchemeRules, away: dict[int, int]) -> bool:
    owed = money.provider_parts(parts.booking, rules, parts.allocations, away=away)
    return any(
        each.paid_cents > part for each, part in zip(parts.allocations, owed, strict=True) if not each.direct
    )


def _rules(booking: Booking) -> SchemeRules:
    assert booking.scheme_version is not None
    return booking.scheme_version.parsed


def _release(parts: Sequence[_Parts], *, actor: User) -> None:
    """Give back what was not done: an entry for each booking, all lots locked first and in order."""
    given = [
        (each.booking, one, cents)
        for each in parts
        for one, cents in zip(each.allocations, each.unused, strict=True)
        if cents
    ]
    if not given:
        return
    _lock_balances([allocation for _, allocation, _ in given])
    statements: list[tuple[str, list[Any]]] = []
    for each in parts:
        moved = [(one, cents) for one, cents in zip(each.allocations, each.unused, strict=True) if cents]
        statements.append(
            ledger.statement(
                scheme=each.booking.account.scheme,
                kind="partial_service_booking",
                key=_release_key(each),
                actor=actor,
                lines=money.release_lines(each.booking, moved),
            )
        )
    for start in range(0, len(statements), POSTS_AT_ONCE):
        _post(statements[start : start + POSTS_AT_ONCE])
    for _, allocation, cents in given:
        allocation.returned_cents += cents
    _write_returned([allocation for _, allocation, _ in given])


def _release_key(parts: _Parts) -> str:
    """A share that was lowered since has an entry of its own: it only falls, so its percent tells them apart."""
    lowered = any(each.returned_cents for each in parts.allocations)
    key = f"booking:{parts.booking.pk}:partial_service"
    return f"{key}:{parts.booking.realised_percent}" if lowered else key


def _lock_balances(allocations: Sequence[Allocation]) -> None:
    # All at once and in order, or two sets about the same learners could wait for each other.
    lots = Lot.objects.filter(pk__in={each.lot_id for each in allocations if each.lot_id})
    list(lots.order_by("pk").select_for_update(no_key=True).values_list("pk"))
    budget_ids = {each.budget_id for each in allocations if each.budget_id and each.lot_id is None}
    if budget_ids:
        budgets = Budget.objects.filter(pk__in=budget_ids).order_by("pk")
        list(budgets.select_for_update(no_key=True).values_list("pk"))


def _post(statements: Sequence[tuple[str, list[Any]]]) -> None:
    with ledger.refusals_named(), connection.cursor() as cursor:
        cursor.execute(
            "; ".join(sql for sql, _ in statements), [value for _, values in statements for value in values]
        )
        while cursor.nextset():
            pass


WRITE_RETURNED = (
    f"UPDATE {Allocation._meta.db_table} AS allocation SET returned_cents = given.cents"
    " FROM unnest(%s::bigint[], %s::bigint[]) AS given(id, cents) WHERE allocation.id = given.id"
)


def _write_returned(allocations: Sequence[Allocation]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            WRITE_RETURNED, [[each.pk for each in allocations], [each.returned_cents for each in allocations]]
        )
