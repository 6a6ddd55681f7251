"""Building pain.001.001.09: one file of SEPA credit transfers, the same bytes for the same input, always.

A file is built once and kept; identifiers and the moment come from the caller: nothing is random or timed.
Addresses are structured (town and country) or absent: SEPA banks refuse address lines since November 2026.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files

from lxml import etree

from funding.banking.identifiers import is_bic, is_iban, is_reference, to_sepa_text
from funding.banking.money import format_amount
from ila.core.errors import DomainError

MESSAGE_NAME = "pain.001.001.09"
NAMESPACE = f"urn:iso:std:iso:20022:tech:xsd:{MESSAGE_NAME}"
MAX_AMOUNT_CENTS = 99_999_999_999  # EPC: 999,999,999.99 euros a transfer
MAX_TRANSFERS = 100_000
_NAME_LENGTH = 70
_REMITTANCE_LENGTH = 140


class BadPaymentFile(DomainError):  # noqa: N818 - reads as what it is
    """A file that must not go to the bank; none of its transfers is sent.

    code: `empty`, `too_large`, `bad_reference`, `duplicate_reference`, `bad_iban`, `bad_bic`, `bad_amount`,
    `bad_currency`, `bad_name`, `bad_address`, `bad_date`, `schema`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, status=422, message=message)
        self.message = message


@dataclass(frozen=True, slots=True)
class Party:
    """Who pays or is paid. `town` and `country` (ISO 3166) come together or not at all; `bic` is optional."""

    name: str
    iban: str
    bic: str = ""
    town: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class CreditTransfer:
    """One payment: `amount_cents` above 0 in `currency`, found again by `end_to_end_id`."""

    end_to_end_id: str
    amount_cents: int
    currency: str
    creditor: Party
    remittance: str


SEPA_CURRENCY = "EUR"


@dataclass(frozen=True, slots=True)
class CreditTransferFile:
    """One file: identity, aware moment of creation, who pays, on which day, transfers in order, of one currency."""

    msg_id: str
    created_at: datetime
    debtor: Party
    execution_date: date
    transfers: tuple[CreditTransfer, ...]

    @property
    def currency(self) -> str:
        """The currency of all transfers."""
        return self.transfers[0].currency

    @property
    def total_cents(self) -> int:
        return sum(transfer.amount_cents for transfer in self.transfers)


def build_pain001(payment_file: CreditTransferFile) -> bytes:
    """The file as bytes, valid against the ISO schema; equal input gives equal bytes.

    Raises: BadPaymentFile naming the transfer at fault.
    """
    _check(payment_file)
    document = etree.Element(f"{{{NAMESPACE}}}Document", nsmap={None: NAMESPACE})  # type: ignore[dict-item]
    initiation = _add(document, "CstmrCdtTrfInitn")
    count, total = (
        str(len(payment_file.transfers)),
        format_amount(payment_file.total_cents, payment_file.currency),
    )
    header = _add(initiation, "GrpHdr")
    _add(header, "MsgId", payment_file.msg_id)
    _add(
        header,
        "CreDtTm",
        payment_file.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    _add(header, "NbOfTxs", count)
    _add(header, "CtrlSum", total)
    _add(_add(header, "InitgPty"), "Nm", _name(payment_file.debtor))
    bulk = _add(initiation, "PmtInf")
    _add(bulk, "PmtInfId", payment_file.msg_id)
    _add(bulk, "PmtMtd", "TRF")
    # Each transfer is booked alone, so that a statement can be compared payment by payment.
    _add(bulk, "BtchBookg", "false")
    _add(bulk, "NbOfTxs", count)
    _add(bulk, "CtrlSum", total)
    sepa = payment_file.currency == SEPA_CURRENCY
    _add(_add(_add(bulk, "PmtTpInf"), "SvcLvl"), "Cd", "SEPA" if sepa else "NURG")
    _add(_add(bulk, "ReqdExctnDt"), "Dt", payment_file.execution_date.isoformat())
    _add_party(bulk, "Dbtr", payment_file.debtor)
    _add_account(bulk, "DbtrAcct", payment_file.debtor.iban)
    agent = _add(_add(bulk, "DbtrAgt"), "FinInstnId")
    if payment_file.debtor.bic:
        _add(agent, "BICFI", payment_file.debtor.bic)
    else:
        _add(_add(agent, "Othr"), "Id", "NOTPROVIDED")
    # Outside of SEPA each side pays its own bank.
    _add(bulk, "ChrgBr", "SLEV" if sepa else "SHAR")
    for transfer in payment_file.transfers:
        _add_transfer(bulk, transfer)
    content: bytes = etree.tostring(document, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    validate_pain001(content)
    return content


def validate_pain001(content: bytes) -> None:
    """Compare a file with the ISO schema.

    Raises: BadPaymentFile `schema` with the first line at fault.
    """
    schema = _schema()
    document = etree.fromstring(
        content,
        etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False),
    )
    try:
        schema.assertValid(document)
    except etree.DocumentInvalid as error:
        raise BadPaymentFile("schema", str(error)[:300]) from error


@cache
def _schema() -> etree.XMLSchema:
    """The schema as ISO publishes it; it travels inside the sepaxml package."""
    content = files("sepaxml").joinpath("schemas", f"{MESSAGE_NAME}.xsd").read_bytes()
    return etree.XMLSchema(etree.fromstring(content))


def _check(payment_file: CreditTransferFile) -> None:
    if not payment_file.transfers:
        raise BadPaymentFile("empty", "a file without transfers")
    if len(payment_file.transfers) > MAX_TRANSFERS:
        raise BadPaymentFile(
            "too_large",
            f"{len(payment_file.transfers)} transfers, {MAX_TRANSFERS} at most",
        )
    if not is_reference(payment_file.msg_id):
        raise BadPaymentFile("bad_reference", f"MsgId {payment_file.msg_id!r}")
    if payment_file.created_at.tzinfo is None:
        raise BadPaymentFile("bad_date", "the moment of creation has no time zone")
    _check_party("debtor", payment_file.debtor)
    for transfer in payment_file.transfers:
        where = transfer.end_to_end_id
        if not is_reference(where):
            raise BadPaymentFile("bad_reference", f"EndToEndId {where!r}")
        if transfer.currency != payment_file.currency:
            raise BadPaymentFile(
                "bad_currency",
                f"{where}: {transfer.currency} in a file of {payment_file.currency}",
            )
        if not 0 < transfer.amount_cents <= MAX_AMOUNT_CENTS:
            raise BadPaymentFile("bad_amount", f"{where}: {transfer.amount_cents} cents")
        _check_party(where, transfer.creditor)
    repeated = [name for name, n in Counter(t.end_to_end_id for t in payment_file.transfers).items() if n > 1]
    if repeated:
        raise BadPaymentFile("duplicate_reference", f"EndToEndId {repeated[0]} stands twice")


def _check_party(where: str, party: Party) -> None:
    if not is_iban(party.iban):
        raise BadPaymentFile("bad_iban", f"{where}: {party.iban!r}")
    if party.bic and not is_bic(party.bic):
        raise BadPaymentFile("bad_bic", f"{where}: {party.bic!r}")
    if not _name(party).strip(".,' -"):
        raise BadPaymentFile("bad_name", f"{where}: {party.name!r} leaves nothing a bank could print")
    if bool(party.town) != bool(party.country):
        raise BadPaymentFile("bad_address", f"{where}: town and country come together or not at all")


def _name(party: Party) -> str:
    return to_sepa_text(party.name, _NAME_LENGTH)


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    element = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    if text is not None:
        element.text = text
    return element


def _add_party(parent: etree._Element, name: str, party: Party) -> None:
    element = _add(parent, name)
    _add(element, "Nm", _name(party))
    if party.town:
        address = _add(element, "PstlAdr")
        _add(address, "TwnNm", to_sepa_text(party.town, 35))
        _add(address, "Ctry", party.country)


def _add_account(parent: etree._Element, name: str, iban: str) -> None:
    _add(_add(_add(parent, name), "Id"), "IBAN", iban)


def _add_transfer(bulk: etree._Element, transfer: CreditTransfer) -> None:
    element = _add(bulk, "CdtTrfTxInf")
    _add(_add(element, "PmtId"), "EndToEndId", transfer.end_to_end_id)
    amount = _add(
        _add(element, "Amt"),
        "InstdAmt",
        format_amount(transfer.amount_cents, transfer.currency),
    )
    amount.set("Ccy", transfer.currency)
    if transfer.creditor.bic:
        _add(_add(_add(element, "CdtrAgt"), "FinInstnId"), "BICFI", transfer.creditor.bic)
    _add_party(element, "Cdtr", transfer.creditor)
    _add_account(element, "CdtrAcct", transfer.creditor.iban)
    remittance = to_sepa_text(transfer.remittance, _REMITTANCE_LENGTH)
    if remittance:
        _add(_add(element, "RmtInf"), "Ustrd", remittance)
