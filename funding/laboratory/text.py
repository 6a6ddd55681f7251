"""A result on a terminal: plain tables, figures to the right."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from funding.laboratory import tables
from funding.laboratory.tables import Table


def render(result: Mapping[str, Any]) -> str:
    """Everything of a result in English."""
    population, years = result["population"], result["years"]
    who = f"{population['learners']:,} {population['kind']} learners"
    if "seed" in population:
        who += f", seed {population['seed']}"
    lines = [
        f"{result['scheme']}, {years[0]} to {years[-1]}, changed from {result['from']}: {who}",
        "",
        *tables.summary(result),
        tables.suppressed_note(result),
    ]
    for table in tables.tables(result):
        lines += ["", *_table(table)]
    return "\n".join(lines)


def _table(table: Table) -> Iterable[str]:
    rows = [table.headings, *table.rows]
    widths = [max(_width(row[column]) for row in rows) for column in range(len(table.headings))]
    yield table.caption
    numeric = table.key != "changes"
    yield _line(table.headings, widths, numeric=numeric)
    yield "  ".join("-" * width for width in widths)
    for row in table.rows:
        yield _line(row, widths, numeric=numeric)


def _line(cells: Sequence[str], widths: Sequence[int], *, numeric: bool) -> str:
    padded = [
        " " * (width - _width(cell)) + cell if numeric and column else cell + " " * (width - _width(cell))
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
