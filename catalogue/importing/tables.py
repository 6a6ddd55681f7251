"""CSV files of registers: strict, in UTF-8, record by record with the line each starts on."""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from catalogue.importing.decoding import CHUNK, open_file
from catalogue.importing.problems import RefusedWholeError

MAX_FIELD = 10_000_000
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Record:
    """One record. line: where it starts, 1 is the first line of the file."""

    line: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    def get(self, column: str) -> str:
        """A column that may be missing from the file."""
        return self.values.get(column, "")


def read_records(path: Path, *, needed: Iterable[str], delimiter: str = ",") -> Iterator[Record]:
    """The records of a CSV file with a header; blank lines are none.

    Raises: RefusedWholeError `not_found`, `wrong_encoding` (not UTF-8), `not_csv` (a missing column, a record
    that is shorter or longer than the header, an unclosed quote, NUL).
    """
    with open_file(path) as file:
        counter = _LineCounter(_lines(file))
        reader = csv.reader(counter, strict=True, delimiter=delimiter)
        previous = csv.field_size_limit(MAX_FIELD)
        try:
            header: list[str] | None = None
            while True:
                line = counter.read + 1
                try:
                    row = next(reader)
                except StopIteration:
                    break
                if not row:
                    continue
                if header is None:
                    header = _header(row, needed, line)
                    continue
                if len(row) != len(header):
                    told = f"{len(row)} values where the header has {len(header)}"
                    raise RefusedWholeError("not_csv", f"the record has {told}", line=line)
                yield Record(line, {name: _unwrapped(value) for name, value in zip(header, row, strict=True)})
        except csv.Error as error:
            raise RefusedWholeError("not_csv", f"not a CSV file: {error}", line=line) from error
        finally:
            csv.field_size_limit(previous)
        if header is None:
            raise RefusedWholeError("not_csv", "the file has no header")


def _header(row: list[str], needed: Iterable[str], line: int) -> list[str]:
    header = [name.strip() for name in row]
    for name in needed:
        if name not in header:
            raise RefusedWholeError("not_csv", f"the column {name} is missing", line=line, field=name)
    twice = {name for name in header if name and header.count(name) > 1}
    if twice:
        raise RefusedWholeError(
            "not_csv", f"the column {min(twice)} comes twice", line=line, field=min(twice)
        )
    return header


def _unwrapped(value: str) -> str:
    """A value that is itself a quoted CSV field, unquoted once more; its ends trimmed."""
    value = value.strip()
    if len(value) < 2 or not (value.startswith('"') and value.endswith('"')):
        return value
    inner = value[1:-1]
    # `"A" and "B"` begins and ends with quotes and is wrapped in none.
    lone = inner.replace('""', "").count('"')
    if lone and lone % 2 == 0:
        return value
    return inner.replace('""', '"').strip()


def _lines(file: BinaryIO) -> Iterator[str]:
    """The file's lines with their ends, whatever they are; a line may be as long as a field."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("strict")
    rest = ""
    while True:
        chunk = file.read(CHUNK)
        if b"\0" in chunk:
            raise RefusedWholeError("not_csv", "the file has a NUL character")
        try:
            rest += decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            raise RefusedWholeError("wrong_encoding", f"the file is not UTF-8: {error.reason}") from error
        done = 0
        for match in _LINE_END.finditer(rest):
            if chunk and match.end() == len(rest) and match[0] == "\r":
                break  # its line feed may come with the next chunk
            yield rest[done : match.end()]
            done = match.end()
        rest = rest[done:]
        if len(rest) > MAX_FIELD:
            raise RefusedWholeError("not_csv", f"a line of more than {MAX_FIELD // 1_000_000} MB")
        if not chunk:
            break
    if rest:
        yield rest


class _LineCounter:
    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.read = 0

    def __iter__(self) -> "_LineCounter":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.read += 1
        return line
