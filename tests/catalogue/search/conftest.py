"""Entries to search among, made on the virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from catalogue.forms import SearchForm
from catalogue.models import MicroCredential, Offer
from catalogue.selectors import finding
from catalogue.selectors.finding import Found
from catalogue.services import listings
from catalogue.services.micro_credentials import search_text
from ila.core import clock
from tests.support.world import MONDAY, World


@pytest.fixture
def monday() -> Iterator[clock.VirtualClock]:
    """It is a Monday in May 2026."""
    with clock.at(MONDAY) as hand:
        yield hand


@pytest.fixture
def world(db: None, monday: clock.VirtualClock) -> World:
    """A world whose own entry is called Certification, in no town."""
    return World()


Add = Callable[..., MicroCredential]


@pytest.fixture
def add(world: World) -> Add:
    """`add("Title", text=…, city=…, days=…, price=…, mode=…, **facts)`: an entry with one session."""

    def make(
        title: str,
        *,
        text: str = "",
        city: str = "",
        days: int | None = 40,
        price: int = 100_000,
        mode: str = "in_person",
        session: dict[str, Any] | None = None,
        offer: dict[str, Any] | None = None,
        **facts: Any,
    ) -> MicroCredential:
        entry = world.make_credential(title=title, search_text=search_text(title, city, text), **facts)
        where = Offer.objects.create(
            micro_credential=entry,
            external_id="1",
            mode=mode,
            city=city,
            currency="EUR",
            price_cents=price,
            **(offer or {}),
        )
        if days is not None:
            starts = clock.now() + timedelta(days=days)
            times = {"starts_at": starts, "ends_at": starts + timedelta(days=3)}
            world.make_session(entry, offer=where, price_cents=price, **(times | (session or {})))
        return entry

    return make


Look = Callable[..., Found]


@pytest.fixture
def look(world: World) -> Look:
    """`look(q="…", kind="…")`: search as the page does, by parameters of an address."""

    def search(**parameters: str) -> Found:
        listings.bring_all_up_to_date()
        return finding.find(SearchForm.read(parameters)[0], clock.now())

    return search


def titles(found: Found) -> list[str]:
    """What is found, in order."""
    return [card.title for card in found.page(offset=0, limit=50)]
