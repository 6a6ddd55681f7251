"""What the bank's messages say, as plain immutable values; amounts are integer minor units."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from ila.core.errors import DomainError

# ISO 20022 external status codes: what the bank means to execute, and what it refuses.
ACCEPTING_STATUSES = frozenset({"ACTC", "ACCP", "ACSP", "ACSC", "ACWC", "ACCC", "ACWP"})
REFUSING_STATUSES = frozenset({"RJCT", "CANC"})
# The bank has seen this file before: the first copy decides, so nothing may be undone because of it.
DUPLICATE_REASONS = frozenset({"DUPL", "AM05"})


class BadBankMessage(DomainError):  # noqa: N818 - reads as what it is
    """A message from the bank that cannot be believed; it changes no balance.

    code: `empty`, `too_large`, `wrong_encoding`, `doctype`, `truncated`, `not_xml`, `unknown_message`,
    `missing_value`, `bad_value`, `bad_amount`, `bad_date`, `bad_iban`, `currency_mismatch`, `wrong_total`,
    `paginated`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, status=422, message=message)
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the bank refused or returned: an external code (`AC04`) and its own words."""

    code: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class TransactionStatus:
    """What the bank says of one transfer of a file (pain.002)."""

    end_to_end_id: str
    status: str
    payment_info_id: str
    reasons: tuple[Reason, ...] = ()
    amount_cents: int | None = None
    currency: str = ""

    @property
    def refused(self) -> bool:
        return self.status in REFUSING_STATUSES

    @property
    def accepted(self) -> bool:
        return self.status in ACCEPTING_STATUSES


@dataclass(frozen=True, slots=True)
class PaymentInfoStatus:
    """What the bank says of one bulk of a file (pain.002); status empty: it only carries transfers."""

    payment_info_id: str
    status: str
    reasons: tuple[Reason, ...] = ()
    number_of_transactions: int | None = None
    control_sum: str = ""


@dataclass(frozen=True, slots=True)
class PaymentStatusReport:
    """pain.002: the bank's answer to one file, whole, in part or transfer by transfer."""

    kind: str
    msg_id: str
    created_at: datetime
    original_msg_id: str
    original_message: str
    group_status: str
    group_reasons: tuple[Reason, ...]
    number_of_transactions: int | None
    control_sum: str
    payment_infos: tuple[PaymentInfoStatus, ...]
    transactions: tuple[TransactionStatus, ...]

    @property
    def is_duplicate(self) -> bool:
        """The whole file was refused because the bank already holds a file of this identity."""
        return self.group_status in REFUSING_STATUSES and any(
            reason.code in DUPLICATE_REASONS for reason in self.group_reasons
        )


@dataclass(frozen=True, slots=True)
class Balance:
    """A balance on a day, in cents; below zero is overdrawn."""

    amount_cents: int
    currency: str
    on: date


@dataclass(frozen=True, slots=True)
class EntryDetail:
    """One transfer inside an entry; the amount is None where the bank does not repeat it."""

    end_to_end_id: str
    file_msg_id: str
    payment_info_id: str
    amount_cents: int | None
    currency: str
    counterparty: str = ""
    counterparty_iban: str = ""
    return_reason: Reason | None = None
    remittance: str = ""
    creditor_reference: str = ""
    debtor: str = ""
    debtor_iban: str = ""
    bank_reference: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One booked movement. `credit`: money came in. `amount_cents` is never negative."""

    number: int
    reference: str
    amount_cents: int
    currency: str
    credit: bool
    status: str
    booked_on: date | None
    value_on: date | None
    transaction_code: str
    reversal: bool
    details: tuple[EntryDetail, ...]
    batch_msg_id: str = ""
    batch_payment_info_id: str = ""

    @property
    def booked(self) -> bool:
        return self.status == "BOOK"

    @property
    def signed_cents(self) -> int:
        return self.amount_cents if self.credit else -self.amount_cents

    @property
    def is_return(self) -> bool:
        """Money that had left and came back: the bank gives a reason, or its code for returned transfers."""
        return self.credit and (
            self.reversal
            or self.transaction_code.endswith("/RRTN")
            or any(detail.return_reason is not None for detail in self.details)
        )


@dataclass(frozen=True, slots=True)
class AccountReport:
    """One account's part of a statement (camt.053) or notification (camt.054)."""

    report_id: str
    iban: str
    currency: str
    sequence_number: int | None
    covers_from: date | None
    covers_until: date | None
    opening: Balance | None
    closing: Balance | None
    entries: tuple[Entry, ...]

    @property
    def booked_cents(self) -> int:
        """Sum of the booked entries, credits positive."""
        return sum(entry.signed_cents for entry in self.entries if entry.booked)

    @property
    def difference_cents(self) -> int:
        """What the balances say moved and no entry explains; 0 for a whole statement or a notification."""
        if self.opening is None or self.closing is None:
            return 0
        return self.closing.amount_cents - self.opening.amount_cents - self.booked_cents


@dataclass(frozen=True, slots=True)
class AccountMessage:
    """camt.053 or camt.054: one message, one or several accounts."""

    kind: str
    msg_id: str
    created_at: datetime
    reports: tuple[AccountReport, ...]


@dataclass(frozen=True, slots=True)
class ReturnedTransfer:
    """One transfer that comes back (pacs.004)."""

    return_id: str
    end_to_end_id: str
    original_amount_cents: int
    returned_amount_cents: int
    currency: str
    settled_on: date | None
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class PaymentReturn:
    """pacs.004: settled transfers of one file that come back."""

    kind: str
    msg_id: str
    created_at: datetime
    original_msg_id: str
    original_message: str
    returns: tuple[ReturnedTransfer, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class TransferRefused:
    """Stripe does not make a transfer of one of our files, and asking again changes nothing."""

    kind: str
    msg_id: str
    original_msg_id: str
    end_to_end_id: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class TransferReport:
    """A transfer at Stripe as it was seen. reversed_cents: what of it came back, on reversed_on."""

    kind: str
    msg_id: str
    original_msg_id: str
    end_to_end_id: str
    transfer_id: str
    amount_cents: int
    reversed_cents: int
    currency: str
    account: str
    made_on: date
    reversed_on: date | None
    reason: str


BankMessage = PaymentStatusReport | AccountMessage | PaymentReturn | TransferRefused | TransferReport
