"""Load a population for evaluation: `fraud_load DIR [--json]`."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from fraud.detection.registry import DETECTORS, not_runnable
from fraud.facts.reading import FactsRefusedError
from fraud.services.loads import load_population


class Command(BaseCommand):
    """Fill the fact tables of evaluation, never those of the running platform."""

    help = "Load a population of facts (CSV files) for evaluation, in place of the one before."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path, metavar="DIR", help="the directory of the CSV files")
        parser.add_argument("--json", action="store_true", help="print the report as one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        # A database that is not prepared says so before any file is looked at.
        connection.ensure_connection()
        try:
            report = load_population(directory=options["directory"])
        except FactsRefusedError as refusal:
            self.stderr.write(f"fraud_load: {refusal}")
            sys.exit(1)
        off = {
            detector.id: reason
            for detector in DETECTORS.values()
            if (reason := not_runnable(detector, report.columns))
        }
        if options["json"]:
            self.stdout.write(json.dumps({**report.as_json(), "not_run": off}, ensure_ascii=False))
            return
        self.stdout.write(f"{sum(report.rows.values())} rows of {len(report.rows)} files loaded")
        for name in report.missing_files:
            self.stdout.write(f"missing: {name}.csv")
        for name, column in report.unusable.items():
            self.stdout.write(f"not usable: {name}.csv has no column {column}")
        for name, columns in report.missing_columns.items():
            self.stdout.write(f"missing in {name}.csv: {', '.join(columns)}")
        for name, reason in off.items():
            self.stdout.write(f"{name} will not run: {reason}")
