"""The port, as Stripe speaks it: one pinned version of its API, few seconds of patience, our own keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from funding.cards.events import KINDS, read_event
from funding.cards.port import (
    CardsRefused,
    CheckoutAsked,
    CheckoutOpened,
    DisputeSeen,
    EventSeen,
    PaymentSeen,
    RefundSeen,
)
from ila.core.stripe_api import ask, make_client

_PAGE = 100


class StripePort:
    """Stripe behind the port. account: whose payments they are; livemode: real money."""

    def __init__(self, key: str, *, account: str, livemode: bool, address: str = "", timeout: float) -> None:
        self._account, self._livemode = account, livemode
        self._stripe = make_client(key, address=address, timeout=timeout)

    def check_account(self) -> None:
        """Two requests. Raises: CardsRefused `wrong_account`, `wrong_mode`; CardsUnavailable."""
        account = ask(self._stripe.v1.accounts.retrieve_current)
        if account.id != self._account:
            meant = self._account or "nothing"
            raise CardsRefused(
                "wrong_account", f"STRIPE_SECRET_KEY is of {account.id}, STRIPE_ACCOUNT says {meant}"
            )
        balance = ask(self._stripe.v1.balance.retrieve)
        if balance.livemode is not self._livemode:
            mode = "live" if balance.livemode else "test"
            raise CardsRefused("wrong_mode", f"STRIPE_SECRET_KEY is of the {mode} mode and is not named so")

    def open_checkout(self, asked: CheckoutAsked) -> CheckoutOpened:
        about = {"ila_payment": asked.reference}
        item = {
            "quantity": 1,
            "price_data": {
                "currency": asked.currency.lower(),
                "unit_amount": asked.amount_cents,
                "product_data": {"name": asked.description},
            },
        }
        # Its types name every method and language there is; ours are plain words.
        params: Any = {
            "mode": "payment",
            "payment_method_types": list(asked.methods),
            "line_items": [item],
            "client_reference_id": asked.reference,
            "customer_email": asked.email,
            "locale": asked.language,
            "expires_at": int(asked.expires_at.timestamp()),
            "success_url": asked.success_address,
            "cancel_url": asked.cancel_address,
            "metadata": about,
            "payment_intent_data": {"metadata": about},
        }
        session = ask(
            lambda: self._stripe.v1.checkout.sessions.create(params, {"idempotency_key": asked.key})
        )
        return CheckoutOpened(session.id, session.url or "")

    def expire_checkout(self, session_id: str) -> None:
        try:
            ask(lambda: self._stripe.v1.checkout.sessions.expire(session_id))
        except CardsRefused as refused:
            # Paid or expired meanwhile: whoever asked looks at it anyway.
            if refused.code != "resource_invalid":
                raise

    def read_payment(self, session_id: str) -> PaymentSeen:
        expand = ["payment_intent.latest_charge"]
        session = ask(lambda: self._stripe.v1.checkout.sessions.retrieve(session_id, {"expand": expand}))
        if session.livemode is not self._livemode:
            raise CardsRefused("wrong_mode")
        intent: Any = session.payment_intent
        if intent is None:
            # Nobody has begun to pay.
            return PaymentSeen(
                session.id, session.status or "", "", "", session.amount_total or 0,
                (session.currency or "").upper(), "", "",
            )  # fmt: skip
        paid = intent.status == "succeeded"
        error = intent.last_payment_error
        return PaymentSeen(
            session_id=session.id,
            session_status=session.status or "",
            intent_id=intent.id,
            status=intent.status,
            amount_cents=intent.amount_received if paid else intent.amount,
            currency=intent.currency.upper(),
            method=_method(intent),
            failure=str(getattr(error, "code", None) or "declined")[:60] if error else "",
            refunds=self._refunds(intent.id) if paid else (),
            disputes=self._disputes(intent.id) if paid else (),
        )

    def reference_of(self, intent_id: str) -> str:
        intent = ask(lambda: self._stripe.v1.payment_intents.retrieve(intent_id))
        return str(intent.metadata.to_dict().get("ila_payment", ""))

    def refund(self, *, key: str, reference: str, intent_id: str, amount_cents: int) -> RefundSeen:
        refund = ask(
            lambda: self._stripe.v1.refunds.create(
                {
                    "payment_intent": intent_id,
                    "amount": amount_cents,
                    "metadata": {"ila_refund": reference},
                },
                {"idempotency_key": key},
            )
        )
        return _refund(refund)

    def events_since(self, moment: datetime) -> Iterator[EventSeen]:
        """Stripe lists the newest first, of the last 30 days."""
        found = ask(
            lambda: list(
                self._stripe.v1.events.list(
                    {"created": {"gte": int(moment.timestamp())}, "types": list(KINDS), "limit": _PAGE}
                ).auto_paging_iter()
            )
        )
        for event in reversed(found):
            yield read_event(event.to_dict())

    def _refunds(self, intent_id: str) -> tuple[RefundSeen, ...]:
        pages = self._stripe.v1.refunds.list
        found = ask(lambda: list(pages({"payment_intent": intent_id, "limit": _PAGE}).auto_paging_iter()))
        return tuple(_refund(each) for each in reversed(found))

    def _disputes(self, intent_id: str) -> tuple[DisputeSeen, ...]:
        pages = self._stripe.v1.disputes.list
        found = ask(lambda: list(pages({"payment_intent": intent_id, "limit": _PAGE}).auto_paging_iter()))
        return tuple(_dispute(each) for each in reversed(found))


def _method(intent: Any) -> str:
    charge = intent.latest_charge
    details = None if charge is None or isinstance(charge, str) else charge.payment_method_details
    if details is not None:
        return str(details.type)[:20]
    # A debit is the one method that stays under way for days.
    return "sepa_debit" if intent.status == "processing" else ""


def _refund(refund: Any) -> RefundSeen:
    metadata = refund.metadata.to_dict() if refund.metadata is not None else {}
    return RefundSeen(
        refund.id, refund.amount, str(refund.status or "pending"), str(metadata.get("ila_refund", ""))
    )


def _dispute(dispute: Any) -> DisputeSeen:
    moves = list(dispute.balance_transactions)
    return DisputeSeen(
        dispute_id=dispute.id,
        status=str(dispute.status),
        reason=str(dispute.reason)[:60],
        amount_cents=dispute.amount,
        # Without the fee that Stripe keeps: it is no payer's money.
        taken_cents=max(0, -sum(each.amount for each in moves)),
        moves=len(moves),
    )
