"""The code of the day: what only the room shows, by which a learner who is signed in confirms being there.

A code is made from the session and the day by a keyed hash; nothing is stored, and another day has another code.
"""

from __future__ import annotations

import re
from base64 import b32encode
from datetime import date
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.models import User
from catalogue.models import Session
from funding.models import Booking, BookingState, Presence, PresenceProof
from funding.services import gates
from funding.services.bookings.guards import CALLED_OFF
from ila.core import clock
from ila.core.errors import DomainError

LENGTH = 8
PRESENT_STATES = (BookingState.ACCEPTED, BookingState.IN_TRAINING)
_TOKEN = re.compile(r"(\d{1,18})-(\d{8})-([A-Z2-7]{8})")


def code_of(*, session_id: int, day: date) -> str:
    """The eight letters and digits (40 bits) of a session's day."""
    what = f"{session_id}:{day.isoformat()}"
    digest = salted_hmac("ila.attendance", what, secret=settings.SECRET_KEY, algorithm="sha256").digest()
    return b32encode(digest).decode()[:LENGTH]


def token_of(*, session_id: int, day: date) -> str:
    """What the address in the QR code ends with."""
    return f"{session_id}-{day:%Y%m%d}-{code_of(session_id=session_id, day=day)}"


def read_token(token: str) -> tuple[int, date] | None:
    """The session and day that a token speaks for; None for one that nobody made."""
    found = _TOKEN.fullmatch(token.strip().upper())
    if found is None:
        return None
    try:
        day = date.fromisoformat(found[2])
    except ValueError:
        return None
    known = code_of(session_id=int(found[1]), day=day)
    return (int(found[1]), day) if constant_time_compare(known, found[3]) else None


def today_of(session: Session) -> date:
    """The day it is where the session is taught."""
    return clock.now().astimezone(ZoneInfo(session.micro_credential.provider.time_zone)).date()


def is_held_today(booking: Booking) -> bool:
    """Whether its learner may be asked to confirm being there today."""
    session = booking.session
    if booking.state not in PRESENT_STATES or session.state in CALLED_OFF:
        return False
    zone = ZoneInfo(session.micro_credential.provider.time_zone)
    first, last = (at and at.astimezone(zone).date() for at in (session.starts_at, session.ends_at))
    return first is not None and last is not None and first <= today_of(session) <= last


def booking_for_token(*, user: User, token: str) -> tuple[Booking, date]:
    """The learner's own booking and the day that a token is for.

    Raises: DomainError `not_found` (404) for a token that nobody made, or a session the person has no place in;
    `code_over` for the code of another day or a session called off.
    """
    read = read_token(token)
    booking = None if read is None else _places_of(user).filter(session_id=read[0]).first()
    if read is None or booking is None:
        raise DomainError("not_found", status=404, kind="attendance_code")
    if today_of(booking.session) != read[1] or booking.session.state in CALLED_OFF:
        raise DomainError("code_over", status=410, day=read[1].isoformat())
    return booking, read[1]


def token_for_code(*, user: User, code: str) -> str:
    """The token of the code that a learner typed in, among the sessions they have a place in today.

    Raises: DomainError `not_found` (404).
    """
    typed = re.sub(r"[\s-]", "", code).upper().replace("0", "O").replace("1", "I")
    for booking in _places_of(user)[:100]:
        day = today_of(booking.session)
        if constant_time_compare(code_of(session_id=booking.session_id, day=day), typed):
            return token_of(session_id=booking.session_id, day=day)
    raise DomainError("not_found", status=404, kind="attendance_code")


@transaction.atomic
def confirm_presence(*, actor: User, token: str) -> Presence:
    """The learner confirms being there today. Confirming again, from wherever, changes nothing.

    Raises: DomainError as `booking_for_token`; `overlapping` for who was somewhere else at that time (D12).
    """
    booking, day = booking_for_token(user=actor, token=token)
    gates.check_presence(booking=booking, day=day)
    presence, _ = Presence.objects.get_or_create(
        booking=booking,
        day=day,
        defaults={"proof": PresenceProof.CODE, "confirmed_by": actor, "confirmed_at": clock.now()},
    )
    return presence


def _places_of(user: User) -> QuerySet[Booking]:
    own = Booking.objects.filter(account__citizen__user=user, state__in=PRESENT_STATES)
    return own.select_related("session__micro_credential__provider", "credential", "provider").order_by("pk")
