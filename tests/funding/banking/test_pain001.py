"""Payment files: schema-valid, the same bytes every time, nothing a SEPA bank would refuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from sepaxml import SepaTransfer

from funding.banking.identifiers import (
    is_iban,
    is_reference,
    new_reference,
    normalise_iban,
    to_sepa_text,
)
from funding.banking.money import format_amount, parse_amount
from funding.banking.pain001 import (
    NAMESPACE,
    BadPaymentFile,
    CreditTransferFile,
    Party,
    build_pain001,
    validate_pain001,
)
from tests.funding.banking.conftest import CREDITOR, OUR_IBAN, make_file

N = {"p": NAMESPACE}


def texts(content: bytes, path: str) -> list[str]:
    return [str(found.text) for found in etree.fromstring(content).iterfind(path, N)]


def test_equal_input_gives_equal_bytes() -> None:
    assert build_pain001(make_file()) == build_pain001(make_file())


def test_sums_and_counts_are_those_of_the_transfers() -> None:
    content = build_pain001(make_file(creditors=(CREDITOR,) * 3))
    assert texts(content, ".//p:NbOfTxs") == ["3", "3"]
    assert texts(content, ".//p:CtrlSum") == ["3000.03", "3000.03"]
    assert texts(content, ".//p:EndToEndId") == [
        "ILA-TEST-1-0",
        "ILA-TEST-1-1",
        "ILA-TEST-1-2",
    ]


def test_texts_travel_in_the_sepa_character_set() -> None:
    content = build_pain001(make_file())
    assert texts(content, ".//p:Cdtr/p:Nm") == ["Ecole + Fils"] * 2
    assert texts(content, ".//p:Ustrd") == ["Formation n.0", "Formation n.1"]
    content.decode("ascii")


def test_addresses_are_structured_or_absent() -> None:
    content = build_pain001(make_file())
    assert b"AdrLine" not in content
    assert texts(content, ".//p:Dbtr/p:PstlAdr/p:TwnNm") == ["Paris"]
    assert texts(content, ".//p:Cdtr/p:PstlAdr") == []


def test_a_bank_without_bic_is_named_as_not_provided() -> None:
    assert texts(build_pain001(make_file()), ".//p:DbtrAgt/p:FinInstnId/p:Othr/p:Id") == ["NOTPROVIDED"]
    with_bic = replace(make_file(), debtor=Party("Caisse", OUR_IBAN, bic="AGRIFRPP"))
    assert texts(build_pain001(with_bic), ".//p:DbtrAgt/p:FinInstnId/p:BICFI") == ["AGRIFRPP"]


def test_an_independent_library_writes_the_same_payments() -> None:
    ours = build_pain001(make_file())
    peer = SepaTransfer(
        {"name": "Caisse", "IBAN": OUR_IBAN, "batch": True, "currency": "EUR"},
        schema="pain.001.001.09",
    )
    for transfer in make_file().transfers:
        peer.add_payment(
            {
                "name": transfer.creditor.name,
                "IBAN": transfer.creditor.iban,
                "amount": transfer.amount_cents,
                "execution_date": date(2026, 5, 4),
                "description": transfer.remittance,
                "endtoend_id": transfer.end_to_end_id,
            }
        )
    theirs = peer.export(validate=True)
    for path in (
        "InstdAmt",
        "EndToEndId",
        "CdtrAcct/p:Id/p:IBAN",
        "CtrlSum",
        "NbOfTxs",
        "ReqdExctnDt/p:Dt",
        "ChrgBr",
    ):
        assert texts(ours, f".//p:{path}") == texts(theirs, f".//p:{path}")


NO_ZONE = datetime(2026, 5, 4)  # noqa: DTZ001 - that is the fault


def first(payment_file: CreditTransferFile, **changes: Any) -> CreditTransferFile:
    transfers = (
        replace(payment_file.transfers[0], **changes),
        *payment_file.transfers[1:],
    )
    return replace(payment_file, transfers=transfers)


@pytest.mark.parametrize(
    ("code", "bad"),
    [
        ("empty", replace(make_file(), transfers=())),
        ("bad_reference", replace(make_file(), msg_id="/leading")),
        ("bad_reference", replace(make_file(), msg_id="X" * 36)),
        ("bad_reference", first(make_file(), end_to_end_id="a//b")),
        ("bad_reference", first(make_file(), end_to_end_id="é")),
        ("duplicate_reference", first(make_file(), end_to_end_id="ILA-TEST-1-1")),
        ("bad_amount", first(make_file(), amount_cents=0)),
        ("bad_amount", first(make_file(), amount_cents=-1)),
        ("bad_amount", first(make_file(), amount_cents=100_000_000_000)),
        ("bad_currency", first(make_file(), currency="SGD")),
        (
            "bad_iban",
            first(make_file(), creditor=Party("A", "FR7630006000011234567890188")),
        ),
        ("bad_iban", first(make_file(), creditor=Party("A", ""))),
        ("bad_iban", replace(make_file(), debtor=Party("A", "NOPE"))),
        ("bad_bic", first(make_file(), creditor=Party("A", CREDITOR, bic="SHORT"))),
        ("bad_name", first(make_file(), creditor=Party("\u200b", CREDITOR))),
        (
            "bad_address",
            first(make_file(), creditor=Party("A", CREDITOR, town="Paris")),
        ),
        ("bad_date", replace(make_file(), created_at=NO_ZONE)),
        (
            "schema",
            first(
                make_file(),
                creditor=Party("A", CREDITOR, town="Paris", country="France"),
            ),
        ),
    ],
)
def test_a_bad_file_is_never_built(code: str, bad: CreditTransferFile) -> None:
    with pytest.raises(BadPaymentFile) as caught:
        build_pain001(bad)
    assert caught.value.code == code


def test_the_schema_catches_a_file_changed_afterwards() -> None:
    with pytest.raises(BadPaymentFile, match="schema"):
        validate_pain001(build_pain001(make_file()).replace(b">SLEV<", b">NONE<"))


@settings(max_examples=60, deadline=None)
@given(
    name=st.text(min_size=1, max_size=200),
    remittance=st.text(max_size=400),
    cents=st.integers(1, 99_999_999_999),
)
def test_any_text_gives_a_valid_file_or_a_clear_refusal(name: str, remittance: str, cents: int) -> None:
    payment_file = first(
        make_file(),
        creditor=Party(name, CREDITOR),
        remittance=remittance,
        amount_cents=cents,
    )
    if not to_sepa_text(name, 70).strip(".,' -"):
        with pytest.raises(BadPaymentFile, match="bad_name"):
            build_pain001(payment_file)
        return
    content = build_pain001(payment_file)
    content.decode("ascii")
    assert texts(content, ".//p:InstdAmt")[0] == format_amount(cents, "EUR")


@given(st.text(max_size=300), st.integers(1, 140))
def test_sepa_text_is_short_and_accepted(text: str, maximum: int) -> None:
    clean = to_sepa_text(text, maximum)
    assert len(clean) <= maximum
    assert to_sepa_text(clean, maximum) == clean


@given(st.integers(0, 10**15), st.sampled_from(["EUR", "JPY", "TND", "CLF"]))
def test_amounts_survive_the_way_to_text_and_back(cents: int, currency: str) -> None:
    assert parse_amount(format_amount(cents, currency), currency, "here") == cents


def test_references_are_valid_and_unlike() -> None:
    made = {new_reference("ILA") for _ in range(500)}
    assert len(made) == 500
    assert all(is_reference(reference) for reference in made)


def test_ibans_are_compared_with_their_check_digits() -> None:
    assert normalise_iban("fr76 3000 6000 0112 3456 7890 189") == OUR_IBAN
    assert is_iban(OUR_IBAN)
    assert not is_iban("FR76 3000 6000 0112 3456 7890 189")
    with pytest.raises(ValueError, match="no IBAN"):
        normalise_iban("FR7630006000011234567890188")
