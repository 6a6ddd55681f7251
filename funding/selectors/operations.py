"""What the operations page shows: what fell due, what is overdue and why, and what waits for a person."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q

from funding.models import Booking, BookingReview, Claim, ClaimState, Hold, Window
from funding.services import due, holds
from ila.core import clock

SHOWN = 20
DAY, WEEK = timedelta(days=1), timedelta(days=7)
# The job comes each minute: what has been due for longer than this waits for a reason.
PATIENCE = timedelta(minutes=5)

UNPAID = (ClaimState.SUBMITTED, ClaimState.APPROVED)


@dataclass(frozen=True, slots=True)
class Held:
    """A booking that is due and under control, and the hold that stops it."""

    booking: Booking
    hold: Hold | None


def due_by_kind() -> list[dict[str, Any]]:
    """By kind of deadline: bookings overdue, under control among them, due within a day, within a week."""
    now = clock.now()
    overdue = Q(next_due_at__lte=now)
    rows = Booking.objects.filter(next_due_at__lte=now + WEEK).values("next_due")
    return [
        dict(row)
        for row in rows.annotate(
            overdue=Count("pk", filter=overdue),
            held=Count("pk", filter=overdue & due.stopped(now)),
            oldest=Min("next_due_at", filter=overdue),
            within_day=Count("pk", filter=Q(next_due_at__gt=now, next_due_at__lte=now + DAY)),
            within_week=Count("pk", filter=Q(next_due_at__gt=now)),
        ).order_by("next_due")
    ]


def held_bookings(*, limit: int = SHOWN) -> list[Held]:
    """The bookings that are due and under control, longest first, each with the hold that ends last."""
    now = clock.now()
    bookings = list(
        due.overdue(now=now)
        .filter(due.stopped(now))
        .select_related("provider")
        .order_by("next_due_at")[:limit]
    )
    standing = list(
        holds.open_holds(now)
        .filter(holds.scopes_of(bookings))
        .select_related("owner")
        .order_by("-expires_at", "-pk")
    )
    return [
        Held(booking, next((hold for hold in standing if stops(hold, booking)), None)) for booking in bookings
    ]


def stops(hold: Hold, booking: Booking) -> bool:
    """Whether a hold concerns a booking, by whichever of its scopes."""
    return (
        hold.booking_id == booking.pk
        or (hold.session_id is not None and hold.session_id == booking.session_id)
        or (hold.provider_id is not None and hold.provider_id == booking.provider_id)
        or (hold.iban != "" and hold.iban == booking.provider.iban)
    )


def late_bookings(*, limit: int = SHOWN) -> list[Booking]:
    """Bookings that have been due for some minutes though nothing stops them: no worker, or a fault with a review."""
    now = clock.now()
    late = due.overdue(now=now - PATIENCE).exclude(due.stopped(now))
    return list(late.order_by("next_due_at")[:limit])


def open_reviews(*, limit: int = SHOWN) -> tuple[list[dict[str, Any]], list[BookingReview]]:
    """How many reviews of each reason are open, and the oldest of them."""
    waiting = BookingReview.objects.filter(closed_at__isnull=True)
    counts = waiting.values("reason").annotate(number=Count("pk"), oldest=Min("opened_at")).order_by("reason")
    return [dict(row) for row in counts], list(
        waiting.select_related("booking").order_by("opened_at", "pk")[:limit]
    )


def overdue_claims(now: datetime | None = None) -> int:
    """Claims whose term of payment is over and that no batch holds yet (F-31)."""
    today = (now or clock.now()).date()
    return Claim.objects.filter(state__in=UNPAID, due_on__lt=today).count()


def windows_around(now: datetime | None = None) -> list[Window]:
    """Windows that are open, open soon or have just closed, in order."""
    moment = now or clock.now()
    near = Window.objects.filter(closes_at__gt=moment - WEEK, opens_at__lt=moment + 9 * WEEK)
    return list(
        near.select_related("scheme", "budget")
        .prefetch_related("slices__budget")
        .order_by("opens_at", "pk")[:SHOWN]
    )
