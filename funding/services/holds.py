"""Holds: placing and releasing them, and the guards that claims, batches and acceptances ask."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Expression, Q, QuerySet

from accounts.models import User
from catalogue.models import Provider, Session
from funding import permissions
from funding.models import Booking, Hold
from funding.services import hold_notices
from ila.core import clock, locks
from ila.core.errors import DomainError


@transaction.atomic
def place_hold(
    *,
    owner: User,
    reason: str,
    until: datetime,
    booking: Booking | None = None,
    session: Session | None = None,
    provider: Provider | None = None,
    iban: str = "",
    tell: bool = False,
) -> Hold:
    """Stop the money of one booking, session, provider or bank account until a moment (N-16).

    tell: write to the providers concerned what is held, why, until when and how to answer; for who does not write to
    them otherwise.
    Raises: DomainError `incomplete` without a reason, an end in the future or exactly one scope;
    `not_allowed` for who may stop no money.
    """
    _require_may_hold(owner, booking)
    if not reason.strip() or until <= clock.now():
        raise DomainError("incomplete", rule="N-16")
    if sum(scope is not None for scope in (booking, session, provider)) + bool(iban) != 1:
        raise DomainError("incomplete", what="one of booking, session, provider, iban")
    hold = Hold.objects.create(
        booking=booking,
        session=session,
        provider=provider,
        iban=iban,
        reason=reason,
        owner=owner,
        placed_at=clock.now(),
        expires_at=until,
    )
    if tell:
        hold_notices.tell_subjects([hold])
    return hold


@transaction.atomic
def place_holds(*, owner: User, reason: str, until: datetime, bookings: Sequence[Booking]) -> list[Hold]:
    """As `place_hold`, of each of these bookings, which come with their accounts: as few queries for many."""
    for one in {each.account.scheme_id: each for each in bookings}.values():
        _require_may_hold(owner, one)
    if not reason.strip() or until <= clock.now():
        raise DomainError("incomplete", rule="N-16")
    now = clock.now()
    return Hold.objects.bulk_create(
        [
            Hold(booking=each, reason=reason, owner=owner, placed_at=now, expires_at=until)
            for each in bookings
        ],
        batch_size=1000,
    )


@transaction.atomic
def release_hold(*, hold_id: int, actor: User) -> Hold:
    """End a hold before its time.

    Locks: the hold. Raises: DomainError `not_allowed` when it is over, or for who may stop no money.
    """
    hold = _lock_standing(hold_id, actor)
    hold.released_at = clock.now()
    hold.released_by = actor
    hold.save(update_fields=["released_at", "released_by"])
    return hold


@transaction.atomic
def release_holds(*, hold_ids: Collection[int], actor: User) -> list[Hold]:
    """End those of these holds that stand, before their time. Returns them; the others had ended already.

    Locks: the holds. Raises: DomainError `not_allowed` (403) for who may not stop money of every scheme.
    """
    if not _holds_everywhere(actor):
        raise DomainError("not_allowed", status=403, what="hold")
    now = clock.now()
    standing = locks.acquire_set(open_holds(now).filter(pk__in=list(hold_ids)))
    Hold.objects.filter(pk__in=[each.pk for each in standing]).update(released_at=now, released_by=actor)
    for hold in standing:
        hold.released_at, hold.released_by = now, actor
    return standing


@transaction.atomic
def prolong_hold(*, hold_id: int, actor: User, until: datetime) -> Hold:
    """Give a hold that stands a later end (N-16).

    Locks: the hold. Raises: DomainError `not_allowed` when it is over, or for who may stop no money; `incomplete` for
    an end that is not later.
    """
    hold = _lock_standing(hold_id, actor)
    if until <= hold.expires_at:
        raise DomainError("incomplete", status=422, what="until", rule="N-16")
    hold.expires_at = until
    hold.save(update_fields=["expires_at"])
    return hold


def _lock_standing(hold_id: int, actor: User) -> Hold:
    if not permissions.may_hold(actor):
        raise DomainError("not_allowed", status=403, what="hold")
    hold: Hold
    (hold,) = locks.acquire(locks.lock(Hold, hold_id))
    _require_may_hold(actor, hold.booking)
    if hold.released_at is not None or hold.expires_at <= clock.now():
        raise DomainError("not_allowed", hold=hold.pk)
    return hold


def _require_may_hold(actor: User, booking: Booking | None) -> None:
    """What stops a session, a provider or an account stops it in every scheme: only who works for all may."""
    allowed = permissions.may_hold(actor, booking) if booking is not None else _holds_everywhere(actor)
    if not allowed:
        raise DomainError("not_allowed", status=403, what="hold")


def _holds_everywhere(actor: User) -> bool:
    return permissions.may_hold(actor) and (
        actor.is_service or permissions.is_for_every_scheme(actor, *permissions.HOLD_ROLES)
    )


def open_holds(moment: datetime | Expression | None = None) -> QuerySet[Hold]:
    """Holds that stand at that moment (now)."""
    moment = moment or clock.now()
    return Hold.objects.filter(released_at__isnull=True, placed_at__lte=moment, expires_at__gt=moment)


def holds_on(booking: Booking) -> QuerySet[Hold]:
    """Open holds that stop the money of a booking, whatever their scope."""
    return open_holds().filter(scopes_of([booking]))


def scopes(*, booking_id: Any, session_id: Any, provider_id: Any, iban: str | None) -> Q:
    """The condition that a hold concerns one of these."""
    concerned = Q(booking_id=booking_id) | Q(session_id=session_id) | Q(provider_id=provider_id)
    return concerned | Q(iban=iban) if iban else concerned


def scopes_of(bookings: Iterable[Booking]) -> Q:
    """The condition that a hold concerns one of these bookings, which come with their provider; never, for none."""
    concerned = Q(pk__in=[])
    for booking in bookings:
        concerned |= scopes(
            booking_id=booking.pk,
            session_id=booking.session_id,
            provider_id=booking.provider_id,
            iban=booking.provider.iban,
        )
    return concerned


def check_no_hold(booking: Booking) -> None:
    """Raise DomainError `on_hold` while a hold stops the booking's money."""
    hold = holds_on(booking).first()
    if hold is not None:
        raise DomainError("on_hold", hold=hold.pk, until=hold.expires_at.isoformat())
