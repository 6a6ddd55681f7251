"""Writes on providers."""

from django.db import transaction
from schwifty import IBAN
from schwifty.exceptions import SchwiftyException

from accounts.models import Organisation, User
from catalogue import permissions
from catalogue.models import Provider
from catalogue.registers import register_of
from ila.core import clock, locks
from ila.core.errors import DomainError


@transaction.atomic
def create_provider(
    *,
    actor: User,
    register: str,
    external_id: str,
    name: str | None = None,
    organisation: Organisation | None = None,
    iban: str = "",
    country: str | None = None,
    time_zone: str | None = None,
) -> Provider:
    """A provider becomes known under its id in a register; nothing of it can be booked yet.

    country, time_zone: the register's unless told. Raises: DomainError `not_allowed`; `invalid` for an IBAN
    that is none; IntegrityError for an id that is known.
    """
    if not permissions.is_authority(None, actor):
        raise DomainError("not_allowed", status=403, what="create_provider")
    namespace = register_of(register)
    return Provider.objects.create(
        register=register,
        external_id=external_id,
        name=name,
        organisation=organisation,
        iban=checked_iban(iban),
        country=country or namespace.country,
        time_zone=time_zone or namespace.time_zone,
    )


@transaction.atomic
def change_iban(*, actor: User, provider_id: int, iban: str) -> Provider:
    """The authority enters the first account of a provider; another one comes by `account_changes` alone.

    The platform's own services (a demonstration, a replay) may enter any.
    Locks: provider. Raises: DomainError `not_allowed`, also where an account is known; `invalid` for an IBAN that is
    none.
    """
    (provider,) = locks.acquire(locks.lock(Provider, provider_id))
    if not permissions.is_authority(provider, actor):
        raise DomainError("not_allowed", status=403, what="change_iban")
    if provider.iban and not actor.is_service:
        raise DomainError("not_allowed", what="change_iban", reason="account_known")
    provider.iban = checked_iban(iban)
    provider.updated_at = clock.now()
    provider.save(update_fields=["iban", "updated_at"])
    return provider  # type: ignore[no-any-return]


def checked_iban(text: str) -> str:
    """An IBAN in its compact form, or "". Raises: DomainError `invalid` for wrong length or check digits."""
    if not text:
        return ""
    try:
        return str(IBAN(text))
    except (SchwiftyException, ValueError) as error:
        raise DomainError("invalid", status=422, what="iban", fault=str(error)) from error
