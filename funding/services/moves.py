"""A session held on other days than were booked: what is booked stays, and its learners may leave for nothing."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.models import User
from catalogue.models import SessionChange
from catalogue.services import sessions
from funding.models import Booking, BookingState
from funding.services import changes
from funding.services.bookings import in_bulk


def move_session(
    *, actor: User, session_id: int, starts_at: datetime, ends_at: datetime, reason: str
) -> SessionChange:
    """Change a session's dates; whoever asked for, was proposed or has a place in it is told.

    Bookings keep their price and their place. Until the new start their learners leave for nothing (decision 177).
    A job finishes what is interrupted after the change itself.
    Locks: session; then the accepted bookings. Raises: DomainError as `catalogue.services.sessions.change_dates`.
    """
    with transaction.atomic():
        change = sessions.change_dates(
            actor=actor, session_id=session_id, starts_at=starts_at, ends_at=ends_at, reason=reason
        )
        asking = Booking.objects.filter(
            session=session_id, state__in=(BookingState.REQUESTED, BookingState.PROPOSED)
        ).select_related("account__citizen__user")
        in_bulk.tell_learners(list(asking.order_by("pk")), "session_moved", **changes.dates_told(change))
    changes.deal_with_move(change)
    return change
