"""Employment outcomes of an authority's register: read whole or not at all."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import transaction

from catalogue.importing import values
from catalogue.importing.problems import RefusedWholeError
from catalogue.importing.tables import Record, read_records
from catalogue.models import EmploymentOutcome, Provider
from catalogue.registers import ETPL_NJ
from ila.core import clock

QUARTERS = (2, 4, 8)
NOT_REPORTED = "-99999"
_FIELDS = ("employed", "retained", "wage_cents", "completed", "with_wage", "with_retention")


def needed_columns() -> tuple[str, ...]:
    """The columns that a file must have."""
    counted = ("PerEmployed{}", "AvgQuarterlyWage{}", "NumCompleted{}", "NumUsedWageCalc{}")
    return ("providerid", "cipcode", *(one.format(quarters) for one in counted for quarters in QUARTERS))


def import_outcomes(*, path: Path, as_of: date) -> dict[str, int]:
    """Store what became of completers, by provider and CIP code; what was stored for them before is replaced.

    as_of: the day the figures are of, which pages show beside them. -99999 is "not reported", and stays so.
    Returns rows stored, and how many name a provider that is not in the catalogue.
    Raises: RefusedWholeError `not_csv`, `wrong_encoding`, `not_found`, `bad_value` (naming line and column),
    `duplicate`; then nothing is stored.
    """
    providers = dict(
        Provider.objects.filter(register=ETPL_NJ.code).values_list("external_id", "pk").order_by("pk")
    )
    found: list[EmploymentOutcome] = []
    seen: set[tuple[str, str]] = set()
    unknown = 0
    now = clock.now()
    for record in read_records(path, needed=needed_columns()):
        key = (record["providerid"], _cip(record))
        if key in seen:
            raise RefusedWholeError("duplicate", f"{'/'.join(key)} comes twice", line=record.line)
        seen.add(key)
        if key[0] not in providers:
            unknown += 1
            continue
        found += [_outcome(record, providers[key[0]], key[1], quarters) for quarters in QUARTERS]
    for one in found:
        one.as_of, one.imported_at = as_of, now
    with transaction.atomic():
        EmploymentOutcome.objects.bulk_create(
            found,
            batch_size=1000,
            update_conflicts=True,
            unique_fields=["provider", "code", "quarters"],
            update_fields=[*_FIELDS, "currency", "as_of", "imported_at"],
        )
    return {"stored": len(found), "unknown_provider": unknown}


def _outcome(record: Record, provider: int, code: str, quarters: int) -> EmploymentOutcome:
    wage = _number(record, f"AvgQuarterlyWage{quarters}")
    return EmploymentOutcome(
        provider_id=provider,
        code=code,
        quarters=quarters,
        employed=_share(record, f"PerEmployed{quarters}"),
        retained=_share(record, f"PerRetention{quarters}"),
        wage_cents=None if wage is None else int((wage * 100).to_integral_value()),
        completed=_count(record, f"NumCompleted{quarters}"),
        with_wage=_count(record, f"NumUsedWageCalc{quarters}"),
        with_retention=_count(record, f"NumUsedRetentionCalc{quarters}"),
        currency=ETPL_NJ.currency,
    )


def _cip(record: Record) -> str:
    code = record["cipcode"]
    if not (code.isascii() and code.isdigit() and 5 <= len(code) <= 6):
        raise _bad(record, "cipcode")
    # Spreadsheets take CIP codes for numbers and drop the leading zero.
    return code.zfill(6)


def _share(record: Record, column: str) -> Decimal | None:
    share = _number(record, column)
    if share is not None and share > 1:
        raise _bad(record, column)
    return None if share is None else share.quantize(Decimal("0.0001"))


def _number(record: Record, column: str) -> Decimal | None:
    # Not every year's file has every column.
    text: Any = record.get(column)
    if text in ("", NOT_REPORTED):
        return None
    number = values.plain_decimal(text)
    if number is None or number > 10**9:
        raise _bad(record, column)
    return number


def _count(record: Record, column: str) -> int:
    number = _number(record, column)
    if number is not None and number != number.to_integral_value():
        raise _bad(record, column)
    return int(number or 0)


def _bad(record: Record, column: str) -> RefusedWholeError:
    told = f"{record.get(column)[:40]!r} cannot be"
    return RefusedWholeError("bad_value", told, line=record.line, field=column)
