"""Which entries are listed, and whether they may be booked now, reckoned from the entries themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import (
    Case,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    When,
)

from catalogue import registers
from catalogue.models import (
    Accreditation,
    AccreditationState,
    CredentialState,
    MicroCredential,
    Session,
    SessionSeats,
)
from catalogue.models.sessions import BOOKABLE_STATES
from catalogue.selectors import bookability

_LISTED = (CredentialState.REGISTERED, CredentialState.SUSPENDED)


def listed() -> QuerySet[MicroCredential]:
    """Entries that the public catalogue shows: registered or suspended ones."""
    return MicroCredential.objects.filter(state__in=_LISTED)


def _per_register(build: Callable[[registers.Register, date], Q], now: datetime) -> Q:
    """A condition for each register, on the day it is there."""
    parts = (build(one, now.astimezone(one.calendar.zone).date()) for one in registers.REGISTERS.values())
    return reduce(or_, parts)


def _early_enough(register: registers.Register, day: date) -> Q:
    first = register.calendar.start_of_day(bookability.earliest_start(register.code, day))
    return Q(micro_credential__provider__register=register.code, starts_at__gte=first)


def _accredited(register: registers.Register, day: date) -> Q:
    standing = Accreditation.objects.filter(
        Q(valid_from__isnull=True) | Q(valid_from__lte=day),
        Q(valid_until__isnull=True) | Q(valid_until__gte=day),
        provider=OuterRef("provider_id"),
        state=AccreditationState.ACCREDITED,
    )
    return Q(provider__register=register.code) & Q(Exists(standing))


def bookable_sessions(now: datetime) -> QuerySet[Session]:
    """Sessions that take bookings now, whoever the provider is (as `bookability.session_reasons` says)."""
    full = SessionSeats.objects.filter(session=OuterRef("pk"), seats__isnull=False, taken__gte=F("seats"))
    return Session.objects.filter(
        _per_register(_early_enough, now),
        ~Exists(full),
        state__in=BOOKABLE_STATES,
        recruitment_closed=False,
        removed_at__isnull=True,
        ends_at__isnull=False,
        price_cents__gt=0,
    )


def with_bookability(found: QuerySet[MicroCredential], now: datetime) -> QuerySet[Any]:
    """Annotate `can_book`: 1 when something of the entry may be booked now (as `bookability.view_entries` says)."""
    sessions = Session.objects.filter(micro_credential=OuterRef("pk"))
    open_sessions = bookable_sessions(now).filter(micro_credential=OuterRef("pk"))
    fit = (
        Q(state=CredentialState.REGISTERED, total_mismatch=False, provider__name__isnull=False)
        & ~Q(provider__name="")
        & ~Q(price_cents=0, price_cents__isnull=False)
        & _per_register(_accredited, now)
        & (Q(Exists(open_sessions)) | ~Q(Exists(sessions)))
    )
    annotated: QuerySet[Any] = found.annotate(
        can_book=Case(When(fit, then=1), default=0, output_field=IntegerField())
    )
    return annotated


def is_full(session: Session) -> bool:
    """Whether every seat is taken; a session without a limit never is."""
    seats = getattr(session, "seats", None)
    return seats is not None and seats.seats is not None and seats.taken >= seats.seats
