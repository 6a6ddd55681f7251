"""A registered entry says something else of what was examined: a version that waits, while the one before is listed."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Max

from accounts.models import User
from accounts.services import messages
from catalogue import permissions
from catalogue.models import CredentialState, EntryDescription, EntryVersion, MicroCredential, Offer
from catalogue.selectors import applications as applicants
from catalogue.selectors import completeness as selected
from catalogue.services import micro_credentials
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError

# What an entry is, and what was examined before it was registered. `price_cents` has a way of its own.
SETTLED = frozenset({"title", "kind", "goals_html", "certifies", "assessed", "awarding_body"})


def keep_version(
    entry: MicroCredential, *, actor: User, values: dict[str, Any], reason: str = ""
) -> EntryVersion | None:
    """Keep what would change of an entry's settled elements; a version that waits already takes it up.

    For a service that holds the entry's lock. None when nothing differs from what is registered and nothing waits.
    """
    description = selected.description_of(entry)
    waiting = entry.versions.filter(applied_at__isnull=True, ended_at__isnull=True).first()
    wanted = {**(waiting.values if waiting is not None else {}), **values}
    before = {name: selected.value_of(entry, description, name) for name in wanted}
    wanted = {name: value for name, value in wanted.items() if value != before[name]}
    before = {name: before[name] for name in wanted}
    if waiting is not None and not wanted:
        _end(waiting, taken_back=True)
        return None
    if not wanted:
        return None
    if waiting is None:
        last = entry.versions.aggregate(last=Max("number"))["last"] or 1
        waiting = EntryVersion(micro_credential=entry, number=last + 1, asked_by=actor, asked_at=clock.now())
    elif waiting.values != wanted:
        waiting.asked_by, waiting.asked_at = actor, clock.now()
    waiting.values, waiting.before = wanted, before
    waiting.reason = reason.strip()[:500] or waiting.reason
    waiting.save()
    return waiting


@transaction.atomic
def take_back_version(*, actor: User, entry_id: int) -> EntryVersion:
    """The provider does not want it any more. Locks: micro-credential. Raises: DomainError `not_allowed`."""
    (entry,) = locks.acquire(locks.lock(MicroCredential, entry_id))
    if actor.is_service or not permissions.acts_for_provider(entry, actor):
        raise DomainError("not_allowed", status=403, what="take_back_version")
    version = _waiting(entry)
    _end(version, taken_back=True)
    return version


@transaction.atomic
def decide_version(
    *, actor: User, entry_id: int, stamp: str, accepted: bool, reason: str = ""
) -> EntryVersion:
    """Register the version, or refuse it for a reason; until then, and then, the one before stays listed.

    stamp: of the version that was looked at; what was changed in it since is not decided unseen.
    Locks: micro-credential. Logs: `amend` with the values before. Raises: DomainError `incomplete` for a refusal
    without a reason, `not_allowed` for one that is decided or an entry that is not listed.
    """
    if not accepted and not reason.strip():
        raise DomainError("incomplete", status=422, what="reason", missing="reason")
    if actor.is_service or not permissions.is_authority(None, actor):
        raise DomainError("not_allowed", status=403, what="decide_version")
    (entry,) = locks.acquire(locks.lock(MicroCredential, entry_id))
    version = _waiting(entry)
    if version.stamp != stamp:
        raise DomainError("not_allowed", what="decide_version", reason="changed_since")
    version.decided_by, version.decision_reason = actor, reason.strip()[:500]
    if not accepted:
        _end(version)
        _tell(entry, version, accepted=False)
        return version
    if entry.state not in (CredentialState.REGISTERED, CredentialState.SUSPENDED):
        raise DomainError("not_allowed", what="decide_version", state=entry.state)
    _apply(entry, version, actor)
    version.applied_at = clock.now()
    version.save()
    _tell(entry, version, accepted=True)
    return version


def _tell(entry: MicroCredential, version: EntryVersion, *, accepted: bool) -> None:
    for user in applicants.members(entry.provider.organisation_id or 0):
        messages.queue(
            recipient=user,
            template="version_decided",
            entry=entry.pk,
            title=entry.title,
            accepted=accepted,
            reason=version.decision_reason,
        )


def _apply(entry: MicroCredential, version: EntryVersion, actor: User) -> None:
    description, _ = EntryDescription.objects.get_or_create(
        micro_credential=entry, defaults={"updated_at": clock.now()}
    )
    before: dict[str, str] = {}
    for name, value in version.values.items():
        holder: Any = entry if selected.is_of_entry(name) else description
        before[name] = str(getattr(holder, name))
        setattr(holder, name, value)
    entry.updated_at = description.updated_at = clock.now()
    entry.search_text = micro_credentials.search_text_of(
        entry, entry.provider, Offer.objects.filter(micro_credential=entry).values_list("city", flat=True)
    )
    fsm.validate(entry)
    row = fsm.log_row(entry, "amend", source=entry.state, actor=actor, reason=version.decision_reason)
    row.data = {"before": before, "version": version.number}
    row.save(force_insert=True)
    entry.save()
    description.save()


def _waiting(entry: MicroCredential) -> EntryVersion:
    found = entry.versions.filter(applied_at__isnull=True, ended_at__isnull=True).first()
    if found is None:
        raise DomainError("not_allowed", what="version", reason="decided")
    return found


def _end(version: EntryVersion, *, taken_back: bool = False) -> None:
    version.ended_at, version.taken_back = clock.now(), taken_back
    version.save()
