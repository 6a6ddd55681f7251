"""What the platform asks of whoever takes cards and direct debits, and what it is told, in its own words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ila.core.stripe_api import CardsRefused, CardsUnavailable

__all__ = [
    "CardPort",
    "CardsRefused",
    "CardsUnavailable",
    "CheckoutAsked",
    "CheckoutOpened",
    "DisputeSeen",
    "EventSeen",
    "PaymentSeen",
    "RefundSeen",
]

# What a refund's status may become: never back to an earlier one.
REFUND_RANK = {
    "wanted": 0,
    "refused": 1,
    "pending": 1,
    "requires_action": 1,
    "succeeded": 2,
    "failed": 3,
    "canceled": 3,
}
REFUND_UNDONE = ("failed", "canceled", "refused")
DISPUTE_LOST, DISPUTE_OVER = "lost", ("won", "lost", "warning_closed", "prevented")


@dataclass(frozen=True, slots=True)
class CheckoutAsked:
    """A payment to be made on the hosted page. amount in cents; key: the same for every try; times with zone."""

    key: str
    reference: str
    amount_cents: int
    currency: str
    description: str
    methods: tuple[str, ...]
    email: str
    language: str
    expires_at: datetime
    success_address: str
    cancel_address: str


@dataclass(frozen=True, slots=True)
class CheckoutOpened:
    """The hosted page."""

    session_id: str
    address: str


@dataclass(frozen=True, slots=True)
class RefundSeen:
    """A refund as it is now. reference: of ours, empty where somebody made it elsewhere."""

    refund_id: str
    amount_cents: int
    status: str
    reference: str


@dataclass(frozen=True, slots=True)
class DisputeSeen:
    """A dispute as it is now. taken_cents: withdrawn for it and not given back; moves: how often money moved."""

    dispute_id: str
    status: str
    reason: str
    amount_cents: int
    taken_cents: int
    moves: int


@dataclass(frozen=True, slots=True)
class PaymentSeen:
    """A payment as it is now. status: of the payment; session_status: open, complete, expired."""

    session_id: str
    session_status: str
    intent_id: str
    status: str
    amount_cents: int
    currency: str
    method: str
    failure: str
    refunds: tuple[RefundSeen, ...] = ()
    disputes: tuple[DisputeSeen, ...] = ()


@dataclass(frozen=True, slots=True)
class EventSeen:
    """Something happened to an object: which, never what; that is fetched afresh. intent_id: where it is told."""

    event_id: str
    kind: str
    object_id: str
    intent_id: str
    created_at: datetime
    account: str
    livemode: bool


class CardPort(Protocol):
    """Every method is a network call, made outside transactions.

    Raises: CardsUnavailable; CardsRefused.
    """

    def check_account(self) -> None:
        """Whether the key is of the account and the mode that the settings name."""

    def open_checkout(self, asked: CheckoutAsked) -> CheckoutOpened:
        """A hosted page to pay on; the same for the same key."""

    def expire_checkout(self, session_id: str) -> None:
        """Nobody may pay there any more. Where it is over already, nothing happens."""

    def read_payment(self, session_id: str) -> PaymentSeen:
        """Everything about the payment behind a session, as it is now."""

    def reference_of(self, intent_id: str) -> str:
        """Our reference of a payment that is known by Stripe's id alone; empty for one that is not ours."""

    def refund(self, *, key: str, reference: str, intent_id: str, amount_cents: int) -> RefundSeen:
        """Send so many cents back to whoever paid; once for the same key."""

    def events_since(self, moment: datetime) -> Iterator[EventSeen]:
        """What happened since then, oldest first."""
