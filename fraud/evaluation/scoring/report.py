"""The score of a set of runs: every measure, the baselines, and which goals are met."""

import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fraud.evaluation.scoring import baselines, measures
from fraud.evaluation.scoring.runs import read_runs
from fraud.evaluation.scoring.truth import Truth, read_truth

CAPACITY = 25
_POINTS = (0.005, 0.01)
_GROUPS = {"age": "bookings", "size": "provider-weeks", "region": "provider-weeks"}


def score(folder: Path, labels: Path, population: Path, k: int = CAPACITY) -> dict[str, Any]:
    """Everything "Measuring detectors" asks for, as plain values for JSON."""
    runs, truth = read_runs(folder), read_truth(labels, population)
    weekly = {run.day: run.cases for run in measures.last_of_weeks(runs)}
    ours = _ranked(weekly, truth, k)
    point = measures.false_positive_point(weekly, truth, 0.01)
    when = measures.found(runs, truth, point)
    held = measures.false_holds(runs, truth)
    result: dict[str, Any] = {
        "days": len(runs),
        "weeks": len(weekly),
        "from": str(runs[0].day),
        "until": str(runs[-1].day),
        "k": k,
        "misusers": len(truth.misuse),
        "ours": ours
        | {
            "unpaid_recall": when.unpaid_recall,
            "median_days_to_detection": _finite(when.median_days),
            "paid_before_detection": when.paid_share,
            "providers_found": when.providers,
            "by_archetype": when.by_archetype,
            "worst_archetype": when.worst[0] if when.worst else None,
            "worst_recall": when.worst[1] if when.worst else None,
            "claims": measures.claims(runs, truth),
            "false_holds": asdict(held),
        },
        "baselines": {},
        "not_run": truth.not_run,
    }
    missing = [name for name in baselines.NEEDED if not (population / f"{name}.csv").is_file()]
    if missing:
        result["not_run"].append(f"baselines: {', '.join(missing)} not beside the labels")
    else:
        for name, ranking in baselines.rankings(population, list(weekly)).items():
            result["baselines"][name] = _ranked(ranking, truth, k)
    result["goals"] = list(_goals(result))
    return result


def _ranked(ranking: measures.Ranking, truth: Truth, k: int) -> dict[str, Any]:
    precision, most = measures.precision_at(ranking, truth, k)
    found: dict[str, Any] = {"precision_at_k": precision, "attainable": most}
    for share in _POINTS:
        point = measures.false_positive_point(ranking, truth, share)
        found[f"recall_at_{100 * share:g}_percent"] = measures.recall_above(ranking, truth, point)
    return found


def _goals(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    ours = result["ours"]
    most = ours["attainable"]
    yield _goal("precision at k", ours["precision_at_k"], min(0.8, 0.9 * most), at_least=True)
    yield _goal("amount-weighted recall of unpaid money", ours["unpaid_recall"], 0.8, at_least=True)
    yield _goal("worst archetype", ours["worst_recall"], 0.6, at_least=True)
    yield _goal("recall at 1 %", ours["recall_at_1_percent"], 0.7, at_least=True)
    yield _goal("false holds on honest providers", ours["false_holds"]["rate"], 0.005, at_least=False)
    days = ours["median_days_to_detection"]
    yield _goal("median days to detection", days, 14, at_least=False)
    yield _goal("share of the loss already paid", ours["paid_before_detection"], 0.1, at_least=False)
    forest = result["baselines"].get("isolation_forest")
    least = 1.5 * forest["precision_at_k"] if forest else None
    yield _goal(
        "1.5 times the isolation forest", ours["precision_at_k"] if forest else None, least, at_least=True
    )


def _goal(name: str, value: float | None, goal: float | None, *, at_least: bool) -> dict[str, Any]:
    met = None
    if goal is not None:
        met = value is not None and (value >= goal - 1e-12 if at_least else value <= goal + 1e-12)
    return {"name": name, "value": value, "goal": goal, "at_least": at_least, "met": met}


def _finite(value: float | None) -> float | None:
    return None if value is None or math.isinf(value) else float(value)


def lines(result: dict[str, Any]) -> Iterator[str]:
    """The score as plain text."""
    ours = result["ours"]
    yield f"{result['from']} to {result['until']}: {result['days']} days in {result['weeks']} weeks"
    yield f"{'':24} precision at {result['k']:<4} attainable  recall 0.5 %  recall 1 %"
    for name, row in {"these detectors": ours, **result["baselines"]}.items():
        figures = (
            row["precision_at_k"],
            row["attainable"],
            row["recall_at_0.5_percent"],
            row["recall_at_1_percent"],
        )
        yield f"{name:24} " + "".join(f"{_shown(value):>14}" for value in figures)
    yield ""
    for goal in result["goals"]:
        sign = "at least" if goal["at_least"] else "at most"
        verdict = {True: "met", False: "missed", None: "not measured"}[goal["met"]]
        yield f"{goal['name']:42} {_shown(goal['value']):>8}  {sign} {_shown(goal['goal'])}: {verdict}"
    yield ""
    for name, share in ours["by_archetype"].items():
        yield f"found of {name:33} {_shown(share):>8}"
    holds = ours["false_holds"]
    yield "held though honest          group                 share       held of all"
    for title, unit in _GROUPS.items():
        for group in holds["groups"][title]:
            yield (
                f"by {title:24} {group['name']:18} {100 * group['rate']:6.2f} %"
                f"  {group['held']:>9} of {group['of']} {unit}"
            )
    for name, count in holds["lookalikes"].items():
        yield f"false holds of honest:{name}: {count} weeks"
    for text in result["not_run"]:
        yield f"not run: {text}"


def _shown(value: float | None) -> str:
    return "never" if value is None else f"{value:.3g}"
