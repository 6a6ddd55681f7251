"""A bank that really runs, and one choreography whose real messages many tests read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pytest

from funding.banking.pain001 import (
    CreditTransfer,
    CreditTransferFile,
    Party,
    build_pain001,
)
from funding.banking.parse import parse_bank_message
from funding.banking.port import OutgoingFile, RawMessage
from funding.banking.simulator import SimulatedBank

OUR_IBAN = "FR7630006000011234567890189"
CREDITOR = "DE89370400440532013000"
CLOSED_CREDITOR = "NL91ABNA0417164300"
MONDAY = date(2026, 5, 4)
OPENING = 1_000_000_00


def make_file(
    msg_id: str = "ILA-TEST-1",
    creditors: tuple[str, ...] = (CREDITOR, CREDITOR),
    day: date = MONDAY,
) -> CreditTransferFile:
    """A file of one transfer per creditor: 1,000.00, 1,000.01, 1,000.02 …"""
    return CreditTransferFile(
        msg_id=msg_id,
        created_at=datetime(2026, 5, 4, 9, 0, tzinfo=UTC),
        debtor=Party("Caisse de formation", OUR_IBAN, town="Paris", country="FR"),
        execution_date=day,
        transfers=tuple(
            CreditTransfer(
                f"{msg_id}-{n}",
                100_000 + n,
                "EUR",
                Party("École & Fils", iban),
                f"Formation n°{n}",
            )
            for n, iban in enumerate(creditors)
        ),
    )


@dataclass
class BankDesk:
    """Our side of the counter: send, collect, confirm."""

    bank: SimulatedBank
    collected: list[RawMessage] = field(default_factory=list)

    def send(self, payment_file: CreditTransferFile) -> bytes:
        content = build_pain001(payment_file)
        self.bank.client.send(OutgoingFile(payment_file.msg_id, content))
        return content

    def collect(self) -> list[RawMessage]:
        messages = self.bank.client.fetch()
        self.bank.client.confirm(messages)
        self.collected += messages
        return messages

    def collect_kind(self, kind: str) -> list[bytes]:
        return [m.content for m in self.collect() if parse_bank_message(m.content).kind == kind]


@pytest.fixture
def desk() -> Iterator[BankDesk]:
    with SimulatedBank(clock=datetime(2026, 5, 4, 9, 0, tzinfo=UTC)) as bank:
        bank.open_account("ILA", OUR_IBAN, name="Caisse", balance_cents=OPENING)
        bank.open_account("CLOSED", CLOSED_CREDITOR, behaviour="closed-account")
        bank.change_account("CLOSED", closed=True)
        yield BankDesk(bank)


@pytest.fixture(scope="session")
def recorded() -> dict[str, bytes]:
    """Real messages of one file: one transfer refused, one executed and returned three days later."""
    found: dict[str, bytes] = {}
    with SimulatedBank(clock=datetime(2026, 5, 4, 9, 0, tzinfo=UTC)) as bank:
        bank.open_account(
            "ILA",
            OUR_IBAN,
            name="Caisse",
            balance_cents=OPENING,
            behaviour="return-later",
            parameters={"days": 3},
        )
        bank.open_account("CLOSED", CLOSED_CREDITOR, behaviour="closed-account")
        bank.change_account("CLOSED", closed=True)
        desk = BankDesk(bank)
        desk.send(make_file(creditors=(CREDITOR, CLOSED_CREDITOR)))
        for _ in range(5):
            for message in desk.collect():
                kind = parse_bank_message(message.content).kind
                key = f"{kind}.return" if kind != "pain.002" and b"RtrInf" in message.content else kind
                found.setdefault(key, message.content)
            bank.advance(days=1)
    assert sorted(found) == [
        "camt.053",
        "camt.053.return",
        "camt.054",
        "camt.054.return",
        "pacs.004",
        "pain.002",
    ]
    return found
