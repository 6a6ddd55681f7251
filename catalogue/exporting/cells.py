"""CSV that a spreadsheet opens without running anything in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

# What spreadsheets take for the start of a formula; the wide forms are taken for their plain ones.
_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "|", "%")
BOM = "\ufeff"
# Characters after which what is written so far is sent.
PIECE = 65_536


def defused(value: Any) -> str:
    """A cell's text; one that would be run as a formula gets an apostrophe in front, which spreadsheets hide.

    Numbers of ours (int, float, Decimal) are written as they are: a minus before digits is no formula.
    """
    if value is None:
        return ""
    text = str(value)
    if not isinstance(value, str):
        return text
    return f"'{text}" if text.lstrip(" \u00a0\u200b").startswith(_STARTS) else text


def csv_lines(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """A CSV file in pieces: UTF-8 with its mark, so that spreadsheets read accents; CRLF; every cell defused."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)

    def taken() -> str:
        text = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return text

    writer.writerow(list(header))
    yield BOM + taken()
    for row in rows:
        writer.writerow([defused(value) for value in row])
        if buffer.tell() >= PIECE:
            yield taken()
    yield taken()
