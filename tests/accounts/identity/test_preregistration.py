"""Citizens that an agency registers in advance, by file: whole or not at all, errors named by row."""

from __future__ import annotations

import json
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import Citizen, CitizenMark, OpenFact
from accounts.services import identities
from accounts.services.preregistration import preregister_citizens
from ila.core.errors import DomainError
from tests.accounts.identity.support import CONFIG, NIR, configure, person, proved, registered

pytestmark = pytest.mark.django_db

HEADER = "given_name,family_name,birth_date,national_id_kind,national_id,birth_place,status"


def take(*rows: str, dry_run: bool = False, header: str = HEADER) -> Any:
    return preregister_citizens(StringIO("\n".join([header, *rows]) + "\n"), dry_run=dry_run)


def test_citizens_wait_for_their_owners(settings: Any) -> None:
    report = take(
        f"Camille,Durand,1990-02-03,fr.nir,{NIR},69123,job_seeker", "Ngọc Ánh,Nguyễn,1984-05-06,,,,"
    )
    assert (report.created, report.unchanged, report.errors) == (2, 0, [])
    first, second = Citizen.objects.order_by("pk")
    assert (first.user, first.status, first.birth_date) == (None, "job_seeker", date(1990, 2, 3))
    assert (second.status, second.family_name) == ("inactive", "Nguyễn")
    assert set(first.marks.values_list("kind", flat=True)) == {"national_id:fr.nir", "birth_place"}
    assert not CitizenMark.objects.filter(index__contains="69123").exists()
    assert OpenFact.objects.filter(fact="status").get().citizen == second
    configure(settings, CONFIG)
    number = NIR.replace(" ", "")
    said = proved(CONFIG, person=person(given_name="Kamille", facts={"national_id:fr.nir": number}))
    _identity, settled = identities.enrol(proved=said, email="c@example.org", language="fr")
    assert settled.citizen == first, "the number alone, however the name is written"


def test_a_trial_stores_nothing_and_says_the_same() -> None:
    report = take("Camille,Durand,1990-02-03,,,,", dry_run=True)
    assert (report.created, Citizen.objects.count()) == (1, 0)


def test_the_same_file_twice_changes_nothing() -> None:
    row = f"Camille,Durand,1990-02-03,fr.nir,{NIR},,"
    take(row)
    report = take(row)
    assert (report.created, report.unchanged, Citizen.objects.count()) == (0, 1, 1)


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        (",Durand,1990-02-03,,,,", "given_name", "missing_value"),
        ("---,Durand,1990-02-03,,,,", "given_name", "missing_value"),
        (f"{'x' * 101},Durand,1990-02-03,,,,", "given_name", "too_long"),
        ("Camille,Durand,03/02/1990,,,,", "birth_date", "bad_date"),
        ("Camille,Durand,1990-02-30,,,,", "birth_date", "bad_date"),
        ("Camille,Durand,1990-00-00,,,,", "birth_date", "bad_date"),
        ("Camille,Durand,2990-02-03,,,,", "birth_date", "bad_date"),
        ("Camille,Durand,1790-02-03,,,,", "birth_date", "bad_date"),
        ("Camille,Durand,1990-02-03,fr.nir,290026912345634,,", "national_id", "bad_number"),
        (f"Camille,Durand,1990-02-03,xx.yy,{NIR},,", "national_id_kind", "unknown_kind"),
        (f"Camille,Durand,1990-02-03,os.path,{NIR},,", "national_id_kind", "unknown_kind"),
        (f"Camille,Durand,1990-02-03,,{NIR},,", "national_id_kind", "unknown_kind"),
        ("Camille,Durand,1990-02-03,,,,rich", "status", "bad_value"),
        ("Camille,Durand,1990-02-03", "", "fields"),
        ("Camille,Durand,1990-02-03,,,,,,", "", "fields"),
        ("Noé,Petit,1980-01-01,,,,", "family_name", "duplicate"),
        ("Registered,Already,1970-01-01,,,,", "family_name", "registered"),
    ],
)
def test_one_row_at_fault_and_nothing_is_stored(row: str, column: str, code: str) -> None:
    registered(given_name="Registered", family_name="Already", birth_date=date(1970, 1, 1))
    report = take("Noé,Petit,1980-01-01,,,,", row)
    assert [(each.line, each.column, each.code) for each in report.errors] == [(3, column, code)]
    assert NIR not in report.errors[0].message
    assert (report.created, Citizen.objects.count()) == (0, 1)


def test_a_number_of_somebody_born_on_another_day_is_a_fault() -> None:
    take(f"Camille,Durand,1990-02-03,fr.nir,{NIR},,")
    report = take(f"Camille,Durand,1990-02-04,fr.nir,{NIR},,")
    assert [each.code for each in report.errors] == ["other_person"]


@pytest.mark.parametrize("header", ["given_name,family_name", HEADER + ",secret", HEADER + ",status", ""])
def test_a_file_of_other_columns_is_refused_whole(header: str) -> None:
    with pytest.raises(DomainError, match="invalid"):
        take("a,b", header=header)


def test_the_number_of_queries_does_not_grow_with_the_file(django_assert_num_queries: Any) -> None:
    def rows(start: int, count: int) -> list[str]:
        return [
            f"Anna,Petit{'abcdefghij'[n % 10] * (n // 10 + 1)},1980-01-01,,,69123,"
            for n in range(start, count)
        ]

    with django_assert_num_queries(7):
        take(*rows(0, 5))
    with django_assert_num_queries(7):
        take(*rows(5, 15))


def test_the_command_says_what_was_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "citizens.csv", StringIO()
    path.write_text(f"{HEADER}\nCamille,Durand,1990-02-03,,,,\n", encoding="utf-8-sig")
    call_command("citizens_preregister", str(path), stdout=out)
    assert out.getvalue() == "1 created, 0 registered before\n"
    out, err = StringIO(), StringIO()
    with pytest.raises(SystemExit, match="1"):
        call_command("citizens_preregister", str(path), "--json", stdout=out, stderr=err)
    assert json.loads(out.getvalue())["errors"][0]["code"] == "registered"
    assert "nothing was stored" in err.getvalue()
    for content in (b"\xff\xfe", b"a,b\n1,2\n"):
        path.write_bytes(content)
        with pytest.raises(SystemExit, match="1"):
            call_command("citizens_preregister", str(path), stderr=StringIO())
    with pytest.raises(SystemExit, match="1"):
        call_command("citizens_preregister", str(tmp_path / "none.csv"), stderr=StringIO())
