"""Writes on accreditations: applications, decisions, suspensions."""

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from catalogue import permissions
from catalogue.models import Accreditation, AccreditationState, MicroCredential, Provider
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError

S = AccreditationState


@transaction.atomic
def apply_for_accreditation(
    *,
    actor: User,
    authority: str,
    provider: Provider | None = None,
    micro_credential: MicroCredential | None = None,
    waiting_days: int = 0,
    reference: str = "",
) -> Accreditation:
    """Open an application (draft) of a provider or a micro-credential.

    waiting_days: days of the scheme that must lie between a refusal or withdrawal and a new application.
    Logs: accreditation `create`. Raises: DomainError `too_early` inside the waiting time, `not_allowed`.
    """
    subject = _subject(provider, micro_credential)
    if not permissions.acts_for_provider(subject, actor):
        raise DomainError("not_allowed", status=403, what="apply_for_accreditation")
    earlier = Accreditation.objects.filter(
        provider=provider, micro_credential=micro_credential, authority=authority
    ).filter(Q(withdrawn_at__isnull=False) | Q(refused_at__isnull=False))
    free_from = [
        ended + timedelta(days=waiting_days)
        for pair in earlier.values_list("withdrawn_at", "refused_at")
        for ended in pair
        if ended is not None
    ]
    if free_from and clock.now() < max(free_from):
        raise DomainError("too_early", until=max(free_from).date().isoformat())
    accreditation = Accreditation(
        provider=provider, micro_credential=micro_credential, authority=authority, reference=reference
    )
    fsm.start(accreditation, actor=actor)
    return accreditation


@transaction.atomic
def record_accreditation(
    *,
    actor: User,
    authority: str,
    provider: Provider | None = None,
    micro_credential: MicroCredential | None = None,
    valid_from: date | None = None,
    valid_until: date | None = None,
    reference: str = "",
    conditions: str = "",
    reason: str = "",
) -> Accreditation:
    """Record a decision that an authority took elsewhere: accredited from now, within the days given.

    valid_from, valid_until: both included; None: always, without end. Logs: accreditation `record`.
    Raises: DomainError `not_allowed`, `invalid`.
    """
    _subject(provider, micro_credential)
    if not permissions.is_authority(None, actor):
        raise DomainError("not_allowed", status=403, what="record_accreditation")
    now = clock.now()
    accreditation = Accreditation(
        provider=provider,
        micro_credential=micro_credential,
        authority=authority,
        reference=reference,
        conditions=conditions,
        valid_from=valid_from,
        valid_until=valid_until,
        state=S.ACCREDITED,
        accredited_at=now,
        created_at=now,
    )
    fsm.start(accreditation, actor=actor, reason=reason, transition="record")
    return accreditation


def submit_application(*, actor: User, accreditation_id: int, reason: str = "") -> Accreditation:
    """Hand the application in. Locks: accreditation. Raises: DomainError `not_allowed`."""
    return _move(accreditation_id, "submit", actor, reason)


def start_review(*, actor: User, accreditation_id: int, reason: str = "") -> Accreditation:
    """Take the application up. Locks: accreditation. Raises: DomainError `not_allowed`."""
    return _move(accreditation_id, "review", actor, reason)


def grant_accreditation(
    *,
    actor: User,
    accreditation_id: int,
    valid_from: date | None = None,
    valid_until: date | None = None,
    reason: str = "",
) -> Accreditation:
    """Accredit for a period, both days included.

    Locks: accreditation. Raises: DomainError `not_allowed`, `invalid`.
    """
    return _move(accreditation_id, "accredit", actor, reason, valid_from=valid_from, valid_until=valid_until)


def refuse_accreditation(*, actor: User, accreditation_id: int, reason: str) -> Accreditation:
    """Refuse an application.

    Locks: accreditation. Raises: DomainError `incomplete` without a reason, `not_allowed`.
    """
    return _move(accreditation_id, "refuse", actor, _required(reason))


def suspend_accreditation(*, actor: User, accreditation_id: int, reason: str) -> Accreditation:
    """From this moment nothing is accepted or started under it.

    Locks: accreditation. Raises: DomainError `incomplete` without a reason, `not_allowed`.
    """
    return _move(accreditation_id, "suspend", actor, _required(reason))


def resume_accreditation(*, actor: User, accreditation_id: int, reason: str = "") -> Accreditation:
    """End the suspension. Locks: accreditation. Raises: DomainError `not_allowed`."""
    return _move(accreditation_id, "resume", actor, reason)


def withdraw_accreditation(*, actor: User, accreditation_id: int, reason: str) -> Accreditation:
    """Take the accreditation away for good.

    Locks: accreditation. Raises: DomainError `incomplete` without a reason, `not_allowed`.
    """
    return _move(accreditation_id, "withdraw", actor, _required(reason))


@transaction.atomic
def change_validity(
    *,
    actor: User,
    accreditation_id: int,
    valid_from: date | None,
    valid_until: date | None,
    reason: str = "",
) -> Accreditation:
    """Correct the days of an accreditation; its state stays.

    Locks: accreditation. Logs: accreditation `amend` with the days before and after.
    Raises: DomainError `not_allowed`, `invalid`.
    """
    (accreditation,) = locks.acquire(locks.lock(Accreditation, accreditation_id))
    if not permissions.is_authority(accreditation, actor):
        raise DomainError("not_allowed", status=403, what="amend")
    before = validity(accreditation)
    accreditation.valid_from = valid_from
    accreditation.valid_until = valid_until
    fsm.validate(accreditation)
    row = fsm.log_row(accreditation, "amend", source=accreditation.state, actor=actor, reason=reason)
    row.data = {"before": before, "after": validity(accreditation)}
    row.save(force_insert=True)
    accreditation.save(update_fields=["valid_from", "valid_until"])
    return accreditation  # type: ignore[no-any-return]


def expire_accreditations(*, actor: User, now: datetime | None = None) -> int:
    """Let every accreditation expire whose last day has passed at its provider's place. Returns how many.

    Logs: accreditation `expire` each. May be repeated and interrupted.
    """
    moment = now or clock.now()
    # No place on earth is more than a day away from UTC: the rest is asked row by row.
    due = Accreditation.objects.filter(
        state=S.ACCREDITED, valid_until__lte=(moment + timedelta(days=1)).date()
    ).select_related("provider", "micro_credential__provider")
    expired = 0
    for found in due.order_by("pk").iterator(chunk_size=500):
        provider = permissions.provider_of(found)
        if found.valid_until is None or provider.local_date(moment) <= found.valid_until:
            continue
        _move(found.pk, "expire", actor, "")
        expired += 1
    return expired


def validity(accreditation: Accreditation) -> list[str | None]:
    """First and last day, as text."""
    days = (accreditation.valid_from, accreditation.valid_until)
    return [day.isoformat() if day is not None else None for day in days]


@transaction.atomic
def _move(accreditation_id: int, transition: str, actor: User, reason: str, **kwargs: Any) -> Accreditation:
    (accreditation,) = locks.acquire(locks.lock(Accreditation, accreditation_id))
    fsm.apply(accreditation, transition, actor=actor, reason=reason, at=clock.now(), **kwargs)
    return accreditation  # type: ignore[no-any-return]


def _required(reason: str) -> str:
    if not reason.strip():
        raise DomainError("incomplete", status=422, what="reason")
    return reason


def _subject(provider: Provider | None, micro_credential: MicroCredential | None) -> Any:
    if (provider is None) == (micro_credential is None):
        raise ValueError("an accreditation is of one provider or one micro-credential")
    return provider or micro_credential
