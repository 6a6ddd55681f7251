"""`manage.py run_due`: execute now what has fallen due, as the job does each minute."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from funding.models import Scheme
from funding.services import due
from ila.core import runs


class Command(BaseCommand):
    """Thin: finds the scheme, calls the service, prints what it did."""

    help = (
        "Execute everything that has fallen due: proposals lapse, services validate themselves, money expires,"
        " notices go out, holds and suspensions end. Each once, beside any worker."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--scheme", help="only what is this scheme's (its code)")
        parser.add_argument("--json", action="store_true", help="print the result as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        scheme = None
        if options["scheme"]:
            scheme = Scheme.objects.filter(code=options["scheme"]).first()
            if scheme is None:
                raise CommandError(f"There is no scheme {options['scheme']!r}.")
        with runs.recorded("funding.run_due") as run:
            result = due.run_due(scheme=scheme)
            run.count(result)
        counts = asdict(result)
        if options["json"]:
            self.stdout.write(json.dumps(counts))
            return
        done = [f"{number} {name.replace('_', ' ')}" for name, number in counts.items() if number]
        self.stdout.write(", ".join(done) + "." if done else "Nothing is due.")
