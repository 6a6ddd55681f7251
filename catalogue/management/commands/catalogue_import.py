"""Import a catalogue: `catalogue_import --format edof|etpl|template FILE… [--register FILE] [--full] …`."""

import json
import sys
from pathlib import Path
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from catalogue.importing.problems import Problem, Report
from catalogue.services.imports import import_catalogue

SHOWN = 20
TICK_SECONDS = 2.0


class Command(BaseCommand):
    """Store what providers list, each provider whole or not at all."""

    help = "Import catalogue files (EDOF XML, ETPL CSV, our own table) and registers of accredited providers."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="all files of one catalogue")
        parser.add_argument("--format", required=True, choices=["edof", "etpl", "template"])
        parser.add_argument("--register", type=Path, metavar="FILE", help="the register of providers (CSV)")
        parser.add_argument("--full", action="store_true", help="delist what is no longer listed")
        parser.add_argument("--dry-run", action="store_true", help="report, and write nothing")
        parser.add_argument("--json", action="store_true", help="print the report as one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["format"] == "etpl" and options["register"] is None:
            self.stderr.write("catalogue_import: --format etpl needs --register FILE")
            sys.exit(2)
        show = None if options["json"] else _Progress(self.stderr)
        report = import_catalogue(
            kind=options["format"],
            files=options["files"],
            register=options["register"],
            full=options["full"],
            dry_run=options["dry_run"],
            progress=show,
        )
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json(), ensure_ascii=False))
        else:
            self._print(report, dry_run=options["dry_run"])
        if report.errors.count:
            self.stderr.write(f"catalogue_import: {_summary(report)}")
            sys.exit(1)

    def _print(self, report: Report, *, dry_run: bool) -> None:
        for title, problems in (("error", report.errors), ("warning", report.warnings)):
            for problem in problems.listed[:SHOWN]:
                self.stdout.write(f"{title}: {_sentence(problem)}")
            if problems.count > SHOWN:
                self.stdout.write(f"… and {problems.count - SHOWN} more {title}s")
        told = ", ".join(
            f"{getattr(report, name)} {name}"
            for name in ("created", "updated", "unchanged", "rejected", "delisted")
        )
        self.stdout.write(f"{'Nothing written. ' if dry_run else ''}{told}")


class _Progress:
    """A line on standard error every few seconds of long work."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._next = monotonic() + TICK_SECONDS

    def __call__(self, stage: str, count: int) -> None:
        if monotonic() >= self._next:
            self._next = monotonic() + TICK_SECONDS
            self._stream.write(f"{stage}: {count} entries")


def _sentence(problem: Problem) -> str:
    place = " ".join(
        part
        for part in (
            f"line {problem.line}" if problem.line is not None else "",
            problem.entry or "",
            problem.field or "",
        )
        if part
    )
    return f"{problem.code} {place}: {problem.message}" if place else f"{problem.code}: {problem.message}"


def _summary(report: Report) -> str:
    if report.errors.count == 1:
        return _sentence(report.errors.listed[0]).replace("\n", " ")
    return f"{report.errors.count} errors, {report.rejected} entries rejected"
