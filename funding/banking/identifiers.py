"""Accounts, references and texts that may travel in a SEPA file."""

from __future__ import annotations

import re
import secrets

from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException
from text_unidecode import unidecode  # type: ignore[import-untyped]

from catalogue.connect import is_connected_account

MAX_REFERENCE = 35
# EPC217-08: the Latin set that every SEPA bank must accept.
_SEPA_TEXT = re.compile(r"[A-Za-z0-9/\-?:().,'+ ]+", re.ASCII)
_SEPA_REFERENCE = re.compile(r"(?!/)(?!.*//)[A-Za-z0-9/\-?:().,'+ ]{1,35}(?<!/)", re.ASCII)
_OUTSIDE = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]", re.ASCII)
_BEST_FIT = str.maketrans(
    {"&": "+", "@": "(at)", "_": "-", "~": "-", "=": "-", "€": "EUR", "!": ".", ";": ",", "#": ".", "%": ".",
     "*": ".", '"': "'", "`": "'", "[": "(", "]": ")", "{": "(", "}": ")", "<": "(", ">": ")", "|": "/",
     "\\": "/", "^": ".", "$": ".", "°": ".", "º": ".", "«": "'", "»": "'", "„": "'", "“": "'", "”": "'"}
)  # fmt: skip
# Crockford's letters: nothing that a person reading a statement aloud would mix up.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def is_iban(text: str) -> bool:
    """Whether the text is an IBAN of its country's form whose check digits agree; spaces are not allowed."""
    try:
        return IBAN(text).compact == text and text.isupper()
    except SchwiftyException:
        return False


def normalise_iban(text: str) -> str:
    """The IBAN without spaces, in capitals.

    Raises: ValueError when its form or its check digits are wrong.
    """
    try:
        return str(IBAN(text).compact)
    except SchwiftyException as error:
        raise ValueError(f"{text[:40]!r} is no IBAN: {error}") from error


def normalise_account(text: str) -> str:
    """What a payment goes to: an IBAN without spaces, or an account at Stripe as it is.

    Raises: ValueError for neither.
    """
    return text if is_connected_account(text) else normalise_iban(text)


def is_bic(text: str) -> bool:
    """Whether the text has the form of a BIC (8 or 11 characters)."""
    try:
        return BIC(text).compact == text
    except SchwiftyException:
        return False


def is_reference(text: str) -> bool:
    """Whether the text may be a MsgId, PmtInfId or EndToEndId: 1 to 35 signs, no leading or double slash."""
    return bool(_SEPA_REFERENCE.fullmatch(text)) and text == text.strip()


def to_sepa_text(text: str, maximum: int) -> str:
    """The text in the characters that every SEPA bank accepts, cut to `maximum`; `.` where nothing fits."""
    latin = unidecode(" ".join(text.split()).translate(_BEST_FIT)).translate(_BEST_FIT)
    clean = " ".join(_OUTSIDE.sub(".", latin).split())
    return clean[:maximum].strip()


def new_reference(prefix: str) -> str:
    """A reference that nobody can guess, to be kept from then on: prefix and 26 characters (130 bits)."""
    if not (prefix.isascii() and prefix.isalnum() and len(prefix) <= MAX_REFERENCE - 26):
        raise ValueError("the prefix is 1 to 9 letters or digits")
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(26))
