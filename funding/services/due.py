"""What falls due by itself: proposals lapse, declared services validate themselves, entitlements expire."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from accounts.services import service_users
from funding.models import Booking, Scheme
from funding.services import bookings
from ila.core import clock
from ila.core.errors import DomainError


@dataclass(slots=True)
class DueResult:
    """What a run has done; held: services under control, which stay declared until the hold ends (F-27)."""

    lapsed: int = 0
    validated: int = 0
    held: int = 0
    expired_cents: int = 0


def next_due_at(*, after: datetime | None = None, scheme: Scheme | None = None) -> datetime | None:
    """The next moment at which a booking has something due by itself, after `after`, of one scheme or any."""
    waiting = _bookings(scheme).filter(next_due_at__isnull=False)
    if after is not None:
        waiting = waiting.filter(next_due_at__gt=after)
    return waiting.order_by("next_due_at").values_list("next_due_at", flat=True).first()


def run_due(*, scheme: Scheme | None = None) -> DueResult:
    """Execute everything that is due now, oldest first, each booking in its own transaction.

    scheme: only its bookings. Running it twice, or from two workers, does each thing once: a booking is
    looked at again under its lock.
    """
    now = clock.now()
    actor = service_users.get("clock")
    result = DueResult()
    due = _bookings(scheme).filter(next_due_at__lte=now).order_by("next_due_at", "pk")
    for booking_id, what in due.values_list("pk", "next_due").iterator(chunk_size=1000):
        if what == "lapse":
            result.lapsed += bookings.lapse(booking_id=booking_id)
            continue
        try:
            bookings.validate_service(actor=actor, booking_id=booking_id)
            result.validated += 1
        except DomainError as refusal:
            # Under control it waits for the hold's end; validated by somebody meanwhile it is done.
            if refusal.code not in {"on_hold", "not_allowed"}:
                raise
            result.held += refusal.code == "on_hold"
    return result


def _bookings(scheme: Scheme | None) -> QuerySet[Booking]:
    return Booking.objects.all() if scheme is None else Booking.objects.filter(account__scheme=scheme)
