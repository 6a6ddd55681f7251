"""Webhooks as they come in: believed when they are signed, of our account and mode, and read for ids alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from stripe import SignatureVerificationError, WebhookSignature

from funding.cards.port import EventSeen

TOLERANCE = 300
"""Seconds that a signature may be old: whoever records a message cannot play it again later."""

KINDS = (
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.refund.updated",
    "charge.refunded",
    "charge.succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.completed",
    "checkout.session.expired",
    "payment_intent.canceled",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "refund.created",
    "refund.failed",
    "refund.updated",
    "transfer.created",
    "transfer.reversed",
    "transfer.updated",
)
"""The types of events that say something of a payment."""

OF_PROVIDERS = ("payout.failed",)
"""The types that say something of a provider's account; they come from that account."""


class NotBelieved(Exception):  # noqa: N818 - it is about the message
    """A message that changes nothing. reason: bad_signature, not_an_event, wrong_account, wrong_mode."""

    def __init__(self, reason: str, event_id: str = "") -> None:
        super().__init__(reason)
        self.reason, self.event_id = reason, event_id


def read_webhook(
    body: bytes,
    header: str | None,
    *,
    secrets: Sequence[str],
    account: str,
    livemode: bool,
    is_providers: Callable[[str], bool] = lambda _account: False,
) -> EventSeen:
    """The event that a webhook tells of. secrets: any of them may have signed it. Raises: NotBelieved.

    is_providers: whether an account is a provider's whom we pay through Stripe.
    """
    _verify(body, header, secrets)
    try:
        values = json.loads(body)
        seen = read_event(values)
    except (ValueError, KeyError, TypeError) as error:
        raise NotBelieved("not_an_event") from error
    if seen.account and seen.account != account and not is_providers(seen.account):
        raise NotBelieved("wrong_account", seen.event_id)
    if seen.livemode != livemode:
        raise NotBelieved("wrong_mode", seen.event_id)
    return seen


def read_event(values: Mapping[str, Any]) -> EventSeen:
    """Ids and type of an event. Raises: KeyError, TypeError, ValueError where it is none."""
    about = values["data"]["object"]
    if values["object"] != "event" or not isinstance(about, Mapping):
        raise ValueError("not an event")
    intent = about["id"] if about.get("object") == "payment_intent" else about.get("payment_intent")
    return EventSeen(
        event_id=str(values["id"])[:100],
        kind=str(values["type"])[:100],
        object_id=str(about.get("id") or "")[:100],
        intent_id=(intent if isinstance(intent, str) else "")[:100],
        created_at=datetime.fromtimestamp(int(values["created"]), UTC),
        account=str(values.get("account") or ""),
        livemode=bool(values["livemode"]),
    )


def _verify(body: bytes, header: str | None, secrets: Sequence[str]) -> None:
    for secret in secrets:
        try:
            WebhookSignature.verify_header(body, header, secret, TOLERANCE)
        except (SignatureVerificationError, UnicodeDecodeError, ValueError):
            continue
        return
    raise NotBelieved("bad_signature")
