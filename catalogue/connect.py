"""Accounts that providers hold at Stripe (Connect): opened, set up on Stripe's own pages, and asked about.

Every method is a network call, made outside transactions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol

from django.conf import settings

from catalogue.lookalikes import skeleton
from catalogue.models.applications import PayeeAnswer
from catalogue.payees import Verification
from ila.core.errors import DomainError
from ila.core.stripe_api import CardsRefused, CardsUnavailable, ask, make_client

_ACCOUNT = re.compile(r"acct_[A-Za-z0-9]{8,29}", re.ASCII)
MAX_NAME = 140


def is_connected_account(text: str) -> bool:
    """Whether an account is one at Stripe: what stands where an IBAN stands otherwise."""
    return bool(_ACCOUNT.fullmatch(text))


@dataclass(frozen=True, slots=True)
class AccountSeen:
    """An account at Stripe as it is now. name: whom Stripe has identified; ready: money sent there reaches a bank."""

    account_id: str
    name: str
    ready: bool


class ConnectPort(Protocol):
    """Raises: CardsUnavailable; CardsRefused."""

    def open_account(self, *, key: str, reference: str, country: str, email: str) -> str:
        """A new account, or the one that this key opened before: its id."""

    def onboarding_link(self, account_id: str, *, back: str, again: str) -> str:
        """Where its holder says who they are and which bank they are at; good for a few minutes, once."""

    def read_account(self, account_id: str) -> AccountSeen:
        """As it is now."""


class StripeAccounts:
    """Stripe Connect with pages of Stripe's own (Express)."""

    def __init__(self, key: str, *, address: str, timeout: float) -> None:
        self._stripe = make_client(key, address=address, timeout=timeout)

    def open_account(self, *, key: str, reference: str, country: str, email: str) -> str:
        params: Any = {
            "type": "express",
            "country": country,
            "email": email,
            "capabilities": {"transfers": {"requested": True}},
            "metadata": {"ila_provider": reference},
        }
        made = ask(lambda: self._stripe.v1.accounts.create(params, {"idempotency_key": key}))
        return made.id

    def onboarding_link(self, account_id: str, *, back: str, again: str) -> str:
        params: Any = {
            "account": account_id,
            "return_url": back,
            "refresh_url": again,
            "type": "account_onboarding",
        }
        return ask(lambda: self._stripe.v1.account_links.create(params)).url

    def read_account(self, account_id: str) -> AccountSeen:
        account: Any = ask(lambda: self._stripe.v1.accounts.retrieve(account_id)).to_dict()
        able = (account.get("capabilities") or {}).get("transfers") == "active"
        return AccountSeen(account_id, _name(account)[:MAX_NAME], able and bool(account["payouts_enabled"]))


def connect_is_offered() -> bool:
    """Whether providers may choose to be paid through Stripe: there is a key, and the operator wants it."""
    return bool(settings.STRIPE_SECRET_KEY and settings.STRIPE_CONNECT)


def open_connect() -> ConnectPort:
    """The way to Stripe Connect. Raises: DomainError `connect_not_offered`."""
    if not connect_is_offered():
        raise DomainError("connect_not_offered", status=404)
    return StripeAccounts(
        settings.STRIPE_SECRET_KEY, address=settings.STRIPE_ADDRESS, timeout=settings.STRIPE_TIMEOUT
    )


def verify_connected(account_id: str, name: str) -> Verification:
    """Whether a ready account at Stripe is in that name. Never raises: what cannot be known is `not_possible`."""
    try:
        return compare(open_connect().read_account(account_id), name)
    except (CardsRefused, CardsUnavailable, DomainError):
        return Verification(PayeeAnswer.NOT_POSSIBLE)


def compare(seen: AccountSeen, name: str) -> Verification:
    """What Stripe knows of an account's holder beside a name."""
    theirs, ours = skeleton(seen.name), skeleton(name)
    if not seen.ready or not theirs or not ours:
        return Verification(PayeeAnswer.NOT_POSSIBLE)
    if theirs == ours:
        return Verification(PayeeAnswer.MATCH)
    if theirs in ours or ours in theirs:
        return Verification(PayeeAnswer.CLOSE_MATCH, seen.name)
    return Verification(PayeeAnswer.NO_MATCH)


def _name(account: dict[str, Any]) -> str:
    company, person = account.get("company") or {}, account.get("individual") or {}
    profile = account.get("business_profile") or {}
    single = " ".join(str(person.get(each) or "") for each in ("first_name", "last_name")).strip()
    return str(company.get("name") or single or profile.get("name") or "")
