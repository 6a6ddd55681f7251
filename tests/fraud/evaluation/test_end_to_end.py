"""Generate, load, detect, score: on a small population the whole way, and better than the simple rankings."""

import json
import random
from datetime import date, timedelta

import pytest
from django.core.management import call_command

from fraud.evaluation.generator.population import Order, generate
from fraud.facts.tables import TABLES

pytestmark = pytest.mark.django_db

FIRST, LAST = date(2024, 7, 7), date(2025, 3, 30)
IDS = ("_id", "_hash")


@pytest.fixture(scope="module")
def population(tmp_path_factory):
    folder = tmp_path_factory.mktemp("population")
    generate(Order(seed=11, out=folder, scale=0.2, start="2024-02"))
    return folder


def _detected(population, out, *options):
    call_command("fraud_load", str(population))
    call_command("fraud_detect", "--as-of", LAST.isoformat(), "--out", str(out), *options)
    return out


def _scored(out, population, capsys):
    capsys.readouterr()
    call_command("fraud_score", str(out), "--labels", str(population / "labels.csv"), "--json", "--k", "5")
    return json.loads(capsys.readouterr().out)


def test_from_a_population_to_its_score(population, tmp_path, capsys):
    out = _detected(population, tmp_path, "--since", FIRST.isoformat(), "--every", "80")
    assert sorted(path.name for path in out.iterdir()) == [
        (LAST - timedelta(days=80 * back)).isoformat() for back in range(3, -1, -1)
    ]
    runs = [json.loads((day / "run.jsonl").read_text()) for day in out.iterdir()]
    assert all(len(run["ran"]) == 26 and not run["failed"] and not run["not_run"] for run in runs)
    result = _scored(out, population, capsys)
    ours = result["ours"]
    for baseline in result["baselines"].values():
        assert ours["precision_at_k"] > baseline["precision_at_k"]
        assert ours["recall_at_1_percent"] > baseline["recall_at_1_percent"]
    assert len(result["goals"]) == 8


def _renamed(source, target, seed):
    """Every id under another name, rows and columns in another order; the way back."""
    dice, words, back = random.Random(seed), {}, {}

    def other(value):
        if value not in words:
            words[value] = f"x{dice.getrandbits(60):015x}"
            back[words[value]] = value
        return words[value]

    target.mkdir()
    for table in TABLES.values():
        head, *rows = (line.split(",") for line in (source / f"{table.name}.csv").read_text().splitlines())
        ids = [
            place
            for place, name in enumerate(head)
            if name.endswith(IDS) or name.startswith(("old_", "new_"))
        ]
        order = list(range(len(head)))
        dice.shuffle(order)
        dice.shuffle(rows)
        for row in rows:
            for place in ids:
                row[place] = other(row[place]) if row[place] else ""
        lines = [head, *rows]
        text = "\n".join(",".join(line[place] for place in order) for line in lines)
        (target / f"{table.name}.csv").write_text(text + "\n", encoding="utf-8")
    return back


def _lines(path, back):
    """The lines with the former ids, in an order that no id decides."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        for name in ("provider_id", "subject_id"):
            if name in row:
                row[name] = back.get(row[name], row[name])
        if "evidence" in row:
            parts = (item.split(":", 1) for item in row["evidence"])
            row["evidence"] = sorted(f"{table}:{back.get(name, name)}" for table, name in parts)
        found.append(json.dumps(row, ensure_ascii=False))
    return sorted(found)


def test_neither_ids_nor_the_order_of_rows_say_anything(population, tmp_path):
    plain = tmp_path / "plain"
    plain.mkdir()
    for table in TABLES.values():
        text = (
            (population / f"{table.name}.csv").read_text(encoding="utf-8").replace('"', "").replace(", ", " ")
        )
        width = text.split("\n", 1)[0].count(",")
        kept = [line for line in text.splitlines() if line.count(",") == width]
        (plain / f"{table.name}.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    back = _renamed(plain, tmp_path / "renamed", 3)
    first = _detected(plain, tmp_path / "first")
    second = _detected(tmp_path / "renamed", tmp_path / "second")
    for name in ("alerts.jsonl", "cases.jsonl"):
        before, after = _lines(first / name, {}), _lines(second / name, back)
        assert len(before) > 10
        assert before == after
