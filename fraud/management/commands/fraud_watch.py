"""`manage.py fraud_watch [--json]`: the day's run over everything, as each night's job makes it."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from fraud.services.daily import watch_day


class Command(BaseCommand):
    """Thin: run, print. A detector that failed, or facts that could not follow, are named; exit 1."""

    help = "Bring the facts up to now, run every detector over them, hold what must not be paid, keep what was found."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        watched = watch_day()
        found = watched.result
        not_run = found.not_run if found is not None else {}
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {**watched.counts(), "failed": watched.failed, "not_run": not_run}, ensure_ascii=False
                )
            )
        else:
            counts = watched.counts()
            self.stdout.write(
                f"{counts['alerts']} alerts, {counts['held']} bookings held, {counts['matched']} names matched"
            )
            for detector, reason in sorted(not_run.items()):
                self.stdout.write(f"{detector} did not run: {reason}")
        if watched.failed:
            names = ", ".join(f"{name} ({kind})" for name, kind in sorted(watched.failed.items()))
            raise CommandError(f"failed: {names}")
