"""Single cells of the platform's own table: what each may hold, and what is wrong with it in words.

Each function returns a value and raises BadCellError, whose message says what is wrong and what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar

from catalogue import classifications
from catalogue.identities import register_number, vat_number
from catalogue.importing import values
from catalogue.models.micro_credentials import CredentialKind, WorkloadScheme
from catalogue.models.offers import DeliveryMode
from ila.core.errors import DomainError

T = TypeVar("T")
YES_NO = {"": None, "yes": True, "no": False, "oui": True, "non": False, "ja": True, "nee": False}
KINDS = tuple(CredentialKind.values)
MODES = tuple(DeliveryMode.values)
WORKLOAD_SCHEMES = tuple(WorkloadScheme.values)
PROVIDER_SCHEMES = ("siret", "vat", "register", "platform")
# Prices are kept in hundredths: currencies without any, or with thousandths, would be read wrong.
CURRENCIES = (
    *("EUR", "USD", "GBP", "CHF", "CAD", "SGD", "AUD", "NZD", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF"),
    *("RON", "BGN", "TRY", "UAH", "RSD", "ALL", "MKD", "BAM", "MDL", "GEL"),
)
LENGTHS = {"code": 30, "place": 200, "street": 300, "postcode": 20, "city": 100, "national_level": 60}
MAX_PROVIDER = 200
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_QUANTITY = re.compile(r"[0-9]{1,6}(?:[.,][0-9]{1,2})?")
_DEGREES = re.compile(r"-?[0-9]{1,3}(?:[.,][0-9]{1,15})?")
_PACKED_CIP = re.compile(r"[0-9]{5,6}")
_SHORT_CIP = re.compile(r"[0-9]\.[0-9]{2,4}")


class BadCellError(Exception):
    """A cell that says nothing that can be kept."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def shown(text: str) -> str:
    """A cell's text as messages quote it."""
    return repr(text[:40] + ("…" if len(text) > 40 else ""))


@lru_cache(maxsize=4096)
def provider(scheme: str, country: str, text: str) -> str:
    """A provider's identifier as the register that it belongs to knows it.

    scheme: siret (the default), vat, register (a country's own, with the country) or platform (as exports name it).
    """
    scheme, country = scheme.lower() or "siret", country.upper()
    if not text:
        raise BadCellError("missing_value", "the provider is missing: write its number in every row")
    if scheme not in PROVIDER_SCHEMES:
        raise BadCellError(
            "bad_value", f"{shown(scheme)} is no scheme: write one of {', '.join(PROVIDER_SCHEMES)}"
        )
    if country and not _COUNTRY.fullmatch(country):
        raise BadCellError("bad_value", f"{shown(country)} is no country: write two letters, such as BE")
    if scheme == "siret":
        number = "".join(text.split())
        if not values.is_siret(number):
            raise BadCellError(
                "bad_siret", f"{shown(text)} is no SIRET: 14 digits; for another number fill provider_scheme"
            )
        return number
    if scheme == "platform":
        return text[:MAX_PROVIDER]
    if not country and scheme == "register":
        raise BadCellError(
            "missing_value", "a number of a national register needs its country in provider_country"
        )
    try:
        if scheme == "register":
            return register_number(country, text)
        letters = country or {"EL": "GR"}.get(text[:2].upper(), text[:2].upper())
        if not _COUNTRY.fullmatch(letters):
            raise BadCellError(
                "bad_value", f"{shown(text)} is no VAT number: begin it with the country's letters"
            )
        return vat_number(letters, text)
    except DomainError as error:
        told = (
            "VAT number of that country"
            if scheme == "vat"
            else "number of a register: 3 to 40 letters and digits"
        )
        raise BadCellError("bad_value", f"{shown(text)} is no {told}") from error


def one_of(text: str, allowed: tuple[str, ...], *, empty: bool = True) -> str:
    """One of the words that are known, in lower case."""
    word = text.lower()
    if word in allowed or (empty and not word):
        return word
    raise BadCellError("bad_value", f"{shown(text)} is not known: write one of {', '.join(allowed)}")


def short(text: str, most: int) -> str:
    """A line of text that is not too long."""
    line = values.collapse(text)
    if len(line) > most:
        raise BadCellError("bad_value", f"{len(line)} characters are too many: at most {most}")
    return line


def yes_no(text: str) -> bool | None:
    """Yes, no, or not specified."""
    word = text.lower()
    if word not in YES_NO:
        raise BadCellError("bad_value", f"{shown(text)}: write yes or no, or leave it empty")
    return YES_NO[word]


def language(text: str) -> str:
    """A language's code."""
    if text and not _LANGUAGE.fullmatch(text):
        raise BadCellError("bad_value", f"{shown(text)} is no language's code: write two letters, such as fr")
    return text.lower()


def country(text: str) -> str:
    """A country's code."""
    code = text.upper()
    if code and not _COUNTRY.fullmatch(code):
        raise BadCellError("bad_value", f"{shown(text)} is no country: write two letters, such as FR")
    return code


def quantity(text: str) -> str | None:
    """Hours or credits: a number above 0; 0 and nothing are not specified."""
    if not text:
        return None
    if not _QUANTITY.fullmatch(text):
        raise BadCellError("bad_value", f"{shown(text)} is no number: write 35 or 7.5, without a unit")
    amount = Decimal(text.replace(",", "."))
    return values.decimal_text(str(amount)) if amount else None


def degrees(text: str, limit: int) -> float | None:
    """Latitude or longitude in degrees."""
    if not text:
        return None
    number = float(text.replace(",", ".")) if _DEGREES.fullmatch(text) else None
    if number is None or abs(number) > limit:
        raise BadCellError(
            "bad_value", f"{shown(text)}: write degrees between -{limit} and {limit}, such as 45.76"
        )
    return number


def price(text: str) -> int:
    """Cents of a price."""
    if not text:
        raise BadCellError("bad_price", "there is no price: write it in every first row of an offer")
    cents = values.euro_cents(text.replace(",", "."))
    if cents is None:
        raise BadCellError(
            "bad_price",
            f"{shown(text)} is no price: above 0, below 10000000, such as 1650.00, without a currency",
        )
    return cents


def currency(text: str) -> str:
    """A currency with hundredths; euros when nothing is said."""
    code = text.upper() or "EUR"
    if code not in CURRENCIES:
        raise BadCellError("bad_value", f"{shown(text)} is no currency taken here: {', '.join(CURRENCIES)}")
    return code


def day(text: str) -> str | None:
    """A day in ISO form."""
    if not text:
        return None
    found = values.register_day(text, american=False)
    if found is None:
        raise BadCellError("bad_date", f"{shown(text)} is no day of the calendar: write it as 2027-06-14")
    return found.isoformat()


def eqf_level(text: str) -> int | None:
    """A level of the European qualifications framework."""
    if not text:
        return None
    if text not in {"1", "2", "3", "4", "5", "6", "7", "8"}:
        raise BadCellError("bad_value", f"{shown(text)} is no EQF level: write a number from 1 to 8")
    return int(text)


def isced(text: str) -> tuple[str, bool]:
    """A field of ISCED-F 2013, and whether a zero that a spreadsheet dropped was put back."""
    if not text:
        return "", False
    try:
        return classifications.checked_isced(text), False
    except DomainError:
        return (
            _checked(
                classifications.checked_isced,
                f"0{text}",
                f"{shown(text)} is no field of ISCED-F 2013: two to four digits, such as 0613",
            ),
            True,
        )


def cip(text: str) -> tuple[str | None, bool]:
    """A code of CIP 2020, and whether a zero that a spreadsheet dropped was put back."""
    if not text:
        return None, False
    code, restored = cip_spelt(text)
    return (
        _checked(
            classifications.checked_cip, code, f"{shown(text)} is no code of CIP 2020: write it as 11.0701"
        ),
        restored,
    )


def cip_spelt(text: str) -> tuple[str, bool]:
    """A CIP code with its point and its leading zero, and whether the zero had to be put back."""
    if _PACKED_CIP.fullmatch(text):
        packed = text.zfill(6)
        return f"{packed[:2]}.{packed[2:]}", packed != text
    return (f"0{text}", True) if _SHORT_CIP.fullmatch(text) else (text, False)


def formacodes(text: str) -> list[str] | None:
    """FORMACODE numbers in their order, each once."""
    wrong = f"{shown(text)} is no list of FORMACODE numbers: five digits each, separated by commas"
    return sorted(_checked(classifications.checked_formacodes, text, wrong)) if text else None


def skills(text: str) -> list[str] | None:
    """ESCO addresses, each once."""
    wrong = (
        f"{shown(text)} is no list of ESCO addresses: http://data.europa.eu/esco/skill/…, separated by spaces"
    )
    return sorted(_checked(classifications.checked_skills, text, wrong)) if text else None


def _checked(check: Callable[[str], T], text: str, wrong: str) -> T:
    try:
        return check(text)
    except DomainError as error:
        raise BadCellError("bad_value", wrong) from error
