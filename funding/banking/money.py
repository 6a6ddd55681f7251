"""Amounts as the bank writes them, to and from integer minor units; never through floating point."""

from __future__ import annotations

import re

from funding.banking.messages import BadBankMessage

# ISO 4217: everything else has two digits after the point.
_EXPONENTS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
_DECIMAL = re.compile(r"\+?(\d{1,18})(?:\.(\d{1,17}))?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


def exponent_of(currency: str) -> int:
    """Digits after the point that the currency has."""
    return _EXPONENTS.get(currency, 2)


def parse_amount(text: str, currency: str, where: str) -> int:
    """Exact minor units of a written amount.

    Raises: BadBankMessage `bad_amount` when it is no plain decimal or has parts of a minor unit.
    """
    if not _CURRENCY.fullmatch(currency):
        raise BadBankMessage("bad_value", f"{where}: currency {currency!r} is no ISO 4217 code")
    match = _DECIMAL.fullmatch(text.strip())
    if match is None:
        raise BadBankMessage("bad_amount", f"{where}: {text.strip()[:40]!r} is no amount")
    digits = exponent_of(currency)
    whole, fraction = match.group(1), match.group(2) or ""
    if fraction[digits:].strip("0"):
        raise BadBankMessage("bad_amount", f"{where}: {text.strip()} has parts of a cent of {currency}")
    return int(whole + fraction[:digits].ljust(digits, "0"))


def format_amount(cents: int, currency: str) -> str:
    """The amount as ISO 20022 writes it: `1650.00`, no grouping, no sign."""
    if cents < 0:
        raise ValueError("an amount on the wire is never negative")
    digits = exponent_of(currency)
    text = str(cents).rjust(digits + 1, "0")
    return f"{text[:-digits]}.{text[-digits:]}" if digits else text
