"""Messages of the bank: read exactly, and never believed when they are damaged."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funding.banking.continuity import find_gaps_between, find_own_gap
from funding.banking.messages import (
    AccountMessage,
    BadBankMessage,
    PaymentReturn,
    PaymentStatusReport,
    Reason,
)
from funding.banking.parse import parse_bank_message
from tests.funding.banking.conftest import CREDITOR, OPENING, OUR_IBAN


def refusal(content: bytes) -> str:
    with pytest.raises(BadBankMessage) as caught:
        parse_bank_message(content)
    assert "\n" not in str(caught.value)
    return caught.value.code


def test_pain002_names_what_is_accepted_and_what_is_not(
    recorded: dict[str, bytes],
) -> None:
    report = parse_bank_message(recorded["pain.002"])
    assert isinstance(report, PaymentStatusReport)
    assert (report.original_msg_id, report.group_status) == ("ILA-TEST-1", "PART")
    assert (report.number_of_transactions, report.control_sum) == (2, "2000.01")
    assert [(t.end_to_end_id, t.accepted, t.refused) for t in report.transactions] == [
        ("ILA-TEST-1-0", True, False),
        ("ILA-TEST-1-1", False, True),
    ]
    assert report.transactions[1].reasons[0].code == "AC04"
    assert not report.is_duplicate


def test_camt054_carries_each_debit_with_our_reference(
    recorded: dict[str, bytes],
) -> None:
    message = parse_bank_message(recorded["camt.054"])
    assert isinstance(message, AccountMessage)
    (report,) = message.reports
    (entry,) = report.entries
    assert (report.iban, report.opening, report.difference_cents) == (OUR_IBAN, None, 0)
    assert (entry.amount_cents, entry.credit, entry.booked, entry.is_return) == (
        100_000,
        False,
        True,
        False,
    )
    assert (entry.booked_on, entry.transaction_code) == (
        date(2026, 5, 4),
        "PMNT/ICDT/ESCT",
    )
    assert [(d.end_to_end_id, d.file_msg_id, d.amount_cents, d.counterparty_iban) for d in entry.details] == [
        ("ILA-TEST-1-0", "ILA-TEST-1", 100_000, CREDITOR)
    ]


def test_camt053_balances_are_explained_by_its_entries(
    recorded: dict[str, bytes],
) -> None:
    message = parse_bank_message(recorded["camt.053"])
    assert isinstance(message, AccountMessage)
    (report,) = message.reports
    assert report.opening is not None
    assert report.closing is not None
    assert (report.sequence_number, report.opening.amount_cents) == (1, OPENING)
    assert report.closing.amount_cents == OPENING - 100_000
    assert find_own_gap(report) is None
    assert find_gaps_between(number=0, closing_cents=OPENING, following=report) == []


def test_a_return_says_why_and_which_payment(recorded: dict[str, bytes]) -> None:
    returned = parse_bank_message(recorded["pacs.004"])
    assert isinstance(returned, PaymentReturn)
    assert returned.original_msg_id == "ILA-TEST-1"
    (item,) = returned.returns
    assert (
        item.end_to_end_id,
        item.returned_amount_cents,
        item.original_amount_cents,
    ) == (
        "ILA-TEST-1-0",
        100_000,
        100_000,
    )
    assert (item.settled_on, item.reason) == (date(2026, 5, 4), Reason("AC04"))
    credit = parse_bank_message(recorded["camt.054.return"])
    assert isinstance(credit, AccountMessage)
    (entry,) = credit.reports[0].entries
    assert (entry.credit, entry.is_return, entry.details[0].return_reason) == (
        True,
        True,
        Reason("AC04"),
    )


def test_an_older_status_report_is_read_too() -> None:
    content = b"""<?xml version="1.0" encoding="UTF-8"?>
    <x:Document xmlns:x="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><x:CstmrPmtStsRpt>
    <x:GrpHdr><x:MsgId>B1</x:MsgId><x:CreDtTm>2026-05-04T11:00:00</x:CreDtTm></x:GrpHdr>
    <x:OrgnlGrpInfAndSts><x:OrgnlMsgId>ILA-1</x:OrgnlMsgId><x:OrgnlMsgNmId>pain.001.001.03</x:OrgnlMsgNmId>
    <x:GrpSts>RJCT</x:GrpSts><x:StsRsnInf><x:Rsn><x:Prtry>X1</x:Prtry></x:Rsn><x:AddtlInf>no</x:AddtlInf>
    <x:AddtlInf>money</x:AddtlInf></x:StsRsnInf></x:OrgnlGrpInfAndSts></x:CstmrPmtStsRpt></x:Document>"""
    report = parse_bank_message(content)
    assert isinstance(report, PaymentStatusReport)
    assert report.group_reasons == (Reason("X1", "no money"),)
    assert report.created_at.tzinfo is not None


def test_an_older_statement_with_a_bulk_entry_is_read_too() -> None:
    content = f"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
    <GrpHdr><MsgId>S1</MsgId><CreDtTm>2026-05-04T23:00:00+02:00</CreDtTm></GrpHdr><Stmt><Id>S1</Id>
    <LglSeqNb>7</LglSeqNb><Acct><Id><IBAN>{OUR_IBAN}</IBAN></Id></Acct>
    <Bal><Tp><CdOrPrtry><Cd>PRCD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">10</Amt><CdtDbtInd>DBIT</CdtDbtInd>
    <Dt><Dt>2026-05-04</Dt></Dt></Bal>
    <Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">12.5</Amt><CdtDbtInd>DBIT</CdtDbtInd>
    <Dt><Dt>2026-05-04</Dt></Dt></Bal>
    <Ntry><Amt Ccy="EUR">2.50</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts>
    <BkTxCd><Prtry><Cd>NTRF</Cd></Prtry></BkTxCd><NtryDtls><Btch><MsgId>ILA-1</MsgId><PmtInfId>ILA-1</PmtInfId></Btch></NtryDtls></Ntry>
    </Stmt></BkToCstmrStmt></Document>""".encode()
    message = parse_bank_message(content)
    assert isinstance(message, AccountMessage)
    (report,) = message.reports
    assert report.opening is not None
    assert report.opening.amount_cents == -1000
    assert report.difference_cents == 0
    assert (
        report.entries[0].batch_msg_id,
        report.entries[0].status,
        report.currency,
    ) == ("ILA-1", "BOOK", "EUR")


@pytest.mark.parametrize("kind", ["pain.002", "camt.053", "camt.054", "pacs.004"])
def test_a_message_cut_anywhere_is_refused(recorded: dict[str, bytes], kind: str) -> None:
    content = recorded[kind].rstrip()
    codes = {refusal(content[:end]) for end in range(0, len(content), 7)}
    assert codes <= {"empty", "truncated", "not_xml"}
    assert "truncated" in codes


def test_foreign_and_hostile_files_are_refused_by_name(
    recorded: dict[str, bytes],
) -> None:
    good = recorded["camt.054"]
    declaration, _, body = good.partition(b"?>")
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    assert refusal(b"") == refusal(b" \n ") == "empty"
    assert refusal(b"MT940 :20:ILA") == "not_xml"
    assert refusal(b"\x1f\x8b\x08\x00compressed") == "wrong_encoding"
    assert refusal(declaration + b"?>" + bomb + body) == "doctype"
    assert refusal(b'<!doctype html SYSTEM "file:///etc/passwd"><html/>') == "doctype"
    assert refusal(good.decode().encode("utf-16")) == "wrong_encoding"
    assert refusal(b'<?xml version="1.0" encoding="ISO-8859-1"?><Document/>') == "wrong_encoding"
    assert refusal(b"<Document>\xe9</Document>") == "wrong_encoding"
    assert refusal(b"<Document>&unknown;</Document>") == "not_xml"
    assert refusal(good.replace(b"Caisse", b"Ca\x00isse")) == "not_xml"
    assert refusal(b"<a>" * 300 + b"</a>" * 300) == "not_xml"
    assert refusal(good + good) == "not_xml"
    assert refusal(b"<Document/>") == "unknown_message"
    assert refusal(good.replace(b"camt.054.001.08", b"camt.054.001.99")) == "unknown_message"
    assert refusal(good.replace(b"camt.054.001.08", b"camt.052.001.08")) == "unknown_message"
    assert refusal(good.replace(b"camt.054.001.08", b"camt.053.001.08")) == "missing_value"


def test_a_text_that_would_fill_memory_is_refused(recorded: dict[str, bytes]) -> None:
    good = recorded["camt.054"]
    assert refusal(good.replace(b"Caisse", b"x" * 11_000_000)) == "not_xml"
    assert refusal(good + b" " * (32 * 1024 * 1024)) == "too_large"


@pytest.mark.parametrize(
    ("kind", "before", "after", "code"),
    [
        ("camt.054", b'Ccy="EUR">1000.00<', b'Ccy="EUR">1000.001<', "bad_amount"),
        ("camt.054", b'Ccy="EUR">1000.00<', b'Ccy="EUR">-1000.00<', "bad_amount"),
        ("camt.054", b'Ccy="EUR">1000.00<', b'Ccy="EUR">1e3<', "bad_amount"),
        ("camt.054", b'Ccy="EUR">1000.00<', b'Ccy="eur">1000.00<', "bad_value"),
        ("camt.054", b'Ccy="EUR">1000.00<', b'Ccy="JPY">1000<', "currency_mismatch"),
        ("camt.054", b">DBIT<", b">BOTH<", "bad_value"),
        ("camt.054", b"<CdtDbtInd>DBIT</CdtDbtInd>", b"", "missing_value"),
        (
            "camt.054",
            OUR_IBAN.encode(),
            OUR_IBAN.replace("9", "8").encode(),
            "bad_iban",
        ),
        ("camt.054", b"2026-05-04</", b"2026-02-30</", "bad_date"),
        ("camt.053", b"<NbOfNtries>1<", b"<NbOfNtries>2<", "wrong_total"),
        ("camt.053", b"<Sum>1000.00<", b"<Sum>1000.01<", "wrong_total"),
        ("camt.053", b"<Cd>CLBD</Cd>", b"<Cd>FWAV</Cd>", "missing_value"),
        ("pain.002", b"<OrgnlMsgId>ILA-TEST-1</OrgnlMsgId>", b"", "missing_value"),
        ("pain.002", b"<TxSts>ACCP</TxSts>", b"<TxSts></TxSts>", "missing_value"),
        ("pain.002", b"<OrgnlNbOfTxs>2<", b"<OrgnlNbOfTxs>two<", "bad_value"),
        ("pacs.004", b"<NbOfTxs>1<", b"<NbOfTxs>2<", "wrong_total"),
        (
            "pacs.004",
            b"<OrgnlEndToEndId>ILA-TEST-1-0</OrgnlEndToEndId>",
            b"",
            "missing_value",
        ),
    ],
)
def test_a_changed_value_is_refused(
    recorded: dict[str, bytes], kind: str, before: bytes, after: bytes, code: str
) -> None:
    content = recorded[kind]
    assert before in content
    assert refusal(content.replace(before, after)) == code


def test_an_entry_whose_transfers_do_not_add_up_is_refused(
    recorded: dict[str, bytes],
) -> None:
    content = recorded["camt.054"]
    amount = b'<Amt Ccy="EUR">1000.00</Amt>'
    assert content.count(amount) == 2
    assert refusal(content.replace(amount, amount.replace(b"1000", b"1001"), 1)) == "wrong_total"


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_message_is_read_or_refused_and_nothing_else(
    recorded: dict[str, bytes], data: st.DataObject
) -> None:
    content = bytearray(recorded[data.draw(st.sampled_from(sorted(recorded)))])
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(content) - 1))
        content[position : position + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=20))
    try:
        parse_bank_message(bytes(content))
    except BadBankMessage:
        return


def test_holes_between_statements_are_named(recorded: dict[str, bytes]) -> None:
    message = parse_bank_message(recorded["camt.053"].replace(b"SeqNb>1<", b"SeqNb>5<"))
    assert isinstance(message, AccountMessage)
    gaps = find_gaps_between(number=2, closing_cents=OPENING + 700, following=message.reports[0])
    assert [(gap.code, gap.cents) for gap in gaps] == [
        ("missing_statement", 0),
        ("balance_jump", -700),
    ]
    assert "3–4" in gaps[0].message
