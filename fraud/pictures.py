"""Pictures of evidence: where it was, who was where when, and how values are spread. Each says the same as a table."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _

from fraud.charts import BAR, by_kind, drawn, whole

Row = Mapping[str, Any]
# A picture of more says nothing; the table beside it says how many there are.
MOST = 200
BINS: Final = 20
_WIDTH: Final = 560


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere that rows of evidence name: whose it is, degrees north and east, and how many rows are there."""

    kind: str
    lat: float
    lon: float
    rows: int


@dataclass(frozen=True, slots=True)
class Stay:
    """Somebody or something at a place for a time."""

    where: str
    begins: str
    ends: str


@dataclass(frozen=True, slots=True)
class Bin:
    """So many values from `low` to below `high`; of digits and the like only `low`."""

    low: float
    high: float
    number: int


@dataclass(frozen=True, slots=True)
class Spread:
    """How values are spread: what they are, and the bins in order. digits: they stand for themselves."""

    title: str
    bins: list[Bin]
    digits: bool = False


def places_in(rows: Iterable[Row]) -> list[Place]:
    """Where sessions, learners and providers of the evidence are, as far as their coordinates are known."""
    kinds = {"sessions": "session", "learners": "learner", "providers": "provider"}
    counted = Counter(
        (kinds[row["table"]], float(row["lat"]), float(row["lon"]))
        for row in rows
        if row.get("table") in kinds and row.get("lat") is not None and row.get("lon") is not None
    )
    return [Place(*place, number) for place, number in sorted(counted.items())]


def stays_in(rows: Iterable[Row]) -> list[Stay]:
    """Who was where when: lessons by room (or session), signatures of attendance by booking."""
    rows = list(rows)
    rooms = {
        row["session_id"]: row.get("venue_id") or row["session_id"]
        for row in rows
        if row.get("table") == "sessions" and row.get("session_id")
    }
    found = {
        Stay(str(rooms.get(row["session_id"], row["session_id"])), str(row["starts_at"]), str(row["ends_at"]))
        for row in rows
        if row.get("table") == "slots" and row.get("starts_at") and row.get("ends_at")
    }
    found |= {
        Stay(str(row["booking_id"])[:8], str(row["slot_starts_at"]), str(row["signed_at"]))
        for row in rows
        if row.get("table") == "attendance" and row.get("slot_starts_at") and row.get("signed_at")
    }
    return sorted(found, key=lambda each: (each.begins, each.where, each.ends))


def spread_in(detector: str, rows: Iterable[Row]) -> Spread | None:
    """For detectors that compare distributions: how the values of their evidence are spread. None for the others."""
    read = _READ.get(detector)
    if read is None:
        return None
    values = [value for row in rows if (value := read.of(row)) is not None]
    if not values:
        return None
    return Spread(read.title(), _digits(values) if read.digits else _bins(values), read.digits)


def map_of(places: Sequence[Place]) -> str:
    """Places by their coordinates on a grid of degrees, without any map from elsewhere."""
    words = {"session": _("Session"), "learner": _("Learner"), "provider": _("Provider")}
    # Sessions look as agents do where links are drawn: there are never both.
    looks = {"session": "agent", "learner": "learner", "provider": "provider"}
    kinds = [kind for kind in words if any(each.kind == kind for each in places)]
    most = max(each.rows for each in places)
    values = [
        {"lat": each.lat, "lon": each.lon, "kind": words[each.kind], "rows": each.rows}
        for each in places[:MOST]
    ]
    spec = {
        "data": {"values": values},
        "mark": {"type": "point", "filled": True, "opacity": 0.8},
        "encoding": {
            "x": _degrees("lon", _("Degrees east")),
            "y": _degrees("lat", _("Degrees north")),
            "size": {
                "field": "rows",
                "type": "quantitative",
                "legend": None,
                "scale": {"domain": [1, max(2, most)], "range": [60, 600]},
            },
            **by_kind({looks[kind]: words[kind] for kind in kinds}, [looks[kind] for kind in kinds]),
        },
        "width": _WIDTH,
        "height": 360,
    }
    return drawn(spec, _("Where it was"))


def times_of(stays: Sequence[Stay]) -> str:
    """A line for each place, a bar for each stay: bars above each other are two places at once."""
    # A line at its beginning too: of what took no time nothing would be seen.
    values = [{"where": each.where, "begins": each.begins, "ends": each.ends} for each in stays[:MOST]]
    first, last = min(each["begins"] for each in values)[:10], max(each["ends"] for each in values)[:10]
    x = {
        "field": "begins",
        "type": "temporal",
        "title": _("Time (UTC)"),
        "scale": {"type": "utc"},
        "axis": {"format": "%H:%M" if first == last else "%d.%m. %H:%M", "tickCount": 6, "grid": True},
    }
    y = {"field": "where", "type": "nominal", "title": None, "axis": {"labelLimit": 150}}
    spec = {
        "data": {"values": values},
        "layer": [
            {
                "mark": {"type": "bar", "color": BAR, "height": 8, "minBandSize": 2},
                "encoding": {"x": x, "x2": {"field": "ends"}, "y": y},
            },
            {
                "mark": {"type": "tick", "color": BAR, "thickness": 3, "size": 10},
                "encoding": {"x": x, "y": y},
            },
        ],
        "width": _WIDTH,
        "height": {"step": 15},
    }
    return drawn(spec, _("Who was where when"))


def histogram_of(spread: Spread) -> str:
    """The bins as bars."""
    values = [{"low": each.low, "high": each.high, "number": each.number} for each in spread.bins]
    x: dict[str, Any] = {
        "field": "low",
        "bin": "binned",
        "type": "quantitative",
        "title": spread.title,
        "scale": {"zero": False},
    }
    if spread.digits:
        x = {"field": "low", "type": "ordinal", "title": spread.title, "axis": {"labelAngle": 0}}
    y = {
        "field": "number",
        "type": "quantitative",
        "title": _("How often"),
        "axis": whole(max(each.number for each in spread.bins)),
    }
    spec = {
        "data": {"values": values},
        "mark": {"type": "bar", "color": BAR},
        "encoding": {"x": x, "y": y, **({} if spread.digits else {"x2": {"field": "high"}})},
        "width": _WIDTH,
        "height": 200,
    }
    return drawn(spec, spread.title)


def _degrees(name: str, title: str) -> dict[str, Any]:
    return {"field": name, "type": "quantitative", "title": title, "scale": {"zero": False, "nice": True}}


def _bins(values: Sequence[float]) -> list[Bin]:
    low, high = min(values), max(values)
    width = (high - low) / BINS or 1.0
    counted: dict[int, int] = defaultdict(int)
    for value in values:
        counted[min(BINS - 1, int((value - low) / width))] += 1
    last = max(counted)
    return [Bin(low + place * width, low + (place + 1) * width, counted[place]) for place in range(last + 1)]


def _digits(values: Sequence[float]) -> list[Bin]:
    counted = Counter(int(f"{value:e}"[0]) for value in values if value > 0)
    return [Bin(digit, digit + 1, counted[digit]) for digit in range(1, 10)]


@dataclass(frozen=True, slots=True)
class _Reading:
    title: Callable[[], str]
    of: Callable[[Row], float | None]
    digits: bool = False


def _minutes(row: Row, begins: str, ends: str) -> float | None:
    if not row.get(begins) or not row.get(ends):
        return None
    return (
        datetime.fromisoformat(str(row[ends])) - datetime.fromisoformat(str(row[begins]))
    ).total_seconds() / 60


def _signed(row: Row) -> float | None:
    return _minutes(row, "slot_starts_at", "signed_at") if row.get("table") == "attendance" else None


def _late(row: Row) -> float | None:
    began = {"attendance": "signed_at", "booking_events": "at"}.get(str(row.get("table")))
    minutes = None if began is None else _minutes(row, began, "recorded_at")
    return None if minutes is None else minutes / (24 * 60)


def _amount(row: Row) -> float | None:
    name = {"bookings": "amount_cents", "prices": "price_cents", "booking_events": "amount_cents"}.get(
        str(row.get("table"))
    )
    return None if name is None or row.get(name) is None else float(row[name]) / 100


_READ: dict[str, _Reading] = {
    "D14": _Reading(lambda: _("Minutes from the beginning of a lesson to the signature"), _signed),
    "D15": _Reading(lambda: _("Days from what is told to its entry"), _late),
    "D19": _Reading(lambda: _("Prices and amounts"), _amount),
    "D20": _Reading(lambda: _("Amounts"), _amount),
    "D25": _Reading(lambda: _("First digit of the amounts"), _amount, digits=True),
}
