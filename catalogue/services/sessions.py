"""Writes on sessions and their seats."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from accounts.models import User
from catalogue import permissions
from catalogue.models import (
    ChangeKind,
    MicroCredential,
    Offer,
    Session,
    SessionChange,
    SessionSeats,
    SessionState,
)
from catalogue.models.sessions import BOOKABLE_STATES
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError

S = SessionState
MOVABLE_STATES = (S.PLANNED, *BOOKABLE_STATES)
# Whoever has a place hears of an earlier start at least so long before it, and can still leave.
NOTICE = timedelta(days=7)


@transaction.atomic
def create_session(
    *,
    actor: User,
    micro_credential: MicroCredential,
    external_id: str,
    price_cents: int,
    currency: str,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    seats: int | None = None,
    offer: Offer | None = None,
    opened: bool = True,
) -> Session:
    """A session is planned, and open to bookings at once unless told otherwise.

    price_cents: all taxes included. seats: None for no limit. Logs: session `create`.
    Raises: DomainError `not_allowed`, `invalid`.
    """
    if not permissions.provider_or_authority(micro_credential, actor):
        raise DomainError("not_allowed", status=403, what="create_session")
    now = clock.now()
    session = Session(
        micro_credential=micro_credential,
        offer=offer,
        external_id=external_id,
        starts_at=starts_at,
        ends_at=ends_at,
        price_cents=price_cents,
        currency=currency,
        created_at=now,
        updated_at=now,
        opened_at=now if opened else None,
        state=S.OPEN if opened else S.PLANNED,
    )
    fsm.start(session, actor=actor)
    SessionSeats.objects.create(session=session, seats=seats)
    return session


def open_session(*, actor: User, session_id: int) -> Session:
    """Let learners book it. Locks: session. Raises: DomainError `not_allowed`."""
    return _move(session_id, actor, "", "open")


def guarantee_session(*, actor: User, session_id: int) -> Session:
    """Promise to hold it, however few come. Locks: session. Raises: DomainError `not_allowed`."""
    return _move(session_id, actor, "", "guarantee")


@transaction.atomic
def start_session(*, actor: User, session_id: int) -> Session:
    """Teaching begins; a session that begins is guaranteed by that.

    Locks: session. Logs: session `guarantee` (when it was open only), `start`.
    Raises: DomainError `too_early` before its time, `not_allowed`.
    """
    (session,) = locks.acquire(locks.lock(Session, session_id))
    now = clock.now()
    if session.starts_at is not None and now < session.starts_at:
        raise DomainError("too_early", starts=session.starts_at.isoformat())
    if session.state == S.OPEN:
        fsm.apply(session, "guarantee", actor=actor, at=now)
    fsm.apply(session, "start", actor=actor, at=now)
    return session  # type: ignore[no-any-return]


def end_session(*, actor: User, session_id: int) -> Session:
    """Teaching has ended as it should: the session was held.

    Locks: session. Raises: DomainError `not_allowed`.
    """
    return _move(session_id, actor, "", "hold")


def cancel_session(*, actor: User, session_id: int, reason: str = "") -> Session:
    """It will not take place; its bookings are the caller's to end.

    Locks: session. Raises: DomainError `not_allowed` once it runs or has ended.
    """
    return _move(session_id, actor, reason, "cancel")


def mark_session_never_held(*, actor: User, session_id: int, reason: str) -> Session:
    """It was said to run and never did. Locks: session. Raises: DomainError `not_allowed`."""
    return _move(session_id, actor, reason, "mark_never_held")


@transaction.atomic
def change_dates(
    *, actor: User, session_id: int, starts_at: datetime, ends_at: datetime, reason: str = ""
) -> SessionChange:
    """A session that has not begun is held at another time; what is booked stays booked, at the price it has.

    The change is an event for whoever holds a place; they read the reason.
    Locks: session (so that no acceptance slips in between).
    Raises: DomainError `not_allowed` for strangers and in another state; `too_late` once its start is over;
    `too_early` for a start that is over, or one brought forward to less than `NOTICE` from now while a place is taken;
    `invalid` for an end before the start, or the times that it has already.
    """
    (session,) = locks.acquire(locks.lock(Session, session_id))
    if not permissions.acts_for_provider(session, actor):
        raise DomainError("not_allowed", status=403, what="change_dates")
    now = clock.now()
    if session.state not in MOVABLE_STATES:
        raise DomainError("not_allowed", what="change_dates", state=session.state)
    if session.starts_at is not None and session.starts_at <= now:
        raise DomainError("too_late", reason="begun", starts=session.starts_at.isoformat())
    if ends_at < starts_at or (starts_at, ends_at) == (session.starts_at, session.ends_at):
        raise DomainError("invalid", status=422, what="dates")
    taken = SessionSeats.objects.values_list("taken", flat=True).get(session=session)
    sooner = session.starts_at is not None and starts_at < session.starts_at
    if starts_at <= now or (sooner and taken and starts_at < now + NOTICE):
        raise DomainError("too_early", reason="notice", days=NOTICE.days)
    before = session.period
    session.starts_at, session.ends_at, session.updated_at = starts_at, ends_at, now
    session.save(update_fields=["starts_at", "ends_at", "updated_at"])
    return SessionChange.objects.create(
        session=session,
        kind=ChangeKind.DATES,
        before=before,
        after={**session.period, "reason": reason},
        bookings=taken,
        actor=actor,
        at=now,
    )


def take_seat(*, session_id: int) -> None:
    """Take one seat, the last statement of a walk. Raises: DomainError `session_full`."""
    free = SessionSeats.objects.filter(session_id=session_id).exclude(seats__lte=F("taken"))
    if not free.update(taken=F("taken") + 1):
        raise DomainError("session_full", session=session_id)


def free_seat(*, session_id: int) -> None:
    """Give one seat back. Raises: RuntimeError when none was taken."""
    if not SessionSeats.objects.filter(session_id=session_id, taken__gt=0).update(taken=F("taken") - 1):
        raise RuntimeError(f"no seat of session {session_id} is taken")


@transaction.atomic
def _move(session_id: int, actor: User, reason: str, *transitions: str) -> Session:
    (session,) = locks.acquire(locks.lock(Session, session_id))
    at: Any = clock.now()
    for transition in transitions:
        fsm.apply(session, transition, actor=actor, reason=reason, at=at)
    return session  # type: ignore[no-any-return]
