"""A provider's account at Stripe: opened once, set up by its holder, and asked for like any other account."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from catalogue import connect, permissions
from catalogue.models import AccountChange, ConnectedAccount, PayeeAnswer, Provider
from catalogue.services import account_changes
from ila.core import clock, locks
from ila.core.errors import DomainError
from ila.core.stripe_api import CardsRefused, CardsUnavailable


def start(*, actor: User, provider_id: int) -> ConnectedAccount:
    """Note that a provider opens an account at Stripe; the one that it has, where it has one. No network.

    Locks: provider. Raises: DomainError `not_allowed` for strangers, `connect_not_offered`.
    """
    connect.open_connect()
    with transaction.atomic():
        provider: Provider
        (provider,) = locks.acquire(locks.lock(Provider, provider_id))
        _require_theirs(provider, actor)
        found, _new = ConnectedAccount.objects.get_or_create(
            provider=provider, defaults={"opened_by": actor, "opened_at": clock.now()}
        )
    return found


def set_up(*, actor: User, provider_id: int, back: str, again: str) -> str:
    """The address at Stripe where its holder sets the account up. Outside transactions.

    Killed anywhere and called again there is one account: the key is made of our own row.
    Raises: as `start`; DomainError `stripe_unavailable` (503), `stripe_refused`.
    """
    found = start(actor=actor, provider_id=provider_id)
    port = connect.open_connect()
    try:
        if found.account_id is None:
            account_id = port.open_account(
                key=f"ila-account-{found.public_id}",
                reference=str(found.public_id),
                country=found.provider.country,
                email=found.opened_by.email,
            )
            ConnectedAccount.objects.filter(pk=found.pk, account_id__isnull=True).update(
                account_id=account_id
            )
            found.refresh_from_db()
        assert found.account_id is not None
        return port.onboarding_link(found.account_id, back=back, again=again)
    except CardsUnavailable as error:
        raise DomainError("stripe_unavailable", status=503) from error
    except CardsRefused as error:
        raise DomainError("stripe_refused", status=502, reason=error.code) from error


def look(*, provider_id: int) -> ConnectedAccount | None:
    """Take over what Stripe says of a provider's account now; where it does not answer, what was known stays."""
    found = ConnectedAccount.objects.filter(provider=provider_id, account_id__isnull=False).first()
    if found is None or found.account_id is None or not connect.connect_is_offered():
        return found
    try:
        seen = connect.open_connect().read_account(found.account_id)
    except (CardsRefused, CardsUnavailable):
        return found
    found.told_name, found.ready, found.looked_at = seen.name, seen.ready, clock.now()
    found.save(update_fields=["told_name", "ready", "looked_at"])
    return found


def ask_to_be_paid_there(
    *, actor: User, provider_id: int, reason: str = "", accept_close: bool = False
) -> AccountChange:
    """Ask for the provider's own account at Stripe, as for any other: a second person, the agency, a time to object.

    Outside transactions: Stripe says first whom it has identified as the holder.
    Raises: as `account_changes.ask`; DomainError `account_not_ready` while Stripe cannot pay out from it.
    """
    found = ConnectedAccount.objects.filter(provider=provider_id, account_id__isnull=False).first()
    if found is None or found.account_id is None:
        raise DomainError("account_not_ready", status=409)
    provider = Provider.objects.select_related("organisation").get(pk=provider_id)
    _require_theirs(provider, actor)
    organisation = provider.organisation
    holder = (organisation.name if organisation is not None else provider.name) or provider.external_id
    told = connect.verify_connected(found.account_id, holder)
    if told.answer == PayeeAnswer.NOT_POSSIBLE:
        raise DomainError("account_not_ready", status=409)
    return account_changes.ask_for(
        actor=actor,
        provider_id=provider_id,
        account=found.account_id,
        holder=holder[: connect.MAX_NAME],
        told=told,
        reason=reason,
        accept_close=accept_close,
    )


def _require_theirs(provider: Provider, actor: User) -> None:
    organisation = provider.organisation
    if organisation is None or not permissions.acts_for_organisation(organisation, actor):
        raise DomainError("not_allowed", status=403, what="account_change")
