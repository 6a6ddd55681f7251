"""`manage.py replay --population`: its table, its files, its JSON, and what it refuses; the single scenario stays."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from funding.models import Posting
from tests.support.world import World

pytestmark = pytest.mark.django_db
RUN = ("replay", "--population", "--scheme", "cpf", "--generate", "300", "--years", "2026-2027")


@pytest.fixture
def rules(tmp_path: Path) -> str:
    path = tmp_path / "rules.json"
    path.write_text('{"participation_cents": 20000, "cap_cents": 400000}')
    return str(path)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """The lines on standard error of a call that ends with status 2 and prints nothing else."""
    with pytest.raises(SystemExit) as exit_:
        call_command(*arguments)
    assert exit_.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    return told.err.splitlines()


def test_it_prints_a_table_and_writes_charts(
    rules: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "out"
    call_command(*RUN, "--rules", rules, "--seed", "3", "--out", str(out))
    told = capsys.readouterr().out
    for expected in (
        "300 generated learners, seed 3",
        "What is changed",
        "Public money paid out",
        "All years",
    ):
        assert expected in told
    assert {path.name for path in out.iterdir()} >= {"costs.svg", "gains_rights.svg", "result.json"}
    assert json.loads((out / "result.json").read_text())["population"]["seed"] == 3


def test_json_is_one_object_and_the_same_to_the_byte(rules: str, capsys: pytest.CaptureFixture[str]) -> None:
    printed = []
    for workers in ("1", "1"):
        call_command(*RUN, "--rules", rules, "--json", "--workers", workers)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    result: dict[str, Any] = json.loads(printed[0])
    assert (result["scheme"], result["years"], result["population"]["learners"]) == ("cpf", [2026, 2027], 300)


def test_the_stored_learners_are_read_and_stay_as_they_are(
    rules: str, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World()
    for _ in range(6):
        world.make_learner()
    before = Posting.objects.count()
    call_command("replay", "--population", "--scheme", world.scheme.code, "--rules", rules, "--json")
    result = json.loads(capsys.readouterr().out)
    assert (result["population"]["kind"], result["population"]["learners"]) == ("stored", 6)
    assert Posting.objects.count() == before


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--population",), "--population needs --scheme and --rules"),
        (("--population", "--scheme", "cpf"), "--population needs --rules"),
        (("--scheme", "cpf", "a.json"), "--scheme: only with --population"),
        (("--population", "--scheme", "cpf", "--rules", "{rules}", "a.json"), "SCENARIO.json: not with"),
        (
            ("--population", "--scheme", "cpf", "--rules", "{rules}", "--seed", "1"),
            "--seed: only with --generate",
        ),
        (("--population", "--scheme", "x", "--rules", "{rules}", "--generate", "9"), "scheme 'x' is unknown"),
        (("--population", "--scheme", "stap", "--rules", "{rules}"), "no scheme of that code is stored"),
        (
            ("--population", "--scheme", "cpf", "--rules", "{rules}", "--generate", "0"),
            "from 1 to 100,000,000",
        ),
        (
            ("--population", "--scheme", "cpf", "--rules", "{rules}", "--generate", "4"),
            "fewer than 5 learners",
        ),
        (
            ("--population", "--scheme", "cpf", "--rules", "no.json", "--generate", "9"),
            "no.json: No such file",
        ),
        (
            ("--population", "--scheme", "cpf", "--rules", "{rules}", "--workers", "0"),
            "--workers: at least 1",
        ),
        ((), "the following arguments are required: SCENARIO.json"),
    ],
)
def test_what_is_wrong_with_the_call_is_named(
    rules: str, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], expected: str
) -> None:
    lines = refused(capsys, "replay", *(each.replace("{rules}", rules) for each in arguments))
    assert len(lines) == 1
    assert expected in lines[0]


def test_each_fault_of_a_rules_file_has_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('cap_cents = 1\nparticipation_cents = "much"\ncapp_cents = 5\n')
    lines = refused(capsys, *RUN, "--rules", str(path))
    assert len(lines) == 3
    for expected in ("capp_cents: no such parameter", "participation_cents:", "below the yearly credit"):
        assert any(expected in line for line in lines), expected


@pytest.mark.parametrize("years", ["2027-2026", "twenty", "26-27", "2026-2060"])
def test_years_that_are_none_are_refused(rules: str, years: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("replay", "--population", "--scheme", "cpf", "--generate", "9", "--rules", rules)
    with pytest.raises((SystemExit, Exception), match=r"2|years"):
        call_command(*arguments, "--years", years)
    assert capsys.readouterr().out == ""
