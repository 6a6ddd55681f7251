"""Import employment outcomes: `outcomes_import FILE --as-of DATE [--json]`."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from catalogue.importing.problems import RefusedWholeError
from catalogue.services.outcomes import import_outcomes


class Command(BaseCommand):
    """Store what became of completers, as an authority counted it."""

    help = "Import employment outcomes of New Jersey's register (outcomes.csv)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--as-of",
            type=date.fromisoformat,
            required=True,
            metavar="DATE",
            help="the day the figures are of",
        )
        parser.add_argument("--json", action="store_true", help="print the counts as one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            counts = import_outcomes(path=options["file"], as_of=options["as_of"])
        except RefusedWholeError as refusal:
            self.stderr.write(f"outcomes_import: {json.dumps(refusal.problem.as_json(), ensure_ascii=False)}")
            sys.exit(1)
        if options["json"]:
            self.stdout.write(json.dumps(counts))
        else:
            self.stdout.write(
                f"{counts['stored']} figures stored, {counts['unknown_provider']} rows of unknown providers"
            )
