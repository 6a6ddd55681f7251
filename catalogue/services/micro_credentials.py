"""Writes on micro-credentials, one at a time; imports write many at once."""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.models import User
from catalogue import permissions
from catalogue.importing.values import folded
from catalogue.models import CredentialKind, CredentialState, MicroCredential, Provider
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError

MAX_SEARCH_TEXT = 6_000
_TAG = re.compile(r"<[^>]*>")


@transaction.atomic
def create_micro_credential(
    *,
    actor: User,
    provider: Provider,
    external_id: str,
    title: str,
    kind: CredentialKind | str,
    currency: str,
    code: str = "",
    hours: Decimal | int | None = None,
    price_cents: int | None = None,
    register_price_cents: int | None = None,
    publicly_funded: bool | None = None,
    has_prerequisites: bool | None = None,
    registered: bool = False,
) -> MicroCredential:
    """A micro-credential enters the catalogue: as a draft, or registered at once by an authority.

    hours: None when not specified. Amounts in cents. Logs: micro-credential `create`.
    Raises: DomainError `not_allowed`, `invalid`; IntegrityError for a number the provider uses already.
    """
    allowed = permissions.is_authority if registered else permissions.provider_or_authority
    if not allowed(provider, actor):
        raise DomainError("not_allowed", status=403, what="create_micro_credential")
    now = clock.now()
    micro_credential = MicroCredential(
        provider=provider,
        external_id=external_id,
        entry=f"{provider.external_id}/{external_id}",
        title=title,
        kind=CredentialKind(kind),
        code=code,
        hours=Decimal(hours) if hours is not None else None,
        currency=currency,
        price_cents=price_cents,
        register_price_cents=register_price_cents,
        publicly_funded=publicly_funded,
        has_prerequisites=has_prerequisites,
        search_text=search_text(title, code, provider.name or ""),
        created_at=now,
        updated_at=now,
        registered_at=now if registered else None,
        state=CredentialState.REGISTERED if registered else CredentialState.DRAFT,
    )
    fsm.start(micro_credential, actor=actor)
    return micro_credential


def submit_micro_credential(*, actor: User, micro_credential_id: int) -> MicroCredential:
    """Ask for its registration. Locks: micro-credential. Raises: DomainError `not_allowed`."""
    return _move(micro_credential_id, "submit", actor, "")


def register_micro_credential(*, actor: User, micro_credential_id: int, reason: str = "") -> MicroCredential:
    """Enter it in the register. Locks: micro-credential. Raises: DomainError `not_allowed`."""
    return _move(micro_credential_id, "register", actor, reason)


def suspend_micro_credential(
    *, actor: User, micro_credential_id: int, reason: str, until: date | None = None
) -> MicroCredential:
    """From this moment nothing new is booked on it.

    until: the last day where its provider is, after which the suspension ends by itself, as that of a course
    among the lowest rated does after three months (S-16); without one somebody ends it.
    Locks: micro-credential. Raises: DomainError `not_allowed`; `invalid` for a day that is over.
    """
    if until is not None:
        provider = MicroCredential.objects.select_related("provider").get(pk=micro_credential_id).provider
        if until < provider.local_date(clock.now()):
            raise DomainError("invalid", status=422, faults="until: the day is over")
    return _move(micro_credential_id, "suspend", actor, reason, until=until)


def end_suspensions(*, actor: User) -> int:
    """End every suspension whose last day is over where its provider is (S-16). Returns how many.

    Logs: micro-credential `resume` each. May be repeated and interrupted.
    """
    now = clock.now()
    ended = 0
    # No place on earth is more than a day away from UTC: the rest is asked row by row.
    due = MicroCredential.objects.filter(suspended_until__lte=(now + timedelta(days=1)).date())
    for found in due.select_related("provider").order_by("pk"):
        if found.suspended_until is not None and found.provider.local_date(now) > found.suspended_until:
            ended += _end_suspension(found.pk, found.suspended_until, actor)
    return ended


def resume_micro_credential(*, actor: User, micro_credential_id: int, reason: str = "") -> MicroCredential:
    """End the suspension. Locks: micro-credential. Raises: DomainError `not_allowed`."""
    return _move(micro_credential_id, "resume", actor, reason)


def delist_micro_credential(*, actor: User, micro_credential_id: int, reason: str) -> MicroCredential:
    """Take it out of the register; live bookings go on.

    Locks: micro-credential. Raises: DomainError `not_allowed`.
    """
    return _move(micro_credential_id, "delist", actor, reason)


def relist_micro_credential(*, actor: User, micro_credential_id: int, reason: str = "") -> MicroCredential:
    """Take a delisted one into the register again.

    Locks: micro-credential. Raises: DomainError `not_allowed`.
    """
    return _move(micro_credential_id, "relist", actor, reason)


def search_text(*words: str) -> str:
    """What a micro-credential is found by: lower case, without accents, of bounded length."""
    return folded(" ".join(word for word in words if word)[:MAX_SEARCH_TEXT])


def search_text_of(one: MicroCredential, provider: Provider, places: Iterable[str]) -> str:
    """The search text of a stored or read micro-credential taught at these places."""
    texts = (_TAG.sub(" ", html) for html in (one.goals_html, one.content_html))
    return search_text(one.title, one.code, provider.name or "", *places, *texts)


@transaction.atomic
def _end_suspension(micro_credential_id: int, until: date, actor: User) -> bool:
    (found,) = locks.acquire(locks.lock(MicroCredential, micro_credential_id))
    # Somebody may have ended it, or made it longer, in the meantime.
    if found.suspended_until != until:
        return False
    fsm.apply(found, "resume", actor=actor, reason="", at=clock.now())
    return True


@transaction.atomic
def _move(
    micro_credential_id: int, transition: str, actor: User, reason: str, **given: Any
) -> MicroCredential:
    (micro_credential,) = locks.acquire(locks.lock(MicroCredential, micro_credential_id))
    fsm.apply(micro_credential, transition, actor=actor, reason=reason, at=clock.now(), **given)
    return micro_credential  # type: ignore[no-any-return]
