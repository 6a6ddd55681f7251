"""What a list shows of an entry, read in one statement for a whole page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from catalogue.selectors.places import Centre, distance_sql
from catalogue.selectors.sql import Sql
from catalogue.selectors.traits import TRAITS

_BOOKABLE = TRAITS["bookable"].value("on")
_GUARANTEED = TRAITS["guaranteed"].value("on")
_MODES = tuple((code, TRAITS["mode"].value(code)) for code in TRAITS["mode"].codes)


@dataclass(frozen=True, slots=True)
class Card:
    """An entry on a page of results. from_cents: what it costs at least; price_cents: of the programme as a whole.

    towns: where it is taught, by the order of its offers. km: how far its nearest place is from where was searched.
    """

    pk: int
    title: str
    kind: str
    code: str
    hours: Decimal | None
    price_cents: int | None
    currency: str
    publicly_funded: bool | None
    has_prerequisites: bool | None
    provider_name: str | None
    register: str
    provider_id: str
    provider_city: str
    time_zone: str
    traits: int
    from_cents: int | None
    next_start: datetime | None
    towns: list[str]
    km: float | None

    @property
    def provider(self) -> str:
        """What its provider is called."""
        return self.provider_name or f"{self.register} {self.provider_id}"

    @property
    def can_book(self) -> bool:
        """Whether something of it may be booked now."""
        return bool(self.traits & _BOOKABLE)

    @property
    def guaranteed(self) -> bool:
        """Whether one of the sessions that can be booked is sure to take place."""
        return bool(self.traits & _GUARANTEED)

    @property
    def modes(self) -> tuple[str, ...]:
        """The ways in which it is taught."""
        return tuple(code for code, bit in _MODES if self.traits & bit)

    def code_of(self, trait: str) -> str:
        """Its level, length, field, language or grade; empty when not specified."""
        one = TRAITS[trait]
        place = (self.traits >> one.shift) & one.ones
        return one.codes[place - 1] if 0 < place <= len(one.codes) else ""


def cards_sql(lines: str, *, centre: Centre | None = None) -> Sql:
    """The statement that reads the cards of some lines, in the lines' order. lines: a query of lines (`line.*`)."""
    distance = Sql("NULL::double precision")
    if centre is not None:
        away = distance_sql(centre)
        distance = Sql(
            f"(SELECT min({away.text}) FROM catalogue_spot AS place WHERE place.id = ANY(page.spots))",
            away.params,
        )
    return Sql(
        "SELECT entry.id, entry.title, entry.kind, entry.code, entry.hours, entry.price_cents, entry.currency,"
        " entry.publicly_funded, entry.has_prerequisites, provider.name, provider.register, provider.external_id,"
        " provider.city, provider.time_zone, page.traits, page.from_cents, page.next_start,"
        " ARRAY(SELECT offer.city FROM catalogue_offer AS offer WHERE offer.micro_credential_id = entry.id"
        " AND offer.removed_at IS NULL AND offer.city <> '' GROUP BY offer.city ORDER BY min(offer.id)),"
        f" {distance.text}"
        f" FROM (SELECT row_number() OVER () AS place, line.* FROM ({lines}) AS line) AS page"
        " JOIN catalogue_microcredential AS entry ON entry.id = page.entry_id"
        " JOIN catalogue_provider AS provider ON provider.id = entry.provider_id ORDER BY page.place",
        distance.params,
    )


def read_cards(text: str, params: list[Any]) -> list[Card]:
    """The cards that a statement of `cards_sql` finds. One query."""
    with connection.cursor() as cursor:
        cursor.execute(text, params)
        return [Card(*row) for row in cursor.fetchall()]


def cards_of(entries: Iterable[int]) -> list[Card]:
    """The cards of these entries, those that are on the list, in this order. One query."""
    ids = list(entries)
    lines = (
        "SELECT line.* FROM catalogue_listing AS line WHERE line.entry_id = ANY(%s)"
        " ORDER BY array_position(%s::bigint[], line.entry_id)"
    )
    return read_cards(cards_sql(lines).text, [ids, ids])
