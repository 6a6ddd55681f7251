"""Reading camt.053 (statements) and camt.054 (debit and credit notifications)."""

from __future__ import annotations

from funding.banking.identifiers import is_iban
from funding.banking.messages import (
    AccountMessage,
    AccountReport,
    BadBankMessage,
    Balance,
    Entry,
    EntryDetail,
    Reason,
)
from funding.banking.money import parse_amount
from funding.banking.xml import Node, read_day, read_moment

_BODIES = {
    "camt.053": ("BkToCstmrStmt", "Stmt"),
    "camt.054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}


def read_account_message(kind: str, root: Node) -> AccountMessage:
    """The message as values; a report whose own totals contradict its entries is refused.

    Raises: BadBankMessage `missing_value`, `bad_value`, `bad_amount`, `bad_date`, `bad_iban`,
    `currency_mismatch`, `wrong_total`, `paginated`.
    """
    body_name, report_name = _BODIES[kind]
    body = root.required(body_name)
    header = body.required("GrpHdr")
    pages = header.child("MsgPgntn")
    if pages is not None and (pages.text("PgNb") not in ("", "1") or pages.text("LastPgInd") == "false"):
        raise BadBankMessage(
            "paginated",
            f"{header.path}: page {pages.text('PgNb')} of several: ask for one message",
        )
    reports = tuple(_read_report(kind, node) for node in body.children(report_name))
    if not reports:
        raise BadBankMessage("missing_value", f"{body.path}/{report_name} is missing")
    return AccountMessage(
        kind=kind,
        msg_id=header.required_text("MsgId", maximum=35),
        created_at=read_moment(header.required("CreDtTm")),
        reports=reports,
    )


def _read_report(kind: str, node: Node) -> AccountReport:
    iban = node.required_text("Acct", "Id", "IBAN", maximum=34)
    if not is_iban(iban):
        raise BadBankMessage("bad_iban", f"{node.path}/Acct: {iban} fails its check digits")
    entries = tuple(_read_entry(entry, number) for number, entry in enumerate(node.children("Ntry"), start=1))
    opening = _read_balance(node, ("OPBD", "PRCD"))
    closing = _read_balance(node, ("CLBD",))
    if kind == "camt.053" and (opening is None or closing is None):
        raise BadBankMessage(
            "missing_value",
            f"{node.path}: a statement has an opening and a closing balance",
        )
    currency = node.text("Acct", "Ccy") or next((b.currency for b in (opening, closing) if b), "")
    if not currency and entries:
        currency = entries[0].currency
    for found in [b.currency for b in (opening, closing) if b] + [entry.currency for entry in entries]:
        if found != currency:
            raise BadBankMessage(
                "currency_mismatch",
                f"{node.path}: {found} on an account held in {currency}",
            )
    number = node.text("ElctrncSeqNb") or node.text("LglSeqNb")
    if number and not (number.isascii() and number.isdigit()):
        raise BadBankMessage("bad_value", f"{node.path}: sequence number {number[:20]!r}")
    _check_totals(node, entries, currency)
    return AccountReport(
        report_id=node.required_text("Id", maximum=35),
        iban=iban,
        currency=currency,
        sequence_number=int(number) if number else None,
        covers_from=read_day(_period(node, "Fr")),
        covers_until=read_day(_period(node, "To")),
        opening=opening,
        closing=closing,
        entries=entries,
    )


def _period(node: Node, side: str) -> Node | None:
    return node.child("FrToDt", f"{side}DtTm") or node.child("FrToDt", f"{side}Dt")


def _read_balance(node: Node, codes: tuple[str, ...]) -> Balance | None:
    """The first balance of the first code found; PRCD (previous closing) opens where a bank sends no OPBD."""
    balances: dict[str, Node] = {}
    for balance in node.children("Bal"):
        code = balance.text("Tp", "CdOrPrtry", "Cd")
        balances.setdefault(code, balance)
    for code in codes:
        found = balances.get(code)
        if found is None:
            continue
        amount = found.required("Amt")
        currency = amount.attribute("Ccy")
        cents = parse_amount(amount.text(), currency, amount.path)
        on = read_day(found.required("Dt"))
        if on is None:
            raise BadBankMessage("bad_date", f"{found.path}/Dt is empty")
        return Balance(
            amount_cents=cents if _is_credit(found) else -cents,
            currency=currency,
            on=on,
        )
    return None


def _read_entry(node: Node, number: int) -> Entry:
    amount = node.required("Amt")
    currency = amount.attribute("Ccy")
    cents = parse_amount(amount.text(), currency, amount.path)
    transactions = [tx for details in node.children("NtryDtls") for tx in details.children("TxDtls")]
    details = tuple(_read_detail(tx, cents, currency, single=len(transactions) == 1) for tx in transactions)
    known = [detail.amount_cents for detail in details if detail.amount_cents is not None]
    if details and len(known) == len(details) and sum(known) != cents:
        raise BadBankMessage(
            "wrong_total",
            f"{node.path}: its transactions add up to {sum(known)}, not {cents}",
        )
    batch = node.child("NtryDtls", "Btch")
    return Entry(
        number=number,
        reference=node.text("AcctSvcrRef") or node.text("NtryRef"),
        amount_cents=cents,
        currency=currency,
        credit=_is_credit(node),
        status=node.text("Sts", "Cd") or node.required_text("Sts"),
        booked_on=read_day(node.child("BookgDt")),
        value_on=read_day(node.child("ValDt")),
        transaction_code=_transaction_code(node),
        reversal=node.text("RvslInd") in ("true", "1"),
        details=details,
        batch_msg_id=batch.text("MsgId") if batch is not None else "",
        batch_payment_info_id=batch.text("PmtInfId") if batch is not None else "",
    )


def _read_detail(node: Node, entry_cents: int, entry_currency: str, *, single: bool) -> EntryDetail:
    amount = node.child("Amt") or node.child("AmtDtls", "TxAmt", "Amt")
    if amount is not None:
        currency = amount.attribute("Ccy")
        cents: int | None = parse_amount(amount.text(), currency, amount.path)
        if currency != entry_currency:
            raise BadBankMessage(
                "currency_mismatch",
                f"{amount.path}: {currency} in an entry of {entry_currency}",
            )
    else:
        currency, cents = entry_currency, entry_cents if single else None
    returned = node.child("RtrInf")
    # Up to version 02 a party is the element itself; later there is a `Pty` inside it.
    party = node.child("RltdPties", "Cdtr", "Pty") or node.child("RltdPties", "Cdtr")
    payer = node.child("RltdPties", "Dbtr", "Pty") or node.child("RltdPties", "Dbtr")
    end_to_end_id = node.text("Refs", "EndToEndId")
    return EntryDetail(
        end_to_end_id="" if end_to_end_id == "NOTPROVIDED" else end_to_end_id,
        file_msg_id=node.text("Refs", "MsgId"),
        payment_info_id=node.text("Refs", "PmtInfId"),
        amount_cents=cents,
        currency=currency,
        counterparty=party.text("Nm") if party is not None else "",
        counterparty_iban=node.text("RltdPties", "CdtrAcct", "Id", "IBAN"),
        return_reason=None
        if returned is None
        else Reason(
            code=(returned.text("Rsn", "Cd") or returned.text("Rsn", "Prtry"))[:35],
            text=" ".join(line.text() for line in returned.children("AddtlInf")),
        ),
        remittance=" ".join(
            line.text() for info in node.children("RmtInf") for line in info.children("Ustrd")
        ),
        creditor_reference=" ".join(
            strd.text("CdtrRefInf", "Ref")
            for info in node.children("RmtInf")
            for strd in info.children("Strd")
        ).strip(),
        debtor=payer.text("Nm") if payer is not None else "",
        debtor_iban=node.text("RltdPties", "DbtrAcct", "Id", "IBAN"),
        bank_reference=node.text("Refs", "AcctSvcrRef") or node.text("Refs", "TxId"),
    )


def _is_credit(node: Node) -> bool:
    side = node.required_text("CdtDbtInd")
    if side not in ("CRDT", "DBIT"):
        raise BadBankMessage("bad_value", f"{node.path}/CdtDbtInd: {side[:20]!r}")
    return side == "CRDT"


def _transaction_code(node: Node) -> str:
    """Domain, family and sub-family joined by `/`, or the bank's own code."""
    domain = node.child("BkTxCd", "Domn")
    if domain is None:
        return node.text("BkTxCd", "Prtry", "Cd")
    return "/".join((domain.text("Cd"), domain.text("Fmly", "Cd"), domain.text("Fmly", "SubFmlyCd")))


def _check_totals(node: Node, entries: tuple[Entry, ...], currency: str) -> None:
    """Entries taken out or added on the way contradict the bank's own summary."""
    summary = node.child("TxsSummry")
    if summary is None:
        return
    sides = {
        "TtlNtries": entries,
        "TtlCdtNtries": tuple(entry for entry in entries if entry.credit),
        "TtlDbtNtries": tuple(entry for entry in entries if not entry.credit),
    }
    for name, counted in sides.items():
        stated, total = summary.text(name, "NbOfNtries"), summary.text(name, "Sum")
        if stated and stated.lstrip("0") != str(len(counted) or ""):
            raise BadBankMessage(
                "wrong_total",
                f"{summary.path}/{name} says {stated[:15]} entries, {len(counted)} are there",
            )
        if total and parse_amount(total, currency, f"{summary.path}/{name}/Sum") != sum(
            e.amount_cents for e in counted
        ):
            raise BadBankMessage(
                "wrong_total",
                f"{summary.path}/{name} says {total[:20]}, the entries add up otherwise",
            )
