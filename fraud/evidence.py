"""Frozen evidence as people read it: tables of rows, and when things happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

from fraud import fact_words

# A page shows so many rows of a table; the dossier has them all.
MOST_ROWS = 50
# Hashes tell a person only whether two are the same.
HASH_LENGTH = 8


@dataclass(frozen=True, slots=True)
class EvidenceTable:
    """Rows of one table of facts. columns: those that say something here. left_out: rows that are not shown."""

    name: str | Promise
    columns: list[str | Promise]
    rows: list[list[str]]
    left_out: int


def tables_of(rows: Iterable[Mapping[str, Any]]) -> list[EvidenceTable]:
    """Frozen rows by table, without empty columns."""
    by_table: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_table[str(row.get("table", ""))].append(row)
    return [_table(name, found) for name, found in sorted(by_table.items())]


def _table(name: str, found: list[Mapping[str, Any]]) -> EvidenceTable:
    columns = [
        key
        for key in dict.fromkeys(key for row in found for key in row)
        if key != "table" and any(row.get(key) not in (None, "") for row in found)
    ]
    shown = [[_cell(key, row.get(key)) for key in columns] for row in found[:MOST_ROWS]]
    return EvidenceTable(
        fact_words.TABLES.get(name, name),
        [fact_words.COLUMNS.get(key, key) for key in columns],
        shown,
        max(0, len(found) - MOST_ROWS),
    )


def _cell(column: str, value: Any) -> str:
    if value is None:
        return ""
    text = str(value)
    if column.endswith("_hash"):
        return text[:HASH_LENGTH]
    return text[:16].replace("T", " ") if column.endswith("_at") or column == "at" else text
