"""New Jersey's list of programmes: CSV records read into entries."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from catalogue import classifications
from catalogue.importing import cells, html, values
from catalogue.importing.entries import MAX_NUMBER, Entry, EntryData
from catalogue.importing.problems import RefusedWholeError
from catalogue.importing.registers import MAX_ID, STATE_OF_STATUS, RegisterRow
from catalogue.importing.tables import Record, read_records
from catalogue.models.micro_credentials import CredentialKind
from ila.core.errors import DomainError

PARTS = ("tuition", "fees", "booksmaterialscost", "suppliestoolscost", "othercosts")
NEEDED = (
    "programid",
    "providerid",
    "officialname",
    "cipcode",
    *PARTS,
    "totalcost",
    "totalclockhours",
    "statusname",
)
# `submitted` says when the record was last handed in, nothing about the programme.
FACTS = (
    *("prerequisites", "leadtodegree", "degreeawardedname", "leadtolicense", "licenseawardedname"),
    *("leadtoindustrycredential", "industrycredentialname", "credit", "calendarlengthid"),
)
IMPLAUSIBLE_CENTS = 100_000_000  # 1,000,000 dollars
_SHORT_CIP = re.compile(r"[0-9]{5}")
_HOURS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,2})?")


def read_file(path: Path, register: dict[str, RegisterRow]) -> Iterator[Entry]:
    """The programmes of an ETPL file in their order.

    Raises: RefusedWholeError, possibly at the very end of the file.
    """
    for record in read_records(path, needed=NEEDED):
        provider = record["providerid"]
        if not provider or len(provider) > MAX_ID:
            told = "empty" if not provider else "too long"
            raise RefusedWholeError("not_csv", f"providerid is {told}", line=record.line, field="providerid")
        yield _read(record, provider, register)


def _read(record: Record, provider: str, register: dict[str, RegisterRow]) -> Entry:
    entry = Entry(record.line, provider, record["programid"][:MAX_NUMBER])
    if provider not in register:
        entry.fail("unknown_provider", f"provider {provider} is not in the register", "providerid")
    title = html.plain_text(values.collapse(record["officialname"]))
    if not record["programid"] or len(record["programid"]) > MAX_NUMBER:
        entry.fail("missing_value", "programid is empty or too long", "programid")
    if not title.text:
        entry.fail("missing_value", "officialname is empty", "officialname")
    if record["statusname"] not in STATE_OF_STATUS:
        entry.fail("missing_value", f"the status {record['statusname'][:60]!r} is not known", "statusname")
    prices = _prices(entry, record)
    content = html.clean_text_or_html(values.lines(record.get("description")))
    if title.active:
        entry.warn("html_cleaned", "active content was taken out", "officialname")
    if content.active:
        entry.warn("html_cleaned", "active content was taken out", "description")
    hours = _hours(entry, record["totalclockhours"])
    cip = _cip(entry, record["cipcode"])
    if not entry.errors:
        entry.data = EntryData(
            values={
                "title": values.collapse(title.text),
                "kind": str(CredentialKind.COURSE),
                "code": cip,
                "goals_html": "",
                "content_html": content.text,
                "language": "",
                "has_prerequisites": None,
                "currency": "USD",
                "price_cents": prices["totalcost"],
                "total_mismatch": _mismatch(entry, prices),
                "facts": _facts(record, prices),
            },
            status=record["statusname"],
            offers=[],
            hours=hours,
            description={"cip_code": _known_cip(cip)},
        )
        if prices["totalcost"] == 0:
            entry.warn("price_zero", "the price is 0: not bookable", "totalcost")
    return entry


def _prices(entry: Entry, record: Record) -> dict[str, int]:
    prices = {}
    for column in (*PARTS, "totalcost"):
        cents = values.dollar_cents(record[column])
        if cents is None:
            entry.fail("bad_price", f"{record[column][:40]!r} is no price", column)
        prices[column] = cents or 0
    return prices


def _mismatch(entry: Entry, prices: dict[str, int]) -> bool:
    total = prices["totalcost"]
    parts = sum(prices[column] for column in PARTS)
    if total != parts:
        message = f"the parts add up to {parts / 100:.2f}, the total says {total / 100:.2f}: not bookable"
    elif total > IMPLAUSIBLE_CENTS:
        message = f"a total of {total / 100:.2f} is not believed: not bookable"
    else:
        return False
    entry.warn("total_mismatch", message, "totalcost")
    return True


def _hours(entry: Entry, text: str) -> str | None:
    if not _HOURS.fullmatch(text) or not float(text):
        entry.warn("hours_missing", "the hours are not specified", "totalclockhours")
        return None
    return values.decimal_text(text)


def _cip(entry: Entry, text: str) -> str:
    if not _SHORT_CIP.fullmatch(text):
        return text[:30]
    # Spreadsheets take CIP codes for numbers and drop the leading zero.
    entry.warn("cip_restored", f"{text} is read as 0{text}", "cipcode")
    return f"0{text}"


def _known_cip(code: str) -> str | None:
    """The code as the list of CIP 2020 writes it; None for one that it does not have. `code` keeps what was told."""
    try:
        return classifications.checked_cip(cells.cip_spelt(code)[0])
    except DomainError:
        return None


def _facts(record: Record, prices: dict[str, int]) -> dict[str, Any]:
    facts = {name: values.lines(record.get(name)) for name in FACTS if record.get(name)}
    return {**facts, "parts_cents": {name: prices[name] for name in PARTS}}
