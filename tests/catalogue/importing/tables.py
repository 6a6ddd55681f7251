"""Tables of offers for tests: valid unless a test spoils them."""

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from catalogue.importing.template import COLUMNS
from tests.factories.catalogue import siret

P1, P2 = siret(1), siret(2)
ROW: dict[str, Any] = {
    "provider": P1,
    "entry_number": "E1",
    "title": "Welding",
    "kind": "course",
    "goals": "<p>Weld.</p>",
    "language": "fr",
    "hours": "35",
    "has_prerequisites": "no",
    "offer_number": "A1",
    "mode": "in_person",
    "street": "12 rue de la Paix",
    "postcode": "69002",
    "city": "Lyon",
    "country": "FR",
    "latitude": "45.76",
    "longitude": "4.83",
    "price": "1650.00",
    "session_number": "S1",
    "starts": "2027-06-14",
    "ends": "2027-06-18",
    "open": "yes",
    "guaranteed": "no",
}


def row(**changes: Any) -> dict[str, Any]:
    """A row of provider 1's entry E1."""
    return {**ROW, **changes}


def as_csv(*rows: dict[str, Any], delimiter: str = ",", columns: tuple[str, ...] = COLUMNS) -> str:
    """Rows as a CSV file."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n", delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def as_xlsx(*rows: dict[str, Any], columns: tuple[str, ...] = COLUMNS) -> bytes:
    """Rows as a workbook."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(columns))
    for one in rows:
        sheet.append([one.get(name) for name in columns])
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def with_part(content: bytes, name: str, part: bytes) -> bytes:
    """The workbook with a part put in or replaced."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for info in old.infolist():
            if info.filename != name:
                new.writestr(info.filename, old.read(info.filename))
        new.writestr(name, part)
    return target.getvalue()


def part_of(content: bytes, name: str) -> bytes:
    """One part of a workbook."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(name)


def write_many(path: Path, *, entries: int, providers: int) -> None:
    """A CSV table of many entries, their providers interleaved."""
    text = "lorem ipsum dolor sit amet " * 20
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for number in range(entries):
            writer.writerow(
                row(
                    provider=siret(number % providers),
                    entry_number=f"E{number}",
                    title=f"Entry {number}",
                    content=f"<p>{number} {text}</p>",
                )
            )
