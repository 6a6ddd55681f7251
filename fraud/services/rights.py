"""Learners' rights are restored first: what a booking held or was paid goes back before anything is asked of anyone."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from accounts.models import User
from fraud.models import Case, CaseBooking, RecordKind
from fraud.models.cases import AT_FAULT
from fraud.services import case_file
from funding.models import Booking, BookingState
from funding.services import bookings
from funding.services.recoveries import demands
from ila.core import clock, locks
from ila.core.errors import DomainError

F = CaseBooking.Found
S = BookingState
# What is said of a booking whose learner was wronged.
WRONGED = (F.NO_CONSENT, F.NOT_TAUGHT)
BEFORE_THE_END = (S.REQUESTED, S.PROPOSED, S.ACCEPTED, S.IN_TRAINING)


@dataclass
class Restored:
    """How many bookings were restored now, and why others could not be: booking id → code."""

    now: int
    left: dict[int, str]


def restore_rights(*, actor: User, case_id: int) -> Restored:
    """Give every learner whom the case found wronged their rights back, each booking in a transaction of its own.

    A case in which nobody was wronged is restored with that. Called again, it goes on where it was interrupted, or
    where a booking could not be restored (a payment of it is on its way).
    Locks: the case, then what each way locks. Records: `rights`. Raises: DomainError `not_allowed` before fraud or an
    irregularity is decided.
    """
    restored = Restored(0, {})
    with transaction.atomic():
        case = _lock(case_id)
        waiting = case.bookings.filter(found__in=WRONGED, restored_at__isnull=True)
        ids = list(waiting.order_by("booking_id").values_list("pk", flat=True))
    for pk in ids:
        try:
            restored.now += _restore(case_id, pk, actor=actor)
        except DomainError as error:
            restored.left[pk] = error.code
    with transaction.atomic():
        case = _lock(case_id)
        open_ones = case.bookings.filter(found__in=WRONGED, restored_at__isnull=True)
        if case.rights_restored_at is None and not open_ones.exists():
            case.rights_restored_at = clock.now()
            case.save(update_fields=["rights_restored_at"])
            case_file.record(case, RecordKind.RIGHTS, actor=actor, data={"all": True})
    return restored


def _lock(case_id: int) -> Case:
    case: Case
    (case,) = locks.acquire(locks.lock(Case, case_id))
    if case.outcome not in AT_FAULT:
        raise DomainError("not_allowed", what="restore", state=case.state)
    return case


@transaction.atomic
def _restore(case_id: int, row_id: int, *, actor: User) -> int:
    case = _lock(case_id)
    row = CaseBooking.objects.select_related("booking").get(pk=row_id)
    if row.restored_at is not None:
        return 0
    way = _give_back(row.booking, row.found, reason=f"{case.number}: {row.found}", actor=actor)
    row.restored_at, row.restored_by_way = clock.now(), way
    row.save(update_fields=["restored_at", "restored_by_way"])
    case_file.record(
        case,
        RecordKind.RIGHTS,
        actor=actor,
        data={"booking": row.booking.public_id, "way": way, "found": row.found},
    )
    return 1


def _give_back(booking: Booking, found: str, *, reason: str, actor: User) -> str:
    """Everything of the booking goes back, the way its state allows. Returns which way it was."""
    if booking.state == S.DISPUTED:
        bookings.resolve_dispute(actor=actor, booking_id=booking.pk, upheld=True, reason=reason)
        return "dispute_upheld"
    if booking.state in BEFORE_THE_END:
        bookings.cancel_by_funder(actor=actor, booking_id=booking.pk, reason=reason)
        return "cancelled"
    if booking.state == S.SERVICE_VALIDATED and booking.realised_percent:
        bookings.reduce_service(actor=actor, booking_id=booking.pk, percent=0, reason=reason)
        return "reduced"
    paid = sum(booking.allocations.filter(reimburses=False).values_list("paid_cents", flat=True))
    if paid:
        demands.open_receivable(actor=actor, booking_id=booking.pk, amount_cents=paid, reason=reason)
        return "receivable"
    if booking.state in (S.LEFT, S.SERVICE_DECLARED) and found == F.NOT_TAUGHT:
        bookings.find_never_held(actor=actor, session_id=booking.session_id, reason=reason)
        return "never_held"
    if booking.state in (S.LEFT, S.SERVICE_DECLARED):
        # It can be taken back once the service is validated, or its learner has denied it.
        raise DomainError("not_allowed", what="restore", state=booking.state)
    return "nothing_held"
