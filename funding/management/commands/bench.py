"""`manage.py bench`: how fast the platform is here, beside the fastest its database could be."""

import argparse
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from funding.bench.figures import Figures
from funding.bench.run import CASES, HISTORY, LEAST_OFFERS, OFFERS, SECONDS, run_cases

HEADER = f"{'case':<20}{'ours/s':>12}{'floor/s':>12}{'ratio':>8}{'p50 ms':>10}{'p99 ms':>10}{'clients':>9}"


class Command(BaseCommand):
    """Thin: chooses the cases, calls the bench, prints a line for each."""

    help = (
        "Measure the cases on the current server, in a scratch database that is removed afterwards, and print what ours"
        " and the floor (pgbench with the least statements that write the same rows) reach in the same run."
        f" Cases: {', '.join(CASES)}."
        " apply_window also prints apply_window_slices, the same with the budget in several rows, and waiting_room."
        " accrue takes 100,000 learners for each second, a million at most; it also prints accrue_again, a later"
        " year of the same learners."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="cases to measure (all that there are)")
        parser.add_argument("--json", action="store_true", help="one JSON object a line, for each case")
        parser.add_argument("--seconds", type=_seconds, default=SECONDS, help="how long a case goes on (10)")
        parser.add_argument(
            "--history",
            type=_number,
            default=HISTORY,
            help=f"postings there are before it begins ({HISTORY})",
        )
        parser.add_argument(
            "--offers",
            type=_offers,
            default=OFFERS,
            help=f"offers in the catalogue that is searched ({OFFERS}; {LEAST_OFFERS} at least)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        connection.ensure_connection()
        names = options["names"] or [*CASES]
        unknown = set(names) - set(CASES)
        if unknown:
            raise CommandError(f"There is no case {', '.join(sorted(unknown))}.", returncode=2)
        self._measure([name for name in CASES if name in names], options)

    def _measure(self, names: list[str], options: dict[str, Any]) -> None:
        if not options["json"]:
            self.stdout.write(HEADER)
        try:
            settings = {name: options[name] for name in ("seconds", "history", "offers")}
            for found in run_cases(names, **settings, tell=_tell):
                self.stdout.write(json.dumps(found.as_json()) if options["json"] else _line(found))
                self.stdout.flush()
        except RuntimeError as error:
            raise CommandError(str(error)) from error


def _tell(what: str) -> None:
    sys.stderr.write(f"{what}\n")


def _line(found: Figures) -> str:
    return (
        f"{found.case:<20}{found.ours_per_s:>12,.1f}{found.floor_per_s:>12,.1f}{found.ratio:>8.3f}"
        f"{found.p50_ms:>10.2f}{found.p99_ms:>10.2f}{found.clients:>9}"
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return seconds


def _offers(text: str) -> int:
    if not text.isdecimal() or not LEAST_OFFERS <= int(text) <= 10_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of offers from {LEAST_OFFERS} on")
    return int(text)


def _number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of postings")
    return int(text)
