"""Sessions: what happens to them, and the seats in them."""

from django.db import transaction
from django.db.models import F

from accounts.models import User
from catalogue.models import Session, SessionSeats
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError


@transaction.atomic
def move_session(*, session_id: int, transition: str, actor: User, reason: str = "") -> Session:
    """Open, guarantee, start, hold, cancel or mark_never_held a session.

    Locks: the session, so that no acceptance is under way. Logs: session, the transition's name.
    Raises: DomainError `not_allowed` when the state does not admit it.
    """
    (session,) = locks.acquire(locks.lock(Session, session_id))
    fsm.apply(session, transition, actor=actor, reason=reason, at=clock.now())
    assert isinstance(session, Session)
    return session


def cancel_session(*, session_id: int, actor: User, reason: str = "") -> Session:
    """It will not take place; from now on nobody can book it. Its bookings are the funding side's to cancel."""
    return move_session(session_id=session_id, transition="cancel", actor=actor, reason=reason)


def free_seat(*, session_id: int) -> None:
    """A booking that had a seat has ended. The counter is updated last in its walk.

    Raises: DomainError `not_allowed` when no seat was taken.
    """
    freed = SessionSeats.objects.filter(session_id=session_id, taken__gt=0).update(taken=F("taken") - 1)
    if not freed:
        raise DomainError("not_allowed", reason="no_seat_taken", session=session_id)
