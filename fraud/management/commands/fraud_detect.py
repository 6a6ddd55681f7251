"""Detect over the evaluated population: `fraud_detect --as-of DATE --out DIR`."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from fraud.detection.registry import DETECTORS
from fraud.detection.runs import detect_evaluated


class Command(BaseCommand):
    """Write the alerts and cases that stand at the end of a day, and which detectors could not say anything."""

    help = "Run all detectors over the loaded population as it was known on a day."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as-of", type=date.fromisoformat, required=True, metavar="DATE")
        parser.add_argument("--out", type=Path, required=True, metavar="DIR")

    def handle(self, *_args: Any, **options: Any) -> None:
        result = detect_evaluated(day=options["as_of"], detectors=DETECTORS.values())
        out: Path = options["out"]
        out.mkdir(parents=True, exist_ok=True)
        _write(out / "alerts.jsonl", (alert.as_json() for alert in result.alerts))
        _write(out / "cases.jsonl", result.cases)
        _write(out / "run.jsonl", [result.report()])
        for name, reason in result.not_run.items():
            self.stderr.write(f"{name} did not run: {reason}")
        for name, error in result.failed.items():
            self.stderr.write(f"{name} failed: {error}")
        self.stdout.write(
            f"{len(result.alerts)} alerts, {len(result.cases)} cases, {len(result.ran)} detectors ran"
        )
        if options["verbosity"] > 1:
            for name, seconds in result.seconds.items():
                self.stdout.write(f"{name}: {seconds:.1f} s")


def _write(path: Path, rows: Any) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
