"""The platform's own table of offers (CSV or XLSX): one row a session, read into entries.

Rows of one entry follow one another, so that one entry at a time is in memory, whatever the size of the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from catalogue.importing import cells, html, values
from catalogue.importing.cells import BadCellError
from catalogue.importing.entries import MAX_NUMBER, Entry, EntryData, OfferData, SessionData
from catalogue.importing.sheets import read_sheet
from catalogue.importing.tables import Record, read_records

T = TypeVar("T")
NEEDED = ("provider", "entry_number", "title", "kind", "price")
PROVIDER_COLUMNS = ("provider_scheme", "provider_country")
LEVEL_COLUMNS = (
    *("workload", "workload_scheme", "eqf_level", "national_level"),
    *("isced_field", "skills", "formacodes", "cip_code"),
)
ENTRY_COLUMNS = (
    *("title", "kind", "code", "goals", "content", "language", "hours", *LEVEL_COLUMNS),
    *("has_prerequisites", "currency"),
)
OFFER_COLUMNS = (
    *("mode", "place", "street", "postcode", "city", "country", "latitude", "longitude", "price"),
)
SESSION_COLUMNS = ("session_number", "starts", "ends", "open", "guaranteed")
COLUMNS = (
    *("provider", *PROVIDER_COLUMNS, "entry_number", *ENTRY_COLUMNS),
    *("offer_number", *OFFER_COLUMNS, *SESSION_COLUMNS),
)
ONLY_OFFER = "1"  # the number of an offer that has none: the only one of its entry
MAX_ROWS = 10_000
COMMENT = "#"
_SHORT_POSTCODE = re.compile(r"[0-9]{4}")


def read_file(path: Path, *, is_known: Callable[[str], bool] | None = None) -> Iterator[Entry]:
    """The entries of a table in their order.

    is_known: whether the platform knows a provider by that identifier, asked for those of the scheme `platform`.
    Raises: RefusedWholeError, possibly at the very end of the file.
    """
    group: _Group | None = None
    for record in _records(path):
        provider = record["provider"]
        if provider.startswith(COMMENT):
            continue
        key = (provider, record["entry_number"])
        if group is None or group.key != key:
            if group is not None:
                yield group.entry()
            group = _Group(key, record, is_known)
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

    def __init__(
        self, key: tuple[str, str], first: Record, is_known: Callable[[str], bool] | None = None
    ) -> None:
        self.key = key
        provider, number = key
        self._is_known = is_known
        self._entry = Entry(first.line, provider or None, number[:MAX_NUMBER] or None)
        self._first = first
        self._line = first.line
        self._rows = 0
        self._offers: dict[str, _Offer] = {}
        self._data = self._read_entry(first)

    def add(self, record: Record) -> None:
        """One more row: its offer, its session, and that it does not contradict the rows before it."""
        self._rows += 1
        self._line = record.line
        if self._rows > MAX_ROWS:
            if self._rows == MAX_ROWS + 1:
                self._fail("too_large", f"the entry has more than {MAX_ROWS} rows: split it", "entry_number")
            return
        if self._rows > 1:
            self._check_same((*PROVIDER_COLUMNS, *ENTRY_COLUMNS), record, self._first.values, "")
        number = record.get("offer_number") or ONLY_OFFER
        offer = self._offers.get(number)
        if offer is None:
            if len(number) > MAX_NUMBER:
                self._fail("bad_value", f"the number is longer than {MAX_NUMBER} characters", "offer_number")
                return
            offer = _Offer(record.values, self._read_offer(record, number), set())
            self._offers[number] = offer
        else:
            self._check_same(OFFER_COLUMNS, record, offer.values, f"{number}/")
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
        self._read_provider(record)
        if not record["entry_number"] or len(record["entry_number"]) > MAX_NUMBER:
            self._fail(
                "missing_value",
                f"the entry's number is missing, or longer than {MAX_NUMBER} characters",
                "entry_number",
            )
        title = html.plain_text(values.collapse(record["title"]))
        goals = html.clean_text_or_html(values.lines(record.get("goals")))
        content = html.clean_text_or_html(values.lines(record.get("content")))
        for column, cleaned in (("title", title), ("goals", goals), ("content", content)):
            if cleaned.active:
                entry.warn("html_cleaned", "active content was taken out", column)
        if not title.text.strip():
            self._fail("missing_value", "the title is missing: write it in the entry's first row", "title")
        told: dict[str, Any] = {
            "title": values.collapse(title.text),
            "kind": self._cell(record, "kind", lambda text: cells.one_of(text, cells.KINDS, empty=False), ""),
            "code": self._short(record, "code"),
            "goals_html": goals.text,
            "content_html": content.text,
            "language": self._cell(record, "language", cells.language, ""),
            "has_prerequisites": self._cell(record, "has_prerequisites", cells.yes_no, None),
            "currency": self._cell(record, "currency", cells.currency, "EUR"),
            "price_cents": None,
            "total_mismatch": False,
            "facts": {},
        }
        return EntryData(
            # A table without these columns says nothing of them: what is stored stays.
            values=told | self._read_level(record),
            status="Approved",
            offers=[],
            hours=self._cell(record, "hours", cells.quantity, None),
            description=self._read_description(record),
        )

    def _read_provider(self, record: Record) -> None:
        scheme = record.get("provider_scheme")
        try:
            provider = cells.provider(scheme, record.get("provider_country"), record["provider"])
        except BadCellError as bad:
            self._fail(bad.code, bad.message, "provider")
            return
        if scheme.lower() == "platform" and self._is_known is not None and not self._is_known(provider):
            self._fail(
                "unknown_provider",
                f"{cells.shown(provider)} is no provider here: write the identifier that the register export names",
                "provider",
            )
        self._entry.provider = provider

    def _read_level(self, record: Record) -> dict[str, Any]:
        told: dict[str, Any] = {}
        if "eqf_level" in record.values:
            told["eqf_level"] = self._cell(record, "eqf_level", cells.eqf_level, None)
        if "national_level" in record.values:
            told["national_level"] = self._short(record, "national_level") or None
        if "isced_field" in record.values:
            told["isced_field"] = self._restored(record, "isced_field", cells.isced, "")
        if "skills" in record.values:
            told["skills"] = self._cell(record, "skills", cells.skills, None)
        if "workload" in record.values or "workload_scheme" in record.values:
            workload = self._cell(record, "workload", cells.quantity, None)
            scheme = self._cell(
                record, "workload_scheme", lambda text: cells.one_of(text, cells.WORKLOAD_SCHEMES), ""
            )
            if (workload is None) != (not scheme) and not self._entry.errors:
                self._fail(
                    "missing_value",
                    "a workload is a number with its scheme: fill both or neither",
                    "workload",
                )
            told |= {"workload": workload, "workload_scheme": scheme or None}
        return told

    def _read_description(self, record: Record) -> dict[str, Any]:
        told: dict[str, Any] = {}
        if "formacodes" in record.values:
            told["formacodes"] = self._cell(record, "formacodes", cells.formacodes, None)
        if "cip_code" in record.values:
            told["cip_code"] = self._restored(record, "cip_code", cells.cip, None)
        return told

    def _read_offer(self, record: Record, number: str) -> OfferData:
        where = f"{number}/"
        mode = self._cell(record, "mode", lambda text: cells.one_of(text, cells.MODES), "", where)
        cents = self._cell(record, "price", cells.price, 0, where)
        country = self._cell(record, "country", cells.country, "", where)
        latitude = self._cell(record, "latitude", lambda text: cells.degrees(text, 90), None, where)
        longitude = self._cell(record, "longitude", lambda text: cells.degrees(text, 180), None, where)
        if bool(record.get("latitude")) != bool(record.get("longitude")):
            self._fail(
                "bad_value", "latitude and longitude come together: fill both or neither", f"{where}latitude"
            )
        place = {name: self._short(record, name, where) for name in ("place", "street", "postcode", "city")}
        if country in {"", "FR"} and _SHORT_POSTCODE.fullmatch(place["postcode"]):
            # Spreadsheets take postcodes for numbers and drop the leading zero.
            told = f"{place['postcode']} is read as 0{place['postcode']}"
            self._entry.warn("zip_restored", told, "postcode", line=self._line)
            place["postcode"] = f"0{place['postcode']}"
        return OfferData(
            number,
            {
                "mode": mode,
                **place,
                "country": country,
                "latitude": latitude,
                "longitude": longitude,
                "language": self._data.values["language"],
                "hours_centre": None,
                "hours_company": None,
                "has_prerequisites": self._data.values["has_prerequisites"],
                "currency": self._data.values["currency"],
                "price_cents": cents,
                "net_price": "",
                "vat_percent": "",
                "facts": {},
            },
            [],
        )

    def _read_session(self, record: Record, offer_number: str, offer: _Offer) -> None:
        number = record.get("session_number")
        if not number:
            if any(record.get(name) for name in SESSION_COLUMNS):
                self._fail(
                    "missing_value",
                    "the row tells of a session without a number: write one in session_number",
                    f"{offer_number}/session_number",
                )
            return
        path = f"{offer_number}/{number}"
        if number in offer.seen:
            self._fail("duplicate", f"session {path} comes twice: give each its own number", path)
        offer.seen.add(number)
        if len(number) > MAX_NUMBER:
            self._fail("bad_value", f"the number is longer than {MAX_NUMBER} characters", "session_number")
        starts = self._cell(record, "starts", cells.day, None, f"{path}/")
        ends = self._cell(record, "ends", cells.day, None, f"{path}/")
        if starts and ends and ends < starts:
            told = f"ends on {ends}, before it starts on {starts}: mend one of the two"
            self._fail("bad_period", told, f"{path}/ends")
        offer.data.sessions.append(
            SessionData(
                number=number,
                starts=starts,
                ends=ends,
                # Not said is open: who lists a session wants it booked.
                closed=self._cell(record, "open", cells.yes_no, None, f"{path}/") is False,
                guaranteed=self._cell(record, "guaranteed", cells.yes_no, None, f"{path}/") is True,
                details={},
            )
        )

    # single cells

    def _cell(
        self, record: Record, column: str, read: Callable[[str], T], otherwise: T, where: str = ""
    ) -> T:
        try:
            return read(record.get(column))
        except BadCellError as bad:
            self._fail(bad.code, bad.message, f"{where}{column}")
            return otherwise

    def _restored(
        self, record: Record, column: str, read: Callable[[str], tuple[T, bool]], otherwise: T
    ) -> T:
        value, restored = self._cell(record, column, read, (otherwise, False))
        if restored:
            told = f"{record.get(column)} is read as {value}"
            self._entry.warn("cip_restored" if column == "cip_code" else "zero_restored", told, column)
        return value

    def _short(self, record: Record, column: str, where: str = "") -> str:
        return self._cell(record, column, lambda text: cells.short(text, cells.LENGTHS[column]), "", where)

    def _check_same(
        self, columns: tuple[str, ...], record: Record, before: dict[str, str], where: str
    ) -> None:
        for column in columns:
            value = record.get(column)
            if value and value != before.get(column, ""):
                told = f"line {record.line} says otherwise than the rows before it: leave it empty, or write the same"
                self._fail("conflict", told, f"{where}{column}")

    def _fail(self, code: str, message: str, column: str) -> None:
        self._entry.fail(code, message, column, line=self._line)
