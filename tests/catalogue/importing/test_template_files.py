"""The tables to start from: what they explain, and that they can be handed in as they are."""

import csv
import io

import pytest
from django.test import Client
from openpyxl import load_workbook

from catalogue.import_columns import TABLE, hint
from catalogue.importing.template import COLUMNS
from catalogue.models import EntryDescription, MicroCredential
from catalogue.services.imports import import_catalogue
from tests.catalogue.conftest import counts, errors
from tests.catalogue.edof_files import Folder

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_table_to_start_from_is_a_table_that_is_taken(
    client: Client, folder: Folder, ending: str, language: str
) -> None:
    content = client.get(f"/import/template.{ending}", headers={"accept-language": language}).content
    report = import_catalogue(kind="template", files=[folder.put(content)])
    assert (counts(report), errors(report)) == ((1, 0, 0, 0, 0), [])
    entry = MicroCredential.objects.get()
    assert (entry.eqf_level, entry.isced_field, entry.workload_scheme) == (5, "0413", "ects")
    assert EntryDescription.objects.get().cip_code == "52.0211"


def test_every_column_is_explained_in_the_readers_language(client: Client) -> None:
    english, french = (
        client.get("/import/template.csv", headers={"accept-language": language}).content.decode("utf-8-sig")
        for language in ("en", "fr")
    )
    rows = list(csv.reader(io.StringIO(english)))
    assert tuple(rows[0]) == COLUMNS
    assert [row[0].split(":")[0] for row in rows[1:-1]] == [f"# {name}" for name in COLUMNS]
    assert english != french


def test_the_workbook_explains_in_its_second_sheet(client: Client) -> None:
    book = load_workbook(io.BytesIO(client.get("/import/template.xlsx").content))
    assert book.sheetnames == ["offers", "columns"]
    explained = list(book["columns"].iter_rows(min_row=2, values_only=True))
    assert [row[0] for row in explained] == list(COLUMNS)
    assert all(row[1] for row in explained)
    assert {row[0] for row in explained if row[2]} == {"provider", "entry_number", "title", "kind", "price"}
    assert book["offers"].column_dimensions["A"].number_format == "@"


def test_a_hint_belongs_to_a_column() -> None:
    assert tuple(column.name for column in TABLE) == COLUMNS
    assert "in_person, blended, online" in hint("A1/mode")
    assert (hint("A1/S1"), hint(None)) == ("", "")
