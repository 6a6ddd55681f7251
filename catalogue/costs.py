"""What a training costs a person after public money: asked of whoever knows the schemes, which the catalogue does not.

The app that keeps learning accounts says at its start who answers (`use`). Nobody answers: no figure is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from catalogue.selectors.cards import Card
from catalogue.selectors.search import PriceLimit


@dataclass(frozen=True, slots=True)
class Cost:
    """What one booking would cost its learner. own_cents: of their own money, in the entry's currency.

    scheme: the name of the scheme that pays the rest.
    """

    own_cents: int
    currency: str
    scheme: str


class Wallet(Protocol):
    """A person's learning accounts as they are now: read once, then asked without a query."""

    def cost(self, entry: Card, price_cents: int) -> Cost | None:
        """What the entry costs this person at that price; None where no scheme of theirs pays a part."""

    def limits(self, own_cents: int) -> Sequence[PriceLimit]:
        """By kind, the highest price that costs this person no more than that of their own."""


_readers: list[Callable[[Any], Wallet | None]] = []


def use(reader: Callable[[Any], Wallet | None]) -> None:
    """Let `reader` read the wallets of users from now on."""
    _readers[:] = [reader]


def wallet_of(user: Any) -> Wallet | None:
    """The wallet of a user; None for who is not signed in, or has no learning account."""
    return _readers[0](user) if _readers and user.is_authenticated else None
