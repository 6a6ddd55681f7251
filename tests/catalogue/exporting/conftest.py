"""Entries to export, with texts that would like to be more than text."""

from datetime import UTC, datetime

import pytest
from django.conf import LazySettings

from catalogue.models import MicroCredential
from ila.core import clock
from tests.factories.catalogue import (
    AccreditationFactory,
    MicroCredentialFactory,
    OfferFactory,
    ProviderFactory,
    SessionFactory,
)

NOW = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
ESCO = "http://data.europa.eu/esco/skill/0b0e4a5b-0d3c-4d3c-9f0e-6a5f2f5d2c11"


@pytest.fixture(autouse=True)
def _may(settings: LazySettings) -> object:
    """All of it on one day, at one address."""
    settings.SITE_ADDRESS = "https://ila.example"
    with clock.at(NOW):
        yield


def make_entry(number: int = 1, **values: object) -> MicroCredential:
    """An accredited provider's entry with an offer in Lyon, one online, and two sessions."""
    provider = ProviderFactory.create(name=f"Atelier {number}", city="Lyon", postcode="69002")
    AccreditationFactory.create(provider=provider, reference="Q-1")
    given = {
        "title": f"Welding {number}",
        "kind": "course",
        "language": "fr",
        "goals_html": "<p>Weld & cut.</p><ul><li>safely</li></ul>",
        "workload": 3,
        "workload_scheme": "ects",
        "eqf_level": 4,
        "isced_field": "0715",
        "skills": [ESCO],
        **values,
    }
    one = MicroCredentialFactory.create(provider=provider, **given)
    here = OfferFactory.create(
        micro_credential=one, city="Lyon", postcode="69002", latitude=45.7, longitude=4.8
    )
    there = OfferFactory.create(micro_credential=one, online=True, price_cents=99_900)
    SessionFactory.create(micro_credential=one, offer=here)
    SessionFactory.create(micro_credential=one, offer=there, price_cents=99_900, guaranteed=True)
    return one
