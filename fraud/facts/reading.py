"""Files of facts, row by row: every value checked, every fault told with its file and line.

What comes out is the text form of COPY, so that the database parses each value once.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TextIO

from fraud.facts.tables import SUBJECTS, Column, Kind, Table

NULL = r"\N"
_ODD = re.compile(r"[\\\t\r\n\x00]")
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\r": r"\r", "\n": r"\n"})
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}\Z", re.ASCII)
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::[0-9]{2}(?:\.0+)?)?\Z", re.ASCII)
_BOOLEANS = {"true": "t", "false": "f", "1": "t", "0": "f", "yes": "t", "no": "f", "t": "t", "f": "f"}
LONGEST = 10_000

Convert = Callable[[str], str]


class FactsRefusedError(Exception):
    """A file cannot be read; nothing of the load is stored. The text names file and line."""


def read_header(path: Path, table: Table) -> list[str]:
    """The columns of the table that the file has, in the file's order with "" for those nobody asked for.

    Raises: FactsRefusedError for a file without a header, or with a column twice.
    """
    with _opened(path) as stream:
        header = next(_records(path, stream), None)
    if header is None:
        raise FactsRefusedError(f"{path.name}: line 1: there is no header")
    known = set(table.names)
    columns = [name.strip() if name.strip() in known else "" for name in header[1]]
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise FactsRefusedError(f"{path.name}: line 1: the column {twice[0]} occurs twice")
    return columns


def read_rows(
    path: Path, table: Table, columns: list[str], ids: dict[str, set[str]], own_ids: set[str]
) -> Iterator[str]:
    """Each record as one line of COPY text, with the columns that `columns` names.

    ids: by table, the ids that records may refer to (a table that is absent is not checked).
    own_ids: filled with the values of the first column of the table's key.
    """
    places = [(place, name) for place, name in enumerate(columns) if name]
    converts = [(place, _converter(table, table.column(name), ids)) for place, name in places]
    first = columns.index(table.required[0]) if table.required else None
    subject = _subject_places(table, columns)
    name, width = path.name, len(columns)
    with _opened(path) as stream:
        records = _records(path, stream)
        next(records, None)
        for line, record in records:
            if len(record) != width:
                raise FactsRefusedError(f"{name}: line {line}: {len(record)} values in place of {width}")
            try:
                values = [convert(record[place]) for place, convert in converts]
                if subject:
                    _check_subject(record[subject[0]], record[subject[1]], ids)
            except ValueError as error:
                raise FactsRefusedError(f"{name}: line {line}: {error}") from error
            if first is not None:
                own_ids.add(record[first].strip())
            yield "\t".join(values) + "\n"


def _opened(path: Path) -> TextIO:
    if not path.is_file():
        raise FactsRefusedError(f"{path.name}: this is no file")
    return path.open(encoding="utf-8-sig", newline="")


def _records(path: Path, stream: TextIO) -> Iterator[tuple[int, list[str]]]:
    """(line on which it starts, values) of each record; empty lines are passed over."""
    reader = csv.reader(stream, strict=True)
    line = 1
    try:
        for record in reader:
            if record:
                yield line, record
            line = reader.line_num + 1
    except UnicodeDecodeError as error:
        raise FactsRefusedError(f"{path.name}: line {line} or later: this is not UTF-8") from error
    except csv.Error as error:
        raise FactsRefusedError(f"{path.name}: line {line}: this is not CSV ({error})") from error


def _subject_places(table: Table, columns: list[str]) -> tuple[int, int] | None:
    if {"subject_kind", "subject_id"} <= set(columns) and table.name in {"logins", "contact_changes"}:
        return columns.index("subject_kind"), columns.index("subject_id")
    return None


def _check_subject(kind: str, identity: str, ids: dict[str, set[str]]) -> None:
    known = ids.get(SUBJECTS.get(kind, ""))
    if known is not None and identity.strip() not in known:
        raise ValueError(f"unknown {kind} {identity.strip()[:80]!r}")


def _converter(table: Table, column: Column, ids: dict[str, set[str]]) -> Convert:
    """What checks a value of this column and writes it for COPY; raises ValueError with a sentence."""
    convert = _by_kind(column, ids.get(column.refers))
    needed = column.name in table.required or column.name == "recorded_at"

    def checked(raw: str) -> str:
        value = raw.strip()
        if not value:
            if needed:
                raise ValueError(f"{column.name} is blank")
            return NULL
        return convert(value)

    return checked


def _by_kind(column: Column, known: set[str] | None) -> Convert:
    if column.choices:
        return _choice(column)
    makers: dict[Kind, Callable[[Column], Convert]] = {
        Kind.INTEGER: _integer,
        Kind.DECIMAL: _number,
        Kind.DEGREES: _number,
        Kind.BOOLEAN: _boolean,
        Kind.TIME: _time,
        Kind.DATE: _date,
        Kind.MINUTES: _minutes,
    }
    make = makers.get(column.kind)
    return _text(column, known) if make is None else make(column)


def _text(column: Column, known: set[str] | None) -> Convert:
    name = column.name

    def convert(value: str) -> str:
        if known is not None and value not in known:
            raise ValueError(f"unknown {name} {value[:80]!r}")
        if len(value) > LONGEST:
            raise ValueError(f"{name} is longer than {LONGEST:,} characters")
        if _ODD.search(value):
            if "\x00" in value:
                raise ValueError(f"{name} holds a NUL character")
            return value.translate(_ESCAPES)
        return value

    return convert


def _choice(column: Column) -> Convert:
    def convert(value: str) -> str:
        if value not in column.choices:
            raise ValueError(f"{column.name} is {value[:80]!r}, not one of {', '.join(column.choices)}")
        return value

    return convert


def _integer(column: Column) -> Convert:
    def convert(value: str) -> str:
        if not _INTEGER.match(value):
            raise ValueError(f"{column.name} is {value[:80]!r}, not a whole number")
        return value

    return convert


def _number(column: Column) -> Convert:
    lowest = Decimal(-(10**8) if column.lowest is None else column.lowest)
    highest = Decimal(10**8 if column.highest is None else column.highest)

    def convert(value: str) -> str:
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite():
            raise ValueError(f"{column.name} is {value[:80]!r}, not a number")
        if not lowest <= number <= highest:
            raise ValueError(f"{column.name} is {value[:80]!r}, not between {lowest} and {highest}")
        return value

    return convert


def _boolean(column: Column) -> Convert:
    def convert(value: str) -> str:
        word = _BOOLEANS.get(value.lower())
        if word is None:
            raise ValueError(f"{column.name} is {value[:80]!r}, neither true nor false")
        return word

    return convert


def _time(column: Column) -> Convert:
    name = column.name

    def convert(value: str) -> str:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{name} is {value[:80]!r}, not a time of ISO 8601") from None
        if moment.tzinfo is None:
            return moment.isoformat() + "+00"
        try:
            return moment.astimezone(UTC).isoformat()
        except OverflowError:
            raise ValueError(f"{name} is {value[:80]!r}, not a time of the calendar") from None

    return convert


def _date(column: Column) -> Convert:
    name = column.name

    def convert(value: str) -> str:
        try:
            return date.fromisoformat(value[:10] if value[10:11] == "T" else value).isoformat()
        except ValueError:
            raise ValueError(f"{name} is {value[:80]!r}, not a date of ISO 8601") from None

    return convert


def _minutes(column: Column) -> Convert:
    name = column.name

    def convert(value: str) -> str:
        match = _CLOCK.match(value)
        minutes = 60 * int(match.group(1)) + int(match.group(2)) if match else -1
        if not 0 <= minutes <= 1440 or (match and int(match.group(2)) > 59):
            raise ValueError(f"{name} is {value[:80]!r}, not a time of the day")
        return str(minutes)

    return convert
