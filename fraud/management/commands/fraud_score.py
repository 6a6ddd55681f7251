"""`manage.py fraud_score DIR --labels FILE [--json]`: how good were these alerts and cases?"""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from fraud.evaluation.scoring.report import CAPACITY, lines, score
from fraud.evaluation.scoring.runs import UnreadableError


class Command(BaseCommand):
    """Thin: reads files only. A goal that is missed is no error; a file that cannot be read is (exit 1)."""

    help = "Measure alerts.jsonl and cases.jsonl of one or more days against labels, beside three baselines."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "folder", type=Path, metavar="DIR", help="the two files, or a sub-folder for each day"
        )
        parser.add_argument("--labels", type=Path, required=True, metavar="FILE")
        parser.add_argument(
            "--population", type=Path, metavar="DIR", help="the CSV files (beside the labels)"
        )
        parser.add_argument("--k", type=int, default=CAPACITY, help="cases investigators can take a week")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        labels = options["labels"]
        if options["k"] < 1:
            raise CommandError("--k is at least 1", returncode=2)
        try:
            result = score(options["folder"], labels, options["population"] or labels.parent, options["k"])
        except UnreadableError as error:
            raise CommandError(str(error)) from error
        except (OSError, ValueError) as error:
            raise CommandError(f"{labels.parent}: {error}") from error
        if options["json"]:
            self.stdout.write(json.dumps(result, ensure_ascii=False))
            return
        for line in lines(result):
            self.stdout.write(line)
