"""What would come back if a session turned out not to have taken place: bookings by state, and the money by place."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, F, Q, Sum

from funding.models import Allocation, Booking


@dataclass(frozen=True, slots=True)
class Undoing:
    """Bookings of a session by state, and what of its sources' money is held and paid, by currency, in cents."""

    states: list[tuple[str, int]]
    money: list[tuple[str, int, int]]


def undoing_of(session_id: int) -> Undoing:
    """Two queries, however many bookings."""
    found = Booking.objects.filter(session=session_id).order_by().values("state")
    states = [(row["state"], row["number"]) for row in found.annotate(number=Count("pk")).order_by("state")]
    shares = Allocation.objects.filter(booking__session=session_id, reimburses=False).order_by()
    sums = shares.values("booking__currency").annotate(
        held=Sum(F("amount_cents") - F("returned_cents") - F("paid_cents")),
        paid=Sum("paid_cents", filter=Q(direct=False), default=0),
    )
    money = [
        (row["booking__currency"], row["held"], row["paid"]) for row in sums.order_by("booking__currency")
    ]
    return Undoing(states, money)
