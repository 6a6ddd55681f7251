"""XLSX files of strangers: looked at as an archive first, then read row by row.

Nothing in them is run: a formula is an error, and a file with macros, links to other files, data connections or
embedded objects is refused whole. What it unpacks to is limited before a byte of it is unpacked.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from catalogue.importing.problems import RefusedWholeError
from catalogue.importing.tables import Record
from catalogue.importing.workbooks import FAULTS, SheetRows

MAX_PARTS = 1000
MAX_UNPACKED = 512_000_000
MAX_RATIO = 200  # honest sheets are packed some 10 to 30 times
SMALL = 1_000_000
MAX_COLUMNS = 64
MAX_BLANK_ROWS = 1_000
_ACTIVE = re.compile(
    r"vbaProject|/externalLinks/|/embeddings/|/activeX/|/ctrlProps/|connections\.xml|/queryTables/|/macrosheets/"
    r"|/dialogsheets/|customUI",
    re.IGNORECASE,
)
_PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--[^>]*-->\s*)*<[A-Za-z_]")


def read_sheet(path: Path, *, needed: Iterable[str]) -> Iterator[Record]:
    """The rows of a workbook's first visible sheet below its header; blank rows are none.

    Raises: RefusedWholeError `not_xlsx` (no workbook that can be read, a missing or double column), `too_large`,
    `active_content` (macros, external links, connections, embedded objects), `doctype`, `formula`.
    """
    _look_at_archive(path)
    with path.open("rb") as file:
        try:
            rows = iter(SheetRows(file, width=MAX_COLUMNS + 1))
        except FAULTS as error:
            raise _not_readable(error) from error
        yield from _records(rows, needed)


def _records(rows: Iterator[tuple[int, list[str]]], needed: Iterable[str]) -> Iterator[Record]:
    header: list[str] | None = None
    last = 0
    while True:
        try:
            line, cells = next(rows)
        except StopIteration:
            break
        except FAULTS as error:
            raise _not_readable(error) from error
        if not any(cells):
            continue
        # What a sheet says about its size is not believed: far below the last row, nothing is looked for.
        if line - last > MAX_BLANK_ROWS:
            break
        last = line
        for cell in cells:
            if cell.startswith("="):
                raise RefusedWholeError(
                    "formula", "a cell holds a formula: paste its value instead", line=line
                )
        if header is None:
            header = _header(cells, needed, line)
            continue
        if any(cells[len(header) :]):
            raise RefusedWholeError("not_xlsx", "a row is longer than the header", line=line)
        padded = cells + [""] * (len(header) - len(cells))
        yield Record(line, {name: value for name, value in zip(header, padded, strict=False) if name})
    if header is None:
        raise RefusedWholeError("not_xlsx", "the sheet has no header")


def _header(cells: list[str], needed: Iterable[str], line: int) -> list[str]:
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    if len(names) > MAX_COLUMNS:
        raise RefusedWholeError("too_large", f"the sheet has more than {MAX_COLUMNS} columns", line=line)
    for name in needed:
        if name not in names:
            raise RefusedWholeError("not_xlsx", f"the column {name} is missing", line=line, field=name)
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise RefusedWholeError("not_xlsx", f"the column {twice[0]} comes twice", line=line, field=twice[0])
    return names


def _look_at_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise RefusedWholeError("too_large", "the workbook unpacks to too much: save it as CSV")
            for part in parts:
                _look_at_part(archive, part)
    except FAULTS as error:
        raise RefusedWholeError(
            "not_xlsx", "the file is no XLSX workbook (an old .xls, or one with a password?)"
        ) from error


def _look_at_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    name = part.filename
    if _ACTIVE.search(f"/{name}"):
        raise RefusedWholeError(
            "active_content", f"the workbook holds {name[:100]}: macros and links are refused"
        )
    if part.flag_bits & 1:
        raise RefusedWholeError("not_xlsx", "the workbook is encrypted")
    if part.file_size > SMALL and part.file_size > part.compress_size * MAX_RATIO:
        raise RefusedWholeError("too_large", f"{name[:100]} unpacks to more than {MAX_RATIO} times its size")
    if name.lower().endswith((".xml", ".rels")):
        with archive.open(part) as file:
            head = file.read(4096)
        # A document type, and with it every entity, stands before the first element; so may nothing else here.
        if not _PROLOG.match(head):
            raise RefusedWholeError("doctype", f"{name[:100]} does not begin as a workbook's parts do")


def _not_readable(error: BaseException) -> RefusedWholeError:
    return RefusedWholeError("not_xlsx", f"the workbook cannot be read ({type(error).__name__})")
