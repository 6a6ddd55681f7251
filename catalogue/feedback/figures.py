"""From answers to figures: never of fewer than five people, also not by taking two publications from each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

LEAST = 5
QUESTIONS = ("rating", "teaching", "useful", "recommends", "employed")
_EMPLOYED = {"same_job": True, "new_job": True, "promoted": True, "self_employed": True}

Figure = dict[str, int]
Figures = dict[str, Figure]


def values_of(answer: Mapping[str, Any]) -> dict[str, int]:
    """One answer as numbers: ratings as they are, yes 1 and no 0; what was not answered is left out."""
    found: dict[str, int] = {}
    for question in ("rating", "teaching", "useful"):
        if answer.get(question) is not None:
            found[question] = int(answer[question])
    if answer.get("recommends") is not None:
        found["recommends"] = int(answer["recommends"])
    if answer.get("situation"):
        found["employed"] = int(_EMPLOYED.get(str(answer["situation"]), False))
    return found


def published(answers: Iterable[Mapping[str, Any]], before: Figures) -> Figures:
    """The figures to publish: of each question how many answered (`n`) and the sum of what they said.

    before: what is published already. A question's figure changes only once at least five more have answered it:
    two publications differ by five answers or by none.
    """
    sums: Figures = {}
    for answer in answers:
        for question, value in values_of(answer).items():
            found = sums.setdefault(question, {"n": 0, "sum": 0})
            found["n"] += 1
            found["sum"] += value
    result: Figures = {}
    for question in QUESTIONS:
        old, new = before.get(question), sums.get(question)
        if new is not None and new["n"] - (old["n"] if old else 0) >= LEAST:
            result[question] = new
        elif old is not None:
            result[question] = old
    return result


def shown(figures: Figures) -> dict[str, dict[str, Any]]:
    """What a page says: averages of ratings to one decimal, shares in whole percent, each with its `n`."""
    told: dict[str, dict[str, Any]] = {}
    for question, figure in figures.items():
        share = question in ("recommends", "employed")
        value = round(100 * figure["sum"] / figure["n"]) if share else round(figure["sum"] / figure["n"], 1)
        told[question] = {"n": figure["n"], "value": value}
    return told
