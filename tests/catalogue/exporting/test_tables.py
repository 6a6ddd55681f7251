"""The register as CSV and JSON: whole, harmless, with a query count that does not grow with the entries."""

import csv
import io
import json
import tracemalloc
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from catalogue.exporting import tables
from catalogue.exporting.cells import csv_lines, defused
from catalogue.exporting.records import plain, read_register
from tests.catalogue.exporting.conftest import make_entry
from tests.factories.catalogue import MicroCredentialFactory, SessionFactory
from tests.support.queries import assert_queries_constant, captured_queries

pytestmark = pytest.mark.django_db
FORMULA = '=HYPERLINK("http://evil.example","x")'


def rows(client: Client, address: str) -> list[dict[str, str]]:
    answer = client.get(address)
    assert answer.status_code == 200
    text = b"".join(answer).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_an_entry_is_one_line_with_what_is_known_of_it(client: Client) -> None:
    one = make_entry()
    [row] = rows(client, "/catalogue/data/register.csv")
    assert tuple(row) == tables.ENTRY_COLUMNS
    assert row["id"] == f"https://ila.example/catalogue/{one.pk}/"
    assert (row["entry"], row["title"]) == (one.entry, "Welding 1")
    assert (row["price"], row["currency"]) == ("999.00", "EUR")
    assert (row["modes"], row["cities"], row["next_start"]) == ("in_person|online", "Lyon", "2027-06-14")
    assert (row["accredited"], row["accreditation_authority"]) == ("yes", "Qualiopi")
    assert (row["has_prerequisites"], row["goals"]) == ("", "Weld & cut.\nsafely")


def test_sessions_are_lines_of_their_own(client: Client) -> None:
    one = make_entry()
    SessionFactory.create(micro_credential=one, removed_at=one.created_at)
    found = rows(client, "/catalogue/data/sessions.csv")
    assert [(row["price"], row["mode"], row["guaranteed"]) for row in found] == [
        ("1650.00", "in_person", "no"),
        ("999.00", "online", "yes"),
    ]
    assert {row["entry_id"] for row in found} == {f"https://ila.example/catalogue/{one.pk}/"}
    assert found[0]["latitude"] == "45.7"


def test_what_is_not_public_is_not_exported(client: Client) -> None:
    MicroCredentialFactory.create(draft=True)
    MicroCredentialFactory.create(delisted=True)
    suspended = MicroCredentialFactory.create(suspended=True)
    assert [row["state"] for row in rows(client, "/catalogue/data/register.csv")] == ["suspended"]
    told = json.loads(b"".join(client.get("/catalogue/data/register.json")))
    assert [one["entry"] for one in told["entries"]] == [suspended.entry]
    assert told["entries"][0]["accreditation"] is None


def test_json_says_null_for_what_nobody_said(client: Client) -> None:
    make_entry()
    told = json.loads(b"".join(client.get("/catalogue/data/register.json")))
    [one] = told["entries"]
    assert one["has_prerequisites"] is None
    assert one["assessed"] is None
    assert one["workload"] == 3.0
    assert one["workload_scheme"] == "ects"
    assert [session["price"] for session in one["sessions"]] == ["1650.00", "999.00"]
    assert one["offers"][0]["city"] == "Lyon"


def test_an_empty_register_is_a_file_all_the_same(client: Client) -> None:
    assert rows(client, "/catalogue/data/register.csv") == []
    assert json.loads(b"".join(client.get("/catalogue/data/register.json")))["entries"] == []


def test_formulas_are_defused(client: Client) -> None:
    make_entry(title=FORMULA, goals_html="<p>@SUM(A1)</p>")
    [row] = rows(client, "/catalogue/data/register.csv")
    assert (row["title"], row["goals"]) == (f"'{FORMULA}", "'@SUM(A1)")


@given(st.text(max_size=20))
def test_no_cell_begins_as_a_formula_does(text: str) -> None:
    assert not defused(text).lstrip(" \u00a0\u200b").startswith(("=", "+", "-", "@", "\t", "\r"))


@given(
    st.lists(st.tuples(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)))
)
def test_a_table_is_read_back_as_it_was_written(values: list[tuple[str]]) -> None:
    text = "".join(csv_lines(["a"], values)).removeprefix("\ufeff")
    read = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert [row[0] if row else "" for row in read[1:]] == [defused(value) for (value,) in values]


def test_numbers_of_ours_stay_numbers() -> None:
    assert defused(-73.9) == "-73.9"
    assert defused(None) == ""


def test_texts_lose_their_tags_and_keep_their_lines() -> None:
    assert plain("<p>One &amp; <b>two</b></p><p>three<br>four</p>") == "One & two\nthree\nfour"


def test_four_queries_for_each_batch() -> None:
    assert_queries_constant(
        lambda n: [make_entry(number) for number in range(n)],
        lambda: list(read_register(batch=50)),
        expected=5,
    )


def test_memory_does_not_grow_with_the_register() -> None:
    text = "<p>" + "x" * 20_000 + "</p>"
    peaks = []
    for entries in (40, 160):
        while MicroCredentialFactory._meta.model.objects.count() < entries:
            MicroCredentialFactory.create(goals_html=text)
        tracemalloc.start()
        total = sum(len(piece) for piece in _in_batches(10))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert total > entries * 20_000
    assert peaks[1] < peaks[0] * 2


def _in_batches(size: int) -> Any:
    return tables.joined(json.dumps(tables.entry_object(one)) for one in read_register(batch=size))


def test_asking_for_the_headers_reads_nothing(client: Client) -> None:
    make_entry()
    with captured_queries() as asked:
        answer = client.head("/catalogue/data/register.csv")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="register-2026-05-04.csv"')
    assert (answer.content, len(asked)) == (b"", 0)
