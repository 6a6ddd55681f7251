"""Evidence as pictures: each drawn here, from frozen rows alone, and each with the same as a table."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from fraud import fact_words, pictures
from fraud.evidence import tables_of
from fraud.facts.tables import TABLES

AT = datetime.fromisoformat("2026-06-15T09:00:00+00:00")


def signed(minutes: float, booking: str = "b1") -> dict[str, Any]:
    moment = AT + timedelta(minutes=minutes)
    return {
        "table": "attendance",
        "booking_id": booking,
        "slot_starts_at": AT.isoformat(),
        "signed_at": moment.isoformat(),
        "recorded_at": (moment + timedelta(days=3)).isoformat(),
    }


def test_distributions_are_drawn_for_the_detectors_that_compare_them() -> None:
    rows = [signed(minutes) for minutes in (0, 1, 1, 2, 20)]
    spread = pictures.spread_in("D14", rows)
    assert spread is not None
    assert sum(each.number for each in spread.bins) == 5
    assert (spread.bins[0].low, spread.bins[-1].high) == (0.0, 20.0)
    lag = pictures.spread_in("D15", rows)
    assert lag is not None
    assert [(each.low, each.number) for each in lag.bins] == [(3.0, 5)]
    amounts = [{"table": "bookings", "amount_cents": cents} for cents in (150_000, 149_000, 90_000)]
    digits = pictures.spread_in("D25", amounts)
    assert digits is not None
    assert {int(each.low): each.number for each in digits.bins if each.number} == {1: 2, 9: 1}
    assert pictures.spread_in("D20", []) is None
    assert pictures.spread_in("D03", amounts) is None
    svg = pictures.histogram_of(spread)
    assert svg.startswith("<svg")
    assert f"<title>{spread.title}</title>" in svg
    assert "<script" not in svg


def test_a_map_needs_coordinates_and_without_them_there_are_times() -> None:
    rows: list[dict[str, Any]] = [
        {"table": "sessions", "session_id": "s1", "lat": 45.76, "lon": 4.84, "venue_id": "v1"},
        {"table": "learners", "learner_id": "l1", "lat": 48.85, "lon": 2.35},
        {"table": "learners", "learner_id": "l2", "lat": None, "lon": None},
        {
            "table": "slots",
            "session_id": "s1",
            "starts_at": AT.isoformat(),
            "ends_at": (AT + timedelta(hours=3)).isoformat(),
        },
        signed(5, "booking-two"),
    ]
    places = pictures.places_in(rows)
    assert [(each.kind, each.lat, each.rows) for each in places] == [
        ("learner", 48.85, 1),
        ("session", 45.76, 1),
    ]
    assert "<title>Where it was</title>" in pictures.map_of(places)
    stays = pictures.stays_in(rows)
    assert sorted(each.where for each in stays) == ["booking-", "v1"]
    assert "<title>Who was where when</title>" in pictures.times_of(stays)
    assert pictures.places_in([]) == []
    assert pictures.stays_in([{"table": "slots", "session_id": "s1"}]) == []


def test_every_table_and_column_has_words() -> None:
    assert set(fact_words.TABLES) == set(TABLES)
    assert set(fact_words.COLUMNS) == {name for table in TABLES.values() for name in table.names}
    (table,) = tables_of([signed(1)])
    assert str(table.name) == "Signatures of attendance"
    assert "Signed" in map(str, table.columns)
