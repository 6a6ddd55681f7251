"""The platform's own table: what a row becomes, what is wrong with it, in CSV and in XLSX alike."""

import tracemalloc
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from catalogue.importing.problems import Report
from catalogue.importing.spool import Spool
from catalogue.importing.template import COLUMNS, read_file
from catalogue.models import Accreditation, MicroCredential, Offer, Session
from catalogue.services.imports import import_catalogue
from tests.catalogue.conftest import counts, errors, warnings
from tests.catalogue.edof_files import Folder
from tests.catalogue.importing.tables import P1, P2, as_csv, as_xlsx, row, write_many

pytestmark = pytest.mark.django_db
Import = Callable[..., Report]


@pytest.fixture(params=["csv", "xlsx"])
def import_rows(request: pytest.FixtureRequest, folder: Folder) -> Import:
    """Import rows, once as CSV and once as a workbook."""

    def run(*rows: dict[str, Any], register: Path | None = None, **options: Any) -> Report:
        content = as_csv(*rows) if request.param == "csv" else as_xlsx(*rows)
        return import_catalogue(kind="template", files=[folder.put(content)], register=register, **options)

    return run


def test_a_row_becomes_an_entry_an_offer_and_a_session(import_rows: Import, folder: Folder) -> None:
    report = import_rows(row(), register=folder.register(f"{P1},École,Approved,,"))
    assert (counts(report), errors(report), warnings(report)) == ((1, 0, 0, 0, 0), [], [])
    entry = MicroCredential.objects.get()
    assert (entry.entry, entry.title, entry.kind, entry.state) == (
        f"{P1}/E1",
        "Welding",
        "course",
        "registered",
    )
    assert (str(entry.hours), entry.language, entry.has_prerequisites) == ("35.00", "fr", False)
    offer = Offer.objects.get()
    assert (offer.city, offer.price_cents, offer.latitude) == ("Lyon", 165_000, 45.76)
    session = Session.objects.get()
    assert session.starts_at is not None
    assert (session.state, session.starts_at.isoformat()) == ("open", "2027-06-13T22:00:00+00:00")
    assert Accreditation.objects.get().state == "accredited"


def test_rows_of_an_entry_make_its_offers_and_sessions(import_rows: Import) -> None:
    report = import_rows(
        row(),
        row(title="", kind="course", session_number="S2", starts="2027-09-01", ends="2027-09-02"),
        row(offer_number="A2", city="Paris", postcode="75001", price="900", session_number="S1"),
        row(entry_number="E2", session_number="", starts="", ends="", open="", guaranteed=""),
    )
    assert counts(report) == (2, 0, 0, 0, 0)
    assert sorted(Session.objects.values_list("offer__external_id", "external_id", "price_cents")) == [
        ("A1", "S1", 165_000),
        ("A1", "S2", 165_000),
        ("A2", "S1", 90_000),
    ]


def test_the_same_file_changes_nothing(import_rows: Import) -> None:
    import_rows(row())
    assert counts(import_rows(row())) == (0, 0, 1, 0, 0)
    assert counts(import_rows(row(price="1700"))) == (0, 1, 0, 0, 0)
    assert Session.objects.get().price_cents == 170_000
    assert counts(import_rows(row(entry_number="E2"), full=True)) == (1, 0, 0, 0, 1)


def test_a_dry_run_writes_nothing(import_rows: Import) -> None:
    assert counts(import_rows(row(), dry_run=True)) == (1, 0, 0, 0, 0)
    assert not MicroCredential.objects.exists()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"provider": "12345678901234"}, ("bad_siret", "provider")),
        ({"title": "  "}, ("missing_value", "title")),
        ({"kind": "poem"}, ("bad_value", "kind")),
        ({"price": ""}, ("bad_price", "A1/price")),
        ({"price": "0"}, ("bad_price", "A1/price")),
        ({"price": "-5"}, ("bad_price", "A1/price")),
        ({"price": "1e3"}, ("bad_price", "A1/price")),
        ({"price": "99999999999"}, ("bad_price", "A1/price")),
        ({"starts": "2027-02-30"}, ("bad_date", "A1/S1/starts")),
        ({"starts": "soon"}, ("bad_date", "A1/S1/starts")),
        ({"ends": "2027-06-13"}, ("bad_period", "A1/S1/ends")),
        ({"hours": "many"}, ("bad_value", "hours")),
        ({"has_prerequisites": "perhaps"}, ("bad_value", "has_prerequisites")),
        ({"mode": "by post"}, ("bad_value", "A1/mode")),
        ({"country": "France"}, ("bad_value", "A1/country")),
        ({"latitude": "91"}, ("bad_value", "A1/latitude")),
        ({"latitude": ""}, ("bad_value", "A1/latitude")),
        ({"language": "français"}, ("bad_value", "language")),
        ({"session_number": ""}, ("missing_value", "A1/session_number")),
        ({"open": "maybe"}, ("bad_value", "A1/S1/open")),
        ({"city": "x" * 101}, ("bad_value", "A1/city")),
        ({"entry_number": "x" * 401}, ("missing_value", "entry_number")),
    ],
)
def test_what_cannot_be_is_an_error_that_names_its_place(
    import_rows: Import, changes: dict[str, str], expected: tuple[str, str]
) -> None:
    report = import_rows(row(**changes), row(provider=P2, entry_number="OK"))
    assert counts(report) == (1, 0, 0, 1, 0)
    assert [(one.code, one.field) for one in report.errors.listed] == [expected]
    assert report.errors.listed[0].line == 2


def test_rows_that_contradict_each_other_and_numbers_used_twice(import_rows: Import) -> None:
    report = import_rows(
        row(),
        row(session_number="S2", title="Sailing"),
        row(session_number="S1", city="Paris"),
        row(provider=P2),
        row(provider=P1, entry_number="E9"),
        row(provider=P2),
    )
    assert counts(report) == (0, 0, 0, 4, 0)
    assert [(one.code, one.field) for one in report.errors.listed] == [
        ("conflict", "title"),
        ("conflict", "A1/city"),
        ("duplicate", "A1/S1"),
        ("duplicate", "entry_number"),
    ]


def test_active_texts_are_cleaned_and_said_so(import_rows: Import) -> None:
    report = import_rows(row(goals='<p onclick="x()">Weld</p><script>x()</script>', title="<b>Weld</b>ing"))
    assert ("html_cleaned", f"{P1}/E1", "goals") in warnings(report)
    entry = MicroCredential.objects.get()
    assert (entry.goals_html, entry.title) == ("<p>Weld</p>", "Welding")


def test_a_lost_zero_of_a_postcode_is_put_back(import_rows: Import) -> None:
    report = import_rows(row(postcode="1000", country=""))
    assert ("zip_restored", f"{P1}/E1", "postcode") in warnings(report)
    assert Offer.objects.get().postcode == "01000"


def test_semicolons_and_decimal_commas_are_read(folder: Folder) -> None:
    content = "\ufeff" + as_csv(row(price="1650,50", hours="7,5"), delimiter=";")
    report = import_catalogue(kind="template", files=[folder.put(content)])
    assert counts(report) == (1, 0, 0, 0, 0)
    assert Offer.objects.get().price_cents == 165_050
    assert str(MicroCredential.objects.get().hours) == "7.50"


def test_numbers_and_days_of_a_spreadsheet_are_read(folder: Folder) -> None:
    typed = row(
        provider=int(P1),
        price=1650,
        hours=35.0,
        starts=date(2027, 6, 14),
        ends=datetime(2027, 6, 18, 9, 0),  # noqa: DTZ001
        open=True,
        latitude=45.76,
        longitude=4.83,
        postcode=69002,
    )
    report = import_catalogue(kind="template", files=[folder.put(as_xlsx(typed))])
    assert (counts(report), errors(report)) == ((1, 0, 0, 0, 0), [])
    again = import_catalogue(kind="template", files=[folder.put(as_csv(row()))])
    assert counts(again) == (0, 0, 1, 0, 0), "the same offer, however the cells are typed"


@pytest.mark.parametrize("missing", ["provider", "price"])
def test_a_missing_column_refuses_the_file(folder: Folder, missing: str) -> None:
    columns = tuple(name for name in COLUMNS if name != missing)
    given = {key: value for key, value in row().items() if key != missing}
    for content, code in (
        (as_csv(given, columns=columns), "not_csv"),
        (as_xlsx(given, columns=columns), "not_xlsx"),
    ):
        report = import_catalogue(kind="template", files=[folder.put(content)])
        assert [(one.code, one.field) for one in report.errors.listed] == [(code, missing)]
        assert counts(report) == (0, 0, 0, 0, 0)


def test_an_entry_of_endless_rows_is_an_error_and_stays_small(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalogue.importing.template.MAX_ROWS", 3)
    rows = [row(session_number=f"S{number}") for number in range(6)]
    report = import_catalogue(kind="template", files=[folder.put(as_csv(*rows))])
    assert errors(report) == [("too_large", f"{P1}/E1", "entry_number")]


def test_memory_does_not_grow_with_the_table(tmp_path: Path) -> None:
    peaks = []
    for entries in (300, 1200):
        path = tmp_path / f"{entries}.csv"
        write_many(path, entries=entries, providers=3)
        tracemalloc.start()
        with Spool("entry_number") as spool:
            for entry in read_file(path):
                spool.add(entry)
            assert (spool.entries, spool.rejected) == (entries, 0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5


@pytest.mark.parametrize("content", ["", "\n\n", "provider;entry_number\n", "x", "\0"])
def test_what_is_no_table_is_refused(folder: Folder, content: str) -> None:
    report = import_catalogue(kind="template", files=[folder.put(content)])
    assert [one.code for one in report.errors.listed] == ["not_csv"]
