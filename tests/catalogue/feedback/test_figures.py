"""No figure of fewer than five people, also not by taking two publications from each other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.feedback.figures import LEAST, Figures, published, shown

answers = st.fixed_dictionaries(
    {
        "rating": st.integers(1, 5),
        "teaching": st.one_of(st.none(), st.integers(1, 5)),
        "useful": st.one_of(st.none(), st.integers(1, 5)),
        "recommends": st.one_of(st.none(), st.booleans()),
        "situation": st.sampled_from(["", "same_job", "seeking", "promoted"]),
    }
)


@given(st.lists(answers, max_size=40), st.lists(st.integers(1, 12), max_size=8))
def test_two_publications_differ_by_five_people_or_by_none(
    given_answers: list[dict[str, Any]], steps: list[int]
) -> None:
    before: Figures = {}
    read = 0
    for step in steps:
        read = min(len(given_answers), read + step)
        after = published(given_answers[:read], before)
        for question, figure in after.items():
            old = before.get(question, {"n": 0, "sum": 0})
            assert figure["n"] >= LEAST
            assert figure == old or figure["n"] - old["n"] >= LEAST
        assert before.keys() <= after.keys(), "what was published is not taken back"
        before = after


@given(st.lists(answers, min_size=5, max_size=30))
def test_a_first_publication_is_the_sum_of_what_was_said(given_answers: list[dict[str, Any]]) -> None:
    found = published(given_answers, {})
    assert found["rating"] == {"n": len(given_answers), "sum": sum(one["rating"] for one in given_answers)}
    said = [one["recommends"] for one in given_answers if one["recommends"] is not None]
    if len(said) >= LEAST:
        assert found["recommends"] == {"n": len(said), "sum": sum(said)}
    else:
        assert "recommends" not in found


@pytest.mark.parametrize("count", range(5))
def test_fewer_than_five_are_nothing(count: int) -> None:
    assert published([{"rating": 5}] * count, {}) == {}


def test_averages_and_shares() -> None:
    told = [
        {"rating": rating, "recommends": rating > 2, "situation": "new_job"} for rating in (1, 2, 3, 4, 5, 5)
    ]
    assert shown(published(told, {})) == {
        "rating": {"n": 6, "value": 3.3},
        "recommends": {"n": 6, "value": 67},
        "employed": {"n": 6, "value": 100},
    }
