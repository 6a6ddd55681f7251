"""Filters, facets, orders, and the way out of an empty result."""

from datetime import timedelta

import pytest

from accounts.services import service_users
from catalogue.models import Accreditation
from catalogue.selectors import traits
from ila.core import clock
from tests.catalogue.search.conftest import Add, Look, titles
from tests.support.world import World


@pytest.fixture
def some(add: Add) -> None:
    """Entries that differ in everything."""
    add(
        "A day online",
        mode="online",
        hours=7,
        price=20_000,
        language="en",
        eqf_level=3,
        isced_field="0611",
        days=30,
    )
    add(
        "A week in Lyon",
        city="Lyon",
        hours=35,
        price=90_000,
        kind="rncp",
        language="fr",
        eqf_level=4,
        days=50,
    )
    add(
        "A year in Lille", city="Lille", mode="blended", hours=900, price=400_000, isced_field="0715", days=90
    )


def test_facets_count_what_they_leave(some: None, look: Look) -> None:
    found = look()
    for name, codes in found.tally.counts.items():
        for code, count in codes.items():
            assert look(**{name: code}).total == count, (name, code)


def test_facets_count_under_all_the_other_filters(some: None, look: Look) -> None:
    under = {"bookable": "on", "price": "150000", "q": "a"}
    found = look(**under)
    for name, codes in found.tally.counts.items():
        for code, count in codes.items():
            assert look(**{**under, name: code}).total == count, (name, code)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"mode": "online"}, ["A day online"]),
        ({"field": "06"}, ["A day online"]),
        ({"level": "4"}, ["A week in Lyon"]),
        ({"length": "longer"}, ["A year in Lille"]),
        ({"length": "week"}, ["A week in Lyon"]),
        ({"language": "en"}, ["A day online"]),
        ({"kind": "rncp"}, ["A week in Lyon"]),
        ({"after": "2026-06-20", "before": "2026-07-01"}, ["A week in Lyon"]),
        ({"before": "2026-06-05"}, ["A day online"]),
        ({"sort": "price", "bookable": "on"}, ["A day online", "A week in Lyon", "A year in Lille"]),
    ],
)
def test_each_filter(some: None, look: Look, parameters: dict[str, str], expected: list[str]) -> None:
    found = titles(look(**parameters))
    assert [title for title in found if title.startswith("A ")] == expected


def test_a_providers_grade(world: World, add: Add, look: Look) -> None:
    add("Anything")
    Accreditation.objects.filter(provider=world.provider).update(grade=2)
    assert look(grade="2").total == 2
    assert look(grade="1").total == 0


def test_guaranteed_sessions_first(add: Add, look: Look) -> None:
    add("Early", days=30)
    add("Sure", days=60, session={"state": "guaranteed", "guaranteed_at": clock.now()})
    add("Over", days=None, price=1)
    assert titles(look(bookable="on"))[0] == "Sure"
    assert titles(look(guaranteed="on")) == ["Sure"]


def test_nothing_found_says_what_each_filter_costs(some: None, look: Look) -> None:
    parameters = {"q": "lyon", "kind": "rs", "mode": "online", "after": "2026-06-01", "before": "2026-12-31"}
    found = look(**parameters)
    assert found.total == 0
    for name, count in found.without_each().items():
        assert look(**{key: value for key, value in parameters.items() if key != name}).total == count, name
    assert set(found.without_each()) == set(parameters)


def test_nothing_found_says_which_word_to_leave_out(some: None, look: Look) -> None:
    assert look(q="online lyon").without_each_word() == {"online": 1, "lyon": 1}


def test_codes_keep_their_places_and_fit_their_bits() -> None:
    taken = 0
    for trait in traits.TRAITS.values():
        bits = trait.ones << trait.shift
        assert not taken & bits, trait.name
        taken |= bits
        assert len(trait.codes) <= (trait.bits if trait.several else trait.ones)
    assert taken < 2**63
    assert traits.TRAITS["kind"].codes[:2] == ("rncp", "rs")


def test_a_search_ends_where_the_sessions_do(add: Add, look: Look, monday: clock.VirtualClock) -> None:
    add("Soon", days=20)
    assert look(q="soon", bookable="on").total == 1
    monday.move(monday.moment + timedelta(days=10))
    assert look(q="soon", bookable="on").total == 0
    assert look(q="soon").total == 1
    assert service_users.get("clock").is_service
