"""Workbooks that want to be more than tables: refused whole, in bounded time and memory."""

import io
import re
import zipfile

import pytest

from catalogue.importing import sheets
from catalogue.services.imports import import_catalogue
from tests.catalogue.edof_files import Folder
from tests.catalogue.importing.tables import as_xlsx, part_of, row, with_part

pytestmark = pytest.mark.django_db
SHEET = "xl/worksheets/sheet1.xml"


def refusal(folder: Folder, content: bytes) -> str:
    report = import_catalogue(kind="template", files=[folder.put(content)])
    assert (report.created, report.rejected, len(report.errors.listed)) == (0, 0, 1)
    return report.errors.listed[0].code


@pytest.mark.parametrize(
    "name",
    [
        "xl/vbaProject.bin",
        "xl/externalLinks/externalLink1.xml",
        "xl/embeddings/oleObject1.bin",
        "xl/activeX/activeX1.xml",
        "xl/connections.xml",
        "xl/queryTables/queryTable1.xml",
        "xl/macrosheets/sheet1.xml",
    ],
)
def test_macros_links_and_objects(folder: Folder, name: str) -> None:
    assert refusal(folder, with_part(as_xlsx(row()), name, b"<x/>")) == "active_content"


def test_a_formula_is_no_value(folder: Folder) -> None:
    assert refusal(folder, as_xlsx(row(title='=HYPERLINK("http://evil.example","x")'))) == "formula"
    assert refusal(folder, as_xlsx(row(price="=1+1"))) == "formula"


def test_a_bomb_is_not_unpacked(folder: Folder) -> None:
    bomb = with_part(as_xlsx(row()), "xl/sharedStrings.xml", b"<sst>" + b" " * 50_000_000 + b"</sst>")
    assert len(bomb) < 200_000
    assert refusal(folder, bomb) == "too_large"


def test_more_than_can_be_read_at_once(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MAX_UNPACKED", 1000)
    assert refusal(folder, as_xlsx(row())) == "too_large"


def test_too_many_parts(folder: Folder) -> None:
    target = io.BytesIO(as_xlsx(row()))
    with zipfile.ZipFile(target, "a") as archive:
        for number in range(1001):
            archive.writestr(f"xl/x{number}", b"")
    assert refusal(folder, target.getvalue()) == "too_large"


def test_too_many_columns(folder: Folder) -> None:
    columns = (*row(), *(f"c{number}" for number in range(10_000)))
    assert refusal(folder, as_xlsx(row(), columns=columns)) == "too_large"


@pytest.mark.parametrize(
    "head",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]>',
        b"<!-- " + b"x" * 5000 + b" --><!DOCTYPE x>",
        b'<?xml version="1.0"?><?x?><!DOCTYPE x SYSTEM "file:///etc/passwd">',
    ],
)
def test_entities_have_no_place_in_a_sheet(folder: Folder, head: bytes) -> None:
    book = as_xlsx(row())
    sheet = re.sub(rb"^<\?xml[^>]*\?>\s*", b"", part_of(book, SHEET))
    assert refusal(folder, with_part(book, SHEET, head + sheet)) == "doctype"
    wide = (head + sheet).decode().encode("utf-16")
    assert refusal(folder, with_part(book, SHEET, wide)) == "doctype"


def test_what_a_sheet_says_of_its_size_is_not_believed(folder: Folder) -> None:
    book = as_xlsx(row())
    sheet = re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:XFD1048576"', part_of(book, SHEET))
    report = import_catalogue(kind="template", files=[folder.put(with_part(book, SHEET, sheet))])
    assert report.created == 1


def test_a_row_far_away_ends_the_reading(folder: Folder) -> None:
    book = as_xlsx(row())
    sheet = part_of(book, SHEET).replace(
        b"</sheetData>",
        b'<row r="99999999999"><c r="A99999999999" t="inlineStr"><is><t>x</t></is></c></row></sheetData>',
    )
    report = import_catalogue(kind="template", files=[folder.put(with_part(book, SHEET, sheet))])
    assert report.created == 1, "what comes after a thousand blank rows is not looked for"


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 and no more",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
        with_part(as_xlsx(row()), SHEET, b"<worksheet><sheetData><row"),
        with_part(as_xlsx(row()), "xl/workbook.xml", b"<workbook/>"),
        with_part(as_xlsx(row()), SHEET, part_of(as_xlsx(row()), SHEET).replace(b'r="A1"', b'r="?"')),
        as_xlsx(),
    ],
)
def test_broken_workbooks_are_refused_in_words(folder: Folder, content: bytes) -> None:
    report = import_catalogue(kind="template", files=[folder.put(content)])
    assert report.created == 0
    assert [one.code for one in report.errors.listed] in (["not_xlsx"], [])


def test_an_archive_of_something_else(folder: Folder) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("hello.txt", "hello")
    assert refusal(folder, target.getvalue()) == "not_xlsx"
