"""The bank, or Stripe, as the platform sees it: a place to leave a file, and a letter box.

Network and disk only: an adapter is never called inside a database transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ila.core.errors import DomainError


class BankUnreachable(DomainError):  # noqa: N818 - reads as what it is
    """The bank did not answer: whether it took the file is unknown, and the same bytes may be sent again."""

    def __init__(self, message: str) -> None:
        super().__init__("bank_unreachable", status=503, message=message)
        self.message = message


class BankRefusedDelivery(DomainError):  # noqa: N818 - reads as what it is
    """The bank's door refused the delivery itself (credentials, size, address): it does not hold the file."""

    def __init__(self, message: str) -> None:
        super().__init__("delivery_refused", status=502, message=message)
        self.message = message


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A file on its way out: the name is made of its MsgId, the bytes are the kept ones."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The delivery was taken. Of the payments only messages tell: `answers` are those that came with it, to be kept."""

    reference: str
    detail: str = ""
    answers: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class RawMessage:
    """A message as it came, with the handle by which the bank knows it."""

    reference: str
    content: bytes


class BankPort(Protocol):
    """What every way to a bank can do."""

    def send(self, outgoing: OutgoingFile) -> Acknowledgement:
        """Deliver a file. Raises: BankUnreachable, BankRefusedDelivery."""

    def fetch(self, *, again: bool = False) -> list[RawMessage]:
        """Messages waiting, oldest first, left in place; `again` also gives those confirmed before."""

    def confirm(self, messages: Sequence[RawMessage]) -> None:
        """Take these out of the letter box: called once they are stored."""
