"""From the bytes of a scenario file to plain values: strict JSON, nothing doubled, nothing huge."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

MAX_BYTES = 5_000_000
MAX_DEPTH = 20
MAX_DIGITS = 30


class ScenarioError(Exception):
    """A scenario that cannot be played. Its message is one line that names the place in the file."""

    def __init__(self, place: str, message: str) -> None:
        self.place = place
        super().__init__(one_line(f"{place}: {message}" if place else message))


def one_line(text: str) -> str:
    """The text on one printable line, whatever a file or its name holds."""
    line = " ".join(text.encode("utf-8", "backslashreplace").decode("utf-8").split())
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in line)


def read_file(path: str | Path) -> Any:
    """The values of a scenario file. Raises: ScenarioError for whatever is no readable JSON text."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ScenarioError("", f"cannot be read: {reason}") from error
    return parse(content)


def parse(content: bytes) -> Any:
    """The values of a JSON text; numbers with a point become Decimal.

    Raises: ScenarioError for another encoding than UTF-8, text that is no JSON, a key twice in one object,
    NaN and infinity, and texts, numbers or nesting beyond any scenario.
    """
    if len(content) > MAX_BYTES:
        raise ScenarioError("", f"larger than {MAX_BYTES:,} bytes")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ScenarioError(f"byte {error.start}", "is not UTF-8") from error
    try:
        values = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        raise ScenarioError(f"line {error.lineno}, column {error.colno}", f"no JSON: {error.msg}") from error
    except RecursionError as error:
        raise ScenarioError("", "nested too deeply") from error
    for place, word in _texts(values, "", 0):
        _check_text(place, word)
    return values


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ScenarioError("", f"the key {key!r} occurs twice in one object")
        found[key] = value
    return found


def _decimal(digits: str) -> Decimal:
    if len(digits) > MAX_DIGITS:
        raise ScenarioError("", f"the number {digits[:MAX_DIGITS]}… is too long")
    return Decimal(digits)


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ScenarioError("", f"the number {digits[:MAX_DIGITS]}… is too long")
    return int(digits)


def _constant(name: str) -> Any:
    raise ScenarioError("", f"{name} is no number")


def _texts(value: Any, place: str, depth: int) -> Iterator[tuple[str, str]]:
    """Every text in the values, keys too, with its place."""
    if depth > MAX_DEPTH:
        raise ScenarioError(place, "nested too deeply")
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _texts(each, f"{place}[{number}]", depth + 1)
    elif isinstance(value, dict):
        for key, each in value.items():
            inside = f"{place}.{key}" if place else key
            yield inside, key
            yield from _texts(each, inside, depth + 1)


def _check_text(place: str, word: str) -> None:
    if "\0" in word:
        raise ScenarioError(place, "holds a NUL character")
    if any("\ud800" <= char <= "\udfff" for char in word):
        raise ScenarioError(place, "holds half a character (a lone surrogate)")
