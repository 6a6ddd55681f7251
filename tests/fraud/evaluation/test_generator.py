"""Populations are as the contract says, the same for the same seed, and honest life is nobody's dial."""

import csv
from pathlib import Path

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fraud.evaluation.columns import FILES
from fraud.evaluation.generator.basis import Names
from fraud.evaluation.generator.dials import ARCHETYPES, Dials, Size
from fraud.evaluation.generator.population import Order, generate
from tests.fraud.evaluation.contract import COLUMNS, LOOKALIKES, Population, faults_of_form, faults_of_life

SCALE = 0.05


def make(folder, seed=1, **changes):
    generate(Order(seed=seed, out=folder, scale=changes.pop("scale", SCALE), **changes))
    return Population(folder)


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one")
    return folder, make(folder)


def test_columns_are_the_contracts():
    assert {name: list(columns) for name, columns in FILES.items()} == {
        name: [*columns.split(", "), "recorded_at"] for name, columns in COLUMNS.items()
    }


@pytest.mark.parametrize(
    ("seed", "changes"),
    [
        (1, {}),
        (2, {"dials": Dials(intensity=3, camouflage=0, patience=0, rotation=0, adaptation=0)}),
        (
            3,
            {
                "dials": Dials(intensity=0.3, camouflage=1, patience=1, rotation=1, adaptation=1),
                "start": "2023-07",
            },
        ),
        (4, {"scale": 0.3}),
    ],
)
def test_a_population_is_lawful(tmp_path, seed, changes):
    people = make(tmp_path, seed, **changes)
    assert faults_of_form(people) == []
    assert faults_of_life(people) == []


@settings(max_examples=3, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**63),
    dials=st.builds(
        Dials,
        intensity=st.floats(0.1, 5),
        **{name: st.floats(0, 1) for name in ("camouflage", "patience", "rotation", "adaptation")},
    ),
    chosen=st.sets(st.sampled_from(ARCHETYPES)),
)
def test_any_dials_make_a_lawful_population(tmp_path_factory, seed, dials, chosen):
    people = make(tmp_path_factory.mktemp("any"), seed, dials=dials, archetypes=tuple(chosen))
    assert faults_of_form(people) == []
    assert faults_of_life(people) == []
    assert {row["archetype"] for row in people.rows["labels"] if row["archetype"] in ARCHETYPES} <= chosen


def test_everything_is_labelled(one):
    _folder, people = one
    names = {row["archetype"] for row in people.rows["labels"]}
    assert names == set(ARCHETYPES) | {f"honest:{name}" for name in LOOKALIKES}
    for row in people.rows["labels"]:
        assert (int(row["amount_cents"]) > 0) == (row["archetype"] in ARCHETYPES)


def test_a_providers_loss_is_that_of_its_bookings(one):
    _folder, people = one
    labels = [row for row in people.rows["labels"] if row["archetype"] in ARCHETYPES]
    sums = {
        kind: sum(int(row["amount_cents"]) for row in labels if row["subject_kind"] == kind)
        for kind in ("provider", "booking")
    }
    assert sums["provider"] == sums["booking"] > 0


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(one, tmp_path):
    folder, _people = one
    make(tmp_path / "again")
    make(tmp_path / "other", seed=2)
    assert written(tmp_path / "again") == written(folder)
    assert written(tmp_path / "other")["bookings.csv"] != written(folder)["bookings.csv"]


@pytest.mark.parametrize("left_out", ["A1", "A3", "A5"])
def test_switching_an_archetype_moves_nothing_else(one, tmp_path, left_out):
    """Rows of honest life, and of the other archetypes, are the same with and without it."""
    _folder, people = one
    less = make(tmp_path, archetypes=tuple(name for name in ARCHETYPES if name != left_out))
    mine = people.misuse_of(left_out)
    gone = mine & {row["booking_id"] for row in people.rows["bookings"]}
    assert gone
    for table in ("bookings", "booking_events", "attendance", "surveys"):
        kept = sorted(tuple(row.items()) for row in people.rows[table] if row["booking_id"] not in gone)
        assert kept == sorted(tuple(row.items()) for row in less.rows[table]), table


def test_dials_move_no_honest_row(one, tmp_path):
    _folder, people = one
    other = make(tmp_path, dials=Dials(intensity=2, camouflage=0.9, patience=1, rotation=0.9, adaptation=0))
    for table in ("bookings", "booking_events", "attendance"):
        assert honest_rows(people, table) == honest_rows(other, table), table


def honest_rows(people, table):
    misused = people.misused
    return sorted(tuple(row.items()) for row in people.rows[table] if row["booking_id"] not in misused)


def test_scale_one_is_what_the_domain_says():
    size = Size.of(1)
    assert (size.learners, size.providers, size.agents, size.credentials) == (12_000, 250, 40, 1_200)


def test_blocks_share_no_id(tmp_path):
    names = [Names(7, block) for block in (0, 8, 16)]
    words = [word for one in names for kind in ("learner", "ip") for word in one.written(one.new(kind, 50))]
    assert len(set(words)) == len(words)


def test_two_blocks_are_one_population(tmp_path):
    generate(Order(seed=5, out=tmp_path, scale=1.04, archetypes=("A4",)))
    with (tmp_path / "learners.csv").open(encoding="utf-8", newline="") as file:
        codes = [row["learner_id"] for row in csv.DictReader(file)]
    assert len(codes) == len(set(codes)) == 12_480
    assert (tmp_path / "scheme.csv").read_text(encoding="utf-8").count("\n") == 2


def test_honest_life_has_what_confuses(one):
    """Late entry, money back days later, shared phones, people who stay away, and denials by mistake."""
    _folder, people = one
    learners = people.rows["learners"]
    assert len({row["phone_hash"] for row in learners}) < len(learners)
    reasons = {row["reason"] for row in people.rows["booking_events"]}
    assert {"learner", "provider", "lapsed", "no_show", "left_early", "complete"} <= reasons
    late = [
        row
        for row in people.rows["booking_events"]
        if row["event"] == "entry" and row["recorded_at"] > row["at"][:10] + "~"
    ]
    assert late


def test_the_command_says_how_many_rows(tmp_path, capsys):
    call_command(
        "fraud_generate", "--seed", "3", "--out", str(tmp_path), "--scale", "0.05", "--archetypes", "A4,A1"
    )
    lines = dict(line.split(": ") for line in capsys.readouterr().out.splitlines())
    assert set(lines) == set(COLUMNS)
    assert lines["learners"] == "600"


@pytest.mark.parametrize(
    "wrong", [("--archetypes", "A9"), ("--camouflage", "2"), ("--intensity", "0"), ("--scale", "0")]
)
def test_wrong_usage_is_exit_2(tmp_path, capsys, wrong):
    with pytest.raises(SystemExit) as stopped:
        call_command("fraud_generate", "--seed", "3", "--out", str(tmp_path), *wrong)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
