"""`manage.py accrue`: credit every learner of a scheme with a year's rights."""

import argparse
import json
import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.services import service_users
from funding.models import Budget, Scheme
from funding.services.accruals import AccrualProgress, accrue_year
from ila.core.money import format_cents

REPORT_EVERY_S = 1.0
EARLIEST, LATEST = 1900, 2999


class Command(BaseCommand):
    """Thin: finds the scheme and the budget, calls the service, prints what it did."""

    help = "Credit every learner of a scheme with the rights of a year; once, however often it is called."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("scheme", help="code of the scheme, such as cpf")
        parser.add_argument("year", type=_year)
        parser.add_argument("--budget", help="name of the appropriation that pays (the scheme's first one)")
        parser.add_argument("--workers", type=_workers, default=2, help="connections side by side (2)")
        parser.add_argument("--json", action="store_true", help="print the result as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        scheme = Scheme.objects.filter(code=options["scheme"]).first()
        if scheme is None:
            raise CommandError(f"There is no scheme {options['scheme']!r}.")
        result = accrue_year(
            scheme=scheme,
            year=options["year"],
            actor=service_users.get("ledger"),
            budget=_budget(scheme, options["budget"]),
            progress=_Reporter(scheme),
            workers=options["workers"],
        )
        if options["json"]:
            facts = {"scheme": scheme.code, "year": options["year"]}
            counts = {"credited": result.credited, "skipped": result.skipped, "cents": result.cents}
            self.stdout.write(json.dumps(facts | counts))
            return
        self.stdout.write(
            f"{scheme.name} {options['year']}: {result.credited} learners credited with"
            f" {format_cents(result.cents, scheme.currency)}, {result.skipped} left as they were."
        )


class _Reporter:
    """A line on standard error about once a second."""

    def __init__(self, scheme: Scheme) -> None:
        self._currency = scheme.currency
        self._began = self._last = time.monotonic()

    def __call__(self, progress: AccrualProgress) -> None:
        now = time.monotonic()
        if now - self._last < REPORT_EVERY_S and progress.done < progress.total:
            return
        self._last = now
        pace = progress.done / max(now - self._began, 0.001)
        sys.stderr.write(
            f"{progress.done} of {progress.total} accounts, {progress.credited} credited with"
            f" {format_cents(progress.cents, self._currency)}, {pace:.0f} accounts a second\n"
        )


def _budget(scheme: Scheme, name: str | None) -> Budget:
    budgets = Budget.objects.filter(scheme=scheme).order_by("pk")
    budget = budgets.first() if name is None else budgets.filter(name=name).first()
    if budget is None:
        called = "" if name is None else f" called {name!r}"
        raise CommandError(f"{scheme.name} has no budget{called}.")
    return budget


def _year(text: str) -> int:
    if not text.isdecimal() or not EARLIEST <= int(text) <= LATEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no year")
    return int(text)


def _workers(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 32:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 32")
    return int(text)
