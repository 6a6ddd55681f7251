"""Whose offer a row is, and what it says of level, workload, field and skills."""

from collections.abc import Callable
from typing import Any

import pytest

from catalogue.importing.problems import Report
from catalogue.models import EntryDescription, Listing, MicroCredential, Offer, Provider, Session
from catalogue.selectors import traits
from catalogue.services import listings
from catalogue.services.imports import import_catalogue
from tests.catalogue.conftest import counts, errors, warnings
from tests.catalogue.edof_files import Folder
from tests.catalogue.importing.tables import P1, P2, as_csv, as_xlsx, row
from tests.factories.catalogue import ProviderFactory

pytestmark = pytest.mark.django_db
Import = Callable[..., Report]
ESCO = "http://data.europa.eu/esco/skill/00735755-adc6-4ea0-b034-b8caff339c9f"
DESCRIBED = {
    "workload": "3",
    "workload_scheme": "ECTS",
    "eqf_level": "5",
    "national_level": "Niveau 5",
    "isced_field": "0715",
    "skills": ESCO,
    "formacodes": "23026, 23035",
    "cip_code": "48.0508",
    "currency": "CHF",
}


@pytest.fixture(params=["csv", "xlsx"])
def import_rows(request: pytest.FixtureRequest, folder: Folder) -> Import:
    """Import rows, once as CSV and once as a workbook."""

    def run(*rows: dict[str, Any], **options: Any) -> Report:
        content = as_csv(*rows) if request.param == "csv" else as_xlsx(*rows)
        return import_catalogue(kind="template", files=[folder.put(content)], **options)

    return run


def test_what_describes_an_entry_is_stored(import_rows: Import) -> None:
    report = import_rows(row(**DESCRIBED))
    assert (counts(report), errors(report)) == ((1, 0, 0, 0, 0), [])
    entry = MicroCredential.objects.get()
    assert (str(entry.workload), entry.workload_scheme, entry.eqf_level) == ("3.00", "ects", 5)
    assert (entry.national_level, entry.isced_field, entry.skills) == ("Niveau 5", "0715", [ESCO])
    assert (entry.description.formacodes, entry.description.cip_code) == (["23026", "23035"], "48.0508")
    assert {"23026", "48.0508"} <= set(entry.search_text.split())
    assert {entry.currency, Offer.objects.get().currency, Session.objects.get().currency} == {"CHF"}
    assert counts(import_rows(row(**DESCRIBED))) == (0, 0, 1, 0, 0)


def test_what_a_later_table_leaves_empty_is_no_longer_specified(import_rows: Import, folder: Folder) -> None:
    import_rows(row(**DESCRIBED))
    EntryDescription.objects.update(awarding_body="A university")
    assert counts(import_rows(row(eqf_level="6"))) == (0, 1, 0, 0, 0)
    entry = MicroCredential.objects.get()
    assert (entry.workload, entry.workload_scheme, entry.eqf_level, entry.isced_field) == (None, None, 6, "")
    assert (entry.description.formacodes, entry.description.cip_code) == (None, None)
    assert entry.description.awarding_body == "A university", "what no table tells stays"
    plain = as_csv(row(title="Brazing"), columns=tuple(row()))
    import_catalogue(kind="template", files=[folder.put(plain)])
    assert MicroCredential.objects.get().eqf_level == 6, "a table without the column says nothing of it"


@pytest.mark.parametrize(
    ("told", "register", "number", "country"),
    [
        ({"provider": "500 000 000 00017"}, "siret", "50000000000017", "FR"),
        ({"provider_scheme": "SIRET"}, "siret", P1, "FR"),
        ({"provider": "BE 0403.170.701", "provider_scheme": "vat"}, "ila", "BE0403170701", "BE"),
        (
            {"provider": "0403170701", "provider_scheme": "vat", "provider_country": "be"},
            "ila",
            "BE0403170701",
            "BE",
        ),
        ({"provider": "EL094259216", "provider_scheme": "vat"}, "ila", "EL094259216", "GR"),
        (
            {"provider": "hrb 12345", "provider_scheme": "register", "provider_country": "DE"},
            "ila",
            "DE-HRB 12345",
            "DE",
        ),
    ],
)
def test_a_provider_is_known_by_its_number_and_whose_number_that_is(
    import_rows: Import, told: dict[str, str], register: str, number: str, country: str
) -> None:
    report = import_rows(row(**told))
    assert (counts(report), errors(report)) == ((1, 0, 0, 0, 0), [])
    provider = Provider.objects.get()
    assert (provider.register, provider.external_id, provider.country) == (register, number, country)
    assert warnings(report) == [("not_accredited", number, None)]
    assert MicroCredential.objects.get().entry == f"{number}/E1"


def test_a_provider_by_the_platforms_own_identifier(import_rows: Import) -> None:
    ProviderFactory.create(register="ila", external_id="DE-HRB 1")
    known = row(provider="DE-HRB 1", provider_scheme="platform")
    report = import_rows(known, row(provider="DE-HRB 2", provider_scheme="platform"))
    assert counts(report) == (1, 0, 0, 1, 0)
    assert errors(report) == [("unknown_provider", "DE-HRB 2/E1", "provider")]
    assert MicroCredential.objects.get().provider.external_id == "DE-HRB 1"


def test_providers_of_two_registers_come_in_one_table(import_rows: Import, folder: Folder) -> None:
    register = folder.put(
        "provider,name,status,valid_from,valid_until\n"
        f"{P1},École,Approved,,\nBE0403170701,School,Approved,2026-01-01,\n"
    )
    belgian = {"provider": "BE0403170701", "provider_scheme": "vat"}
    first = import_rows(row(), row(**belgian), row(**belgian, entry_number="E2"), register=register)
    assert (counts(first), errors(first), warnings(first)) == ((3, 0, 0, 0, 0), [], [])
    assert sorted(Provider.objects.values_list("register", "name")) == [("ila", "School"), ("siret", "École")]
    again = import_rows(row(), row(**belgian, entry_number="E2"), full=True)
    assert counts(again) == (0, 0, 2, 0, 1), "what a provider of either register lists no longer is delisted"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"provider": "BE0403170702", "provider_scheme": "vat"}, ("bad_value", "provider", "VAT")),
        ({"provider": "0403170701", "provider_scheme": "vat"}, ("bad_value", "provider", "country")),
        ({"provider": "XX1234567", "provider_scheme": "vat"}, ("bad_value", "provider", "VAT")),
        (
            {"provider": "HRB 1", "provider_scheme": "register"},
            ("missing_value", "provider", "provider_country"),
        ),
        (
            {"provider": "?", "provider_scheme": "register", "provider_country": "DE"},
            ("bad_value", "provider", "3 to 40"),
        ),
        ({"provider_scheme": "phone"}, ("bad_value", "provider", "siret, vat, register, platform")),
        ({"provider": "12345678901234"}, ("bad_siret", "provider", "provider_scheme")),
        ({"workload": "3"}, ("missing_value", "workload", "both")),
        ({"workload_scheme": "ects"}, ("missing_value", "workload", "both")),
        ({"workload": "-3", "workload_scheme": "ects"}, ("bad_value", "workload", "35 or 7.5")),
        ({"workload": "3", "workload_scheme": "days"}, ("bad_value", "workload_scheme", "ects, ecvet")),
        ({"eqf_level": "9"}, ("bad_value", "eqf_level", "1 to 8")),
        ({"national_level": "x" * 61}, ("bad_value", "national_level", "at most 60")),
        ({"isced_field": "9876"}, ("bad_value", "isced_field", "0613")),
        ({"skills": "https://evil.example/esco"}, ("bad_value", "skills", "esco/skill")),
        ({"formacodes": "2302"}, ("bad_value", "formacodes", "five digits")),
        ({"cip_code": "99.0000"}, ("bad_value", "cip_code", "11.0701")),
        ({"currency": "JPY"}, ("bad_value", "currency", "EUR, USD")),
        ({"kind": "poem"}, ("bad_value", "kind", "rncp, rs")),
        ({"mode": "post"}, ("bad_value", "mode", "in_person, blended, online")),
    ],
)
def test_errors_name_row_and_column_and_what_to_write(
    import_rows: Import, changes: dict[str, str], expected: tuple[str, str, str]
) -> None:
    report = import_rows(row(provider=P2), row(**changes))
    (problem,) = report.errors.listed
    code, column, words = expected
    assert (problem.code, problem.line) == (code, 3)
    assert (problem.field or "").rsplit("/", 1)[-1] == column
    assert words in problem.message


def test_an_error_in_a_later_row_names_that_row(import_rows: Import) -> None:
    report = import_rows(
        row(), row(session_number="S2", starts="soon"), row(session_number="S3", eqf_level="4")
    )
    assert [(one.code, one.line, one.field) for one in report.errors.listed] == [
        ("bad_date", 3, "A1/S2/starts"),
        ("conflict", 4, "eqf_level"),
    ]


def test_places_and_sessions_come_as_further_rows(import_rows: Import) -> None:
    blank = dict.fromkeys(row(), "")
    later = {"provider": P1, "entry_number": "E1"}
    report = import_rows(
        row(**DESCRIBED),
        {**blank, **later, "offer_number": "A1", "session_number": "S2", "starts": "2027-09-06"},
        {**blank, **later, "offer_number": "A2", "city": "Paris", "price": "1700", "session_number": "S1"},
    )
    assert (counts(report), errors(report)) == ((1, 0, 0, 0, 0), [])
    assert Offer.objects.count() == 2
    assert Session.objects.count() == 3


def test_zeros_that_spreadsheets_drop_are_put_back(import_rows: Import) -> None:
    report = import_rows(row(isced_field="613", cip_code="1.0901"))
    assert {one[0] for one in warnings(report)} == {"zero_restored", "cip_restored", "not_accredited"}
    entry = MicroCredential.objects.get()
    assert (entry.isced_field, entry.description.cip_code) == ("0613", "01.0901")


def test_comments_are_no_rows(import_rows: Import) -> None:
    comment = {**dict.fromkeys(row(), ""), "provider": "# price: in euros"}
    assert counts(import_rows(comment, row(), comment)) == (1, 0, 0, 0, 0)


def test_the_facet_of_fields_goes_by_isced_then_by_cip(import_rows: Import) -> None:
    field = traits.TRAITS["field"]
    import_rows(
        row(isced_field="0715", cip_code="11.0701"),
        row(entry_number="E2", cip_code="11.0701"),
        row(entry_number="E3", formacodes="23026"),
    )
    listings.bring_all_up_to_date()
    bits = {
        line.entry.external_id: line.traits & field.ones << field.shift
        for line in Listing.objects.select_related("entry")
    }
    assert bits == {"E1": field.value("07"), "E2": field.value("06"), "E3": 0}
