"""Scheme files: read with every fault and its place named, and written so that they are read back the same."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from funding.schemes.coherence import RuleFault
from funding.schemes.drafting import HEAD, SHARED, check_content, jsonable, sparse
from funding.schemes.presets import without
from funding.schemes.rules import SchemeRules

MAX_BYTES = 200_000
"""A scheme with a hundred versions is smaller; whatever is larger is no scheme file."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class FileFault:
    """One thing wrong with a file: where (a line, a version's first day, or nothing), and what."""

    place: str
    fault: RuleFault

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        names = ", ".join(self.fault.parameters)
        return f"{where}{names}{': ' if names else ''}{self.fault.message} [{self.fault.code}]"


@dataclass(slots=True)
class SchemeFile:
    """What could be read of a file. versions: (first day as written, complete values), in the file's order."""

    head: dict[str, str] = field(default_factory=dict)
    versions: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    faults: list[FileFault] = field(default_factory=list)

    def add(self, place: str, code: str, message: str, *names: str) -> None:
        """Note a fault."""
        self.faults.append(FileFault(place, RuleFault(names, code, message)))


def read_file(data: bytes) -> SchemeFile:
    """Read a scheme file, whatever it is: what is wrong with it is in `faults`, and nothing is raised."""
    file = SchemeFile()
    document = _document(file, data)
    if document is None:
        return file
    file.head = {name: str(jsonable(document.get(name, ""))) for name in HEAD}
    for name in HEAD:
        if not isinstance(document.get(name), str):
            file.add("", "missing", f'a scheme file begins with {name} = "…"', name)
    for name in sorted(document.keys() - {*HEAD, "versions"}):
        file.add("", "unknown_parameter", "no such key beside the versions", name)
    versions = document.get("versions")
    if not isinstance(versions, list) or not versions or not all(isinstance(v, dict) for v in versions):
        file.add("", "missing", "a scheme file has at least one [[versions]]", "versions")
        return file
    _read_versions(file, versions)
    return file


def write_file(head: Mapping[str, str], versions: Sequence[tuple[date, SchemeRules]]) -> str:
    """The TOML text of a scheme: its head, then each version complete, parameters at their defaults left out."""
    lines = [f"{name} = {_toml(head[name])}" for name in HEAD]
    before: set[str] = set()
    for valid_from, rules in versions:
        values = sparse(rules)
        lines += ["", "[[versions]]", f"valid_from = {valid_from.isoformat()}"]
        # A version keeps what the one before says, unless it says otherwise or takes it back.
        if gone := sorted(before - values.keys()):
            lines.append(f"without = {_toml(gone)}")
        lines += [f"{name} = {_toml(value)}" for name, value in values.items()]
        before = set(values)
    return "\n".join(lines) + "\n"


def _document(file: SchemeFile, data: bytes) -> dict[str, Any] | None:
    if len(data) > MAX_BYTES:
        file.add("", "too_large", f"the file is larger than {MAX_BYTES:,} bytes")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        file.add(f"line {line}", "not_utf8", f"byte 0x{data[error.start]:02X} is no UTF-8 text")
        return None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)", str(error))
        place = f"line {found.group(1)}" if found and found.group(1) else "end of the file"
        message = str(error)[: found.start()] if found else str(error)
        file.add(place, "not_toml", message[:200])
    except (ValueError, RecursionError):
        file.add("", "not_toml", "cannot be read: a number of thousands of digits, or brackets without end")
    return None


def _read_versions(file: SchemeFile, versions: list[dict[str, Any]]) -> None:
    values: dict[str, Any] = {}
    before: date | None = None
    earlier: set[RuleFault] = set()
    for number, given in enumerate(versions, start=1):
        changes = dict(given)
        first = changes.pop("valid_from", None)
        place = f"version {first if first is not None else number}"
        try:
            values = without(values, changes)
        except ValueError as error:
            file.add(place, "bad_value", str(error), "without")
        values |= jsonable(changes)
        if type(first) is not date:
            file.add(place, "bad_date", "valid_from is no date (2027-01-01, without quotes)", "valid_from")
        elif before is not None and first <= before:
            file.add(place, "overlap", f"does not come after the version of {before}", "valid_from")
        else:
            before = first
        day = first.isoformat() if type(first) is date else str(jsonable(first or ""))
        content = {**file.head, "valid_from": day, "rules": dict(values)}
        file.versions.append((day, {name: each for name, each in values.items() if name not in SHARED}))
        faults = check_content(content).faults
        for fault in faults:
            # The head is the same for all versions, and a first day without sense is named above.
            if fault.parameters == ("valid_from",) or (number > 1 and set(fault.parameters) <= set(HEAD)):
                continue
            # What an earlier version got wrong and this one leaves as it is, is wrong once.
            if fault in earlier and not changes.keys() & set(fault.parameters):
                continue
            in_head = set(fault.parameters) <= set(HEAD)
            one = FileFault("" if in_head else place, fault)
            if one not in file.faults and not (in_head and _named(file, fault)):
                file.faults.append(one)
        earlier = set(faults)


def _named(file: SchemeFile, fault: RuleFault) -> bool:
    """Whether the file's head was found at fault in the same place already."""
    return any(one.fault.parameters == fault.parameters for one in file.faults)


def _toml(value: Any) -> str:
    """A value as TOML writes it; JSON's strings are strings of TOML as well."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(_pairs(value)) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    # DEL is no control character to JSON, yet it is one to TOML.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007F")


def _pairs(value: Mapping[str, Any]) -> Iterator[str]:
    for key, part in value.items():
        if part is not None:
            name = str(key)
            yield f"{name if _BARE_KEY.fullmatch(name) else _toml(name)} = {_toml(part)}"
