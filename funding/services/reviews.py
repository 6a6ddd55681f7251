"""Bookings that a person must look at, because something they rest on has changed."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from accounts.models import User
from catalogue.models import AccreditationLog, AccreditationState, ChangeKind, SessionChange
from funding.models import Booking, BookingReview, BookingState
from ila.core import clock, locks
from ila.core.errors import DomainError

DATES = "session_dates"
ACCREDITATION = "accreditation"
# A change that no booking was concerned by is not looked at for ever.
LOOK_BACK = timedelta(days=60)
Change = tuple[str, datetime, dict[str, Any], Q]
"""Why, since when, with which detail, and which bookings are concerned."""
BOUND = (BookingState.ACCEPTED, BookingState.IN_TRAINING)


@transaction.atomic
def open_reviews() -> int:
    """Open a review of each booking whose session moved or whose accreditation was suspended or withdrawn.

    Once for a booking and a change, however often it is called; a review still open for the same reason
    stands for both. Returns how many were opened.
    """
    return sum(_open(*change) for change in [*_moved(), *_unaccredited()])


@transaction.atomic
def close_review(*, review_id: int, actor: User) -> BookingReview:
    """A person has looked at it. Raises: DomainError `not_found` (404), `not_allowed` when it is closed."""
    review = BookingReview.objects.filter(pk=review_id).select_related("booking").first()
    if review is None:
        raise DomainError("not_found", status=404, kind="review")
    locks.acquire(locks.lock(Booking, review.booking_id))
    review.refresh_from_db()
    if review.closed_at is not None:
        raise DomainError("not_allowed", review=review.pk)
    review.closed_at, review.closed_by = clock.now(), actor
    review.save(update_fields=["closed_at", "closed_by"])
    return review


def _moved() -> list[Change]:
    changes = SessionChange.objects.filter(
        kind=ChangeKind.DATES, bookings__gt=0, at__gt=clock.now() - LOOK_BACK
    )
    return [
        (
            DATES,
            change.at,
            {"change": change.pk, "before": change.before, "after": change.after},
            Q(session_id=change.session_id),
        )
        for change in changes.order_by("pk")
    ]


def _unaccredited() -> list[Change]:
    ended = AccreditationLog.objects.filter(
        target__in=[AccreditationState.SUSPENDED, AccreditationState.WITHDRAWN],
        at__gt=clock.now() - LOOK_BACK,
    ).select_related("subject")
    return [
        (
            ACCREDITATION,
            row.at,
            {"log": row.pk, "state": row.target},
            Q(provider_id=row.subject.provider_id)
            if row.subject.provider_id is not None
            else Q(credential_id=row.subject.micro_credential_id),
        )
        for row in ended.order_by("pk")
    ]


def _open(reason: str, at: datetime, detail: dict[str, Any], bookings: Q) -> int:
    # A review that was open at the change, or opened after it, has looked at it.
    looked = BookingReview.objects.filter(booking=OuterRef("pk"), reason=reason)
    looked = looked.filter(Q(closed_at__isnull=True) | Q(closed_at__gte=at))
    concerned = Booking.objects.filter(bookings, ~Exists(looked), accepted_at__lte=at, state__in=BOUND)
    # What another worker opens at the same moment is the same review: the constraint keeps one of them.
    opened = BookingReview.objects.bulk_create(
        [
            BookingReview(booking_id=pk, reason=reason, detail=detail, opened_at=clock.now())
            for pk in concerned.order_by("pk").values_list("pk", flat=True)
        ],
        ignore_conflicts=True,
    )
    return len(opened)
