"""Registers of providers: who they are and whether they are accredited."""

import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from catalogue.importing import values
from catalogue.importing.decoding import open_file
from catalogue.importing.problems import RefusedWholeError
from catalogue.importing.tables import Record, read_records
from catalogue.models.accreditations import AccreditationState

STATE_OF_STATUS = {
    "Approved": AccreditationState.ACCREDITED,
    "Suspend": AccreditationState.SUSPENDED,
    "Pending": AccreditationState.SUBMITTED,
}
MAX_ID = 200
SIRET_COLUMNS = ("siret", "name", "status", "valid_from", "valid_until")
ETPL_COLUMNS = ("providerid", "name", "city", "state", "zip", "certapprovalexp", "statusname")
ETPL_DETAILS = (
    *(
        "county",
        "licensingagencyid",
        "typeid",
        "distancelearning",
        "languages",
        "childcare",
        "eveningcourses",
    ),
    "accessfordisabled",
)
_SHORT_ZIP = re.compile(r"[0-9]{4}(?:-[0-9]{4})?")


@dataclass(slots=True)
class RegisterRow:
    """A provider as a register lists it. valid_from, valid_until: both included; None: always, no end."""

    provider: str
    name: str
    state: AccreditationState
    valid_from: date | None
    valid_until: date | None
    city: str = ""
    region: str = ""
    postcode: str = ""
    zip_restored: bool = False
    details: dict[str, str] = field(default_factory=dict)


def read_siret_register(path: Path) -> dict[str, RegisterRow]:
    """A register of French providers by SIRET. Raises: RefusedWholeError, `bad_register` among them."""
    return _read(path, "siret", SIRET_COLUMNS)


def read_any_register(path: Path) -> dict[str, RegisterRow]:
    """A register beside the platform's own table: `provider` as in the table's own rows, or `siret`.

    Numbers are written as they are stored: `50000000000017`, `BE0403170701`, `BE-1234`. Raises: as read_siret_register.
    """
    with open_file(path) as file:
        header = file.read(4096).split(b"\n", 1)[0].decode("utf-8", "replace")
    column = "provider" if "provider" in re.split(r"[^a-z_]+", header) else "siret"
    return _read(path, column, (column, *SIRET_COLUMNS[1:]))


def _read(path: Path, column: str, needed: tuple[str, ...]) -> dict[str, RegisterRow]:
    rows: dict[str, RegisterRow] = {}
    for record in read_records(path, needed=needed):
        siret = _identifier(record, column, rows)
        valid_from = _day(record, "valid_from", american=False)
        valid_until = _day(record, "valid_until", american=False)
        if valid_from is not None and valid_until is not None and valid_until < valid_from:
            raise RefusedWholeError(
                "bad_register",
                f"{siret} is valid until a day before it is valid",
                line=record.line,
                field="valid_until",
            )
        name = values.collapse(record["name"])
        rows[siret] = RegisterRow(siret, name, _state(record, "status"), valid_from, valid_until)
    return rows


def read_etpl_register(path: Path) -> dict[str, RegisterRow]:
    """New Jersey's register of providers by their id. Raises: RefusedWholeError, such as `bad_register`."""
    rows: dict[str, RegisterRow] = {}
    for record in read_records(path, needed=ETPL_COLUMNS):
        provider = _identifier(record, "providerid", rows)
        postcode = record["zip"]
        short = _SHORT_ZIP.fullmatch(postcode) is not None
        rows[provider] = RegisterRow(
            provider,
            values.collapse(record["name"]),
            _state(record, "statusname"),
            None,
            _day(record, "certapprovalexp", american=True),
            city=values.collapse(record["city"]),
            region=values.collapse(record["state"]),
            # Spreadsheets take ZIP codes for numbers and drop the leading zero.
            postcode=f"0{postcode}" if short else postcode,
            zip_restored=short,
            details={name: record[name] for name in ETPL_DETAILS if record.get(name)},
        )
    return rows


def _identifier(record: Record, column: str, seen: dict[str, RegisterRow]) -> str:
    identifier = record[column]
    if not identifier:
        raise RefusedWholeError("not_csv", f"{column} is empty", line=record.line, field=column)
    if len(identifier) > MAX_ID:
        raise RefusedWholeError("bad_register", f"{column} is too long", line=record.line, field=column)
    if identifier in seen:
        raise RefusedWholeError(
            "bad_register", f"{column} {identifier} comes twice", line=record.line, field=column
        )
    return identifier


def _state(record: Record, column: str) -> AccreditationState:
    state = STATE_OF_STATUS.get(record[column])
    if state is None:
        message = f"the status {record[column][:60]!r} is not known"
        raise RefusedWholeError("bad_register", message, line=record.line, field=column)
    return state


def _day(record: Record, column: str, *, american: bool) -> date | None:
    text = record[column]
    if not text:
        return None
    day = values.register_day(text, american=american)
    if day is None:
        message = f"{text[:60]!r} is no day of the calendar"
        raise RefusedWholeError("bad_register", message, line=record.line, field=column)
    return day
