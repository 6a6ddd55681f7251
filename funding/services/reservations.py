"""A seat and rights kept for a learner who pays their own part: for a short time, and given back as they came."""

from collections.abc import Sequence

from accounts.models import User
from funding.models import Allocation, Booking, Bucket, CardPayment, OwnTransfer, Reservation, Source
from funding.schemes.facts import SourcePlan
from funding.services import kept, ledger
from funding.services.bookings.acceptance import TAKE_SEAT, allocations_for
from funding.services.bookings.money import hold_lines
from funding.services.ledger import Line
from funding.services.windows import keeping
from ila.core.batch import Batch, refuse_unless_one_row


def reserve(payment: kept.Payer, booking: Booking, plan: SourcePlan, *, actor: User) -> Reservation:
    """Take the seat, and set aside what the other sources would pay. The booking is locked.

    Raises: DomainError `insufficient_rights`, `budget_exhausted`, `session_full`. Invariant 4.
    """
    public = [each for each in allocations_for(booking, plan, direct=False) if each.source != Source.LEARNER]
    reserved = sum(each.amount_cents for each in public)
    reservation = Reservation.objects.create(
        payment=payment if isinstance(payment, CardPayment) else None,
        transfer=payment if isinstance(payment, OwnTransfer) else None,
        session_id=booking.session_id,
        reserved_cents=reserved,
    )
    if reserved:
        ledger.post(
            scheme=payment.scheme,
            kind="reserve_booking",
            key=kept.key_of(payment),
            actor=actor,
            lines=_lines(booking, public),
        )
    batch = Batch()
    batch.add(TAKE_SEAT, [booking.session_id], refuse_unless_one_row("session_full"))
    batch.send()
    return reservation


def end_reservation(payment: kept.Payer, *, actor: User) -> bool:
    """Give back what was kept, once. The payment is locked. Returns whether it stood."""
    field = "payment" if isinstance(payment, CardPayment) else "transfer"
    reservation = Reservation.objects.filter(**{field: payment}, ended_at__isnull=True).first()
    if reservation is None:
        return False
    if reservation.window_id is not None:
        assert isinstance(payment, CardPayment)
        keeping.give_back(payment, reservation, actor=actor)
        return True
    assert payment.booking is not None
    kept.give_back(payment, reservation, payment.booking, actor=actor)
    return True


def _lines(booking: Booking, parts: Sequence[Allocation]) -> list[Line]:
    """As a booking holds it, but in a place of its own that names no booking: nothing is accepted yet."""
    return [
        Line(
            Bucket.RESERVED if line.bucket == Bucket.HELD else line.bucket,
            line.fund,
            line.amount_cents,
            line.lot_id,
            line.budget_id,
        )
        for line in hold_lines(booking, parts)
    ]
