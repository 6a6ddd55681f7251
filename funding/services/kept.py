"""What is kept for a learner who pays their own part first, and its way back: seat, count, rights or grant.

It is given back once, by whatever ends it first: the payment that did not come, or the booking that was left.
"""

from django.db import connection
from django.db.models import Q

from accounts.models import User
from accounts.services import service_users
from catalogue.services import sessions
from funding.models import (
    Booking,
    CardPayment,
    GrantCount,
    JournalEntry,
    OwnTransfer,
    OwnTransferState,
    Reservation,
)
from funding.services import ledger
from ila.core import clock, fsm, locks

Payer = CardPayment | OwnTransfer
"""What somebody's own part comes by: a payment by card, or a bank transfer."""

COUNT_BACK = (
    f"UPDATE {GrantCount._meta.db_table} SET granted = granted - 1"
    " WHERE scheme_id = %s AND credential_id = %s AND year = %s AND granted > 0"
)


def key_of(payment: Payer, what: str = "reserve") -> str:
    """The key of the entry that keeps what others pay while a learner pays their part, or gives it back."""
    return f"{'card' if isinstance(payment, CardPayment) else 'transfer'}:{payment.pk}:{what}"


def entry_of(payment: Payer) -> JournalEntry:
    """That entry."""
    return JournalEntry.objects.select_related("scheme").get(
        scheme=payment.scheme_id, idempotency_key=key_of(payment)
    )


def end(reservation: Reservation) -> None:
    """Nothing is kept by it any more."""
    reservation.ended_at = clock.now()
    reservation.save(update_fields=["ended_at"])


def give_back(payment: Payer, reservation: Reservation, booking: Booking, *, actor: User) -> None:
    """What was kept is everybody's again, or the account's. The booking is locked, and the reservation stands."""
    end(reservation)
    undone = key_of(payment, "unreserve")
    if reservation.window_id is None:
        if reservation.reserved_cents:
            ledger.reverse(entry=entry_of(payment), actor=actor, key=undone)
        sessions.free_seat(session_id=reservation.session_id)
        return
    # In the order in which everybody takes them: seat, count, budget.
    sessions.free_seat(session_id=reservation.session_id)
    with connection.cursor() as cursor:
        cursor.execute(COUNT_BACK, [payment.scheme_id, booking.credential_id, reservation.year])
        if cursor.rowcount != 1:
            raise RuntimeError(f"no grant of {booking.credential_id} in {reservation.year} is counted")
    ledger.reverse(entry=entry_of(payment), actor=actor, key=undone)


def give_back_left(booking: Booking, *, actor: User) -> None:
    """The booking ended before it was paid for: nothing is kept any longer. The booking is locked.

    Its payment by card waits until Stripe's page is closed, a transfer is waited for no longer; money that comes all
    the same goes back (decisions 204, 252). Logs: transfer `leave`.
    """
    reservation = standing_of(booking)
    if reservation is None:
        return
    if reservation.payment is not None:
        locks.acquire(locks.lock(CardPayment, reservation.payment_id))
        give_back(reservation.payment, reservation, booking, actor=actor)
        return
    transfer: OwnTransfer
    (transfer,) = locks.acquire(locks.lock(OwnTransfer, reservation.transfer_id))
    leave(transfer, reservation, booking, reason=booking.state)


def leave(transfer: OwnTransfer, reservation: Reservation, booking: Booking, *, reason: str) -> None:
    """A transfer is waited for no longer. Booking and transfer are locked. Logs: transfer `leave`."""
    service = service_users.get("bank")
    if transfer.state == OwnTransferState.OPENED:
        fsm.apply(transfer, "leave", actor=service, reason=reason)
    give_back(transfer, reservation, booking, actor=service)


def standing_of(booking: Booking) -> Reservation | None:
    """What is kept for this booking now, with the payment or transfer that it waits for."""
    of_booking = Q(payment__booking=booking) | Q(transfer__booking=booking)
    standing = Reservation.objects.filter(of_booking, ended_at__isnull=True)
    return standing.select_related("payment", "transfer").first()
