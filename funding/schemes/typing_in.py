"""Parameter values as people type them in, and back: amounts, numbers, lists, a line for each of several."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ila.core.money import parse_cents

_WHOLE = re.compile(r"-?[0-9]{1,17}")
_BLANKS = re.compile("[\\s\u00a0\u202f']")


def amount(text: str) -> Any:
    """Cents of an amount (103.20 or 103,20); what is no amount stays as it was typed."""
    plain = _BLANKS.sub("", text)
    if "," in plain and "." not in plain:
        plain = plain.replace(",", ".")
    try:
        return parse_cents(plain)
    except ValueError:
        return text


def number(text: str) -> Any:
    """A whole number; what is none stays as it was typed."""
    return int(text) if _WHOLE.fullmatch(text) else text


def read(unit: str, text: str) -> Any:
    """The JSON value of what was typed for a parameter of that unit; what cannot be read stays text."""
    return _READ.get(unit, number)(text)


def written(unit: str, value: Any) -> str:
    """A JSON value as it is typed; one of another shape than the unit's is shown as it is."""
    if value is None or (isinstance(value, list | dict) and not value):
        return ""
    return _WRITTEN.get(unit, _plain)(value)


def _flag(text: str) -> Any:
    return {"yes": True, "no": False}.get(text, text)


def _words(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _pairs(text: str, each: Callable[[str], Any]) -> Any:
    pairs = [line.partition(":") for line in _lines(text)]
    if not all(colon for _key, colon, _value in pairs):
        return text
    return {key.strip(): each(value.strip()) for key, _colon, value in pairs}


def _credit(line: str) -> dict[str, Any]:
    credit: dict[str, Any] = {}
    for part in line.split():
        name, _sign, value = part.partition("=")
        if name == "amount":
            credit["cents"] = amount(value)
        else:
            credit[name] = _flag(value) if name == "absorbs_expiring" else number(value)
    return credit


_READ: dict[str, Callable[[str], Any]] = {
    "cents": amount,
    "choice": str,
    "yes or no": _flag,
    "licence classes": _words,
    "codes": _words,
    "classes of sources": lambda text: [_words(line) for line in _lines(text)],
    "months by year": lambda text: _pairs(text, number),
    "kinds by source": lambda text: _pairs(text, _words),
    "credits": lambda text: [_credit(line) for line in _lines(text)],
}


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "\n".join(f"{key}: {_plain(part)}" for key, part in value.items())
    return ", ".join(_plain(part) for part in value) if isinstance(value, list) else str(value)


def _cents_written(value: Any) -> str:
    if not isinstance(value, int) or isinstance(value, bool):
        return _plain(value)
    whole, rest = divmod(abs(value), 100)
    return f"{'-' if value < 0 else ''}{whole}" + (f".{rest:02d}" if rest else "")


def _flag_written(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else _plain(value)


def _each_line(value: Any, line: Callable[[Any], str]) -> str:
    return "\n".join(line(one) for one in value) if isinstance(value, list) else _plain(value)


def _credit_written(one: Any) -> str:
    if not isinstance(one, Mapping):
        return _plain(one)
    parts = []
    for name, value in one.items():
        if name == "cents":
            parts.append(f"amount={_cents_written(value)}")
        elif value is not None and value is not False:
            parts.append(f"{name}={_flag_written(value)}")
    return " ".join(parts)


_WRITTEN: dict[str, Callable[[Any], str]] = {
    "cents": _cents_written,
    "yes or no": _flag_written,
    "classes of sources": lambda value: _each_line(value, _plain),
    "credits": lambda value: _each_line(value, _credit_written),
}
