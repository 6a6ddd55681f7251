"""Whether cards and direct debits are taken, and for which account: read from the settings."""

from __future__ import annotations

from typing import Literal

from django.conf import settings

from funding.cards.port import CardPort
from funding.cards.stripe_client import StripePort
from ila.core.errors import DomainError

# How a learner pays their own part of a price: to the provider, who alone has it; first, by card or by bank transfer,
# before anything binds; or it counts as paid here, where it was (`accept_paid`) or in a replay.
OwnPart = Literal["direct", "first", "transfer", "here"]
FIRST: tuple[OwnPart, ...] = ("first", "transfer")

# What was found right in this process: the settings change with a restart, and a key never changes its account.
_checked: set[tuple[str, str, str]] = set()


def cards_are_taken() -> bool:
    """Whether there is a key: without one everything is paid by bank transfer."""
    return bool(settings.STRIPE_SECRET_KEY)


def own_part_today() -> OwnPart:
    """How own parts of bookings are paid on this platform: by card, or by transfer to us (decisions 182, 252).

    Where there is neither a key nor an account of ours, the learner pays the provider (decision 205).
    """
    if cards_are_taken():
        return "first"
    return "transfer" if settings.BANK_ACCOUNT_IBAN else "direct"


def own_part_of_grants() -> OwnPart:
    """How what is above a window's grant is paid: by card, or to the provider (decision 204)."""
    return "first" if cards_are_taken() else "direct"


def is_live() -> bool:
    """Whether the key moves real money."""
    return bool(settings.STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_")))


def open_cards() -> CardPort:
    """The way to Stripe. Raises: DomainError `cards_not_configured`."""
    if not cards_are_taken():
        raise DomainError("cards_not_configured", status=503, missing="STRIPE_SECRET_KEY")
    return StripePort(
        settings.STRIPE_SECRET_KEY,
        account=settings.STRIPE_ACCOUNT,
        livemode=is_live(),
        address=settings.STRIPE_ADDRESS,
        timeout=settings.STRIPE_TIMEOUT,
    )


def require_own_account() -> None:
    """Refuse a key of another account or mode before any money moves by it: asked at Stripe once in a process.

    Outside transactions. Raises: CardsRefused `wrong_account`, `wrong_mode`, each time until it is right;
    CardsUnavailable; DomainError `cards_not_configured`.
    """
    asked = (settings.STRIPE_SECRET_KEY, settings.STRIPE_ACCOUNT, settings.STRIPE_ADDRESS)
    if asked not in _checked:
        open_cards().check_account()
        _checked.add(asked)
