"""Lists of employees and amounts as employers hand them in: CSV or XLSX of strangers, read row by row."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from catalogue.importing.problems import RefusedWholeError
from catalogue.importing.sheets import read_sheet
from catalogue.importing.tables import read_records
from ila.core.errors import DomainError

MAX_BYTES = 20_000_000
COLUMNS = ("reference", "amount", "currency")
NEEDED = ("reference", "amount")
# 1200, 1200.50 or 1200,50: nothing that could be read in two ways.
_AMOUNT = re.compile(r"([0-9]{1,9})(?:[.,]([0-9]{1,2}))?", re.ASCII)
_FORMULA = ("=", "+", "-", "@", "\t", "|", "%", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Row:
    """One row. line: where it stands in the file, 1 is the header. fault: why its amount cannot be taken."""

    line: int
    reference: str
    amount_cents: int
    fault: str = ""


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
            if content.startswith(b"PK"):
                records = read_sheet(path, needed=NEEDED)
            else:
                records = read_records(path, needed=NEEDED, delimiter=_delimiter(content))
            for record in records:
                if any(record.values.values()):
                    yield _row(record.line, record.values, currency)
        except RefusedWholeError as error:
            raise DomainError(
                "list_unreadable", status=422, reason=error.problem.code, line=error.problem.line
            ) from error


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
    reference, amount = values["reference"].strip(), values["amount"].strip()
    told = values.get("currency", "").strip().upper()
    if reference.startswith(_FORMULA):
        return Row(line, "", 0, "formula")
    if amount.startswith("-") and _AMOUNT.fullmatch(amount[1:]):
        return Row(line, reference, 0, "negative_amount")
    if amount.startswith(_FORMULA):
        return Row(line, reference, 0, "formula")
    if told and told != currency:
        return Row(line, reference, 0, "other_currency")
    match = _AMOUNT.fullmatch(amount)
    if match is None:
        return Row(line, reference, 0, "bad_amount")
    cents = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
    return Row(line, reference, cents, "" if cents else "bad_amount")
