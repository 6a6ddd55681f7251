"""The platform's own table of offers (CSV or XLSX): one row a session, read into entries.

Rows of one entry follow one another, so that one entry at a time is in memory, whatever the size of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from catalogue.importing import html, values
from catalogue.importing.entries import MAX_NUMBER, Entry, EntryData, OfferData, SessionData
from catalogue.importing.sheets import read_sheet
from catalogue.importing.tables import Record, read_records
from catalogue.models.micro_credentials import CredentialKind
from catalogue.models.offers import DeliveryMode

NEEDED = ("provider", "entry_number", "title", "kind", "price")
ENTRY_COLUMNS = ("title", "kind", "code", "goals", "content", "language", "hours", "has_prerequisites")
OFFER_COLUMNS = (
    *("mode", "place", "street", "postcode", "city", "country", "latitude", "longitude", "price"),
)
SESSION_COLUMNS = ("session_number", "starts", "ends", "open", "guaranteed")
COLUMNS = ("provider", "entry_number", *ENTRY_COLUMNS, "offer_number", *OFFER_COLUMNS, *SESSION_COLUMNS)
ONLY_OFFER = "1"  # the number of an offer that has none: the only one of its entry
MAX_ROWS = 10_000
LENGTHS = {"code": 30, "place": 200, "street": 300, "postcode": 20, "city": 100}
YES_NO = {"": None, "yes": True, "no": False, "oui": True, "non": False}
_KINDS = set(CredentialKind.values)
_MODES = {"", *DeliveryMode.values}
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_HOURS = re.compile(r"[0-9]{1,6}(?:[.,][0-9]{1,2})?")
_DEGREES = re.compile(r"-?[0-9]{1,3}(?:[.,][0-9]{1,15})?")
_SHORT_POSTCODE = re.compile(r"[0-9]{4}")


def read_file(path: Path) -> Iterator[Entry]:
    """The entries of a table in their order.

    Raises: RefusedWholeError, possibly at the very end of the file.
    """
    group: _Group | None = None
    for record in _records(path):
        key = (record["provider"], record["entry_number"])
        if group is None or group.key != key:
            if group is not None:
                yield group.entry()
            group = _Group(key, record)
        group.add(record)
    if group is not None:
        yield group.entry()


def _records(path: Path) -> Iterator[Record]:
    with path.open("rb") as file:
        start = file.read(65_536)
    if start.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        yield from read_sheet(path, needed=NEEDED)
        return
    # Spreadsheets of countries with a decimal comma separate by semicolons.
    header = start.split(b"\n", 1)[0]
    delimiter = ";" if header.count(b";") > header.count(b",") else ","
    yield from read_records(path, needed=NEEDED, delimiter=delimiter)


@dataclass(slots=True)
class _Offer:
    values: dict[str, str]
    data: OfferData
    seen: set[str]


class _Group:
    """The rows of one entry, read as they come."""

    def __init__(self, key: tuple[str, str], first: Record) -> None:
        self.key = key
        provider, number = key
        self._entry = Entry(first.line, provider or None, number[:MAX_NUMBER] or None)
        self._first = first
        self._rows = 0
        self._offers: dict[str, _Offer] = {}
        self._languages = first.get("language").lower()
        self._data = self._read_entry(first)

    def add(self, record: Record) -> None:
        """One more row: its offer, its session, and that it does not contradict the rows before it."""
        self._rows += 1
        if self._rows > MAX_ROWS:
            if self._rows == MAX_ROWS + 1:
                self._entry.fail("too_large", f"the entry has more than {MAX_ROWS} rows", "entry_number")
            return
        for column in ENTRY_COLUMNS:
            value = record.get(column)
            if value and value != self._first.get(column):
                self._entry.fail("conflict", f"line {record.line} says otherwise", column)
        number = record.get("offer_number") or ONLY_OFFER
        offer = self._offers.get(number)
        if offer is None:
            if len(number) > MAX_NUMBER:
                self._entry.fail("bad_value", "the number is too long", "offer_number")
                return
            offer = _Offer(record.values, self._read_offer(record, number), set())
            self._offers[number] = offer
        else:
            for column in OFFER_COLUMNS:
                value = record.get(column)
                if value and value != offer.values.get(column, ""):
                    self._entry.fail("conflict", f"line {record.line} says otherwise", f"{number}/{column}")
        self._read_session(record, number, offer)

    def entry(self) -> Entry:
        """All rows were read."""
        entry = self._entry
        if not entry.errors:
            self._data.offers = [offer.data for offer in self._offers.values()]
            towns = {
                value
                for offer in self._data.offers
                for value in (offer.values["city"], offer.values["postcode"])
                if value
            }
            self._data.names = sorted(towns)
            entry.data = self._data
        return entry

    def _read_entry(self, record: Record) -> EntryData:
        entry = self._entry
        if not record["provider"]:
            entry.fail("missing_value", "the provider is missing", "provider")
        elif not values.is_siret(record["provider"]):
            entry.fail("bad_siret", f"{record['provider'][:40]} is no SIRET", "provider")
        if not record["entry_number"] or len(record["entry_number"]) > MAX_NUMBER:
            entry.fail("missing_value", "the entry's number is missing or too long", "entry_number")
        title = html.plain_text(values.collapse(record["title"]))
        goals = html.clean_text_or_html(values.lines(record.get("goals")))
        content = html.clean_text_or_html(values.lines(record.get("content")))
        for column, cleaned in (("title", title), ("goals", goals), ("content", content)):
            if cleaned.active:
                entry.warn("html_cleaned", "active content was taken out", column)
        if not title.text.strip():
            entry.fail("missing_value", "the title is missing", "title")
        kind = record["kind"].lower()
        if kind not in _KINDS:
            entry.fail("bad_value", f"{record['kind'][:40]!r} is no kind", "kind")
        return EntryData(
            values={
                "title": values.collapse(title.text),
                "kind": kind,
                "code": self._short(record, "code", ""),
                "goals_html": goals.text,
                "content_html": content.text,
                "language": self._language(record),
                "has_prerequisites": self._yes_no(record, "has_prerequisites"),
                "currency": "EUR",
                "price_cents": None,
                "total_mismatch": False,
                "facts": {},
            },
            status="Approved",
            offers=[],
            hours=self._hours(record),
        )

    def _read_offer(self, record: Record, number: str) -> OfferData:
        where = f"{number}/"
        mode = record.get("mode").lower()
        if mode not in _MODES:
            self._entry.fail("bad_value", f"{mode[:40]!r} is no mode", f"{where}mode")
        text = record["price"].replace(",", ".")
        cents = values.euro_cents(text)
        if cents is None:
            told = f"{record['price'][:40]!r} is no price" if text else "there is no price"
            self._entry.fail("bad_price", told, f"{where}price")
        country = record.get("country").upper()
        if country and not _COUNTRY.fullmatch(country):
            self._entry.fail("bad_value", f"{country[:40]!r} is no country of two letters", f"{where}country")
        latitude, longitude = (
            self._degrees(record, column, limit, where)
            for column, limit in (("latitude", 90), ("longitude", 180))
        )
        if bool(record.get("latitude")) != bool(record.get("longitude")):
            self._entry.fail("bad_value", "latitude and longitude come together", f"{where}latitude")
        place = {name: self._short(record, name, where) for name in ("place", "street", "postcode", "city")}
        if country in {"", "FR"} and _SHORT_POSTCODE.fullmatch(place["postcode"]):
            # Spreadsheets take postcodes for numbers and drop the leading zero.
            self._entry.warn(
                "zip_restored", f"{place['postcode']} is read as 0{place['postcode']}", "postcode"
            )
            place["postcode"] = f"0{place['postcode']}"
        return OfferData(
            number,
            {
                "mode": mode,
                **place,
                "country": country,
                "latitude": latitude,
                "longitude": longitude,
                "language": self._languages if _LANGUAGE.fullmatch(self._languages) else "",
                "hours_centre": None,
                "hours_company": None,
                "has_prerequisites": self._data.values["has_prerequisites"],
                "currency": "EUR",
                "price_cents": cents or 0,
                "net_price": "",
                "vat_percent": "",
                "facts": {},
            },
            [],
        )

    def _read_session(self, record: Record, offer_number: str, offer: _Offer) -> None:
        number = record.get("session_number")
        told = {name: record.get(name) for name in SESSION_COLUMNS}
        if not number:
            if any(told.values()):
                self._entry.fail(
                    "missing_value",
                    f"line {record.line} tells of a session without a number",
                    f"{offer_number}/session_number",
                )
            return
        path = f"{offer_number}/{number}"
        if number in offer.seen:
            self._entry.fail("duplicate", f"session {path} comes twice", path)
        offer.seen.add(number)
        if len(number) > MAX_NUMBER:
            self._entry.fail("bad_value", "the number is too long", "session_number")
        starts, ends = (self._day(record, name, path) for name in ("starts", "ends"))
        if starts and ends and ends < starts:
            self._entry.fail("bad_period", f"ends on {ends}, before it starts on {starts}", f"{path}/ends")
        offer.data.sessions.append(
            SessionData(
                number=number,
                starts=starts,
                ends=ends,
                # Not said is open: who lists a session wants it booked.
                closed=self._yes_no(record, "open", f"{path}/") is False,
                guaranteed=self._yes_no(record, "guaranteed", f"{path}/") is True,
                details={},
            )
        )

    # single values

    def _short(self, record: Record, column: str, where: str) -> str:
        text = values.collapse(record.get(column))
        if len(text) > LENGTHS[column]:
            self._entry.fail("bad_value", f"longer than {LENGTHS[column]} characters", f"{where}{column}")
        return text

    def _yes_no(self, record: Record, column: str, where: str = "") -> bool | None:
        text = record.get(column).lower()
        if text not in YES_NO:
            self._entry.fail("bad_value", f"{text[:40]!r} is neither yes nor no", f"{where}{column}")
            return None
        return YES_NO[text]

    def _language(self, record: Record) -> str:
        text = record.get("language")
        if text and not _LANGUAGE.fullmatch(text):
            self._entry.fail("bad_value", f"{text[:40]!r} is no code of a language", "language")
            return ""
        return text.lower()

    def _hours(self, record: Record) -> str | None:
        text = record.get("hours")
        if not text:
            return None
        if not _HOURS.fullmatch(text):
            self._entry.fail("bad_value", f"{text[:40]!r} is no number of hours", "hours")
            return None
        hours = Decimal(text.replace(",", "."))
        return values.decimal_text(str(hours)) if hours else None

    def _degrees(self, record: Record, column: str, limit: int, where: str) -> float | None:
        text = record.get(column)
        if not text:
            return None
        degrees = float(text.replace(",", ".")) if _DEGREES.fullmatch(text) else None
        if degrees is None or abs(degrees) > limit:
            self._entry.fail("bad_value", f"{text[:40]!r} is no {column}", f"{where}{column}")
            return None
        return degrees

    def _day(self, record: Record, column: str, path: str) -> str | None:
        text = record.get(column)
        if not text:
            return None
        day: Any = values.register_day(text, american=False)
        if day is None:
            self._entry.fail("bad_date", f"{text[:40]!r} is no day (2027-06-14)", f"{path}/{column}")
            return None
        return str(day.isoformat())
