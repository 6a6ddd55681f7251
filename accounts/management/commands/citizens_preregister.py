"""Register citizens in advance: `citizens_preregister FILE [--dry-run] [--json]`."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.services.preregistration import COLUMNS, preregister_citizens
from ila.core.errors import DomainError


class Command(BaseCommand):
    """Make learning accounts that wait for their owners."""

    help = f"Register the citizens of a CSV file (UTF-8; columns: {', '.join(COLUMNS)})."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--dry-run", action="store_true", help="check the file and store nothing")
        parser.add_argument(
            "--json", action="store_true", help="print the counts and errors as one JSON object"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            with options["file"].open(encoding="utf-8-sig", newline="") as lines:
                report = preregister_citizens(lines, dry_run=options["dry_run"])
        except FileNotFoundError:
            self._fail(f"there is no file {options['file']}")
        except (UnicodeDecodeError, IsADirectoryError):
            self._fail("the file is not text in UTF-8")
        except DomainError as refusal:
            self._fail(str(refusal))
        told = report.as_json()
        if options["json"]:
            self.stdout.write(json.dumps(told, ensure_ascii=False))
        else:
            self.stdout.write(f"{report.created} created, {report.unchanged} registered before")
        for error in told["errors"] if not options["json"] else []:
            self.stderr.write(
                f"line {error['line']}, {error['column']}: {error['message']} ({error['code']})"
            )
        if report.errors:
            self.stderr.write(f"citizens_preregister: {len(report.errors)} rows at fault, nothing was stored")
            sys.exit(1)

    def _fail(self, words: str) -> None:
        self.stderr.write(f"citizens_preregister: {words}")
        sys.exit(1)
