"""What "this wasn't me" does, said by who has the mail: no sign-in is asked, so it only ever stops things.

A booking is disputed and its money held; for anything else the account is closed to everybody until its owner is
back. Either way a person of the agency looks at it.
"""

from datetime import timedelta
from enum import Enum

from django.conf import settings
from django.db import transaction

from accounts.models import NotMeKind, NotMeLink, User
from accounts.services import alarms, not_me, service_users
from funding.models import Booking, BookingState, LearningAccount
from funding.models.bookings import DISPUTABLE_STATES
from funding.permissions import is_learner
from funding.services import holds, reviews
from funding.services.bookings import disputes
from funding.services.bookings.context import open_walk
from ila.core import clock, locks
from ila.core.errors import DomainError

REASON = "not_me"
BY_LINK = "The learner says by the link in the mail that the booking is not theirs"
ON_PAGE = "The learner says that the booking is not theirs"


class Done(Enum):
    """What a link did."""

    DISPUTED = "disputed"
    REFUSED = "refused"
    REVIEWED = "reviewed"
    CLOSED = "closed"


@transaction.atomic
def report(*, token: str) -> tuple[NotMeLink, Done]:
    """Do what the link of a mail stands for, once.

    Locks: the link, then account, session, booking, consent; for an account, all learning accounts of its owner,
    so that no acceptance under way slips through. Logs: as `deny_consent`.
    Raises: DomainError `not_found` (404), `link_used` or `link_expired` (410).
    """
    link = not_me.find(token)
    if link is None:
        raise DomainError("not_found", status=404, kind="notmelink")
    not_me.spend(link)
    if link.kind == NotMeKind.BOOKING:
        return link, _dispute(link)
    locks.acquire_set(LearningAccount.objects.filter(citizen__user_id=link.user_id))
    alarms.raise_alarm(link=link)
    return link, Done.CLOSED


@transaction.atomic
def dispute_booking(*, actor: User, booking_id: int, reason: str = ON_PAGE) -> Done:
    """The learner says that a booking is not theirs: it ends or is disputed, its money held, and a person looks at it.

    Locks: account, session, booking, consent. Logs: as `deny_consent`. Raises: DomainError `not_allowed` for who is
    not its learner, `not_found` (404).
    """
    booking = open_walk(booking_id).booking
    if not is_learner(booking, actor):
        raise DomainError("not_allowed", status=403, transition="deny_consent", state=booking.state)
    reviews.open_reviews([booking.pk], reason=REASON, detail={"said": reason})
    accepted = booking.state in DISPUTABLE_STATES and booking.accepted_at is not None
    if not accepted and booking.state not in disputes.BEFORE_ACCEPTANCE:
        # It has ended, or is disputed already: nothing to stop, and still for a person to look at.
        return Done.DISPUTED if booking.state == BookingState.DISPUTED else Done.REVIEWED
    booking = disputes.deny_consent(actor=actor, booking_id=booking.pk, reason=reason)
    if booking.state != BookingState.DISPUTED:
        return Done.REFUSED
    holds.place_hold(
        owner=service_users.get("not-me"),
        reason=reason,
        until=clock.now() + timedelta(days=settings.DISPUTE_HOLD_DAYS),
        booking=booking,
        tell=True,
    )
    return Done.DISPUTED


def _dispute(link: NotMeLink) -> Done:
    booking = Booking.objects.filter(public_id=link.reference, account__citizen__user_id=link.user_id).first()
    if booking is None:
        raise DomainError("not_found", status=404, kind="booking")
    return dispute_booking(actor=link.user, booking_id=booking.pk, reason=BY_LINK)
