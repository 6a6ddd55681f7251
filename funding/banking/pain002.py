"""Reading pain.002: what the bank says of a file of ours."""

from __future__ import annotations

from funding.banking.messages import (
    BadBankMessage,
    PaymentInfoStatus,
    PaymentStatusReport,
    Reason,
    TransactionStatus,
)
from funding.banking.money import parse_amount
from funding.banking.xml import Node, read_moment


def read_status_report(kind: str, root: Node) -> PaymentStatusReport:
    """The report as values.

    Raises: BadBankMessage `missing_value`, `bad_value`, `bad_amount`, `bad_date`.
    """
    report = root.required("CstmrPmtStsRpt")
    group = report.required("OrgnlGrpInfAndSts")
    group_status = group.text("GrpSts")
    infos: list[PaymentInfoStatus] = []
    transactions: list[TransactionStatus] = []
    for info in report.children("OrgnlPmtInfAndSts"):
        info_id = info.required_text("OrgnlPmtInfId", maximum=35)
        infos.append(
            PaymentInfoStatus(
                payment_info_id=info_id,
                status=info.text("PmtInfSts"),
                reasons=read_reasons(info, "StsRsnInf"),
                number_of_transactions=_count(info, "OrgnlNbOfTxs"),
                control_sum=info.text("OrgnlCtrlSum"),
            )
        )
        transactions.extend(_read_transaction(node, info_id) for node in info.children("TxInfAndSts"))
    if not group_status and not transactions and not any(info.status for info in infos):
        raise BadBankMessage("missing_value", f"{report.path} carries no status at all")
    return PaymentStatusReport(
        kind=kind,
        msg_id=report.required_text("GrpHdr", "MsgId", maximum=35),
        created_at=read_moment(report.required("GrpHdr", "CreDtTm")),
        original_msg_id=group.required_text("OrgnlMsgId", maximum=35),
        original_message=group.text("OrgnlMsgNmId"),
        group_status=group_status,
        group_reasons=read_reasons(group, "StsRsnInf"),
        number_of_transactions=_count(group, "OrgnlNbOfTxs"),
        control_sum=group.text("OrgnlCtrlSum"),
        payment_infos=tuple(infos),
        transactions=tuple(transactions),
    )


def read_reasons(node: Node, name: str) -> tuple[Reason, ...]:
    """Every `StsRsnInf` or `RtrRsnInf` below the node, with its code (or the bank's own) and words."""
    reasons = []
    for info in node.children(name):
        code = info.text("Rsn", "Cd") or info.text("Rsn", "Prtry")
        words = " ".join(line.text() for line in info.children("AddtlInf"))
        reasons.append(Reason(code=code[:35], text=words))
    return tuple(reasons)


def _read_transaction(node: Node, info_id: str) -> TransactionStatus:
    amount = node.child("OrgnlTxRef", "Amt", "InstdAmt")
    currency = amount.attribute("Ccy") if amount is not None else ""
    return TransactionStatus(
        end_to_end_id=node.required_text("OrgnlEndToEndId", maximum=35),
        status=node.required_text("TxSts", maximum=4),
        payment_info_id=info_id,
        reasons=read_reasons(node, "StsRsnInf"),
        amount_cents=parse_amount(amount.text(), currency, amount.path) if amount is not None else None,
        currency=currency,
    )


def _count(node: Node, name: str) -> int | None:
    text = node.text(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise BadBankMessage("bad_value", f"{node.path}/{name}: {text[:20]!r} is no count")
    return int(text)
