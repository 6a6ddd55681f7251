"""Reading pacs.004: transfers that had settled and come back."""

from __future__ import annotations

from funding.banking.messages import BadBankMessage, PaymentReturn, ReturnedTransfer
from funding.banking.money import parse_amount
from funding.banking.pain002 import read_reasons
from funding.banking.xml import Node, read_day, read_moment


def read_payment_return(kind: str, root: Node) -> PaymentReturn:
    """The return as values.

    Raises: BadBankMessage `missing_value`, `bad_amount`, `bad_date`, `wrong_total`.
    """
    body = root.required("PmtRtr")
    header = body.required("GrpHdr")
    original = body.child("OrgnlGrpInf")
    nodes = list(body.children("TxInf"))
    if not nodes:
        raise BadBankMessage("missing_value", f"{body.path}/TxInf is missing")
    returns = tuple(_read_return(node) for node in nodes)
    stated = header.text("NbOfTxs")
    if stated and stated.lstrip("0") != str(len(returns)):
        raise BadBankMessage(
            "wrong_total",
            f"{header.path}/NbOfTxs says {stated[:15]}, {len(returns)} are there",
        )
    total = header.child("TtlRtrdIntrBkSttlmAmt")
    if total is not None:
        said = parse_amount(total.text(), total.attribute("Ccy"), total.path)
        if said != sum(item.returned_amount_cents for item in returns):
            raise BadBankMessage(
                "wrong_total",
                f"{total.path} says {total.text()[:20]}, the returns add up otherwise",
            )
    first = original or nodes[0].child("OrgnlGrpInf")
    return PaymentReturn(
        kind=kind,
        msg_id=header.required_text("MsgId", maximum=35),
        created_at=read_moment(header.required("CreDtTm")),
        original_msg_id=first.text("OrgnlMsgId") if first is not None else "",
        original_message=first.text("OrgnlMsgNmId") if first is not None else "",
        returns=returns,
    )


def _read_return(node: Node) -> ReturnedTransfer:
    returned = node.required("RtrdIntrBkSttlmAmt")
    currency = returned.attribute("Ccy")
    cents = parse_amount(returned.text(), currency, returned.path)
    settled = node.child("OrgnlIntrBkSttlmAmt")
    reasons = read_reasons(node, "RtrRsnInf")
    return ReturnedTransfer(
        return_id=node.text("RtrId"),
        end_to_end_id=node.required_text("OrgnlEndToEndId", maximum=35),
        original_amount_cents=cents
        if settled is None
        else parse_amount(settled.text(), settled.attribute("Ccy"), settled.path),
        returned_amount_cents=cents,
        currency=currency,
        settled_on=read_day(node.child("OrgnlIntrBkSttlmDt")),
        reason=reasons[0] if reasons else None,
    )
