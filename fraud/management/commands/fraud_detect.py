"""Detect over the evaluated population: `fraud_detect --as-of DATE --out DIR [--since DATE [--every DAYS]]`."""

import argparse
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from fraud.detection.registry import DETECTORS
from fraud.detection.runs import detect_evaluated


def part(text: str) -> tuple[int, int]:
    """`2/4` as (2, 4). Raises: ArgumentTypeError for anything else."""
    number, _slash, workers = text.partition("/")
    if not (number.isdecimal() and workers.isdecimal() and 1 <= int(number) <= int(workers)):
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N, with I from 1 to N")
    return int(number), int(workers)


class Command(BaseCommand):
    """Write the alerts and cases that stand at the end of a day, and which detectors could not say anything."""

    help = "Run all detectors over the loaded population as it was known on a day."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as-of", type=date.fromisoformat, required=True, metavar="DATE")
        parser.add_argument("--out", type=Path, required=True, metavar="DIR")
        parser.add_argument(
            "--since", type=date.fromisoformat, metavar="DATE", help="also earlier days, each in OUT/<day>"
        )
        parser.add_argument("--every", type=int, default=7, metavar="DAYS", help="between those days (7)")
        parser.add_argument(
            "--part",
            type=part,
            default=(1, 1),
            metavar="I/N",
            help="with --since: of N workers this is the I-th",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        last, since, every = options["as_of"], options["since"], options["every"]
        mine, workers = options["part"]
        out: Path = options["out"]
        if since is None:
            if workers > 1:
                raise CommandError("--part needs --since: it shares out days", returncode=2)
            self._detect(last, out, options["verbosity"])
            return
        if since > last or every < 1:
            raise CommandError("--since is not after --as-of, --every is at least 1", returncode=2)
        days = list(range((last - since).days // every, -1, -1))
        for back in days[mine - 1 :: workers]:
            day = last - timedelta(days=back * every)
            self._detect(day, out / day.isoformat(), options["verbosity"])

    def _detect(self, day: date, out: Path, verbosity: int) -> None:
        result = detect_evaluated(day=day, detectors=DETECTORS.values())
        out.mkdir(parents=True, exist_ok=True)
        _write(out / "alerts.jsonl", (alert.as_json() for alert in result.alerts))
        _write(out / "cases.jsonl", result.cases)
        _write(out / "run.jsonl", [result.report()])
        for name, reason in result.not_run.items():
            self.stderr.write(f"{day}: {name} did not run: {reason}")
        for name, error in result.failed.items():
            self.stderr.write(f"{day}: {name} failed: {error}")
        self.stdout.write(
            f"{day}: {len(result.alerts)} alerts, {len(result.cases)} cases, {len(result.ran)} detectors ran"
        )
        if verbosity > 1:
            for name, seconds in result.seconds.items():
                self.stdout.write(f"{name}: {seconds:.1f} s")


def _write(path: Path, rows: Any) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
