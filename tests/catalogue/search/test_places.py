"""Towns and postcodes, and how far they are."""

import pytest

from catalogue.selectors import places
from tests.catalogue.search.conftest import Add, Look, titles

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("text", "name", "country"),
    [
        ("Lyon", "Lyon", "FR"),
        ("saint etienne", "Saint-Étienne", "FR"),
        ("Bruxelles", "Brussels", "BE"),
        ("den haag", "The Hague", "NL"),
        ("orleans", "Orléans", "FR"),
        ("Newark", "Newark", "US"),
        ("Marseile", "Marseille", ""),
    ],
)
def test_towns_by_their_names(add: Add, look: Look, text: str, name: str, country: str) -> None:
    add("Anything", city="Marseille")
    look()
    centre = places.find_centre(text)
    assert centre is not None
    assert (centre.name, centre.country) == (name, country)


@pytest.mark.parametrize("text", ["", " ", "xyzzyville", "%", "'", "\\", "-1"])
def test_what_is_no_town(text: str) -> None:
    assert places.find_centre(text) is None


def test_distance(add: Add, look: Look) -> None:
    add("In Lyon", city="Lyon")
    add("In Villeurbanne", city="Villeurbanne")
    add("In Grenoble", city="Grenoble")
    assert sorted(titles(look(place="Lyon", km="10"))) == ["In Lyon", "In Villeurbanne"]
    found = look(place="lyon", km="100", sort="distance")
    assert titles(found) == ["In Lyon", "In Villeurbanne", "In Grenoble"]
    near, _, far = found.page(offset=0, limit=3)
    assert near.km == pytest.approx(0, abs=1)
    assert far.km == pytest.approx(95, abs=8)


def test_a_postcode_is_where_it_is_taught(add: Add, look: Look) -> None:
    add("In Lyon", city="Lyon", offer={"postcode": "69002"})
    add("In Lille", city="Lille", offer={"postcode": "59000"})
    assert titles(look(place="69002")) == ["In Lyon"]
    assert titles(look(place="69002 Lyon")) == ["In Lyon"]


def test_coordinates_of_the_offer_win(add: Add, look: Look) -> None:
    add("Up the hill", city="Nowhere-sur-Rien", offer={"latitude": 45.76, "longitude": 4.83})
    assert titles(look(place="Lyon")) == ["Up the hill"]


def test_a_place_that_nobody_knows_is_looked_for_by_its_name(add: Add, look: Look) -> None:
    add("Far away", city="Xyzzyville")
    found = look(place="xyzzyv")
    assert titles(found) == ["Far away"]
    assert found.search.centre is None


def test_a_place_can_be_dropped(add: Add, look: Look) -> None:
    add("Welding", city="Lyon")
    assert look(q="welding", place="Lille").without_each() == {"q": 0, "place": 1}
