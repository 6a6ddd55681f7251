"""Files and messages of the second rail: orders of transfers as they go to Stripe, and what was seen of them there.

They are ours, written once and kept byte for byte like a bank's; JSON with sorted names, so that the same fact has the
same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from funding.banking.messages import BadBankMessage, TransferRefused, TransferReport

ORDER, REFUSED, SEEN = "ila.transfers", "ila.transfer_refused", "ila.transfer"
KIND_REFUSED, KIND_SEEN = "stripe.refused", "stripe.transfer"
MAX_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class TransferOrder:
    """One transfer of a file: to an account at Stripe, in cents; the text is what its holder sees."""

    end_to_end_id: str
    amount_cents: int
    account: str
    text: str


@dataclass(frozen=True, slots=True)
class TransferFile:
    """A batch's transfers, known at Stripe as one group."""

    msg_id: str
    currency: str
    transfers: tuple[TransferOrder, ...]


@dataclass(frozen=True, slots=True)
class TransferSeen:
    """A transfer as it is at Stripe now. end_to_end_id: our reference, empty for one that is not ours."""

    transfer_id: str
    msg_id: str
    end_to_end_id: str
    amount_cents: int
    reversed_cents: int
    currency: str
    account: str
    made_at: datetime
    reversed_at: datetime | None
    reason: str = ""


def build_transfers(file: TransferFile) -> bytes:
    """The bytes of a batch for Stripe."""
    rows = [asdict(each) for each in file.transfers]
    return _bytes(
        {"object": ORDER, "msg_id": file.msg_id, "currency": file.currency, "transfers": rows}, indent=1
    )


def read_transfers(content: bytes) -> TransferFile:
    """The transfers of a kept file. Raises: BadBankMessage for another file."""
    values = _values(content, ORDER)
    rows = tuple(TransferOrder(**row) for row in values["transfers"])
    return TransferFile(values["msg_id"], values["currency"], rows)


def tell_refused(file: TransferFile, order: TransferOrder, *, code: str, text: str) -> bytes:
    """The message that Stripe does not make this transfer."""
    facts = {"msg_id": file.msg_id, "end_to_end_id": order.end_to_end_id, "code": code, "text": text[:300]}
    return _bytes({"object": REFUSED, **facts})


def tell_seen(seen: TransferSeen) -> bytes:
    """The message of a transfer as it was seen: the same bytes for as long as it is the same."""
    facts = asdict(seen)
    facts["made_at"] = seen.made_at.isoformat()
    facts["reversed_at"] = seen.reversed_at.isoformat() if seen.reversed_at else None
    return _bytes({"object": SEEN, **facts})


def read_transfer_message(content: bytes) -> TransferRefused | TransferReport:
    """A kept message about a transfer, as values. Raises: BadBankMessage."""
    values = _values(content, SEEN, REFUSED)
    try:
        if values["object"] == REFUSED:
            return TransferRefused(
                KIND_REFUSED,
                values["end_to_end_id"],
                values["msg_id"],
                values["end_to_end_id"],
                values["code"],
                values["text"],
            )
        back = values["reversed_at"]
        return TransferReport(
            kind=KIND_SEEN,
            msg_id=f"{values['transfer_id']}:{values['reversed_cents']}"[:35],
            original_msg_id=values["msg_id"],
            end_to_end_id=values["end_to_end_id"],
            transfer_id=values["transfer_id"],
            amount_cents=int(values["amount_cents"]),
            reversed_cents=int(values["reversed_cents"]),
            currency=values["currency"],
            account=values["account"],
            made_on=datetime.fromisoformat(values["made_at"]).astimezone(UTC).date(),
            reversed_on=datetime.fromisoformat(back).astimezone(UTC).date() if back else None,
            reason=values["reason"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadBankMessage("bad_value", "a transfer's message lacks something") from error


def _bytes(values: Mapping[str, Any], *, indent: int | None = None) -> bytes:
    return json.dumps(values, sort_keys=True, ensure_ascii=False, indent=indent).encode()


def _values(content: bytes, *objects: str) -> dict[str, Any]:
    if len(content) > MAX_BYTES:
        raise BadBankMessage("too_large", "more than a file of transfers has")
    try:
        values = json.loads(content)
    except ValueError as error:
        raise BadBankMessage("unknown_message", "it is neither XML nor JSON") from error
    if not isinstance(values, dict) or values.get("object") not in objects:
        raise BadBankMessage("unknown_message", "it is no message about transfers")
    return values


def by_reference(seen: Sequence[TransferSeen]) -> dict[str, TransferSeen]:
    """Transfers by our reference."""
    return {each.end_to_end_id: each for each in seen if each.end_to_end_id}
