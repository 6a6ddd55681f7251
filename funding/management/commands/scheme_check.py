"""`manage.py scheme_check FILE`: what is wrong with a scheme file?"""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from funding.replay import one_line
from funding.schemes.files import MAX_BYTES, read_file

USAGE = 2


class Command(BaseCommand):
    """Thin: reads the file, prints each fault on its line. Exit 1 for faults, 2 for a file that is not there."""

    help = "Check a scheme file (TOML): each fault on its line, with its place, parameters and code."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["file"])
        name = one_line(str(path))
        try:
            with path.open("rb") as file:
                # One byte more than is read tells a file that is too large, however large it is.
                found = read_file(file.read(MAX_BYTES + 1))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            self.stderr.write(f"{name}: {reason or 'is no file'}")
            sys.exit(USAGE)
        if found.faults:
            for fault in found.faults:
                self.stdout.write(f"{name}: {one_line(str(fault))}")
            sys.exit(1)
        first, last = found.versions[0][0], found.versions[-1][0]
        self.stdout.write(
            f"{name}: {found.head['code']}, {len(found.versions)} versions, {first} to {last}: good"
        )
