"""`manage.py replay`: what would these rules do?"""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from funding import replay

USAGE = 2


class Command(BaseCommand):
    """Thin: reads the file, plays it, prints the outcome. Exit 1 when the audit fails, 2 for a bad file."""

    help = "Run a scenario through the real services on a virtual clock; nothing of it is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("scenario", metavar="SCENARIO.json")
        parser.add_argument("--json", action="store_true", help="print the outcome as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            outcome = replay.run_scenario(replay.read_file(options["scenario"]))
        except replay.ScenarioError as error:
            name = replay.one_line(options["scenario"])
            self.stderr.write(f"{name}: {error}")
            sys.exit(USAGE)
        text = json.dumps(outcome.as_json()) if options["json"] else replay.render(outcome)
        self.stdout.write(text)
        if not outcome.ok:
            sys.exit(1)
