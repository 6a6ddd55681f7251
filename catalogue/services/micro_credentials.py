"""Writes on micro-credentials, one at a time; imports write many at once."""

import re
from collections.abc import Iterable
from decimal import Decimal

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


def suspend_micro_credential(*, actor: User, micro_credential_id: int, reason: str) -> MicroCredential:
    """From this moment nothing new is booked on it.

    Locks: micro-credential. Raises: DomainError `not_allowed`.
    """
    return _move(micro_credential_id, "suspend", actor, reason)


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
def _move(micro_credential_id: int, transition: str, actor: User, reason: str) -> MicroCredential:
    (micro_credential,) = locks.acquire(locks.lock(MicroCredential, micro_credential_id))
    fsm.apply(micro_credential, transition, actor=actor, reason=reason, at=clock.now())
    return micro_credential  # type: ignore[no-any-return]
