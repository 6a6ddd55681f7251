"""Reviews: bookings that a person must look at, because something about them changed or could not be done."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction

from accounts.models import User
from funding import permissions
from funding.models import BookingReview
from ila.core import clock
from ila.core.errors import DomainError


def open_reviews(
    booking_ids: Collection[int],
    *,
    reason: str,
    detail: Mapping[str, Any] | None = None,
    details: Mapping[int, Mapping[str, Any]] | None = None,
) -> None:
    """Ask a person to look at these bookings; one that is open for the same reason stays as it is.

    detail: what to know about all of them; details: about each, by booking id.
    """
    now = clock.now()
    BookingReview.objects.bulk_create(
        [
            BookingReview(
                booking_id=pk,
                reason=reason,
                detail={**(detail or {}), **(details or {}).get(pk, {})},
                opened_at=now,
            )
            for pk in booking_ids
        ],
        ignore_conflicts=True,
    )


@transaction.atomic
def close_review(*, actor: User, review_id: int) -> BookingReview:
    """A person of the agency has looked at the booking. What follows is done by the services of bookings and claims.

    Raises: DomainError `not_allowed` for who works for no agency or for a review that is closed, `not_found` (404).
    """
    if not permissions.may_review(actor):
        raise DomainError("not_allowed", status=403, what="close_review")
    review = BookingReview.objects.select_for_update().filter(pk=review_id).first()
    # Of another scheme than theirs they are not even told that there is one.
    if review is None or not permissions.may_review(actor, review):
        raise DomainError("not_found", status=404, kind="bookingreview")
    if review.closed_at is not None:
        raise DomainError("not_allowed", review=review.pk)
    review.closed_at, review.closed_by = clock.now(), actor
    review.save(update_fields=["closed_at", "closed_by"])
    return review
