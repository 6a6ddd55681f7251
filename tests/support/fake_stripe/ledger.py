"""What the fake Stripe remembers, and how payments, refunds and disputes go there."""

from __future__ import annotations

import copy
import json
from itertools import count
from pathlib import Path
from typing import Any

SHAPES = json.loads((Path(__file__).resolve().parents[2] / "data" / "stripe_objects.json").read_text("utf-8"))
ACCOUNT = "acct_1ILA00000000test"
KEY = "sk_test_ila"
SECRET = "whsec_ila_fake"
DAY = 86_400
SEPA_DAYS = 5
SEPA_REFUND_DAYS = 4

Object = dict[str, Any]


class Refused(Exception):  # noqa: N818 - it is an answer
    """An answer of the API that is an error."""

    def __init__(self, status: int, kind: str, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "code": code, "message": message}}


def invalid(code: str, message: str, status: int = 400) -> Refused:
    return Refused(status, "invalid_request_error", code, message)


class Ledger:
    """Objects by id, events in order, a clock that is moved by hand, and the money that is there."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.objects: dict[str, Object] = {}
        self.events: list[Object] = []
        # What will happen by itself: when, the object's id, what.
        self.due: list[tuple[int, str, str]] = []
        self.balance = 0
        # What lies on connected accounts.
        self.balances: dict[str, int] = {}
        self._numbers = count(1)

    def new(self, kind: str, prefix: str, **values: Any) -> Object:
        shaped: Object = copy.deepcopy(SHAPES[kind])
        shaped |= values
        shaped["id"] = f"{prefix}_{next(self._numbers):06d}"
        shaped["created"] = self.now
        if "livemode" in shaped:
            shaped["livemode"] = False
        self.objects[shaped["id"]] = shaped
        return shaped

    def get(self, object_id: str, kind: str) -> Object:
        found = self.objects.get(object_id)
        if found is None or found["object"] != kind:
            raise invalid("resource_missing", f"No such {kind}: '{object_id}'", 404)
        return found

    def all(self, kind: str, **wanted: Any) -> list[Object]:
        """Newest first, as Stripe lists."""
        found = [
            each
            for each in self.objects.values()
            if each["object"] == kind and all(each.get(name) == value for name, value in wanted.items())
        ]
        return found[::-1]

    def tell(self, kind: str, about: Object) -> Object:
        """An event, with the object as it is now."""
        event = self.new("event", "evt", type=kind, data={"object": copy.deepcopy(about)})
        event["api_version"] = "2026-10-28.endive"
        event["pending_webhooks"] = 1
        self.events.append(event)
        return event

    # -- checkout ----------------------------------------------------------------------------------------------

    def open_checkout(self, params: Object) -> Object:
        items = params.get("line_items") or []
        if params.get("mode") != "payment" or not items or not params.get("success_url"):
            raise invalid("parameter_missing", "mode, line_items and success_url are needed")
        amount = sum(int(each["price_data"]["unit_amount"]) * int(each["quantity"]) for each in items)
        currency = items[0]["price_data"]["currency"]
        if amount <= 0:
            raise invalid("parameter_invalid_integer", "the amount must be positive")
        expires = int(params.get("expires_at") or self.now + DAY)
        if not self.now + 1_740 <= expires <= self.now + DAY:
            raise invalid(
                "parameter_invalid", "expires_at must be at least 30 minutes and at most 24 hours away"
            )
        methods = list(params.get("payment_method_types") or ["card"])
        metadata = dict((params.get("payment_intent_data") or {}).get("metadata") or {})
        intent = self.new(
            "payment_intent", "pi", amount=amount, currency=currency, status="requires_payment_method",
            payment_method_types=methods, metadata=metadata, canceled_at=None, last_payment_error=None,
            next_action=None, processing=None, latest_charge=None,
        )  # fmt: skip
        session = self.new(
            "checkout.session", "cs_test", amount_total=amount, amount_subtotal=amount, currency=currency,
            payment_intent=intent["id"], payment_status="unpaid", status="open", expires_at=expires,
            payment_method_types=methods, metadata=dict(params.get("metadata") or {}),
            client_reference_id=params.get("client_reference_id"), success_url=params["success_url"],
            cancel_url=params.get("cancel_url"), customer_email=params.get("customer_email"),
            currency_conversion=None,
        )  # fmt: skip
        session["url"] = f"https://checkout.example/{session['id']}"
        self.due.append((expires, session["id"], "expire"))
        return session

    def expire_checkout(self, session: Object) -> Object:
        if session["status"] != "open":
            raise invalid(
                "resource_invalid", f"Only open sessions can be expired. This one is {session['status']}."
            )
        intent = self.objects[session["payment_intent"]]
        session["status"], session["url"] = "expired", None
        intent["status"], intent["canceled_at"] = "canceled", self.now
        intent["cancellation_reason"] = "automatic"
        self.tell("payment_intent.canceled", intent)
        self.tell("checkout.session.expired", session)
        return session

    def pay(self, session: Object, method: str, outcome: str) -> Object:
        """What a person does on the checkout page."""
        if session["status"] != "open":
            raise invalid("resource_invalid", "the session is not open")
        intent = self.objects[session["payment_intent"]]
        if method not in intent["payment_method_types"]:
            raise invalid("payment_method_unactivated", f"{method} is not offered")
        intent["method"] = method
        if method == "sepa_debit":
            intent["status"], session["status"] = "processing", "complete"
            self.due.append((self.now + SEPA_DAYS * DAY, intent["id"], f"sepa:{outcome}"))
            self.tell("payment_intent.processing", intent)
            self.tell("checkout.session.completed", session)
        elif outcome == "succeeds":
            self.succeed(intent)
        elif outcome == "requires_action":
            intent["status"], intent["next_action"] = "requires_action", {"type": "use_stripe_sdk"}
            self.tell("payment_intent.requires_action", intent)
        else:
            self.fail(intent, "card_declined")
        return intent

    def authenticate(self, intent: Object, ok: bool) -> Object:
        if intent["status"] != "requires_action":
            raise invalid("payment_intent_unexpected_state", "nothing is asked")
        intent["next_action"] = None
        if ok:
            self.succeed(intent)
        else:
            self.fail(intent, "payment_intent_authentication_failure")
        return intent

    def fail(self, intent: Object, code: str) -> None:
        intent["status"] = "requires_payment_method"
        intent["last_payment_error"] = {"type": "card_error", "code": code, "message": "It was declined."}
        self.tell("payment_intent.payment_failed", intent)

    def succeed(self, intent: Object) -> None:
        method = intent["method"]
        charge = self.new(
            "charge", "ch", amount=intent["amount"], amount_captured=intent["amount"], captured=True,
            currency=intent["currency"], payment_intent=intent["id"], amount_refunded=0, refunded=False,
            disputed=False, metadata=dict(intent["metadata"]), source=None,
            payment_method_details={"type": method, method: {"last4": "4242"}},
        )  # fmt: skip
        intent |= {
            "status": "succeeded", "amount_received": intent["amount"], "latest_charge": charge["id"],
            "processing": None, "last_payment_error": None,
        }  # fmt: skip
        self._book("charge", intent["amount"], charge)
        (session,) = self.all("checkout.session", payment_intent=intent["id"])
        session["payment_status"] = "paid"
        late = session["status"] == "complete"
        session["status"] = "complete"
        self.tell("charge.succeeded", charge)
        self.tell("payment_intent.succeeded", intent)
        name = "async_payment_succeeded" if late else "completed"
        self.tell(f"checkout.session.{name}", session)

    # -- refunds -----------------------------------------------------------------------------------------------

    def refund(self, params: Object) -> Object:
        intent = self.get(params.get("payment_intent", ""), "payment_intent")
        if intent["status"] != "succeeded":
            raise invalid(
                "charge_not_found", "This PaymentIntent does not have a successful charge to refund."
            )
        charge = self.objects[intent["latest_charge"]]
        left = charge["amount"] - charge["amount_refunded"]
        amount = int(params.get("amount") or left)
        if charge["disputed"] and not charge.get("won"):
            raise invalid("charge_disputed", "This charge has been charged back.")
        if left == 0:
            raise invalid("charge_already_refunded", "Charge has already been refunded.")
        if not 0 < amount <= left:
            raise invalid(
                "amount_too_large", f"Refund amount is greater than unrefunded amount on charge ({left})"
            )
        slow = intent["method"] == "sepa_debit"
        refund = self.new(
            "refund", "re", amount=amount, charge=charge["id"], currency=charge["currency"],
            payment_intent=intent["id"], status="pending" if slow else "succeeded",
            metadata=dict(params.get("metadata") or {}), reason=params.get("reason"), failure_reason=None,
        )  # fmt: skip
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self._book("refund", -amount, refund)
        self.tell("refund.created", refund)
        self.tell("charge.refunded", charge)
        if slow:
            self.due.append((self.now + SEPA_REFUND_DAYS * DAY, refund["id"], "refunded"))
        return refund

    def fail_refund(self, refund: Object) -> Object:
        """The payer's bank sends it back, perhaps long after it succeeded."""
        if refund["status"] not in ("pending", "succeeded"):
            raise invalid("resource_invalid", "the refund is closed")
        refund["status"], refund["failure_reason"] = "failed", "lost_or_stolen_card"
        charge = self.objects[refund["charge"]]
        charge["amount_refunded"] -= refund["amount"]
        charge["refunded"] = False
        self._book("refund_failure", refund["amount"], refund)
        self.tell("refund.failed", refund)
        return refund

    # -- disputes ----------------------------------------------------------------------------------------------

    def dispute(self, intent: Object, amount: int | None, *, inquiry: bool = False) -> Object:
        if intent["status"] != "succeeded":
            raise invalid("resource_invalid", "nothing to dispute")
        charge = self.objects[intent["latest_charge"]]
        left = charge["amount"] - charge["amount_refunded"]
        if charge["disputed"] or left <= 0:
            raise invalid("resource_invalid", "there is nothing left to dispute")
        # A debit's payer is always right: nobody may answer, and it is lost at once.
        debit = intent["method"] == "sepa_debit"
        status = "warning_needs_response" if inquiry else "lost" if debit else "needs_response"
        dispute = self.new(
            "dispute", "dp", amount=min(amount or left, left), charge=charge["id"], currency=charge["currency"],
            payment_intent=intent["id"], status=status, reason="fraudulent", balance_transactions=[],
        )  # fmt: skip
        charge["disputed"] = not inquiry
        self.tell("charge.dispute.created", dispute)
        if not inquiry:
            self._move(dispute, -dispute["amount"])
            self.tell("charge.dispute.funds_withdrawn", dispute)
        if debit:
            self.tell("charge.dispute.closed", dispute)
        return dispute

    def close_dispute(self, dispute: Object, won: bool) -> Object:
        if dispute["status"] in ("won", "lost", "warning_closed"):
            raise invalid("resource_invalid", "the dispute is closed")
        if dispute["status"].startswith("warning"):
            dispute["status"] = "warning_closed"
        else:
            dispute["status"] = "won" if won else "lost"
        if dispute["status"] == "won":
            self.objects[dispute["charge"]]["won"] = True
            self._move(dispute, dispute["amount"])
            self.tell("charge.dispute.funds_reinstated", dispute)
        self.tell("charge.dispute.closed", dispute)
        return dispute

    def _move(self, dispute: Object, cents: int) -> None:
        dispute["balance_transactions"].append(copy.deepcopy(self._book("adjustment", cents, dispute)))

    def _book(self, kind: str, cents: int, source: Object, *, account: str = "") -> Object:
        """A movement of a balance: ours, or a connected account's."""
        moved = self.new(
            "balance_transaction", "txn", amount=cents, net=cents, fee=0, currency=source["currency"],
            type=kind, source=source["id"],
        )  # fmt: skip
        moved["_account"] = account
        if account:
            self.balances[account] = self.balances.get(account, 0) + cents
        else:
            self.balance += cents
        return moved

    def by_hand(self, cents: int) -> Object:
        """Somebody at Stripe corrects our balance."""
        return self._book("adjustment", cents, {"id": "adj_by_hand", "currency": "eur"})

    # -- time --------------------------------------------------------------------------------------------------

    def move_clock(self, now: int) -> None:
        """What falls due up to that moment happens, each at its own time."""
        for at, object_id, what in sorted(each for each in self.due if each[0] <= now):
            self.due.remove((at, object_id, what))
            self.now = max(self.now, at)
            self._happen(self.objects[object_id], what)
        self.now = max(self.now, now)

    def _happen(self, about: Object, what: str) -> None:
        if what == "expire":
            if about["status"] == "open":
                self.expire_checkout(about)
        elif what == "refunded":
            if about["status"] == "pending":
                about["status"] = "succeeded"
                self.tell("refund.updated", about)
        elif what == "sepa:succeeds":
            self.succeed(about)
        else:
            self.fail(about, "insufficient_funds")
            (session,) = self.all("checkout.session", payment_intent=about["id"])
            self.tell("checkout.session.async_payment_failed", session)
