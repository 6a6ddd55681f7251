"""Very many matches: the short ways to a page show what sorting all of them would."""

from dataclasses import replace
from typing import Any

import pytest

from catalogue.selectors import search
from catalogue.selectors.cards import read_cards
from catalogue.selectors.finding import Found
from ila.core import clock
from tests.catalogue.search.conftest import Add, Look, titles


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than three matches are very many."""
    monkeypatch.setattr(search, "RANKED_AT_MOST", 3)


@pytest.fixture
def many(add: Add) -> None:
    """Welding in titles and in texts, guaranteed, bookable and neither, in two ways of teaching."""
    for number in range(8):
        facts: dict[str, Any] = {"days": 80 - 5 * number, "total_mismatch": number % 4 == 3}
        if number % 4 == 1:
            facts["session"] = {"state": "guaranteed", "guaranteed_at": clock.now()}
        mode = "online" if number % 3 else "in_person"
        add(f"Welding {number}", mode=mode, city="Lyon", **facts)
        add(f"Baking {number}", mode=mode, text="with a little welding", city="Lille", **facts)
        add(f"Weaving {number}", mode=mode, **facts)


def every_way(found: Found, *, offset: int, limit: int) -> list[list[int]]:
    """The entries that each of the statements for a page finds."""
    statements = found.search.page_statements(found.tally, sort="", offset=offset, limit=limit)
    return [[card.pk for card in read_cards(*one)] for one in statements]


@pytest.mark.parametrize("walked", [1, 4, 9, 1000])
@pytest.mark.parametrize(
    "asked",
    [
        {"q": "welding"},
        {"q": "little welding"},
        {"q": "welding", "mode": "online"},
        {"q": "welding", "bookable": "on", "place": "Lille"},
        {"q": "welding", "before": "2026-07-01"},
    ],
    ids=str,
)
def test_each_way_that_fills_a_page_shows_the_same(
    many: None, look: Look, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str], walked: int
) -> None:
    monkeypatch.setattr(search, "WALKED", walked)
    found = look(**asked)
    assert found.total > search.RANKED_AT_MOST
    everything = every_way(found, offset=0, limit=100)[-1]
    assert len(everything) == found.total
    for limit in (2, 3, 5):
        for offset in range(0, found.total, limit):
            expected = everything[offset : offset + limit]
            *short, whole = every_way(found, offset=offset, limit=limit)
            assert whole == expected
            assert all(one == expected for one in short if len(one) == limit)
            assert [card.pk for card in found.page(offset=offset, limit=limit)] == expected


def test_both_short_ways_are_taken(many: None, look: Look) -> None:
    found = look(q="welding")
    titled, mentioned, _whole = every_way(found, offset=0, limit=4)
    assert len(titled) == len(mentioned) == 4
    titled, mentioned, _whole = every_way(found, offset=4, limit=4)
    assert len(titled) < len(mentioned) == 4


def test_titles_first_then_guaranteed_then_the_next_start(many: None, look: Look) -> None:
    bookable = [f"Welding {n}" for n in (5, 1, 6, 4, 2, 0)] + [f"Baking {n}" for n in (5, 1, 6, 4, 2, 0)]
    closed = ["Welding 7", "Welding 3", "Baking 7", "Baking 3"]
    assert titles(look(q="welding")) == bookable + closed


def test_few_matches_and_other_orders_have_one_way(many: None, look: Look) -> None:
    for asked in ({"q": "welding 5"}, {"mode": "online"}):
        found = look(**asked)
        assert len(every_way(found, offset=0, limit=5)) == 1
    found = look(q="welding")
    for sort in ("price", "start"):
        assert len(found.search.page_statements(found.tally, sort=sort, offset=0, limit=5)) == 1


@pytest.mark.parametrize("sort", ["", "price", "start"])
@pytest.mark.parametrize(
    ("asked", "left"),
    [
        ({"q": "little welding", "guaranteed": "on", "mode": "online"}, 2),
        ({"q": "welding", "guaranteed": "on", "price": "100000", "kind": "rs", "place": "Lyon"}, 2),
        ({"q": "welding", "kind": "rncp"}, 0),
    ],
    ids=str,
)
def test_few_that_filters_leave_of_many_come_along_with_the_counts(
    many: None, look: Look, asked: dict[str, str], left: int, sort: str
) -> None:
    found = look(**asked, sort=sort)
    assert found.total == left
    assert (found.tally.entries is not None) == bool(left)
    known = found.page(offset=0, limit=5)
    unknown = found.search.page(replace(found.tally, entries=None), sort=sort, offset=0, limit=5)
    assert known == unknown
    assert len(known) == left


def test_nothing_comes_along_where_few_match_or_many_are_left(many: None, look: Look) -> None:
    for asked in (
        {"q": "welding 5", "mode": "online"},
        {"q": "welding", "mode": "online"},
        {"mode": "blended"},
    ):
        assert look(**asked).tally.entries is None
