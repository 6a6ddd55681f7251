"""Populations that are evaluated: loaded from files, in place of the one before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from psycopg import sql

from fraud.facts.reading import FactsRefusedError, read_header, read_rows
from fraud.facts.tables import TABLES, Table
from fraud.models import EvaluationLoad, evaluation_table

_CHUNK = 1 << 20
Progress = Callable[[str, int], None]


@dataclass
class LoadReport:
    """What a load brought: rows per file, and what the files lacked."""

    rows: dict[str, int] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    missing_files: list[str] = field(default_factory=list)
    missing_columns: dict[str, list[str]] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "rows": self.rows,
            "missing_files": self.missing_files,
            "missing_columns": self.missing_columns,
            "unusable": self.unusable,
        }


def load_population(*, directory: Path, progress: Progress | None = None) -> LoadReport:
    """Replace the evaluated population by that of the directory's CSV files, whole or not at all.

    Raises: FactsRefusedError naming file and line; the population before it then stays.
    Locks: the tables of the evaluated population, until the end.
    """
    if not directory.is_dir():
        raise FactsRefusedError(f"{directory}: this is no directory")
    present = [table for table in TABLES.values() if (directory / f"{table.name}.csv").exists()]
    if not present:
        raise FactsRefusedError(f"{directory}: there is no file of facts")
    report = LoadReport()
    ids: dict[str, set[str]] = {}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT fraud_clear_evaluation()")
        for table in TABLES.values():
            _load_table(directory, table, ids, report)
            if progress is not None:
                progress(table.name, report.rows.get(table.name, 0))
        EvaluationLoad.objects.create(columns=report.columns, rows=report.rows)
    return report


def _load_table(directory: Path, table: Table, ids: dict[str, set[str]], report: LoadReport) -> None:
    path = directory / f"{table.name}.csv"
    if not path.exists():
        report.missing_files.append(table.name)
        return
    header = read_header(path, table)
    columns = [name for name in header if name]
    needed = [name for name in (*table.required, "recorded_at") if name not in columns]
    if needed:
        # Without its key, or without when it became known, no row of the file can be used as of a day.
        report.unusable[table.name] = needed[0]
        return
    own: set[str] = set()
    report.rows[table.name] = _copy(path, table, header, ids, own)
    report.columns[table.name] = columns
    missing = [name for name in table.names if name not in columns]
    if missing:
        report.missing_columns[table.name] = missing
    ids[table.name] = own


def _copy(path: Path, table: Table, header: list[str], ids: dict[str, set[str]], own: set[str]) -> int:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(evaluation_table(table.name)),
        sql.SQL(", ").join(sql.Identifier(name) for name in header if name),
    )
    count, size, lines = 0, 0, []
    with connection.cursor() as cursor, cursor.cursor.copy(statement) as copy:
        for line in read_rows(path, table, header, ids, own):
            lines.append(line)
            count += 1
            size += len(line)
            if size > _CHUNK:
                copy.write("".join(lines))
                lines, size = [], 0
        copy.write("".join(lines))
    return count
