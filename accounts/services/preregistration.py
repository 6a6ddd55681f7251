"""Registering citizens in advance: an agency's file becomes learning accounts that wait for their owners.

A file is taken whole or not at all: one row at fault, and nothing is stored.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import transaction

from accounts.identity import facts, indexes
from accounts.identity.configuration import check_national_id_kind, national_id
from accounts.models import Citizen, CitizenMark, OpenFact
from accounts.models.citizens import CitizenStatus
from accounts.services.citizens import FACTS
from ila.core import clock
from ila.core.errors import DomainError

NEEDED = ("given_name", "family_name", "birth_date")
MARKS = ("birth_place", "email", "postcode")
# Facts that a file may establish, each in a column of its name.
FACT_COLUMNS = ("status", "qualification_level", "disabled", "residence", "citizenship")
COLUMNS = (*NEEDED, "national_id_kind", "national_id", *MARKS, *FACT_COLUMNS)
MAX_ERRORS = 1_000
MAX_LEVEL = 8
OLDEST = date(1900, 1, 1)
BATCH = 1_000


@dataclass(frozen=True)
class RowError:
    """What is wrong with a row. line: of the file, the header being 1; None for the file as a whole."""

    line: int | None
    column: str | None
    code: str
    message: str

    def as_json(self) -> dict[str, Any]:
        return {"line": self.line, "column": self.column, "code": self.code, "message": self.message}


@dataclass
class Report:
    """What became of a file. unchanged: rows whose citizen is registered already, by the national number."""

    created: int = 0
    unchanged: int = 0
    errors: list[RowError] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "created": self.created,
            "unchanged": self.unchanged,
            "errors": [each.as_json() for each in self.errors[:MAX_ERRORS]],
            "errors_left_out": max(0, len(self.errors) - MAX_ERRORS),
        }


@dataclass(frozen=True)
class _Row:
    line: int
    citizen: Citizen
    marks: dict[str, str]
    open_facts: tuple[str, ...]


class _AtFaultError(Exception):
    def __init__(self, column: str, code: str, message: str) -> None:
        self.column, self.code, self.message = column, code, message
        super().__init__(message)


def preregister_citizens(
    lines: Iterable[str], *, dry_run: bool = False, progress: Callable[[int], None] | None = None
) -> Report:
    """Register everybody in a CSV file (UTF-8, a header of `COLUMNS`) who is not registered yet.

    A row without a national number is always somebody new, unless the same names and birth date were registered
    before or stand in the file twice: then it is a fault, and somebody looks. Facts the file leaves out stay open.
    progress: told now and then how many rows were read, before the transaction begins.
    Raises: DomainError `invalid` for a file without the columns it needs.
    """
    report = Report()
    rows = []
    for number, row in enumerate(_read(lines, report), start=1):
        rows.append(row)
        if progress is not None and number % BATCH == 0:
            progress(number)
    with transaction.atomic():
        # Two files at once wait for each other; so does nothing else.
        _lock()
        new = list(_new_rows(rows, report))
        if not report.errors:
            report.created = len(new)
            if not dry_run:
                _store(new)
    if report.errors:
        report.unchanged = 0
    return report


def _lock() -> None:
    with transaction.get_connection().cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [0x696C6131, 0])


def _read(lines: Iterable[str], report: Report) -> Iterator[_Row]:
    reader = csv.DictReader(lines, strict=True)
    try:
        _check_header(reader.fieldnames)
        seen: dict[tuple[str, str], int] = {}
        for row in reader:
            try:
                made = _row(reader.line_num, row)
                _check_once(made, seen)
            except _AtFaultError as fault:
                report.errors.append(RowError(reader.line_num, fault.column, fault.code, fault.message))
            else:
                yield made
    except csv.Error as error:
        raise DomainError("invalid", status=422, line=reader.line_num, fault=str(error)) from error


def _check_header(names: Any) -> None:
    missing = [name for name in NEEDED if name not in (names or ())]
    unknown = [name for name in (names or ()) if name not in COLUMNS]
    if missing or unknown or len(set(names)) != len(names):
        raise DomainError(
            "invalid", status=422, missing=", ".join(missing), unknown=", ".join(map(str, unknown))
        )


def _row(line: int, row: dict[Any, Any]) -> _Row:
    if None in row or None in row.values():
        raise _AtFaultError("", "fields", "the row has another number of fields than the header")
    told = {name: " ".join(value.split()) for name, value in row.items()}
    names = {name: _name(told, name) for name in ("given_name", "family_name")}
    established = {name: _fact(name, told[name]) for name in FACT_COLUMNS if told.get(name)}
    citizen = Citizen(
        **names,
        birth_date=_birth_date(told["birth_date"]),
        **({"status": CitizenStatus.INACTIVE} | established),
    )
    marks = {}
    if number := _number(told):
        kind, value = number
        marks[f"{CitizenMark.NATIONAL_ID}{kind}"] = value
    for kind in MARKS:
        if value := facts.comparable(kind, told.get(kind, "")):
            marks[kind] = value
    open_facts = tuple(name for name in FACTS if name != "birth_date" and name not in established)
    return _Row(line, citizen, marks, open_facts)


def _name(told: dict[str, str], column: str) -> str:
    value = told[column]
    if not facts.words_of(value):
        raise _AtFaultError(column, "missing_value", "a name has letters")
    if len(value) > facts.MAX_NAME:
        raise _AtFaultError(column, "too_long", f"at most {facts.MAX_NAME} characters")
    return value


def _birth_date(text: str) -> date:
    known = facts.BirthDate.parse(text)
    day = known.whole if known else None
    if day is None or not OLDEST <= day <= clock.now().date():
        raise _AtFaultError("birth_date", "bad_date", "a whole day in the past, like 1980-02-28")
    return day


def _number(told: dict[str, str]) -> tuple[str, str] | None:
    kind, value = told.get("national_id_kind", ""), told.get("national_id", "")
    if not value:
        return None
    try:
        check_national_id_kind(kind)
    except ValueError as error:
        raise _AtFaultError("national_id_kind", "unknown_kind", "a kind like fr.nir or be.nn") from error
    number = national_id(kind, value)
    if number is None:
        # Never the number itself: errors are read by many.
        raise _AtFaultError("national_id", "bad_number", f"no valid number of the kind {kind}")
    return kind, number


def _fact(name: str, text: str) -> Any:
    if name == "status" and text in CitizenStatus.values:
        return text
    if name == "qualification_level" and text.isascii() and text.isdigit() and int(text) <= MAX_LEVEL:
        return int(text)
    if name == "disabled" and text in {"yes", "no"}:
        return text == "yes"
    if name in {"residence", "citizenship"} and len(text) == 2 and text.isascii() and text.isupper():
        return text
    raise _AtFaultError(name, "bad_value", "not one of the values that this column takes")


def _check_once(row: _Row, seen: dict[tuple[str, str], int]) -> None:
    keys = [(kind, value) for kind, value in row.marks.items() if kind.startswith(CitizenMark.NATIONAL_ID)]
    if not keys:
        person = row.citizen
        keys = [("name", f"{_words(person)} {person.birth_date}")]
    for key in keys:
        if key in seen:
            raise _AtFaultError(
                "national_id" if key[0] != "name" else "family_name",
                "duplicate",
                f"the same person as in line {seen[key]}",
            )
        seen[key] = row.line


def _new_rows(rows: list[_Row], report: Report) -> Iterator[_Row]:
    """The rows whose person is not registered; by name and birth date alone that is a fault, and somebody looks."""
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        owners, names = _owners(part), _names_by_day(part)
        for row in part:
            number = _national(row)
            if number is not None:
                owner = next((owners[index] for index in _candidates(number) if index in owners), None)
                if owner is None:
                    yield row
                    continue
                report.unchanged += 1
                if owner != row.citizen.birth_date:
                    report.errors.append(
                        RowError(
                            row.line, "national_id", "other_person", "registered with another birth date"
                        )
                    )
            elif (row.citizen.birth_date, _words(row.citizen)) in names:
                report.errors.append(
                    RowError(
                        row.line,
                        "family_name",
                        "registered",
                        "somebody of this name and birth date is registered",
                    )
                )
            else:
                yield row


def _national(row: _Row) -> tuple[str, str] | None:
    return next((mark for mark in row.marks.items() if mark[0].startswith(CitizenMark.NATIONAL_ID)), None)


def _candidates(mark: tuple[str, str]) -> list[tuple[str, str]]:
    return [(mark[0], index) for index in indexes.candidates_of(*mark)]


def _owners(rows: list[_Row]) -> dict[tuple[str, str], date]:
    """The birth dates of whoever has these national numbers, by kind and index."""
    wanted = [one for row in rows if (mark := _national(row)) for one in _candidates(mark)]
    found = CitizenMark.objects.filter(
        kind__in={kind for kind, _index in wanted}, index__in=[index for _kind, index in wanted]
    )
    return {
        (kind, index): day for kind, index, day in found.values_list("kind", "index", "citizen__birth_date")
    }


def _names_by_day(rows: list[_Row]) -> set[tuple[date, str]]:
    days = {row.citizen.birth_date for row in rows if _national(row) is None}
    others = Citizen.objects.filter(birth_date__in=days).only("given_name", "family_name", "birth_date")
    return {(other.birth_date, _words(other)) for other in others.iterator(chunk_size=2000)}


def _words(citizen: Citizen) -> str:
    return " ".join([*facts.words_of(citizen.given_name), "/", *facts.words_of(citizen.family_name)])


def _store(rows: list[_Row]) -> None:
    Citizen.objects.bulk_create([row.citizen for row in rows], batch_size=BATCH)
    CitizenMark.objects.bulk_create(
        [
            CitizenMark(citizen=row.citizen, kind=kind, index=indexes.index_of(kind, value))
            for row in rows
            for kind, value in row.marks.items()
        ],
        batch_size=BATCH,
    )
    OpenFact.objects.bulk_create(
        [OpenFact(citizen=row.citizen, fact=name) for row in rows for name in row.open_facts],
        batch_size=BATCH,
    )
