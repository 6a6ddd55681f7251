"""The ways a booking ends before its service is done, and who pays what then (F-21, F-23 to F-25)."""

from django.db import transaction

from accounts.models import User
from accounts.services import messages, service_users
from catalogue.models import Session, SessionState
from catalogue.services import sessions
from funding.models import Booking, BookingState
from funding.schemes import deadlines
from funding.services.bookings import money
from funding.services.bookings.context import Walk, open_walk
from funding.services.bookings.requests import close_consent
from ila.core import fsm
from ila.core.errors import DomainError

SEATED = (BookingState.ACCEPTED, BookingState.IN_TRAINING)


@transaction.atomic
def withdraw(*, actor: User, booking_id: int) -> Booking:
    """The learner withdraws without a reason: all goes back, the own money within the term (F-23).

    Locks: account, session, booking. Logs: booking `withdraw`.
    Raises: DomainError `too_late` (F-23) after the term or the start of the training, `not_allowed`.
    """
    walk = open_walk(booking_id)
    _check_accepted(walk, "withdraw")
    assert walk.booking.accepted_at is not None
    if not deadlines.withdrawal_ok(
        walk.rules, walk.calendar, walk.booking.accepted_at, walk.now, walk.starts_at
    ):
        raise DomainError("too_late", rule="F-23")
    return _end_and_return(walk, "withdraw", actor=actor)


@transaction.atomic
def cancel_by_learner(*, actor: User, booking_id: int, reason: str = "") -> Booking:
    """The learner cancels: a withdrawal inside its term, free in time, else the full price stays owed (F-24).

    Locks: account, session, booking. Logs: booking `withdraw` or `cancel_by_learner`.
    Raises: DomainError `too_late` (F-24) once the training has started, `not_allowed`.
    """
    walk = open_walk(booking_id)
    if walk.booking.state != BookingState.ACCEPTED:
        return _end_and_return(walk, "cancel_by_learner", actor=actor, reason=reason, price_owed=False)
    assert walk.booking.accepted_at is not None
    if walk.now >= walk.starts_at:
        raise DomainError("too_late", rule="F-24")
    outcome = deadlines.cancellation_outcome(
        walk.rules, walk.calendar, walk.booking.accepted_at, walk.now, walk.starts_at, reason=reason
    )
    if outcome == "withdraw":
        return _end_and_return(walk, "withdraw", actor=actor, reason=reason)
    if outcome == "free":
        return _end_and_return(walk, "cancel_by_learner", actor=actor, reason=reason, price_owed=False)
    fsm.apply(walk.booking, "cancel_by_learner", actor=actor, reason=reason, price_owed=True)
    sessions.free_seat(session_id=walk.session.pk)
    _tell_learner(walk, "booking_cancelled_price_owed")
    return walk.booking


@transaction.atomic
def cancel_by_provider(*, actor: User, booking_id: int, reason: str = "") -> Booking:
    """The provider cancels: all goes back; what was paid is owed. Logs: booking `cancel_by_provider`."""
    return _end_and_return(open_walk(booking_id), "cancel_by_provider", actor=actor, reason=reason)


@transaction.atomic
def cancel_by_funder(*, actor: User, booking_id: int, reason: str = "") -> Booking:
    """The agency cancels: all goes back; what was paid is owed. Logs: booking `cancel_by_funder`."""
    return _end_and_return(open_walk(booking_id), "cancel_by_funder", actor=actor, reason=reason)


def cancel_session(*, actor: User, session_id: int, reason: str = "") -> list[int]:
    """The provider cancels a session: it takes nobody more, then each of its open bookings is cancelled.

    The session is closed in a transaction of its own, so that no acceptance slips through; each booking
    then in its own. Repeating the call goes on where it was interrupted. Returns the bookings cancelled now.
    Raises: DomainError `not_allowed` for a session that cannot be cancelled any more.
    """
    session = Session.objects.get(pk=session_id)
    if session.state != SessionState.CANCELLED:
        sessions.cancel_session(session_id=session_id, actor=actor, reason=reason)
    open_bookings = Booking.objects.filter(
        session_id=session_id, state__in=[BookingState.REQUESTED, BookingState.PROPOSED, *SEATED]
    )
    ids = list(open_bookings.order_by("pk").values_list("pk", flat=True))
    return [
        cancel_by_provider(actor=actor, booking_id=booking_id, reason=reason or "session cancelled").pk
        for booking_id in ids
    ]


@transaction.atomic
def declare_no_show(*, actor: User, booking_id: int, justified: bool, reason: str = "") -> Booking:
    """The learner never came. Justified: all goes back; unjustified: the full price is owed (F-25).

    Logs: booking `declare_no_show`. Raises: DomainError `too_early` before the session has started, `not_allowed`.
    """
    walk = open_walk(booking_id)
    _check_accepted(walk, "declare_no_show")
    if walk.now < walk.starts_at:
        raise DomainError("too_early", rule="F-25")
    if justified:
        return _end_and_return(walk, "declare_no_show", actor=actor, reason=reason, price_owed=False)
    fsm.apply(walk.booking, "declare_no_show", actor=actor, reason=reason, price_owed=True)
    sessions.free_seat(session_id=walk.session.pk)
    _tell_learner(walk, "booking_no_show")
    return walk.booking


@transaction.atomic
def lapse(*, booking_id: int) -> bool:
    """A proposal that nobody accepted in time ends (F-21). Returns whether it did now. Logs: booking `lapse`."""
    walk = open_walk(booking_id)
    booking = walk.booking
    if (
        booking.state != BookingState.PROPOSED
        or booking.next_due_at is None
        or walk.now < booking.next_due_at
    ):
        return False
    actor = service_users.get("clock")
    fsm.apply(booking, "lapse", actor=actor)
    close_consent(booking, "lapse", actor=actor)
    _tell_learner(walk, "booking_lapsed")
    return True


def _check_accepted(walk: Walk, transition: str) -> None:
    if walk.booking.state != BookingState.ACCEPTED:
        raise DomainError("not_allowed", transition=transition, state=walk.booking.state)


def _end_and_return(walk: Walk, transition: str, *, actor: User, reason: str = "", **fields: bool) -> Booking:
    booking = walk.booking
    seated = booking.state in SEATED
    fsm.apply(booking, transition, actor=actor, reason=reason, **fields)
    if seated:
        money.unwind(booking, actor=actor, reason=reason or transition)
        sessions.free_seat(session_id=walk.session.pk)
    elif booking.consent_id is not None:
        close_consent(booking, "lapse", actor=actor)
    _tell_learner(walk, "booking_ended")
    return booking


def _tell_learner(walk: Walk, template: str) -> None:
    messages.queue(
        recipient=walk.account.citizen.user, template=template, booking=str(walk.booking.public_id)
    )
