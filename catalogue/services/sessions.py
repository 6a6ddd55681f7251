"""Writes on sessions and their seats."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from accounts.models import User
from catalogue import permissions
from catalogue.models import MicroCredential, Offer, Session, SessionSeats, SessionState
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError

S = SessionState


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
