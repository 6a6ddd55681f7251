"""`fraud_load`: any order, whole or not at all, and every fault told with its file and line."""

import json

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

from fraud.facts.reading import FactsRefusedError
from fraud.models import EVALUATION, LIVE
from fraud.services.loads import load_population
from tests.fraud.population import Population

pytestmark = pytest.mark.django_db


@pytest.fixture
def directory(tmp_path):
    people = Population()
    people.honest(2, 3)
    return people.write(tmp_path / "facts")


def _spoil(directory, name, text):
    path = directory / f"{name}.csv"
    path.write_text(text(path.read_text()) if callable(text) else text)


def test_a_population_takes_the_place_of_the_one_before(directory):
    first = load_population(directory=directory)
    assert first.rows["bookings"] == 6
    load_population(directory=directory)
    assert EVALUATION["bookings"]._default_manager.count() == 6
    assert not any(model._default_manager.exists() for model in LIVE.values())


def test_rows_in_any_order_and_labels_that_are_left_out(directory):
    people = Population()
    people.honest(2, 3)
    people.write(directory, shuffle=3)
    (directory / "labels.csv").write_text("nothing,that\nis,read\n")
    assert load_population(directory=directory).missing_files == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("bookings", lambda t: t.replace("L", "X", 1), "bookings.csv: line 2: unknown learner_id 'X"),
        ("logins", "subject_kind,subject_id,at,recorded_at\nlearner,nobody,2026-01-01,2026-01-01\n",
         "logins.csv: line 2: unknown learner 'nobody'"),
        ("places", "ip_hash,kind,recorded_at\na,castle,2026-01-01\n", "places.csv: line 2: kind is 'castle'"),
        ("places", "ip_hash,kind,recorded_at\na,library,yesterday\n", "line 2: recorded_at is 'yesterday'"),
        ("places", "ip_hash,kind,recorded_at\na,library,\n", "line 2: recorded_at is blank"),
        ("places", "ip_hash,kind,recorded_at\n,library,2026-01-01\n", "line 2: ip_hash is blank"),
        ("places", "ip_hash,kind,recorded_at\na,library\n", "line 2: 2 values in place of 3"),
        ("places", "ip_hash,ip_hash,recorded_at\n", "line 1: the column ip_hash occurs twice"),
        ("places", "", "places.csv: line 1: there is no header"),
        ("places", 'ip_hash,kind,recorded_at\n"a\nb",library,2026-01-01\n"c,library\n', "line 4: this is not CSV"),
        ("places", "ip_hash,kind,recorded_at\na\x00b,library,2026-01-01\n", "NUL"),
        ("blacklist", f"entry_id,person_name,recorded_at\na,{'x' * 20_000},2026-01-01\n", "longer than 10,000"),
        ("blacklist", f"entry_id,person_name,recorded_at\na,{'x' * 200_000},2026-01-01\n", "this is not CSV"),
        ("venues", "venue_id,capacity,opens,recorded_at\nv,9,25:00,2026-01-01\n", "not a time of the day"),
        ("venues", "venue_id,capacity,opens,recorded_at\nv,1e3,,2026-01-01\n", "not a whole number"),
        ("scheme", "advance_percent,recorded_at\n120,2026-01-01\n", "not between 0 and 100"),
        ("scheme", "advance_percent,recorded_at\nNaN,2026-01-01\n", "not a number"),
        ("scheme", "advance_percent,recorded_at\n9,9999-12-31T23:59:59-23:00\n", "not a time of the calendar"),
        ("blacklist", "entry_id,birth_date,recorded_at\na,20270231,2026-01-01\n", "not a date"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_file_and_line_and_nothing_changes(directory, name, text, message):
    load_population(directory=directory)
    _spoil(directory, name, text)
    with pytest.raises(FactsRefusedError) as refused:
        load_population(directory=directory)
    assert message in str(refused.value)
    assert EVALUATION["bookings"]._default_manager.count() == 6


def test_bytes_that_are_not_utf_8_are_refused(directory):
    (directory / "blacklist.csv").write_bytes(b"entry_id,person_name,recorded_at\na,Andr\xe9,2026-01-01\n")
    with pytest.raises(FactsRefusedError, match=r"blacklist.csv: .*not UTF-8"):
        load_population(directory=directory)


def test_names_in_any_script_and_odd_characters_arrive_as_they_are(directory):
    name = "Ольга\t\\N 李小龙 \U0001f393"
    _spoil(
        directory, "blacklist", f'entry_id,person_name,recorded_at\na,"{name}",2026-01-01T00:00:00+02:00\n'
    )
    load_population(directory=directory)
    row = EVALUATION["blacklist"]._default_manager.values().get()
    assert row["person_name"] == name
    assert row["recorded_at"].isoformat() == "2025-12-31T22:00:00+00:00"


def test_missing_files_and_columns_are_reported(directory, capsys):
    (directory / "surveys.csv").unlink()
    _spoil(directory, "places", "ip_hash,recorded_at\n")
    _spoil(directory, "venues", "capacity,recorded_at\n")
    _spoil(directory, "sessions", lambda text: text)
    call_command("fraud_load", str(directory), "--json")
    report = json.loads(capsys.readouterr().out)
    assert report["missing_files"] == ["surveys"]
    assert report["missing_columns"]["places"] == ["kind"]
    assert report["unusable"] == {"venues": "venue_id"}
    assert report["not_run"]["D03"] == "surveys is missing"
    assert report["not_run"]["D01"] == "places.kind is missing"


def test_a_directory_without_facts_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        call_command("fraud_load", str(tmp_path))
    assert left.value.code == 1
    assert "there is no file of facts" in capsys.readouterr().err


def test_the_application_may_not_empty_live_facts(directory):
    tables = {model._meta.db_table for model in apps.get_app_config("fraud").get_models()}
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'fraud_clear_evaluation'")
        body = cursor.fetchone()[0]
    emptied = {name for name in tables if name in body}
    assert emptied == {model._meta.db_table for model in EVALUATION.values()}
