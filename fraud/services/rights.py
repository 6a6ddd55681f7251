"""Learners' rights are restored first: what a booking held or was paid goes back before anything is asked of anyone."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from fraud import permissions
from fraud.models import Case, CaseBooking, RecordKind
from fraud.models.cases import AT_FAULT
from fraud.services import case_file
from funding.models import Booking, BookingState
from funding.models.bookings import OPEN_STATES
from funding.services import bookings
from funding.services.recoveries import demands
from ila.core import clock, locks
from ila.core.errors import DomainError

F = CaseBooking.Found
S = BookingState
# What is said of a booking whose learner was wronged.
WRONGED = (F.NO_CONSENT, F.NOT_TAUGHT)
ENDED_BY_IT = "cancelled"
RECEIVABLE = "receivable"


# Their learners have no rights back yet, or lost them again by an appeal on an earlier decision.
WAITING = Q(found__in=WRONGED) & (Q(restored_at__isnull=True) | Q(undone_at__isnull=False))


@dataclass
class Restored:
    """How many bookings were restored now, and why others could not be: booking id → code."""

    now: int
    left: dict[int, str]


def restore_rights(*, actor: User, case_id: int) -> Restored:
    """Give every learner whom the case found wronged their rights back, each booking in a transaction of its own.

    A case in which nobody was wronged is restored with that. Called again, it goes on where it was interrupted, or
    where a booking could not be restored (a payment of it is on its way).
    Locks: the case, then what each way locks. Records: `rights`. Raises: DomainError `not_allowed` for who is no
    manager (403), or before fraud or an irregularity is decided.
    """
    if not permissions.may_manage(None, actor):
        raise DomainError("not_allowed", status=403, what="restore")
    restored = Restored(0, {})
    with transaction.atomic():
        case = _lock(case_id)
        waiting = case.bookings.filter(WAITING)
        ids = list(waiting.order_by("booking_id").values_list("pk", flat=True))
    for pk in ids:
        try:
            restored.now += _restore(case_id, pk, actor=actor)
        except DomainError as error:
            restored.left[pk] = error.code
    with transaction.atomic():
        case = _lock(case_id)
        if case.rights_restored_at is None and not case.bookings.filter(WAITING).exists():
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


def _waits(row: CaseBooking) -> bool:
    return row.found in WRONGED and (row.restored_at is None or row.undone_at is not None)


@transaction.atomic
def _restore(case_id: int, row_id: int, *, actor: User) -> int:
    case = _lock(case_id)
    row = CaseBooking.objects.select_related("booking").get(pk=row_id)
    if not _waits(row):
        return 0
    way = _give_back(row.booking, reason=f"{case.number}: {row.found}", actor=actor)
    row.restored_at, row.restored_by_way, row.undone_at = clock.now(), way, None
    row.save(update_fields=["restored_at", "restored_by_way", "undone_at"])
    case_file.record(
        case,
        RecordKind.RIGHTS,
        actor=actor,
        data={"booking": row.booking.public_id, "way": way, "found": row.found},
    )
    return 1


def _give_back(booking: Booking, *, reason: str, actor: User) -> str:
    """Everything of the booking goes back, the way its state allows. Returns which way it was."""
    if booking.state == S.DISPUTED:
        bookings.resolve_dispute(actor=actor, booking_id=booking.pk, upheld=True, reason=reason)
        return "dispute_upheld"
    if booking.state in OPEN_STATES:
        bookings.annul(actor=actor, booking_id=booking.pk, reason=reason)
        return ENDED_BY_IT
    ours = booking.allocations.filter(reimburses=False, direct=False)
    paid = sum(ours.values_list("paid_cents", flat=True))
    if paid:
        demands.open_receivable(actor=actor, booking_id=booking.pk, amount_cents=paid, reason=reason)
        return RECEIVABLE
    return "nothing_held"


def stands_cancelled(row: CaseBooking) -> bool:
    """Whether a booking was ended for the case, so that its provider gets nothing for it, and still is."""
    return (
        row.restored_at is not None
        and row.undone_at is None
        and row.booking.state == S.CANCELLED_BY_FUNDER
        and row.restored_by_way in (ENDED_BY_IT, "dispute_upheld")
    )


def undo(case: Case, row: CaseBooking, *, actor: User, reason: str) -> str:
    """A booking of a locked case was wrongly ended: it stands again, and may be claimed. Returns what became of it.

    Where it cannot stand again (nothing was taught yet, its seat was given away, the learner has booked anew), it stays
    ended, and the file says why (decision 234). Records: `rights`.
    """
    try:
        with transaction.atomic():
            done = bookings.reinstate(actor=actor, booking_id=row.booking_id, reason=reason)
    except DomainError as error:
        said = (
            error.code
            if error.code != "not_allowed"
            else f"not_allowed {error.params.get('state', '')}".strip()
        )
        case_file.record(
            case,
            RecordKind.RIGHTS,
            actor=actor,
            text=reason,
            data={"booking": row.booking.public_id, "undone": False, "why": said},
        )
        return ""
    row.undone_at = clock.now()
    row.save(update_fields=["undone_at"])
    case_file.record(
        case,
        RecordKind.RIGHTS,
        actor=actor,
        text=reason,
        data={
            "booking": row.booking.public_id,
            "undone": True,
            "state": done.state,
            "held_cents": done.held_cents,
            "made_good_cents": done.made_good_cents,
        },
    )
    return f"{done.state}, held {done.held_cents}, made good {done.made_good_cents} cents"
