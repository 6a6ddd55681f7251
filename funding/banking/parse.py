"""One door for every message of the bank: bytes in, a typed value or a refusal out."""

from __future__ import annotations

from funding.banking.camt import read_account_message
from funding.banking.messages import BadBankMessage, BankMessage
from funding.banking.pacs004 import read_payment_return
from funding.banking.pain002 import read_status_report
from funding.banking.transfers import read_transfer_message
from funding.banking.xml import read_document

_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
# Versions whose elements were compared with what is read here; another one is refused, not guessed at.
READ_VERSIONS = {
    "pain.002": ("001.03", "001.10"),
    "camt.053": ("001.02", "001.08"),
    "camt.054": ("001.02", "001.08"),
    "pacs.004": ("001.09",),
}


def parse_bank_message(content: bytes) -> BankMessage:
    """The message that the bank sent, as values; changes and believes nothing.

    Raises: BadBankMessage with a code for what is wrong with it.
    """
    if content.startswith(b"{"):
        return read_transfer_message(content)
    namespace, root = read_document(content)
    if root.name != "Document" or not namespace.startswith(_NAMESPACE):
        raise BadBankMessage(
            "unknown_message",
            f"the root is {root.name[:60]} in {namespace[:80] or 'no namespace'}",
        )
    name = namespace.removeprefix(_NAMESPACE)
    kind, version = name[:8], name[9:]
    if version not in READ_VERSIONS.get(kind, ()):
        raise BadBankMessage("unknown_message", f"{name[:40]} is not a message that is read here")
    if kind == "pain.002":
        return read_status_report(kind, root)
    if kind == "pacs.004":
        return read_payment_return(kind, root)
    return read_account_message(kind, root)
