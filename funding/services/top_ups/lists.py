"""Lists of employees and amounts as employers hand them in: CSV or XLSX of strangers, read row by row."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from catalogue.importing.problems import RefusedWholeError
from catalogue.importing.sheets import read_sheet
from catalogue.importing.tables import Record, read_records
from ila.core.errors import DomainError

MAX_BYTES = 20_000_000
COLUMNS = ("reference", "amount", "currency")
NEEDED = ("reference", "amount")
# By the number of the employer's payroll instead, with the birth date that proves it.
BY_PAYROLL = ("payroll_number", "birth_date", "amount")
# 1200, 1200.50 or 1200,50: nothing that could be read in two ways.
_AMOUNT = re.compile(r"([0-9]{1,9})(?:[.,]([0-9]{1,2}))?", re.ASCII)
_FORMULA = ("=", "+", "-", "@", "\t", "|", "%", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Row:
    """One row. line: where it stands in the file, 1 is the header. fault: why its amount cannot be taken.

    by_payroll: the reference is a payroll number and a birth date, with a space between them.
    """

    line: int
    reference: str
    amount_cents: int
    fault: str = ""
    by_payroll: bool = False


def read_list(content: bytes, *, currency: str) -> Iterator[Row]:
    """The rows of a list below its header.

    Raises: DomainError `list_unreadable` with `reason` (not_csv, not_xlsx, wrong_encoding, formula, too_large,
    active_content, doctype, file_empty) for a file that can only be refused whole.
    """
    if not content.strip():
        raise DomainError("list_unreadable", status=422, reason="file_empty")
    with tempfile.TemporaryDirectory(prefix="ila-list-") as folder:
        path = Path(folder) / "list"
        path.write_bytes(content)
        try:
            for record in _records(path, content):
                if any(record.values.values()):
                    yield _row(record.line, record.values, currency)
        except RefusedWholeError as error:
            raise DomainError(
                "list_unreadable", status=422, reason=error.problem.code, line=error.problem.line
            ) from error


def _records(path: Path, content: bytes) -> Iterator[Record]:
    """The records, by whichever of the two headers the file has. Raises: RefusedWholeError."""
    first = None
    for needed in (NEEDED, BY_PAYROLL):
        if content.startswith(b"PK"):
            records = read_sheet(path, needed=needed)
        else:
            records = read_records(path, needed=needed, delimiter=_delimiter(content))
        try:
            begun = next(records, None)
        except RefusedWholeError as error:
            # Another header, or no table at all: what is said of the usual one is said.
            first = first or error
            if error.problem.code not in ("not_csv", "not_xlsx"):
                raise
            continue
        return chain(() if begun is None else (begun,), records)
    assert first is not None
    raise first


def as_csv(rows: list[tuple[str, str]]) -> bytes:
    """A list that was typed in, as a file."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(NEEDED)
    writer.writerows(rows)
    return buffer.getvalue().encode()


def _delimiter(content: bytes) -> str:
    head = content.split(b"\n", 1)[0]
    return max((",", ";", "\t"), key=lambda each: head.count(each.encode()))


def _row(line: int, values: dict[str, str], currency: str) -> Row:
    amount = values["amount"].strip()
    by_payroll = "reference" not in values
    if by_payroll:
        reference = f"{values['payroll_number'].strip()} {values['birth_date'].strip()}"
    else:
        reference = values["reference"].strip()
    told = values.get("currency", "").strip().upper()
    if reference.startswith(_FORMULA):
        return Row(line, "", 0, "formula", by_payroll)
    if amount.startswith("-") and _AMOUNT.fullmatch(amount[1:]):
        return Row(line, reference, 0, "negative_amount", by_payroll)
    if amount.startswith(_FORMULA):
        return Row(line, reference, 0, "formula", by_payroll)
    if told and told != currency:
        return Row(line, reference, 0, "other_currency", by_payroll)
    match = _AMOUNT.fullmatch(amount)
    if match is None:
        return Row(line, reference, 0, "bad_amount", by_payroll)
    cents = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
    return Row(line, reference, cents, "" if cents else "bad_amount", by_payroll)
