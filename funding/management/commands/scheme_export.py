"""`manage.py scheme_export CODE`: a stored scheme as a file."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from funding.models import Scheme
from funding.replay import one_line
from funding.schemes.drafting import HEAD
from funding.schemes.files import write_file


class Command(BaseCommand):
    """Thin: prints the scheme with all its versions as TOML. Exit 1 for a scheme that is not there."""

    help = "Print a stored scheme with all its versions as a scheme file (TOML)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", metavar="CODE")

    def handle(self, *args: Any, **options: Any) -> None:
        scheme = Scheme.objects.filter(code=options["code"]).first()
        if scheme is None:
            self.stderr.write(f"There is no scheme {one_line(options['code'])}.")
            sys.exit(1)
        head = {name: str(getattr(scheme, name)) for name in HEAD}
        versions = scheme.versions.order_by("valid_from")
        text = write_file(head, [(version.valid_from, version.parsed) for version in versions])
        self.stdout.write(text, ending="")
