"""Single values as registers write them: prices, days, identifiers."""

import re
import unicodedata
from datetime import date
from decimal import Decimal

PERMANENT_ENTRY = "99999999"
MAX_EURO_CENTS = 1_000_000_000  # below 10,000,000 euros
MAX_DOLLAR_CENTS = 10**14

_EUROS = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,2})?")
_DECIMAL = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")
_COMPACT_DAY = re.compile(r"[0-9]{8}")
_ISO_DAY = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?Z?)?"
)
_US_DAY = re.compile(
    r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})(?: [0-9]{1,2}:[0-9]{2}(?::[0-9]{2})? ?(?:[AaPp][Mm])?)?"
)
_XML_SPACE = re.compile(r"[ \t\r\n]+")
_MARKS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
# Letters that no decomposition takes apart.
_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "đ": "d", "ł": "l", "ı": "i"})
_POSTAL_SIREN = "356000000"


def collapse(text: str) -> str:
    """Text with its layout taken out: runs of spaces and line breaks become one space."""
    return _XML_SPACE.sub(" ", text).strip(" ")


def lines(text: str) -> str:
    """Text with its line breaks written in one way and its ends trimmed."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip(" \t\n")


def euro_cents(text: str) -> int | None:
    """Cents of a price in euros: digits, optionally a point and one or two decimals; None if it is none.

    The price must be above 0 and below 10,000,000.
    """
    if not _EUROS.fullmatch(text):
        return None
    cents = int(Decimal(text) * 100)
    return cents if 0 < cents < MAX_EURO_CENTS else None


def dollar_cents(text: str) -> int | None:
    """Cents of an amount in US dollars, 0 included; None for a negative amount or no number."""
    if not _EUROS.fullmatch(text):
        return None
    cents = int(Decimal(text) * 100)
    return cents if cents <= MAX_DOLLAR_CENTS else None


def plain_decimal(text: str) -> Decimal | None:
    """A number without sign, exponent or thousands; None if it is none."""
    return Decimal(text) if _DECIMAL.fullmatch(text) else None


def decimal_text(text: str) -> str:
    """A decimal number written in the one shortest way: 20.0 and 20 are the same rate."""
    return format(Decimal(text).normalize(), "f")


def compact_day(text: str) -> date | None:
    """A day written YYYYMMDD; None when the calendar has no such day."""
    if not _COMPACT_DAY.fullmatch(text):
        return None
    return _day(int(text[:4]), int(text[4:6]), int(text[6:]))


def register_day(text: str, *, american: bool) -> date | None:
    """A day as registers write it: 2026-05-31 or (american) 5/31/2026, with or without an hour."""
    if match := _ISO_DAY.fullmatch(text):
        return _day(int(match[1]), int(match[2]), int(match[3]))
    if american and (match := _US_DAY.fullmatch(text)):
        return _day(int(match[3]), int(match[1]), int(match[2]))
    return None


def is_siret(text: str) -> bool:
    """Whether a text is a French establishment's number: 14 digits that pass the Luhn test.

    Establishments of the French post are numbered otherwise: their digits add up to a multiple of 5.
    """
    if len(text) != 14 or not (text.isascii() and text.isdigit()):
        return False
    digits = [int(char) for char in text]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[0::2]]
    if (sum(doubled) + sum(digits[1::2])) % 10 == 0:
        return True
    return text.startswith(_POSTAL_SIREN) and sum(digits) % 5 == 0


def folded(text: str) -> str:
    """Lower case without accents: what a search compares."""
    text = text.casefold()
    if text.isascii():
        return text
    # Once more: what decomposes into capitals (mathematical letters, for one) is lower case only then.
    return _MARKS.sub("", unicodedata.normalize("NFKD", text)).casefold().translate(_LETTERS)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
