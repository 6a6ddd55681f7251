"""A workbook's first visible sheet, row by row, while it is being unpacked.

`openpyxl` says where the sheet lies, which styles are days, and what a number written as a day means. The cells
themselves are read by expat: `openpyxl` makes several objects of each cell and keeps every text of a workbook in
memory, which costs four fifths of an import's time (decision 0122). Here a text that many cells share waits on disk.
"""

from __future__ import annotations

import pyexpat
import re
import tempfile
import zlib
from array import array
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from io import BufferedRandom
from typing import IO, Any, BinaryIO
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, ZipFile, ZipInfo

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.utils import column_index_from_string, get_column_letter
from openpyxl.utils import datetime as serials
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.xml.constants import SHARED_STRINGS

from catalogue.importing.problems import RefusedWholeError

_of_serial: Callable[..., Any] = serials.from_excel
_of_iso: Callable[[str], Any] = serials.from_ISO8601
FAULTS = (
    *(KeyError, ValueError, TypeError, AttributeError, IndexError, OSError, EOFError, AssertionError),
    *(ParseError, InvalidFileException, BadZipFile, NotImplementedError, RuntimeError, OverflowError),
    *(pyexpat.ExpatError, zlib.error, StopIteration),
)
MAX_CELL = 10_000_000  # characters
MAX_TEXTS = 5_000_000  # texts that cells share: 8 bytes of memory each
MAX_DESCRIPTION = 16_000_000  # bytes of a list of styles, sheets or relations: they are read at once
CHUNK = 1 << 16
_SEPARATOR = "\n"  # no name or namespace has one after attribute normalisation
_NAMESPACES = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
)
# Short texts come again and again (towns, kinds, yes and no): they are kept at hand.
_CACHED_LENGTH = 100
_CACHED_TEXTS = 20_000
_WHOLE_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})")


class _Archive(ZipFile):
    """A workbook's parts. What is read whole describes the others, and is small; sheets are streamed."""

    def read(self, name: str | ZipInfo, pwd: bytes | None = None) -> bytes:
        info = name if isinstance(name, ZipInfo) else self.getinfo(name)
        if info.file_size > MAX_DESCRIPTION:
            raise RefusedWholeError("too_large", f"{info.filename[:100]} is too large: save the table as CSV")
        return super().read(info, pwd)


class SheetRows:
    """The rows of a workbook's first visible sheet: (number from 1, cells as texts), rows without cells left out.

    width: cells further to the right are not looked at.
    """

    def __init__(self, file: BinaryIO, *, width: int) -> None:
        self._width = width
        # A file, not its path: what it is called says nothing.
        reader: Any = ExcelReader(file, read_only=True, data_only=False, keep_links=False, keep_vba=False)
        reader.archive = _Archive(file)
        reader.read_manifest()
        reader.read_workbook()
        apply_stylesheet(reader.archive, reader.wb)
        self._archive = reader.archive
        self._sheet = _first_visible(reader)
        self._epoch = reader.wb.epoch
        self._days: set[int] = set(reader.wb._date_formats)
        self._spans: set[int] = set(reader.wb._timedelta_formats)
        part = reader.package.find(SHARED_STRINGS)
        self._texts_part = part.PartName[1:] if part is not None else None

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        """Raises: RefusedWholeError `formula`, `doctype`, `too_large`, `not_xlsx`; and what FAULTS lists."""
        with tempfile.TemporaryFile(buffering=1 << 20) as store:
            texts = _SharedTexts(store)
            if self._texts_part is not None:
                with self._archive.open(self._texts_part) as part:
                    texts.read(part)
            cells = _CellReader(self._value_of(texts), self._width)
            with self._archive.open(self._sheet) as part:
                for chunk in iter(lambda: part.read(CHUNK), b""):
                    cells.feed(chunk)
                    yield from cells.taken()
                cells.feed(b"", final=True)
                yield from cells.taken()

    def _value_of(self, texts: _SharedTexts) -> Callable[[str, str, str | None], str]:
        days, spans, epoch = self._days, self._spans, self._epoch

        def value_of(kind: str, text: str, style: str | None) -> str:
            """A cell as a CSV file would have it. kind: its type; style: the number of its style."""
            if kind == "s":
                return texts[int(text)]
            if kind == "n":
                number = int(style) if style else 0
                if number in days:
                    try:
                        return _as_text(_of_serial(_number(text), epoch, timedelta=number in spans))
                    except (OverflowError, ValueError):
                        return "#VALUE!"
                return text if _WHOLE_NUMBER.fullmatch(text) else _as_text(_number(text))
            if kind == "b":
                return "yes" if int(text) else "no"
            return _as_text(_of_iso(text)) if kind == "d" else text

        return value_of


def _first_visible(reader: Any) -> str:
    for sheet, relation in reader.parser.find_sheets():
        is_table = "chartsheet" not in relation.Type and relation.target in reader.valid_files
        if sheet.state == "visible" and is_table:
            return str(relation.target)
    raise RefusedWholeError("not_xlsx", "the workbook has no visible sheet")


def _number(text: str) -> int | float:
    return float(text) if "." in text or "E" in text or "e" in text else int(text)


def _as_text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"{value:.0f}"
    if isinstance(value, datetime):
        value = value.date()
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _names(*names: str) -> dict[str, str]:
    return {f"{space}{_SEPARATOR}{name}": name for space in _NAMESPACES for name in names}


def _parser() -> pyexpat.XMLParserType:
    parser = pyexpat.ParserCreate(None, _SEPARATOR)
    parser.buffer_text = True
    parser.buffer_size = CHUNK
    parser.StartDoctypeDeclHandler = _doctype
    return parser


def _doctype(*_declaration: object) -> None:
    raise RefusedWholeError("doctype", "a document type declaration is never read")


class _Collector:
    """The characters of the element that is being read; nothing when none is wanted."""

    def __init__(self) -> None:
        self.wanted = False
        self.pieces: list[str] = []
        self._length = 0

    def __call__(self, text: str) -> None:
        if self.wanted:
            self._length += len(text)
            if self._length > MAX_CELL:
                raise RefusedWholeError("too_large", "a cell holds too much text")
            self.pieces.append(text)

    def clear(self) -> None:
        self.pieces.clear()
        self._length = 0


class _SharedTexts:
    """Texts that cells name by number: on disk, so that memory does not grow with them."""

    _TAGS = _names("si", "t", "rPh")

    def __init__(self, store: BufferedRandom | IO[bytes]) -> None:
        self._store = store
        self._ends = array("Q", [0])
        self._short: dict[int, str] = {}
        self._collector = _Collector()
        self._phonetic = False

    def read(self, part: IO[bytes]) -> None:
        """Take in the workbook's table of texts. Raises: RefusedWholeError; pyexpat.ExpatError."""
        parser = _parser()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._collector
        for chunk in iter(lambda: part.read(CHUNK), b""):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)

    def __getitem__(self, number: int) -> str:
        known = self._short.get(number)
        if known is not None:
            return known
        if number < 0:
            raise IndexError(number)
        start, end = self._ends[number], self._ends[number + 1]
        self._store.seek(start)
        text = self._store.read(end - start).decode()
        if len(text) <= _CACHED_LENGTH and len(self._short) < _CACHED_TEXTS:
            self._short[number] = text
        return text

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        tag = self._TAGS.get(name)
        if tag == "si":
            self._collector.clear()
        elif tag == "rPh":
            # How a text is pronounced is no part of it.
            self._phonetic = True
        elif tag == "t":
            self._collector.wanted = not self._phonetic

    def _end(self, name: str) -> None:
        tag = self._TAGS.get(name)
        if tag == "t":
            self._collector.wanted = False
        elif tag == "rPh":
            self._phonetic = False
        elif tag == "si":
            if len(self._ends) > MAX_TEXTS:
                raise RefusedWholeError("too_large", "the workbook holds too many texts: save it as CSV")
            text = "".join(self._collector.pieces).replace("x005F_", "").encode()
            self._store.write(text)
            self._ends.append(self._ends[-1] + len(text))


class _CellReader:
    """Cells of a sheet's XML, gathered into rows."""

    _TAGS = _names("row", "c", "v", "t", "f", "rPh")

    def __init__(self, value_of: Callable[[str, str, str | None], str], width: int) -> None:
        self._value_of = value_of
        self._columns = {get_column_letter(number): number for number in range(1, width + 1)}
        self._width = width
        self._collector = _Collector()
        self._parser = parser = _parser()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._collector
        self._row = 0
        self._column = 0
        self._kind = "n"
        self._style: str | None = None
        self._cells: list[str] = []
        self._ready: list[tuple[int, list[str]]] = []

    def feed(self, chunk: bytes, *, final: bool = False) -> None:
        self._parser.Parse(chunk, final)

    def taken(self) -> list[tuple[int, list[str]]]:
        ready, self._ready = self._ready, []
        return ready

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = self._TAGS.get(name)
        if tag == "c":
            place = attributes.get("r")
            if place is None:
                self._column += 1
            else:
                letters = place.rstrip("0123456789")
                self._column = self._columns.get(letters) or column_index_from_string(letters)
            self._kind = attributes.get("t", "n")
            self._style = attributes.get("s")
            self._collector.clear()
        elif tag == "v":
            self._collector.wanted = self._kind != "inlineStr"
        elif tag == "t":
            self._collector.wanted = self._kind == "inlineStr"
        elif tag == "row":
            self._begin_row(attributes.get("r"))
        elif tag == "f":
            raise RefusedWholeError(
                "formula", "a cell holds a formula: paste its value instead", line=self._row
            )
        elif tag == "rPh":
            self._kind = "phonetic"

    def _end(self, name: str) -> None:
        tag = self._TAGS.get(name)
        if tag in {"v", "t"}:
            self._collector.wanted = False
        elif tag == "rPh":
            self._kind = "inlineStr"
        elif tag == "c":
            pieces = self._collector.pieces
            column = self._column
            if pieces and column <= self._width:
                text = pieces[0] if len(pieces) == 1 else "".join(pieces)
                cells = self._cells
                if len(cells) < column:
                    cells.extend([""] * (column - len(cells)))
                cells[column - 1] = self._value_of(self._kind, text, self._style).strip()
        elif tag == "row" and self._cells:
            self._ready.append((self._row, self._cells))
            self._cells = []

    def _begin_row(self, told: str | None) -> None:
        number = self._row + 1 if told is None else int(told)
        if number <= self._row:
            raise RefusedWholeError("not_xlsx", f"row {number} comes after row {self._row}", line=number)
        self._row = number
        self._column = 0
