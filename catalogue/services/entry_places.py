"""Writes of a provider on the places where an entry by form is taught."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from catalogue import permissions
from catalogue.models import CredentialState, MicroCredential, Offer, Session, SessionState
from catalogue.selectors import completeness as selected
from ila.core import clock, locks
from ila.core.errors import DomainError

MOST = 50
_TO_COME = (SessionState.PLANNED, SessionState.OPEN, SessionState.GUARANTEED, SessionState.RUNNING)


@transaction.atomic
def add_place(*, actor: User, entry_id: int, street: str, postcode: str, city: str) -> Offer:
    """Teach it at one more place, in the same way and at the same price.

    Locks: micro-credential. Raises: DomainError `not_allowed` before the first place is told, or for an entry that is
    neither a draft nor registered; `invalid` for too many.
    """
    entry = _mine(actor, entry_id)
    first = selected.offer_of(entry)
    if first is None or entry.price_cents is None or entry.state not in _WRITABLE:
        raise DomainError("not_allowed", what="add_place", state=entry.state)
    if selected.offers_of(entry).count() >= MOST:
        raise DomainError("invalid", status=422, what="rows", reason="too_many")
    now = clock.now()
    number = Offer.objects.filter(micro_credential=entry).count() + 1
    while Offer.objects.filter(micro_credential=entry, external_id=str(number)).exists():
        number += 1
    return Offer.objects.create(
        micro_credential=entry,
        external_id=str(number),
        mode=first.mode,
        language=first.language,
        has_prerequisites=first.has_prerequisites,
        country=first.country,
        currency=first.currency,
        price_cents=entry.price_cents,
        street=street.strip(),
        postcode=postcode.strip(),
        city=city.strip(),
        created_at=now,
        updated_at=now,
    )


@transaction.atomic
def remove_place(*, actor: User, entry_id: int, offer_id: int) -> Offer:
    """Teach it there no longer. What was booked there stays what it was.

    Locks: micro-credential. Raises: DomainError `not_found`; `not_allowed` for the only place (`last_place`), or while
    sessions there are to come (`sessions_there`).
    """
    entry = _mine(actor, entry_id)
    offers = list(selected.offers_of(entry))
    offer = next((one for one in offers if one.pk == offer_id), None)
    if offer is None:
        raise DomainError("not_found", status=404, kind="place")
    if len(offers) == 1:
        raise DomainError("not_allowed", what="remove_place", reason="last_place")
    if Session.objects.filter(offer=offer, removed_at=None, state__in=_TO_COME).exists():
        raise DomainError("not_allowed", what="remove_place", reason="sessions_there")
    offer.removed_at = offer.updated_at = clock.now()
    offer.save(update_fields=["removed_at", "updated_at"])
    return offer


_WRITABLE = (CredentialState.DRAFT, CredentialState.REGISTERED)


def _mine(actor: User, entry_id: int) -> MicroCredential:
    (entry,) = locks.acquire(locks.lock(MicroCredential, entry_id))
    if actor.is_service or not permissions.acts_for_provider(entry, actor):
        raise DomainError("not_allowed", status=403, what="place")
    return entry  # type: ignore[no-any-return]
