"""The real register of New Jersey, imported, searched and shown."""

import pytest
from django.test import Client

from catalogue.models import Listing, MicroCredential
from catalogue.services import listings
from catalogue.services.imports import import_catalogue
from tests.catalogue.conftest import DATA

pytestmark = pytest.mark.django_db


@pytest.fixture
def register() -> None:
    """The sample of the register, with its lines."""
    import_catalogue(
        kind="etpl", files=[DATA / "etpl" / "programs.csv"], register=DATA / "etpl" / "providers.csv"
    )
    listings.bring_all_up_to_date()
    listings.count_words()


def test_the_register_is_found(register: None, client: Client) -> None:
    listed = MicroCredential.objects.filter(state__in=["registered", "suspended"]).count()
    assert Listing.objects.count() == listed > 500

    def found(**query: str) -> int:
        page = client.get("/catalogue/", query)
        assert page.status_code == 200
        return int(page.context["page"].paginator.count)

    assert found() == listed
    assert found(q="nursing") == found(q="nursign") > 0
    assert 0 < found(q="nursing", place="Newark", km="30") < found(q="nursing")
    assert found(q="phlebotomy technicians") > 0
    assert found(field="09") > found(field="09", price="100000") > 0
    assert found(q="welding", length="day", language="fr") == 0
    page = client.get("/catalogue/", {"q": "welding", "price": "50000", "place": "Newark", "km": "5"})
    if not page.context["rows"]:
        assert page.context["without"]
    for facet in client.get("/catalogue/", {"q": "computer"}).context["facets"]:
        for one in facet["choices"]:
            assert client.get(one["url"]).context["page"].paginator.count == one["count"]
