"""Writes on what follows an accreditation: audits, notices of its end, suspension, renewal, withdrawal."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.services import messages
from catalogue import permissions, regimes
from catalogue.models import (
    Accreditation,
    AccreditationState,
    Audit,
    AuditKind,
    AuditOutcome,
    EndNotice,
    Provider,
)
from catalogue.selectors import applications as selected
from catalogue.services import accreditations
from ila.core import clock, locks
from ila.core.errors import DomainError

S = AccreditationState
NOTICE_DAYS = (90, 30, 7)


def plan_surveillance(accreditation: Accreditation, regime: regimes.Regime, *, actor: User) -> None:
    """Plan the audits that the regime wants inside the accreditation's days."""
    first = accreditation.valid_from or clock.now().date()
    for months in regime.audit_months:
        day = regimes.add_months(first, months)
        if accreditation.valid_until is None or day <= accreditation.valid_until:
            Audit.objects.create(
                accreditation=accreditation,
                kind=AuditKind.SURVEILLANCE,
                planned_on=day,
                planned_by=actor,
                created_at=clock.now(),
            )


@transaction.atomic
def plan_audit(*, actor: User, accreditation_id: int, kind: str, planned_on: date) -> Audit:
    """Plan an audit of an accreditation that stands, for today or later.

    Locks: accreditation. Raises: DomainError `not_allowed`, `invalid` for a day that is over.
    """
    accreditation = _held(actor, accreditation_id)
    if accreditation.state not in (S.ACCREDITED, S.SUSPENDED) or kind not in AuditKind.values:
        raise DomainError("not_allowed", what="plan_audit", state=accreditation.state)
    if planned_on < today(accreditation):
        raise DomainError("invalid", status=422, what="planned_on", reason="past")
    audit = Audit.objects.create(
        accreditation=accreditation,
        kind=kind,
        planned_on=planned_on,
        planned_by=actor,
        created_at=clock.now(),
    )
    _tell(accreditation, template="audit_planned", day=planned_on.isoformat(), kind=kind)
    return audit


@transaction.atomic
def record_audit(
    *,
    actor: User,
    audit_id: int,
    held_on: date,
    outcome: str,
    findings: str = "",
    valid_until: date | None = None,
) -> Audit:
    """Record what an audit found. A renewal without a major finding moves the accreditation's last day.

    valid_until: the new last day after a renewal; the regime's length after the old one unless told.
    Locks: accreditation. Logs: accreditation `amend` for a renewal.
    Raises: DomainError `not_allowed` for one that is recorded, `incomplete` for findings that are not told,
    `invalid` for a day that is to come.
    """
    audit = Audit.objects.select_related("accreditation").filter(pk=audit_id).first()
    if audit is None:
        raise DomainError("not_found", status=404, kind="audit")
    accreditation = _held(actor, audit.accreditation_id)
    audit = Audit.objects.select_for_update(of=("self",)).get(pk=audit_id)
    if audit.held_on is not None or outcome not in AuditOutcome.values:
        raise DomainError("not_allowed", what="record_audit", reason="recorded")
    if outcome != AuditOutcome.PASSED and not findings.strip():
        raise DomainError("incomplete", status=422, what="findings", missing="findings")
    if held_on > today(accreditation):
        raise DomainError("invalid", status=422, what="held_on", reason="future")
    audit.held_on, audit.outcome, audit.findings = held_on, outcome, findings.strip()
    audit.recorded_by, audit.recorded_at = actor, clock.now()
    audit.save()
    renewed = audit.kind == AuditKind.RENEWAL and outcome != AuditOutcome.MAJOR
    if renewed and accreditation.valid_until is not None and accreditation.state == S.ACCREDITED:
        _renew(accreditation, valid_until, actor=actor)
    _tell(accreditation, template="audit_recorded", outcome=outcome, findings=audit.findings)
    return audit


def suspend(*, actor: User, accreditation_id: int, reason: str) -> Accreditation:
    """Suspend an accreditation and tell its provider; what is booked on it comes before a person.

    Locks: accreditation. Logs: accreditation `suspend`. Raises: DomainError `incomplete`, `not_allowed`.
    """
    return _change("suspend", accreditations.suspend_accreditation, actor, accreditation_id, reason)


def resume(*, actor: User, accreditation_id: int, reason: str) -> Accreditation:
    """End a suspension and tell its provider.

    Locks: accreditation. Logs: accreditation `resume`. Raises: DomainError `not_allowed`.
    """
    return _change("resume", accreditations.resume_accreditation, actor, accreditation_id, reason)


def withdraw(*, actor: User, accreditation_id: int, reason: str) -> Accreditation:
    """Withdraw an accreditation and tell its provider, and from when it may apply again (S-17).

    Locks: accreditation. Logs: accreditation `withdraw`. Raises: DomainError `incomplete`, `not_allowed`.
    """
    return _change("withdraw", accreditations.withdraw_accreditation, actor, accreditation_id, reason)


def send_end_notices(*, now: datetime | None = None) -> int:
    """Tell providers 90, 30 and 7 days ahead that their accreditation ends, once each. Returns how many were told.

    What was missed while no worker ran is made up for by the nearest notice alone. May be repeated and interrupted.
    """
    moment = now or clock.now()
    horizon = (moment + timedelta(days=max(NOTICE_DAYS) + 1)).date()
    ending = Accreditation.objects.filter(
        state=S.ACCREDITED, valid_until__isnull=False, valid_until__lte=horizon
    ).select_related("provider", "micro_credential__provider")
    told = 0
    for accreditation in ending.order_by("pk").iterator(chunk_size=500):
        told += _notify(accreditation, moment)
    return told


def today(accreditation: Accreditation) -> date:
    """The day it is at the provider's place."""
    provider: Provider = permissions.provider_of(accreditation)
    return provider.local_date(clock.now())


@transaction.atomic
def _notify(accreditation: Accreditation, moment: datetime) -> int:
    assert accreditation.valid_until is not None
    here = permissions.provider_of(accreditation).local_date(moment)
    left = (accreditation.valid_until - here).days
    reached = [days for days in NOTICE_DAYS if left <= days]
    if not reached or left < 0:
        return 0
    _, fresh = EndNotice.objects.get_or_create(
        accreditation=accreditation,
        valid_until=accreditation.valid_until,
        days=min(reached),
        defaults={"sent_at": moment},
    )
    if fresh:
        _tell(accreditation, template="accreditation_ends", until=accreditation.valid_until.isoformat())
    return int(fresh)


@transaction.atomic
def _change(verb: str, change: Any, actor: User, accreditation_id: int, reason: str) -> Accreditation:
    accreditation: Accreditation = change(actor=actor, accreditation_id=accreditation_id, reason=reason)
    free = ""
    provider = permissions.provider_of(accreditation)
    if verb == "withdraw" and provider.register in regimes.REGIMES:
        regime = regimes.regime_of(provider.register)
        free = regimes.free_again_on(regime, today(accreditation)).isoformat()
    _tell(accreditation, template="accreditation_changed", verb=verb, reason=reason, free=free)
    return accreditation


def _renew(accreditation: Accreditation, valid_until: date | None, *, actor: User) -> None:
    assert accreditation.valid_until is not None
    regime = regimes.REGIMES.get(permissions.provider_of(accreditation).register)
    longer = valid_until
    if longer is None and regime is not None:
        longer = regimes.last_day(regime, accreditation.valid_until + timedelta(days=1))
    accreditations.change_validity(
        actor=actor,
        accreditation_id=accreditation.pk,
        valid_from=accreditation.valid_from,
        valid_until=longer,
        reason="renewed after an audit",
    )


def _held(actor: User, accreditation_id: int) -> Accreditation:
    if actor.is_service or not permissions.is_authority(None, actor):
        raise DomainError("not_allowed", status=403, what="oversee")
    (accreditation,) = locks.acquire(locks.lock(Accreditation, accreditation_id))
    return accreditation  # type: ignore[no-any-return]


def _tell(accreditation: Accreditation, *, template: str, **context: Any) -> None:
    provider = permissions.provider_of(accreditation)
    if provider.organisation_id is None:
        return
    for user in selected.members(provider.organisation_id):
        messages.queue(
            recipient=user,
            template=template,
            name=str(provider),
            authority=accreditation.authority,
            **context,
        )
