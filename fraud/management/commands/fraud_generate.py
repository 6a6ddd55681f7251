"""`manage.py fraud_generate --seed N --out DIR`: a labelled population to judge detectors with."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from fraud.evaluation.generator.dials import ARCHETYPES, Dials
from fraud.evaluation.generator.population import Order, generate

_DIALS = {
    "intensity": "bookings per case, times this (default 1, up to 10)",
    "camouflage": "share of a case's bookings with an honest look, 0 to 1 (default 0.3)",
    "patience": "how far a campaign is stretched: 0 three weeks, 1 half a year (default 0.3)",
    "rotation": "how often addresses, devices and contacts are changed, 0 to 1 (default 0.3)",
    "adaptation": "after the first hold: 0 go on as before, 1 smaller, disguised, another account (default 0.5)",
}


class Command(BaseCommand):
    """Thin: parse, generate, print the rows of each file. Writes files only; exit 2 for wrong usage."""

    help = "Write a labelled population (CSV files) of honest life, lookalikes and misuse."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seed", type=int, required=True, metavar="N")
        parser.add_argument("--out", type=Path, required=True, metavar="DIR")
        parser.add_argument(
            "--scale", type=float, default=1.0, metavar="S", help="1: 12,000 learners (default)"
        )
        parser.add_argument("--archetypes", default=",".join(ARCHETYPES), metavar="A1,A2")
        parser.add_argument("--start", default="2025-01-01", metavar="YYYY-MM", help="first month of fifteen")
        for name, text in _DIALS.items():
            parser.add_argument(
                f"--{name}", type=float, default=getattr(Dials(), name), metavar="X", help=text
            )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            order = Order(
                seed=options["seed"],
                out=options["out"],
                scale=options["scale"],
                archetypes=_archetypes(options["archetypes"]),
                dials=Dials(**{name: options[name] for name in _DIALS}),
                start=options["start"],
            )
        except ValueError as error:
            self.stderr.write(str(error))
            sys.exit(2)
        try:
            rows = generate(order)
        except OSError as error:
            raise CommandError(f"{order.out}: {error.strerror}") from error
        for name, count in rows.items():
            self.stdout.write(f"{name}: {count}")


def _archetypes(words: str) -> tuple[str, ...]:
    chosen = tuple(word.strip() for word in words.split(",") if word.strip())
    unknown = sorted(set(chosen) - set(ARCHETYPES))
    if unknown:
        raise ValueError(f"no such archetype: {', '.join(unknown)}; there are {', '.join(ARCHETYPES)}")
    return chosen
