"""What is kept for a learner who pays their own part by card, and its way back: seat, count, rights or grant.

It is given back once, by whatever ends it first: the payment that did not come, or the booking that was left.
"""

from django.db import connection

from accounts.models import User
from catalogue.services import sessions
from funding.models import Booking, CardPayment, GrantCount, JournalEntry, Reservation
from funding.services import ledger
from ila.core import clock, locks

COUNT_BACK = (
    f"UPDATE {GrantCount._meta.db_table} SET granted = granted - 1"
    " WHERE scheme_id = %s AND credential_id = %s AND year = %s AND granted > 0"
)


def key_of(payment: CardPayment) -> str:
    """The key of the entry that keeps what others pay while a learner pays their part."""
    return f"card:{payment.pk}:reserve"


def entry_of(payment: CardPayment) -> JournalEntry:
    """That entry."""
    return JournalEntry.objects.select_related("scheme").get(
        scheme=payment.scheme_id, idempotency_key=key_of(payment)
    )


def end(reservation: Reservation) -> None:
    """Nothing is kept by it any more."""
    reservation.ended_at = clock.now()
    reservation.save(update_fields=["ended_at"])


def give_back(payment: CardPayment, reservation: Reservation, booking: Booking, *, actor: User) -> None:
    """What was kept is everybody's again, or the account's. The booking is locked, and the reservation stands."""
    end(reservation)
    undone = f"card:{payment.pk}:unreserve"
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

    Its payment waits until Stripe's page is closed; money that comes all the same goes back (decision 204).
    """
    standing = Reservation.objects.filter(payment__booking=booking, ended_at__isnull=True)
    reservation = standing.select_related("payment").first()
    if reservation is None:
        return
    locks.acquire(locks.lock(CardPayment, reservation.payment_id))
    give_back(reservation.payment, reservation, booking, actor=actor)
