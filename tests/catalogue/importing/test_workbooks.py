"""What cells of a workbook become: the same texts that a CSV file would have."""

import io
import zipfile
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.utils.datetime import MAC_EPOCH

from catalogue.importing import workbooks
from catalogue.importing.problems import RefusedWholeError
from catalogue.importing.sheets import read_sheet
from tests.catalogue.importing.tables import part_of, with_part

SHEET = "xl/worksheets/sheet1.xml"
TEXTS = "xl/sharedStrings.xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def saved(*rows: list[Any], epoch: datetime | None = None) -> bytes:
    """A workbook of these rows."""
    book = Workbook()
    if epoch is not None:
        book.epoch = epoch
    sheet = book.active
    assert sheet is not None
    for one in rows:
        sheet.append(one)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def written(sheet: str, texts: str | None = None) -> bytes:
    """A workbook with this XML of its sheet, and of the texts that cells share."""
    book = with_part(saved([1]), SHEET, sheet.encode())
    if texts is None:
        return book
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    types = part_of(book, "[Content_Types].xml").decode()
    told = f'<Override PartName="/{TEXTS}" ContentType="{kind}"/></Types>'
    book = with_part(book, "[Content_Types].xml", types.replace("</Types>", told).encode())
    return with_part(book, TEXTS, texts.encode())


def rows_of(tmp_path: Path, content: bytes) -> list[list[str]]:
    """The rows below the header."""
    path = tmp_path / "book"
    path.write_bytes(content)
    return [list(record.values.values()) for record in read_sheet(path, needed=["a"])]


def refusal(tmp_path: Path, content: bytes) -> str:
    with pytest.raises(RefusedWholeError) as caught:
        rows_of(tmp_path, content)
    return caught.value.problem.code


@pytest.mark.parametrize("epoch", [None, MAC_EPOCH])
def test_cells_of_all_kinds_are_texts(tmp_path: Path, epoch: datetime | None) -> None:
    naive = datetime(2027, 6, 14, 9, 30, tzinfo=UTC).replace(tzinfo=None)
    cells: list[tuple[Any, str]] = [
        ("  Welding ", "Welding"),
        ("Soudage à l’arc\nniveau 2", "Soudage à l’arc\nniveau 2"),
        (35, "35"),
        (35.0, "35"),
        (-4.83, "-4.83"),
        (1650.5, "1650.5"),
        (50000000000017, "50000000000017"),
        (1e16, "1e+16"),
        (True, "yes"),
        (False, "no"),
        (date(2027, 6, 14), "2027-06-14"),
        (naive, "2027-06-14"),
        (time(9, 30), "09:30:00"),
        (timedelta(hours=26), "1 day, 2:00:00"),
        (None, ""),
        ("00123", "00123"),
        ("a < b & c", "a < b & c"),
    ]
    header = ["a", *(f"c{number}" for number in range(1, len(cells)))]
    content = saved(header, [value for value, _ in cells], epoch=epoch)
    assert rows_of(tmp_path, content) == [[text for _, text in cells]]


def test_texts_that_cells_share_and_texts_of_their_own(tmp_path: Path) -> None:
    texts = (
        f'<sst xmlns="{MAIN}"><si><t>a</t></si><si><t>b</t></si><si><r><t>We</t></r><r><t xml:space="preserve">ld </t>'
        "</r><rPh sb='0' eb='1'><t>never</t></rPh></si><si/><si><t>é_x005F_</t></si></sst>"
    )
    sheet = (
        f'<worksheet xmlns="{MAIN}"><sheetData>'
        '<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row>'
        '<row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2" t="s"><v>3</v></c></row>'
        '<row r="3"><c r="B3" t="s"><v>4</v></c></row>'
        '<row r="4"><c r="A4" t="inlineStr"><is><r><t>We</t></r><r><t>ld</t></r><rPh sb="0" eb="1"><t>x</t></rPh></is>'
        '</c><c r="B4" t="str"><v>told</v></c></row>'
        '<row r="5"><c r="A5" t="e"><v>#N/A</v></c><c r="B5" t="d"><v>2027-06-14T00:00:00</v></c></row>'
        '<row r="6"><c r="A6"/><c r="B6" t="n"><v>007</v></c></row>'
        "</sheetData></worksheet>"
    )
    assert rows_of(tmp_path, written(sheet, texts)) == [
        ["Weld", ""],
        ["", "é_"],
        ["Weld", "told"],
        ["#N/A", "2027-06-14"],
        ["", "7"],
    ]


@pytest.mark.parametrize("namespace", [MAIN, "http://purl.oclc.org/ooxml/spreadsheetml/main"])
def test_both_namespaces_and_any_prefix(tmp_path: Path, namespace: str) -> None:
    sheet = (
        f'<x:worksheet xmlns:x="{namespace}"><x:sheetData>'
        '<x:row><x:c t="str"><x:v>a</x:v></x:c></x:row><x:row><x:c><x:v>1</x:v></x:c></x:row>'
        "</x:sheetData></x:worksheet>"
    )
    assert rows_of(tmp_path, written(sheet)) == [["1"]]


def test_only_the_first_visible_sheet_is_read(tmp_path: Path) -> None:
    book = Workbook()
    hidden = book.active
    assert hidden is not None
    hidden.append(["secret"])
    hidden.sheet_state = "hidden"
    for name in ("one", "two"):
        sheet = book.create_sheet(name)
        sheet.append(["a"])
        sheet.append([name])
    target = io.BytesIO()
    book.save(target)
    assert rows_of(tmp_path, target.getvalue()) == [["one"]]


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ('<row r="2"><c t="s"><v>7</v></c></row>', "not_xlsx"),
        ('<row r="2"><c t="s"><v>-1</v></c></row>', "not_xlsx"),
        ('<row r="2"><c><v>many</v></c></row>', "not_xlsx"),
        ('<row r="2"><c t="b"><v>many</v></c></row>', "not_xlsx"),
        ('<row r="2"><c r="ZZZZ2"><v>1</v></c></row>', "not_xlsx"),
        ('<row r="2"><c s="many"><v>1</v></c></row>', "not_xlsx"),
        ('<row r="1"><c><v>1</v></c></row>', "not_xlsx"),
        ('<row r="2"><c><v>1</v></c>', "not_xlsx"),
        ('<row r="2"><c r="C2"><v>1</v></c></row>', "not_xlsx"),
        ('<row r="2"><c><f t="shared" si="0"/><v>1</v></c></row>', "formula"),
        ('<row r="2"><c t="str"><f>WEBSERVICE("http://evil.example")</f></c></row>', "formula"),
        ('<row r="2"><c t="str"><v> =1+1</v></c></row>', "formula"),
    ],
)
def test_what_no_honest_sheet_holds(tmp_path: Path, rows: str, code: str) -> None:
    sheet = (
        f'<worksheet xmlns="{MAIN}"><sheetData><row r="1"><c r="A1" t="str"><v>a</v></c></row>{rows}'
        "</sheetData></worksheet>"
    )
    assert refusal(tmp_path, written(sheet, f'<sst xmlns="{MAIN}"><si><t>x</t></si></sst>')) == code


def test_endless_cells_texts_and_descriptions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_CELL", 100)
    assert refusal(tmp_path, saved(["a"], ["x" * 101])) == "too_large"
    assert rows_of(tmp_path, saved(["a"], *(["x" * 60] for _ in range(3)))) == [["x" * 60]] * 3
    monkeypatch.setattr(workbooks, "MAX_TEXTS", 3)
    texts = f'<sst xmlns="{MAIN}">' + "<si/>" * 4 + "</sst>"
    assert refusal(tmp_path, written(f'<worksheet xmlns="{MAIN}"/>', texts)) == "too_large"
    monkeypatch.setattr(workbooks, "MAX_DESCRIPTION", 500)
    assert refusal(tmp_path, saved(["a"])) == "too_large"


def test_a_sheet_that_is_not_in_the_archive(tmp_path: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(["a"]))) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            if info.filename != SHEET:
                new.writestr(info.filename, old.read(info.filename))
    assert refusal(tmp_path, target.getvalue()) == "not_xlsx"
