"""Money: integer cents only. Splitting, shares, and the text people and files write it in."""

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

MAX_CENTS = 2**63 - 1  # what a BigInteger column holds

_AMOUNT = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,2}))?", re.ASCII)
_GROUPED = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{5,30}")
_NBSP = "\u00a0"
_NARROW_NBSP = "\u202f"
_SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "US$", "SGD": "S$", "CAD": "CA$"}
# Language → (thousands separator, decimal separator, symbol after the number).
_STYLES = {
    "en": (",", ".", False),
    "fr": (_NARROW_NBSP, ",", True),
    "nl": (".", ",", False),
    "de": (".", ",", True),
}


def split_largest_remainder(
    total: int, weights: Sequence[int], tie_order: Sequence[int] | None = None
) -> list[int]:
    """Split `total` cents in proportion to `weights`; the parts add up to it exactly (F-28).

    Each part is its exact share rounded down; the cents left over go to the largest remainders,
    equal remainders to the lowest `tie_order` (the position, when none is given). A weight of 0
    gets nothing, and no part exceeds its weight while the total does not exceed their sum.

    Raises: ValueError for a negative total or weight, weights that add up to 0 under a total
    above 0, or a `tie_order` of another length.
    """
    if total < 0 or any(weight < 0 for weight in weights):
        raise ValueError("total and weights must not be negative")
    order = range(len(weights)) if tie_order is None else tie_order
    if len(order) != len(weights):
        raise ValueError("tie_order needs one value per weight")
    whole = sum(weights)
    if whole == 0:
        if total:
            raise ValueError("nothing to split over: the weights add up to 0")
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    by_claim = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), order[i], i))
    for i in by_claim[: total - sum(parts)]:
        parts[i] += 1
    return parts


def percent_floor(done: int | Decimal, planned: int | Decimal) -> int:
    """Whole percent of `done` ÷ `planned`, rounded down (F-28); above 100 when more was done than planned.

    Raises: ValueError for negative figures or nothing planned; TypeError for a float.
    """
    if isinstance(done, float) or isinstance(planned, float):
        raise TypeError("hours are int or Decimal, never float")
    if done < 0 or planned <= 0:
        raise ValueError("done must be 0 or more, planned above 0")
    return int(Fraction(done) * 100 / Fraction(planned))


def share_floor(cents: int, percent: int) -> int:
    """`percent` % of `cents`, rounded down to the cent (F-28, F-31).

    Raises: ValueError unless cents is 0 or more and percent from 0 to 100.
    """
    if cents < 0 or not 0 <= percent <= 100:
        raise ValueError("cents must be 0 or more, percent from 0 to 100")
    return cents * percent // 100


def format_cents(cents: int, currency: str, locale: str = "en") -> str:
    """The amount as people of that language read it: €1,650.00 (en), 1 650,00 € (fr).

    `currency` is an ISO 4217 code; one without a symbol of its own is shown by its code. A locale
    may carry a region (`fr-FR`); an unknown language reads as English.
    """
    thousands, point, symbol_after = _STYLES.get(
        locale.replace("_", "-").split("-")[0].lower(), _STYLES["en"]
    )
    whole, rest = divmod(abs(cents), 100)
    number = f"{whole:,}".replace(",", thousands) + point + f"{rest:02d}"
    sign = "-" if cents < 0 else ""
    symbol = symbol_of(currency)
    if symbol_after:
        return f"{sign}{number}{_NBSP}{symbol}"
    # A code (CHF) and Dutch usage keep a space between symbol and number.
    space = _NBSP if symbol.isalpha() or point == "," else ""
    return f"{sign}{symbol}{space}{number}"


def symbol_of(currency: str) -> str:
    """What stands for a currency beside an amount: its sign, or its code."""
    return _SYMBOLS.get(currency, currency)


def in_fours(number: str) -> str:
    """An IBAN or a creditor reference (ISO 11649) in groups of four, as people read and copy it; else as it is."""
    if not _GROUPED.fullmatch(number):
        return number
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))


def parse_cents(text: str) -> int:
    """Cents of a decimal amount as files write it: `1650`, `1650.5`, `-12.34`.

    ASCII digits, optionally a minus sign, optionally a point with one or two decimals: nothing else,
    so that a thousands separator or a third decimal is refused rather than guessed.

    Raises: ValueError.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError(f"no amount with at most two decimals: {text[:40]!r}")
    sign, whole, decimals = match.groups()
    cents = int(whole) * 100 + int((decimals or "").ljust(2, "0"))
    return -cents if sign else cents


def parse_euros(text: str) -> int:
    """Euro cents of a decimal amount: see `parse_cents`."""
    return parse_cents(text)
