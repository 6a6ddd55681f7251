"""The second rail of payments to providers: Stripe Connect, behind the port that banks are behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from funding.banking.port import (
    Acknowledgement,
    BankRefusedDelivery,
    BankUnreachable,
    OutgoingFile,
    RawMessage,
)
from funding.banking.transfers import (
    TransferOrder,
    TransferSeen,
    by_reference,
    read_transfers,
    tell_refused,
    tell_seen,
)
from ila.core.stripe_api import CardsRefused, CardsUnavailable, ask, make_client

_PAGE = 100


@dataclass(frozen=True, slots=True)
class PayoutSeen:
    """A payout from a provider's account at Stripe to its bank. status: paid, failed, in_transit …"""

    payout_id: str
    account: str
    status: str
    failure: str
    amount_cents: int
    currency: str


@dataclass(frozen=True, slots=True)
class MovementSeen:
    """One movement of our own balance at Stripe; cents, negative when it left. payment_ref: as our books know it."""

    movement_id: str
    kind: str
    source_id: str
    payment_ref: str
    amount_cents: int
    fee_cents: int
    currency: str
    moved_at: datetime


class StripeTransfers:
    """Transfers, payouts and our balance at Stripe. Every method is a network call, made outside transactions.

    Raises: CardsUnavailable; CardsRefused.
    """

    def __init__(self, key: str, *, address: str = "", timeout: float) -> None:
        self._stripe = make_client(key, address=address, timeout=timeout)

    def transfer(self, order: TransferOrder, *, msg_id: str, currency: str) -> TransferSeen:
        """Make a transfer, or find the one that this key made before."""
        params: Any = {
            "amount": order.amount_cents,
            "currency": currency.lower(),
            "destination": order.account,
            "transfer_group": msg_id,
            "description": order.text,
            "metadata": {"ila_payment": order.end_to_end_id},
        }
        options: Any = {"idempotency_key": f"ila-transfer-{order.end_to_end_id}"}
        return _transfer(ask(lambda: self._stripe.v1.transfers.create(params, options)))

    def of_group(self, msg_id: str) -> list[TransferSeen]:
        """Every transfer of a batch that there is, oldest first."""
        params: Any = {"transfer_group": msg_id, "limit": _PAGE}
        found = ask(lambda: list(self._stripe.v1.transfers.list(params).auto_paging_iter()))
        return [_transfer(each) for each in reversed(found)]

    def read_transfer(self, transfer_id: str) -> TransferSeen:
        return _transfer(ask(lambda: self._stripe.v1.transfers.retrieve(transfer_id)))

    def take_back(self, seen: TransferSeen, *, reason: str) -> TransferSeen:
        """Have what is left of a transfer come back; once, however often it is asked. Returns it as it is then."""
        left = seen.amount_cents - seen.reversed_cents
        if left:
            params: Any = {"amount": left, "metadata": {"ila_reason": reason}}
            options: Any = {"idempotency_key": f"ila-reversal-{seen.transfer_id}"}
            ask(lambda: self._stripe.v1.transfers.reversals.create(seen.transfer_id, params, options))
        return self.read_transfer(seen.transfer_id)

    def read_payout(self, payout_id: str, *, account: str) -> PayoutSeen:
        payout = ask(lambda: self._stripe.v1.payouts.retrieve(payout_id, None, {"stripe_account": account}))
        return _payout(payout, account)

    def failed_payouts(self, account: str, *, since: datetime) -> list[PayoutSeen]:
        """Payouts of an account that failed, made since then."""
        params: Any = {"status": "failed", "created": {"gte": int(since.timestamp())}, "limit": _PAGE}
        found = ask(
            lambda: list(self._stripe.v1.payouts.list(params, {"stripe_account": account}).auto_paging_iter())
        )
        return [_payout(each, account) for each in found]

    def transfers_in(self, payout: PayoutSeen) -> list[str]:
        """The ids of the transfers whose money a payout carried."""
        params: Any = {
            "payout": payout.payout_id,
            "type": "payment",
            "limit": _PAGE,
            "expand": ["data.source"],
        }
        options: Any = {"stripe_account": payout.account}
        pages = self._stripe.v1.balance_transactions.list
        found = ask(lambda: list(pages(params, options).auto_paging_iter()))
        sources = (each.to_dict().get("source") or {} for each in found)
        return [str(each["source_transfer"]) for each in sources if each.get("source_transfer")]

    def movements(self, *, since: datetime) -> Iterator[MovementSeen]:
        """What moved our balance since then, oldest first."""
        params: Any = {
            "created": {"gte": int(since.timestamp())},
            "limit": _PAGE,
            "expand": ["data.source"],
        }
        pages = self._stripe.v1.balance_transactions.list
        for each in reversed(ask(lambda: list(pages(params).auto_paging_iter()))):
            yield _movement(each.to_dict())


class ConnectRail:
    """Stripe behind the port of a bank. groups: the batches whose transfers its letter box tells of."""

    def __init__(self, transfers: StripeTransfers, *, groups: Sequence[str]) -> None:
        self._transfers, self._groups = transfers, groups

    def send(self, outgoing: OutgoingFile) -> Acknowledgement:
        """Order each transfer of a file that Stripe does not have; what it refuses comes with the answer.

        Raises: BankUnreachable, with some transfers made; BankRefusedDelivery for what is wrong with us, not with one
        transfer.
        """
        file = read_transfers(outgoing.content)
        answers = []
        try:
            # Keys are forgotten after a day or more: what was made before is looked for, not asked for again.
            known = by_reference(self._transfers.of_group(file.msg_id))
            for order in file.transfers:
                if order.end_to_end_id in known:
                    answers.append(tell_seen(known[order.end_to_end_id]))
                    continue
                try:
                    seen = self._transfers.transfer(order, msg_id=file.msg_id, currency=file.currency)
                    answers.append(tell_seen(seen))
                except CardsRefused as refused:
                    if not refused.about_it:
                        raise
                    answers.append(tell_refused(file, order, code=refused.code, text=str(refused)))
        except CardsUnavailable as error:
            raise BankUnreachable(str(error)) from error
        except CardsRefused as error:
            raise BankRefusedDelivery(str(error)) from error
        return Acknowledgement(file.msg_id, answers=tuple(answers))

    def fetch(self, *, again: bool = False) -> list[RawMessage]:  # noqa: ARG002 - Stripe always tells all
        """How the transfers of the open batches are now. Raises: BankUnreachable, BankRefusedDelivery."""
        try:
            found = [each for group in self._groups for each in self._transfers.of_group(group)]
        except CardsUnavailable as error:
            raise BankUnreachable(str(error)) from error
        except CardsRefused as error:
            raise BankRefusedDelivery(str(error)) from error
        return [RawMessage(each.transfer_id, tell_seen(each)) for each in found]

    def confirm(self, messages: Sequence[RawMessage]) -> None:
        """Nothing is taken out of a list."""


def _transfer(transfer: Any) -> TransferSeen:
    values = transfer.to_dict()
    back = (values.get("reversals") or {}).get("data") or []
    reasons = [each.get("metadata", {}).get("ila_reason") or "reversed" for each in back]
    moments = [int(each["created"]) for each in back]
    return TransferSeen(
        transfer_id=values["id"],
        msg_id=str(values.get("transfer_group") or ""),
        end_to_end_id=str((values.get("metadata") or {}).get("ila_payment") or ""),
        amount_cents=values["amount"],
        reversed_cents=values["amount_reversed"],
        currency=str(values["currency"]).upper(),
        account=str(values["destination"]),
        made_at=_moment(values["created"]),
        reversed_at=_moment(max(moments)) if moments else None,
        reason=str(reasons[0])[:35] if reasons else "",
    )


def _payout(payout: Any, account: str) -> PayoutSeen:
    return PayoutSeen(
        payout_id=payout.id,
        account=account,
        status=str(payout.status),
        failure=str(payout.failure_code or "")[:60],
        amount_cents=payout.amount,
        currency=str(payout.currency).upper(),
    )


def _movement(values: dict[str, Any]) -> MovementSeen:
    source = values.get("source") or {}
    if isinstance(source, str):
        source = {"id": source}
    about = {
        "charge": source.get("payment_intent"),
        "transfer": (source.get("metadata") or {}).get("ila_payment"),
        "transfer_reversal": source.get("transfer"),
    }.get(str(source.get("object")), source.get("id"))
    return MovementSeen(
        movement_id=values["id"],
        kind=str(values["type"])[:40],
        source_id=str(source.get("id") or ""),
        payment_ref=str(about or ""),
        amount_cents=values["amount"],
        fee_cents=values["fee"],
        currency=str(values["currency"]).upper(),
        moved_at=_moment(values["created"]),
    )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
