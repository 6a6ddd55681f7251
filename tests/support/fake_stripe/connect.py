"""Connected accounts at the fake Stripe: their opening, transfers to them, and payouts to their banks."""

from __future__ import annotations

from typing import Any

from tests.support.fake_stripe.ledger import Ledger, Object, Refused, invalid


def open_account(ledger: Ledger, params: Object) -> Object:
    account = ledger.new(
        "account", "acct_1ILAprovider", type=params.get("type"), country=params.get("country"),
        email=params.get("email"), capabilities={"transfers": "inactive"}, payouts_enabled=False,
        metadata=dict(params.get("metadata") or {}), company={"name": None},
    )  # fmt: skip
    del ledger.objects[account["id"]]
    account["id"] = account["id"].replace("_1ILAprovider_", "_1ILAprovider")
    ledger.objects[account["id"]] = account
    return account


def set_up(account: Object, name: str) -> Object:
    """What its holder does on the pages of Stripe: says who they are, and which bank they are at."""
    account["company"] = {"name": name}
    account["capabilities"] = {"transfers": "active"}
    account["payouts_enabled"] = account["details_submitted"] = True
    return account


def close(account: Object) -> Object:
    """Stripe or its holder has ended it: nothing can be sent there."""
    account["capabilities"] = {"transfers": "inactive"}
    account["payouts_enabled"] = False
    return account


def link(ledger: Ledger, params: Object) -> Object:
    account = ledger.get(params["account"], "account")
    made = ledger.new("account_link", "link", expires_at=ledger.now + 300)
    made["url"] = f"https://connect.example/setup/{account['id']}/{made.pop('id')}"
    return made


def transfer(ledger: Ledger, params: Object) -> Object:
    account = ledger.objects.get(params["destination"])
    if account is None or account["object"] != "account":
        raise invalid("resource_missing", f"No such destination: '{params['destination']}'", 404)
    if account["capabilities"]["transfers"] != "active":
        raise invalid(
            "insufficient_capabilities_for_transfer",
            "Your destination account needs to have the transfers capability enabled.",
        )
    amount = int(params["amount"])
    if amount > ledger.balance:
        raise invalid("balance_insufficient", "You have insufficient funds in your Stripe account.")
    made = ledger.new(
        "transfer", "tr", amount=amount, currency=params["currency"], destination=account["id"],
        transfer_group=params.get("transfer_group"), metadata=dict(params.get("metadata") or {}),
        description=params.get("description"), amount_reversed=0, reversed=False,
        reversals={"object": "list", "data": [], "has_more": False, "url": ""},
    )  # fmt: skip
    arrived = ledger.new(
        "charge", "py", amount=amount, currency=params["currency"], payment_intent=None,
        source_transfer=made["id"], amount_refunded=0, refunded=False,
    )  # fmt: skip
    made["destination_payment"] = arrived["id"]
    ledger._book("transfer", -amount, made)
    ledger._book("payment", amount, arrived, account=account["id"])
    ledger.tell("transfer.created", made)
    return made


def reverse(ledger: Ledger, made: Object, params: Object) -> Object:
    left = made["amount"] - made["amount_reversed"]
    amount = int(params.get("amount") or left)
    if not 0 < amount <= left:
        raise invalid("amount_too_large", f"The transfer has {left} left to be reversed.")
    if ledger.balances.get(made["destination"], 0) < amount:
        raise invalid("balance_insufficient", "The connected account has not enough left.")
    back = ledger.new(
        "transfer_reversal", "trr", amount=amount, currency=made["currency"], transfer=made["id"],
        metadata=dict(params.get("metadata") or {}),
    )  # fmt: skip
    made["amount_reversed"] += amount
    made["reversed"] = made["amount_reversed"] == made["amount"]
    made["reversals"]["data"].insert(0, dict(back))
    ledger._book("transfer_refund", amount, back)
    ledger.balances[made["destination"]] -= amount
    ledger.tell("transfer.reversed", made)
    return back


def pay_out(ledger: Ledger, account_id: str) -> Object:
    """By itself, every day: all that lies on a connected account goes to its bank."""
    cents = ledger.balances.get(account_id, 0)
    if cents <= 0:
        raise invalid("balance_insufficient", "nothing to pay out")
    payout = ledger.new("payout", "po", amount=cents, currency="eur", status="paid", automatic=True)
    payout["_account"] = account_id
    for moved in ledger.all("balance_transaction", _account=account_id):
        moved.setdefault("_payout", payout["id"])
    ledger._book("payout", -cents, payout, account=account_id)["_payout"] = payout["id"]
    return payout


def fail_payout(ledger: Ledger, payout: Object) -> Object:
    """The bank sends it back: it lies on the account again, which pays out no more until its holder has seen to it."""
    payout["status"], payout["failure_code"] = "failed", "account_closed"
    account_id = payout["_account"]
    ledger.balances[account_id] += payout["amount"]
    ledger.objects[account_id]["payouts_enabled"] = False
    event = ledger.tell("payout.failed", payout)
    event["account"] = account_id
    return payout


def listed_transactions(ledger: Ledger, params: Object, account: str) -> list[Object]:
    since = int((params.get("created") or {}).get("gte", 0))
    found = [each for each in ledger.all("balance_transaction", _account=account) if each["created"] >= since]
    if "payout" in params:
        found = [each for each in found if each.get("_payout") == params["payout"]]
    if "type" in params:
        found = [each for each in found if each["type"] == params["type"]]
    return found


def answer(ledger: Ledger, parts: list[str], params: Object, account: str) -> Any:  # noqa: PLR0911 - one a route
    """What the API answers of these; None for what is not of here. Lists come whole."""
    match parts:
        case ["POST", "accounts"]:
            return open_account(ledger, params)
        case ["GET", "accounts", found]:
            return ledger.get(found, "account")
        case ["POST", "account_links"]:
            return link(ledger, params)
        case ["POST", "transfers"]:
            return transfer(ledger, params)
        case ["GET", "transfers"]:
            return ledger.all("transfer", transfer_group=params["transfer_group"])
        case ["GET", "transfers", found]:
            return ledger.get(found, "transfer")
        case ["POST", "transfers", found, "reversals"]:
            return reverse(ledger, ledger.get(found, "transfer"), params)
        case ["GET", "payouts", found]:
            payout = ledger.get(found, "payout")
            if payout["_account"] != account:
                raise Refused(404, "invalid_request_error", "resource_missing", f"No such payout: '{found}'")
            return payout
        case ["GET", "payouts"]:
            return ledger.all("payout", _account=account, status=params["status"])
        case ["GET", "balance_transactions"]:
            return listed_transactions(ledger, params, account)
    return None
