"""New Jersey's register and list of programmes: real, dirty, and spoilt on purpose."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from accounts.services import service_users
from catalogue.importing.problems import Report
from catalogue.models import Accreditation, AccreditationLog, MicroCredential, MicroCredentialLog, Provider
from catalogue.services import accreditations
from catalogue.services.imports import import_catalogue
from ila.core import clock
from tests.catalogue.conftest import DATA, counts, errors, warnings
from tests.catalogue.edof_files import P1, F, Folder
from tests.catalogue.etpl_files import PROGRAM, PROVIDER, program, programs, provider, providers, table

NOVEMBER = datetime(2026, 11, 2, 12, tzinfo=UTC)
EARLY = date(2026, 11, 2)


@pytest.fixture
def import_etpl(db: None, folder: Folder) -> Callable[..., Report]:
    """Import programmes (rows, or the text of a file) with a register (the same)."""

    def run(*rows: Any, register: Any = None, **options: Any) -> Report:
        files = [folder.put(row) for row in rows if isinstance(row, str | bytes)]
        records = [row for row in rows if isinstance(row, dict)]
        if records:
            files.append(folder.put(programs(*records)))
        told = register if register is not None else [provider()]
        text = told if isinstance(told, str | bytes) else providers(*told)
        with clock.at(NOVEMBER):
            return import_catalogue(kind="etpl", files=files, register=folder.put(text), **options)

    return run


# -- the real files


def import_real(**options: Any) -> Report:
    with clock.at(NOVEMBER):
        return import_catalogue(
            kind="etpl",
            files=[DATA / "etpl" / "programs.csv"],
            register=DATA / "etpl" / "providers.csv",
            **options,
        )


def test_the_real_register(db: None, listing) -> None:
    report = import_real()
    assert counts(report) == (738, 0, 0, 0, 0)
    assert errors(report) == []
    expected = {
        "not_accredited": 127,
        "price_zero": 44,
        "hours_missing": 22,
        "zip_restored": 20,
        "name_missing": 18,
        "cip_restored": 9,
        "total_mismatch": 8,
    }
    assert Counter(one[0] for one in warnings(report)) == expected
    again = import_real(full=True)
    assert counts(again) == (0, 0, 738, 0, 0)
    assert Counter(one[0] for one in warnings(again)) == expected
    assert Provider.objects.count() == 1382
    assert Counter(Accreditation.objects.values_list("state", flat=True)) == {
        "suspended": 953,
        "accredited": 361,
        "submitted": 68,
    }
    assert Counter(Provider.objects.exclude(region="").values_list("postcode", flat=True))["08096"] > 0
    names = set(Provider.objects.values_list("name", flat=True))
    assert 'Platys Group "Level Up" Training Center - TP' in names
    listed = listing(on=EARLY)
    assert list(listed) == sorted(listed)
    assert listed["423/513"]["title"] == "Intro to Water/Wastewater Operations"
    assert listed["423/513"]["price_cents"] == 140_000
    assert listed["423/513"]["sessions"] == []
    reasons = Counter(reason for one in listed.values() for reason in one["reasons"])
    assert reasons == {"not_accredited": 445, "price_zero": 44, "name_missing": 43, "total_mismatch": 8}
    dated = listing(on=date(2021, 6, 1))
    assert sum(one["bookable"] for one in dated.values()) > sum(one["bookable"] for one in listed.values())
    assert not any('"' in one["title"] for one in listed.values())
    wrapped = [one["entry"] for one in listed.values() if one["html"]["content"].startswith('"')]
    # One provider wraps its texts three and four times over: unquoted twice, the rest is left.
    assert wrapped == ["7907/49469", "7907/49490", "7907/49506"]


# -- what a record becomes


def test_what_is_stored(import_etpl, listing) -> None:
    report = import_etpl(program(description="A & B\nline"))
    assert counts(report) == (1, 0, 0, 0, 0)
    assert warnings(report) == []
    assert listing(on=EARLY) == {
        "1/11": {
            "entry": "1/11",
            "provider": "1",
            "title": "Welding",
            "state": "registered",
            "html": {"goals": "", "content": "A &amp; B\nline"},
            "currency": "USD",
            "price_cents": 115_000,
            "bookable": True,
            "reasons": [],
            "sessions": [],
        }
    }
    entry = MicroCredential.objects.get()
    assert (entry.kind, entry.code, entry.hours) == ("course", "480508", Decimal(180))
    assert MicroCredentialLog.objects.get().target == "registered"


@pytest.mark.parametrize(
    ("value", "title"),
    [
        ('"A, B"', "A, B"),
        ('"School ""Up"" x"', 'School "Up" x'),
        ('"it"s time"', 'it"s time'),
        ('"A" and "B"', '"A" and "B"'),
        ('Say "A"', 'Say "A"'),
        ("  A \n B ", "A B"),
    ],
)
def test_a_value_wrapped_in_quotes_is_unwrapped_once_more(value, title, import_etpl) -> None:
    import_etpl(program(officialname=value))
    assert MicroCredential.objects.get().title == title


@pytest.mark.parametrize(
    ("changes", "code", "field", "reasons"),
    [
        ({"totalcost": "1151"}, "total_mismatch", "totalcost", ["total_mismatch"]),
        ({"totalcost": "1000001", "tuition": "999851"}, "total_mismatch", "totalcost", ["total_mismatch"]),
        (
            {"totalcost": "0", "tuition": "0", "fees": "0", "booksmaterialscost": "0"},
            "price_zero",
            "totalcost",
            ["price_zero"],
        ),
        ({"totalclockhours": "0"}, "hours_missing", "totalclockhours", []),
        ({"totalclockhours": ""}, "hours_missing", "totalclockhours", []),
        ({"cipcode": "90101"}, "cip_restored", "cipcode", []),
        ({"description": "<p>x</p><script>y</script>"}, "html_cleaned", "description", []),
    ],
)
def test_warnings_of_a_record(changes, code, field, reasons, import_etpl, listing) -> None:
    for expected in ((1, 0, 0, 0, 0), (0, 0, 1, 0, 0)):
        report = import_etpl(program(**changes))
        assert counts(report) == expected
        assert warnings(report) == [(code, "1/11", field)]
        assert report.warnings.listed[0].line == 2
    entry = listing(on=EARLY)["1/11"]
    assert entry["reasons"] == reasons
    assert entry["bookable"] is (not reasons)


def test_a_million_exactly_is_believed(import_etpl) -> None:
    assert warnings(import_etpl(program(totalcost="1000000", tuition="999850"))) == []


def test_a_restored_cip_and_unknown_hours_are_stored(import_etpl) -> None:
    import_etpl(program(cipcode="90101", totalclockhours="0"))
    entry = MicroCredential.objects.get()
    assert (entry.code, entry.hours) == ("090101", None)
    assert entry.description.cip_code == "09.0101"


def test_a_cip_that_no_list_has_is_kept_as_it_was_told(import_etpl) -> None:
    import_etpl(program(cipcode="999999"))
    entry = MicroCredential.objects.get()
    assert entry.code == "999999"
    assert not hasattr(entry, "description")


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"totalcost": "-5"}, "bad_price", "totalcost"),
        ({"totalcost": "free"}, "bad_price", "totalcost"),
        ({"totalcost": ""}, "bad_price", "totalcost"),
        ({"totalcost": "1,150"}, "bad_price", "totalcost"),
        ({"totalcost": "NaN"}, "bad_price", "totalcost"),
        ({"totalcost": "1e3"}, "bad_price", "totalcost"),
        ({"totalcost": "$1150"}, "bad_price", "totalcost"),
        ({"fees": "-100"}, "bad_price", "fees"),
        ({"officialname": ""}, "missing_value", "officialname"),
        ({"officialname": '""'}, "missing_value", "officialname"),
        ({"statusname": "Maybe"}, "missing_value", "statusname"),
    ],
)
def test_errors_of_a_record(changes, code, field, import_etpl) -> None:
    report = import_etpl(
        program("10", providerid="2"), program(**changes), register=[provider(), provider("2")]
    )
    assert errors(report) == [(code, "1/11", field)]
    assert report.errors.listed[0].line == 3
    assert counts(report) == (1, 0, 0, 1, 0)


def test_a_missing_programid(import_etpl) -> None:
    report = import_etpl(program(""), program(""), program("12"))
    assert errors(report) == [("missing_value", "1/", "programid")] * 2
    assert counts(report) == (0, 0, 0, 3, 0)


def test_an_unknown_provider(import_etpl) -> None:
    report = import_etpl(program(), program("12", providerid="9"))
    assert errors(report) == [("unknown_provider", "9/12", "providerid")]
    assert counts(report) == (1, 0, 0, 1, 0)


def test_a_programme_twice(import_etpl) -> None:
    report = import_etpl(programs(program()), programs(program(officialname="Other"), program("12")))
    assert errors(report) == [("duplicate", "1/11", "programid")]
    assert counts(report) == (0, 0, 0, 3, 0)


def test_the_same_name_under_another_id_is_another_entry(import_etpl) -> None:
    assert counts(import_etpl(program("11"), program("12"))) == (2, 0, 0, 0, 0)


def test_submitted_and_the_order_of_rows_and_columns_change_nothing(import_etpl, folder: Folder) -> None:
    import_etpl(program("11"), program("12"))
    turned = table(
        [program("12"), program("11", submitted="2026-01-01 00:00:00", fees="100.00")], [*PROGRAM][::-1]
    )
    assert counts(import_etpl(turned.replace("\n", "\r\n"))) == (0, 0, 2, 0, 0)


@pytest.mark.parametrize(
    "column", ["officialname", "description", "tuition", "cipcode", "totalclockhours", "prerequisites"]
)
def test_a_changed_value_is_an_update_once(column, import_etpl) -> None:
    import_etpl(program())
    value = "1001" if column == "tuition" else "777"
    changes = {column: value, **({"totalcost": "1151"} if column == "tuition" else {})}
    assert counts(import_etpl(program(**changes))) == (0, 1, 0, 0, 0)
    assert counts(import_etpl(program(**changes))) == (0, 0, 1, 0, 0)


# -- the programme's own status


@pytest.mark.parametrize(
    ("first", "then", "states"),
    [
        ("Approved", "Suspend", ["registered", "suspended"]),
        ("Approved", "Pending", ["registered", "suspended"]),
        ("Suspend", "Approved", ["suspended", "registered"]),
        ("Pending", "Approved", ["submitted", "registered"]),
        ("Pending", "Suspend", ["submitted", "suspended"]),
        ("Suspend", "Pending", ["suspended", "suspended"]),
    ],
)
def test_a_programmes_status(first, then, states, import_etpl, listing) -> None:
    seen = []
    for status in (first, then):
        import_etpl(program(statusname=status))
        entry = listing(on=EARLY)["1/11"]
        seen.append(entry["state"])
        assert entry["reasons"] == ([] if entry["state"] == "registered" else ["not_accredited"])
    assert seen == states
    assert counts(import_etpl(program(statusname=then))) == (0, 0, 1, 0, 0)


# -- the register


@pytest.mark.parametrize(
    ("status", "expiry", "state", "bookable_on"),
    [
        ("Approved", "", "accredited", {"1990-01-01": True, "2090-01-01": True}),
        ("Approved", "8/31/2021 12:00:00 AM", "accredited", {"2021-08-31": True, "2021-09-01": False}),
        ("Approved", "2022-06-10 00:00:00", "accredited", {"2022-06-10": True, "2022-06-11": False}),
        ("Suspend", "", "suspended", {"2026-11-02": False}),
        ("Pending", "", "submitted", {"2026-11-02": False}),
    ],
)
def test_statuses_and_last_days(status, expiry, state, bookable_on, import_etpl, listing) -> None:
    import_etpl(program(), register=[provider(statusname=status, certapprovalexp=expiry)])
    assert Accreditation.objects.get().state == state
    for day, bookable in bookable_on.items():
        assert listing(on=date.fromisoformat(day))["1/11"]["bookable"] is bookable


def test_warnings_of_providers_come_once_and_again_each_call(import_etpl, listing) -> None:
    register = [
        provider(zip="7102", name="", certapprovalexp="8/31/2021 12:00:00 AM"),
        provider("2", zip="8096-1234"),
        provider("3", statusname="Suspend"),
    ]
    for _ in range(2):
        report = import_etpl(program("11"), program("12"), register=register)
        assert warnings(report) == [
            ("zip_restored", "1", "zip"),
            ("name_missing", "1", "name"),
            ("zip_restored", "2", "zip"),
            ("not_accredited", "1", None),
        ]
        assert {one.line for one in report.warnings.listed} == {None}
    assert set(Provider.objects.values_list("postcode", flat=True)) == {"07102", "08096-1234"}
    assert listing(on=date(2020, 1, 1))["1/11"]["reasons"] == ["name_missing"]
    assert listing(on=EARLY)["1/11"]["reasons"] == ["not_accredited", "name_missing"]


@pytest.mark.parametrize(
    ("first", "then", "state"),
    [
        ("Approved", "Suspend", "suspended"),
        ("Approved", "Pending", "suspended"),
        ("Suspend", "Approved", "accredited"),
        ("Suspend", "Pending", "suspended"),
        ("Pending", "Approved", "accredited"),
        ("Pending", "Suspend", "suspended"),
    ],
)
def test_a_later_register_moves_the_accreditation_with_its_log(first, then, state, import_etpl) -> None:
    for status in (first, then, then):
        report = import_etpl(program(), register=[provider(statusname=status)])
        assert counts(report)[0] + counts(report)[2] == 1
    accreditation = Accreditation.objects.get()
    assert accreditation.state == state
    rows = list(AccreditationLog.objects.order_by("pk"))
    assert rows[0].source == ""
    assert rows[-1].target == state
    assert all(one.source == before.target for before, one in pairwise(rows))


def test_a_prolonged_accreditation_is_amended(import_etpl) -> None:
    import_etpl(program(), register=[provider(certapprovalexp="8/31/2021 12:00:00 AM")])
    import_etpl(program(), register=[provider(certapprovalexp="2027-08-31 00:00:00", name="New Name")])
    assert Accreditation.objects.get().valid_until == date(2027, 8, 31)
    assert AccreditationLog.objects.get(transition="amend").data == {
        "before": [None, "2021-08-31"],
        "after": [None, "2027-08-31"],
    }
    assert "new name" in MicroCredential.objects.get().search_text


def test_a_suspension_by_an_officer_outlives_the_register(import_etpl) -> None:
    import_etpl(program())
    accreditations.suspend_accreditation(
        actor=service_users.get("demo"),
        accreditation_id=Accreditation.objects.get().pk,
        reason="under investigation",
    )
    report = import_etpl(program())
    assert Accreditation.objects.get().state == "suspended"
    assert ("not_accredited", "1", None) in warnings(report)


def test_a_withdrawal_by_an_officer_outlives_the_register(import_etpl) -> None:
    import_etpl(program())
    accreditations.withdraw_accreditation(
        actor=service_users.get("demo"), accreditation_id=Accreditation.objects.get().pk, reason="fraud"
    )
    report = import_etpl(program())
    assert Accreditation.objects.get().state == "withdrawn"
    assert ("not_accredited", "1", None) in warnings(report)


def test_an_expired_accreditation_is_renewed_by_the_register(import_etpl) -> None:
    import_etpl(program(), register=[provider(certapprovalexp="8/31/2021 12:00:00 AM")])
    assert accreditations.expire_accreditations(actor=service_users.get("clock"), now=NOVEMBER) == 1
    assert (
        warnings(import_etpl(program(), register=[provider(certapprovalexp="8/31/2027 12:00:00 AM")])) == []
    )
    assert sorted(Accreditation.objects.values_list("state", flat=True)) == ["accredited", "expired"]


def test_a_provider_dropped_keeps_its_accreditation_unless_the_register_is_full(import_etpl, listing) -> None:
    both = [provider(), provider("2")]
    import_etpl(program(), program("21", providerid="2"), register=both)
    import_etpl(program())
    assert listing(on=EARLY)["2/21"]["bookable"]
    report = import_etpl(program(), full=True)
    assert counts(report) == (0, 0, 1, 0, 0)
    assert listing(on=EARLY)["2/21"]["reasons"] == ["not_accredited"]
    assert listing(on=EARLY)["2/21"]["state"] == "registered"
    import_etpl(program(), register=both)
    assert listing(on=EARLY)["2/21"]["bookable"]


def test_full_delists_for_every_provider_of_the_register(import_etpl, listing) -> None:
    both = [provider(), provider("2"), provider("3")]
    import_etpl(program(), program("21", providerid="2"), program("31", providerid="3"), register=both)
    report = import_etpl(program(), program("32", providerid="3", totalcost="x"), register=both, full=True)
    assert counts(report) == (0, 0, 1, 1, 1)
    assert {name: one["state"] for name, one in listing().items()} == {
        "1/11": "registered",
        "2/21": "delisted",
        "3/31": "registered",
    }
    assert counts(import_etpl(program("21", providerid="2"), register=both)) == (0, 1, 0, 0, 0)


def test_the_register_holds_even_for_a_provider_whose_entries_are_rejected(import_etpl, listing) -> None:
    import_etpl(program())
    report = import_etpl(program(totalcost="x"), register=[provider(statusname="Suspend")])
    assert counts(report) == (0, 0, 0, 1, 0)
    assert listing(on=EARLY)["1/11"]["reasons"] == ["not_accredited"]


def test_a_dry_run_knows_the_register_it_does_not_store(import_etpl) -> None:
    register = [provider(certapprovalexp="8/31/2027 12:00:00 AM"), provider("2", statusname="Suspend")]
    rows = (program(), program("21", providerid="2"))
    dry = import_etpl(*rows, register=register, dry_run=True)
    assert not Provider.objects.exists()
    assert dry.as_json() == import_etpl(*rows, register=register).as_json()
    dropped = [provider("2", statusname="Approved")]
    dry = import_etpl(rows[1], register=dropped, full=True, dry_run=True)
    assert dry.as_json() == import_etpl(rows[1], register=dropped, full=True).as_json()


# -- refused whole


def without(text: str, column: str) -> str:
    columns = text.split("\n", 1)[0].split(",")
    return text.replace(column, "x" + column, 1) if column in columns else text


GOOD, REGISTER = programs(program()), providers(provider())
FILES = {
    "empty": (b"", "not_csv"),
    "header alone without a column": (without(GOOD, "totalcost").encode(), "not_csv"),
    "providerid missing": (without(GOOD, "providerid").encode(), "not_csv"),
    "short record": (GOOD.encode() + b"12,1,Short\n", "not_csv"),
    "long record": (GOOD.rstrip("\n").encode() + b",more\n", "not_csv"),
    "unclosed quote": (GOOD.encode() + b'12,1,"Open\n', "not_csv"),
    "text after a quote": (GOOD.replace("Welding", '"Weld"ing').encode(), "not_csv"),
    "NUL": (GOOD.replace("Welding", "Wel\0ding").encode(), "not_csv"),
    "empty providerid": (programs(program(providerid="")).encode(), "not_csv"),
    "not UTF-8": (GOOD.replace("Welding", "Soudé").encode("iso-8859-1"), "wrong_encoding"),
    "UTF-16": (GOOD.encode("utf-16-le"), "not_csv"),
    "a column twice": (GOOD.replace("fees", "tuition", 1).encode(), "not_csv"),
}
REGISTERS = {
    "unknown status": (providers(provider(statusname="Retired")), "bad_register"),
    "blank status": (providers(provider(statusname="")), "bad_register"),
    "impossible day": (providers(provider(certapprovalexp="2/30/2021 12:00:00 AM")), "bad_register"),
    "impossible ISO day": (providers(provider(certapprovalexp="2021-02-30 00:00:00")), "bad_register"),
    "no day": (providers(provider(certapprovalexp="soon")), "bad_register"),
    "an id twice": (providers(provider(), provider()), "bad_register"),
    "empty providerid": (providers(provider(providerid="")), "not_csv"),
    "missing column": (without(REGISTER, "statusname"), "not_csv"),
    "short record": (REGISTER + "2,School\n", "not_csv"),
    "not UTF-8": (providers(provider(name="École")).encode("iso-8859-1"), "wrong_encoding"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_refused_whole(name, import_etpl) -> None:
    content, code = FILES[name]
    report = import_etpl(GOOD, content)
    assert counts(report) == (0, 0, 0, 0, 0)
    assert [one[:2] for one in errors(report)] == [(code, None)]
    assert warnings(report) == []
    assert not Provider.objects.exists()


@pytest.mark.parametrize("name", REGISTERS)
def test_registers_refused_whole(name, import_etpl) -> None:
    content, code = REGISTERS[name]
    report = import_etpl(GOOD, register=content)
    assert counts(report) == (0, 0, 0, 0, 0)
    assert [one[:2] for one in errors(report)] == [(code, None)]
    assert not Provider.objects.exists()


def test_lines_are_where_a_record_starts(import_etpl) -> None:
    text = programs(program(description="a\nb\r\nc\rd"), program("12", totalcost="x"))
    report = import_etpl("\ufeff" + text.replace("\n12,", "\n\n12,"))
    assert [one.line for one in report.errors.listed] == [7]


def test_extra_columns_and_a_header_alone_are_fine(import_etpl) -> None:
    wider = table([{**program(), "more": "x"}], [*PROGRAM, "more"])
    assert counts(import_etpl(wider)) == (1, 0, 0, 0, 0)
    assert counts(import_etpl(table([], PROGRAM), register=table([], PROVIDER))) == (0, 0, 0, 0, 0)


# -- the register of French providers


def import_french(folder: Folder, *rows: str, **options: Any) -> Report:
    with clock.at(NOVEMBER):
        return import_catalogue(
            kind="edof", files=[folder.edof(F())], register=folder.register(*rows), **options
        )


@pytest.mark.parametrize(
    ("row", "bookable_on"),
    [
        (
            f"{P1},École,Approved,2026-01-01,2026-12-31",
            {"2025-12-31": False, "2026-01-01": True, "2026-12-31": True},
        ),
        (f"{P1},École,Approved,,2026-12-31", {"1999-01-01": True, "2027-01-01": False}),
        (f"{P1},École,Approved,2026-01-01,", {"2027-05-01": True}),
        (f'{P1},"""École""",Approved,,', {"2026-11-02": True}),
        (f"{P1},École,Suspend,,", {"2026-11-02": False}),
        (f"{P1},École,Pending,,", {"2026-11-02": False}),
    ],
)
def test_a_french_register(row, bookable_on, db: None, folder: Folder, listing) -> None:
    import_french(folder, row)
    assert Provider.objects.get().name == "École"
    for day, accredited in bookable_on.items():
        entry = listing(on=date.fromisoformat(day))[f"{P1}/F1"]
        assert ("not_accredited" not in entry["reasons"]) is accredited


def test_a_provider_of_the_catalogue_alone_is_a_draft_until_a_register_names_it(
    db, folder: Folder, listing
) -> None:
    with clock.at(NOVEMBER):
        report = import_catalogue(kind="edof", files=[folder.edof(F())])
    assert warnings(report) == [("not_accredited", P1, None)]
    assert Accreditation.objects.get().state == "draft"
    assert listing(on=EARLY)[f"{P1}/F1"]["reasons"] == ["not_accredited"]
    assert warnings(import_french(folder, f"{P1},École,Approved,,")) == []
    assert listing(on=EARLY)[f"{P1}/F1"]["bookable"]
    assert list(AccreditationLog.objects.order_by("pk").values_list("target", flat=True)) == [
        *("draft", "submitted", "in_review", "accredited"),
    ]


def test_a_nameless_french_provider(db: None, folder: Folder, listing) -> None:
    assert warnings(import_french(folder, f"{P1},,Approved,,")) == [("name_missing", P1, "name")]
    assert listing(on=EARLY)[f"{P1}/F1"]["reasons"] == ["name_missing"]


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ((f"{P1},É,approved,,",), "bad_register"),
        ((f"{P1},É,Approved,2026-02-30,",), "bad_register"),
        ((f"{P1},É,Approved,12/31/2026,",), "bad_register"),
        ((f"{P1},É,Approved,2026-12-31,2026-01-01",), "bad_register"),
        ((f"{P1},É,Approved,,", f"{P1},É,Approved,,"), "bad_register"),
        ((",É,Approved,,",), "not_csv"),
        ((f"{P1},É",), "not_csv"),
    ],
)
def test_french_registers_refused_whole(rows, code, db: None, folder: Folder) -> None:
    report = import_french(folder, *rows)
    assert counts(report) == (0, 0, 0, 0, 0)
    assert [one[0] for one in errors(report)] == [code]
    assert not Provider.objects.exists()


def test_a_register_that_is_not_there(db: None, folder: Folder) -> None:
    report = import_catalogue(kind="edof", files=[folder.edof(F())], register=Path("/nowhere.csv"))
    assert errors(report) == [("not_found", None, None)]
