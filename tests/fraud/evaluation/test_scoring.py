"""Each measure on a small case whose answer is known."""

import json
from datetime import date

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from hypothesis import given
from hypothesis import strategies as st

from fraud.evaluation.generator.population import Order, generate
from fraud.evaluation.scoring import measures
from fraud.evaluation.scoring.runs import Run, Scored, UnreadableError, read_runs
from fraud.evaluation.scoring.truth import Misuse, Money, Truth
from fraud.groups import age_band

MON, NEXT, LATER = date(2026, 1, 4), date(2026, 1, 11), date(2026, 1, 18)


def truth_of(honest=8, **bad):
    """Honest providers h0, h1, …; misusers by keyword: (archetype, first day, cents)."""
    truth = Truth(misuse={name: Misuse(*one) for name, one in bad.items()})
    names = [f"h{n}" for n in range(honest)] + list(bad)
    truth.providers = dict.fromkeys(names, date(2020, 1, 1))
    return truth


def cases(*pairs):
    return [Scored(name, score) for name, score in pairs]


def test_precision_at_k_stands_beside_what_could_be_reached():
    truth = truth_of(bad1=("A1", date(2026, 1, 1), 1), bad2=("A1", date(2026, 1, 6), 1))
    ranking = {
        MON: cases(("bad2", 0.9), ("bad1", 0.8), ("h1", 0.7)),
        NEXT: cases(("bad2", 0.9), ("h1", 0.8), ("bad1", 0.7)),
    }
    # On the first Sunday bad2 has done nothing yet: 1 of 2, of at most 1; then 1 of 2, of at most 2.
    assert measures.precision_at(ranking, truth, 2) == (0.5, 0.75)


def test_fewer_cases_than_capacity_leave_places_empty():
    truth = truth_of(bad=("A1", date(2026, 1, 1), 1))
    assert measures.precision_at({MON: cases(("bad", 0.5))}, truth, 4) == (0.25, 0.25)


def test_the_false_positive_point_is_exceeded_by_no_more_than_its_share():
    truth = truth_of(honest=100, bad=("A1", date(2026, 1, 1), 1))
    ranking = {MON: cases(("h1", 0.9), ("bad", 0.85), ("h2", 0.8), ("h3", 0.1))}
    assert measures.false_positive_point(ranking, truth, 0.01) == 0.8
    assert measures.false_positive_point(ranking, truth, 0.005) == 0.9
    assert measures.recall_above(ranking, truth, 0.8) == 1
    assert measures.recall_above(ranking, truth, 0.9) == 0


def test_ties_with_the_honest_are_not_found():
    truth = truth_of(honest=10, bad=("A1", date(2026, 1, 1), 1))
    ranking = {MON: cases(("h1", 0.5), ("bad", 0.5))}
    assert measures.recall_above(ranking, truth, measures.false_positive_point(ranking, truth, 0.01)) == 0


def test_days_to_detection_count_from_the_first_row_of_misuse():
    truth = truth_of(
        early=("A1", date(2026, 1, 1), 1),
        held=("A2", date(2026, 1, 8), 1),
        missed=("A2", date(2026, 1, 2), 1),
    )
    runs = [
        Run(MON, cases=cases(("early", 0.9))),
        Run(NEXT, cases=cases(("h1", 0.4)), wider={"held"}),
        Run(LATER, cases=cases(("early", 0.9))),
    ]
    found = measures.found(runs, truth, 0.5)
    # 3 days, 3 days, never: the median is 3.
    assert found.median_days == 3
    assert found.by_archetype == {"A1": 1.0, "A2": 0.5}
    assert found.worst == ("A2", 0.5)
    assert found.providers == 2 / 3


def test_a_hold_before_the_misuse_finds_nothing():
    truth = truth_of(bad=("A1", date(2026, 1, 8), 1))
    assert measures.detections([Run(MON, wider={"bad"})], truth, 0.5) == {}


def test_money_gone_before_detection_and_money_still_there():
    truth = truth_of(bad=("A1", date(2026, 1, 1), 1000), other=("A2", date(2026, 1, 1), 500))
    truth.money = {
        "b1": Money("bad", date(2026, 1, 1), 600, [(date(2026, 1, 3), 600)]),
        "b2": Money("bad", date(2026, 1, 5), 400, [(date(2026, 1, 15), 400)]),
        "b3": Money("other", date(2026, 1, 1), 500, []),
    }
    runs = [Run(MON), Run(NEXT, cases=cases(("bad", 0.9))), Run(LATER)]
    found = measures.found(runs, truth, 0.5)
    # 600 of 1,500 had left before `bad` was found on the 11th.
    assert found.paid_share == 0.4
    # Unpaid: 500 on the 4th; 400 + 500 on the 11th, of which 400 at a firm found; 500 on the 18th.
    assert found.unpaid_recall == 400 / 1900


def test_false_holds_are_wider_than_single_bookings():
    truth = truth_of(honest=4, bad=("A1", date(2026, 1, 1), 1))
    truth.size = {"h0": "small", "h1": "small", "h2": "large", "h3": "large"}
    truth.region = dict.fromkeys(truth.providers, "48/3")
    truth.lookalikes = {"h0": "prison"}
    truth.provider_of = {"b1": "h2", "b2": "h2", "b9": "bad"}
    truth.age_of = {"b1": "30-44", "b2": "60+", "b9": "60+"}
    runs = [Run(MON, wider={"h0", "bad"}, held={"h2": {"b1"}}), Run(NEXT)]
    found = measures.false_holds(runs, truth)
    assert (found.count, found.of, found.rate) == (1, 8, 0.125)
    assert found.by_size == {"large": 0.0, "small": 0.25}
    assert found.by_region == {"48/3": 0.125}
    assert found.by_age == {"30-44": 1.0, "60+": 0.0}
    assert found.lookalikes == {"prison": 1}
    assert found.groups["size"] == [measures.Group("large", 0, 4, 0.0), measures.Group("small", 1, 4, 0.25)]
    assert found.groups["age"][0] == measures.Group("30-44", 1, 1, 1.0)


def test_a_wider_hold_concerns_the_learners_of_the_bookings_that_it_names(tmp_path):
    truth = truth_of(honest=1, bad=("A1", date(2026, 1, 1), 1))
    truth.provider_of = {"b1": "h0", "b2": "h0", "b3": "h0"}
    truth.age_of = {"b1": "0-29", "b2": "60+", "b3": "60+"}
    wide = alert("h0", "h0", "provider") | {"evidence": ["bookings:b1", "attendance:b2", "sessions:s1"]}
    write(tmp_path, [wide])
    (run,) = read_runs(tmp_path)
    assert run.touched == {"h0": {"b1", "b2"}}
    found = measures.false_holds([run], truth)
    assert [(group.name, group.held, group.of) for group in found.groups["age"]] == [
        ("0-29", 1, 1),
        ("60+", 1, 2),
    ]


@pytest.mark.parametrize(
    ("age", "band"), [(-1, "0-29"), (29, "0-29"), (30, "30-44"), (59, "45-59"), (140, "60+")]
)
def test_each_age_has_one_band(age, band):
    assert age_band(age) == band


def test_held_bookings_are_judged_one_by_one():
    truth = truth_of(bad=("A1", date(2026, 1, 1), 1))
    truth.money = {name: Money("bad", date(2026, 1, 1), 5) for name in ("b1", "b2")}
    runs = [Run(MON, held={"bad": {"b1"}, "h1": {"b7"}})]
    assert measures.claims(runs, truth) == {"held": 2, "precision": 0.5, "recall": 0.5}


def alert(provider, subject, kind="booking", action="H", day="2026-01-04"):
    return {
        "as_of": day,
        "provider_id": provider,
        "subject_kind": kind,
        "subject_id": subject,
        "action": action,
    }


def write(folder, alerts=(), scored=()):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "alerts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in alerts))
    rows = [{"week": "2026-W01", "provider_id": p, "score": s, "reasons": []} for p, s in scored]
    (folder / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_three_bookings_held_are_a_wider_hold(tmp_path):
    write(tmp_path, [alert("p", f"b{n}") for n in range(3)] + [alert("q", "b9"), alert("r", "r", "provider")])
    (run,) = read_runs(tmp_path)
    assert run.wider == {"p", "r"}
    assert run.held["q"] == {"b9"}


def test_days_lie_in_the_folder_or_below(tmp_path):
    write(tmp_path / "x", [alert("p", "b", day="2026-01-11")])
    write(tmp_path / "2026-01-04", scored=[("p", 0.2), ("q", 0.9)])
    write(tmp_path / "only-cases" / "deep", scored=[("p", 0.2)])
    (tmp_path / "only-cases" / "deep" / "alerts.jsonl").unlink()
    with pytest.raises(UnreadableError, match="twice"):
        read_runs(tmp_path)
    (tmp_path / "only-cases" / "deep" / "cases.jsonl").unlink()
    runs = read_runs(tmp_path)
    assert [run.day for run in runs] == [MON, NEXT]
    assert [case.provider for case in runs[0].cases] == ["q", "p"]


@pytest.mark.parametrize("text", ["{", "[]", '{"as_of": "2026-01-04"}'])
def test_what_is_no_alert_is_named(tmp_path, text):
    (tmp_path / "alerts.jsonl").write_text(text + "\n")
    with pytest.raises(UnreadableError, match=str(tmp_path)):
        read_runs(tmp_path)


scores = st.lists(st.integers(0, 20), min_size=1, max_size=40)


@given(honest=scores, bad=scores, share=st.floats(0, 1))
def test_never_more_false_positives_than_allowed(honest, bad, share):
    truth = truth_of(honest=len(honest), **{f"bad{n}": ("A1", date(2026, 1, 1), 1) for n in range(len(bad))})
    ranking = {
        MON: cases(
            *((f"h{n}", float(s)) for n, s in enumerate(honest)),
            *((f"bad{n}", float(s)) for n, s in enumerate(bad)),
        )
    }
    point = measures.false_positive_point(ranking, truth, share)
    assert sum(s > point for s in honest) <= share * len(honest) + 1e-6
    assert 0 <= (measures.recall_above(ranking, truth, point) or 0) <= 1


@given(order=st.permutations(["bad1", "bad2", "h0", "h1", "h2"]), k=st.integers(1, 8))
def test_precision_is_never_above_what_could_be_reached(order, k):
    truth = truth_of(honest=3, bad1=("A1", MON, 1), bad2=("A2", MON, 1))
    found, most = measures.precision_at({MON: cases(*((p, 1.0) for p in order))}, truth, k)
    assert 0 <= found <= most <= 1


@pytest.fixture(scope="module")
def population(tmp_path_factory):
    folder = tmp_path_factory.mktemp("population")
    generate(Order(seed=11, out=folder, scale=0.05))
    return folder


def test_the_command_shows_baselines_and_goals_in_the_same_run(population, tmp_path, capsys):
    write(tmp_path / "2025-09-28", scored=[("nobody", 0.5)])
    call_command("fraud_score", str(tmp_path), "--labels", str(population / "labels.csv"), "--json")
    result = json.loads(capsys.readouterr().out)
    assert set(result["baselines"]) == {"volume", "isolation_forest", "unweighted_rules"}
    assert result["ours"]["precision_at_k"] == 0
    assert result["baselines"]["unweighted_rules"]["precision_at_k"] > 0
    assert len(result["goals"]) == 8
    call_command("fraud_score", str(tmp_path), "--labels", str(population / "labels.csv"))
    text = capsys.readouterr().out
    assert "precision at k" in text
    groups = result["ours"]["false_holds"]["groups"]
    assert {name: bool(rows) for name, rows in groups.items()} == {"size": True, "region": True, "age": True}
    assert all(f"by {name}" in text for name in groups)
    assert ": missed" in text


def test_a_missing_file_is_one_line(population, tmp_path):
    with pytest.raises(CommandError, match="holds no alerts"):
        call_command("fraud_score", str(tmp_path), "--labels", str(population / "labels.csv"))
    write(tmp_path, [alert("p", "b")])
    with pytest.raises(CommandError, match="no such file"):
        call_command("fraud_score", str(tmp_path), "--labels", str(tmp_path / "labels.csv"))
