"""`manage.py demo`: load the demonstration, play the main job once, then serve."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from funding import audit
from ila.demo import charge_back, desk, learning, never_held, people, play, suspicion


class Command(BaseCommand):
    """Idempotent: what is there already stays, an interrupted run goes on."""

    help = "Load the demonstration, play the main job from import to reconciled payment, and serve it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-serve", action="store_true", help="end after the main job")
        parser.add_argument("--port", type=int, default=8000, help="port to serve on (8000)")

    def handle(self, *args: Any, **options: Any) -> None:
        hero = play.play(self._tell)
        self._tell("10. An auditor checks every cent")
        report = audit.run()
        for invariant in report.all:
            verdict = "ok" if not invariant.violations else f"{len(invariant.violations)} VIOLATIONS"
            self._tell(f"   {invariant.id:>2}  {invariant.name}: {invariant.checked:,} checked, {verdict}")
        if not report.ok:
            raise CommandError("The audit has found violations: see `manage.py audit`.")
        booking = hero.booking
        assert booking is not None
        address = f"http://127.0.0.1:{options['port']}"
        self._tell("")
        self._tell(f"Look at {address}/                      the start page")
        self._tell(f"        {address}/catalogue/            the public catalogue")
        self._tell(f"        {address}/schemes/              every scheme in plain words")
        self._tell(f"        {address}/bookings/{booking.public_id}/   the story's booking and its money")
        self._tell(f"        {address}/agency/batches/       the batch and the bank's messages")
        self._tell(f"        {address}/agency/audit/         the audit")
        for path, words in (
            *learning.sights(hero),
            *desk.sights(),
            *charge_back.sights(),
            *never_held.sights(),
            *suspicion.sights(),
        ):
            self._tell(f"        {address}{path}   {words}")
        self._tell(f"Sign in at {address}/accounts/login/ with the password {people.password()} as")
        for role, email in play.sign_ins():
            self._tell(f"        {email:<34} {role}")
        self._tell(
            "The agency's people need a code as well: its page shows it, and `manage.py demo_code` does."
        )
        self._tell(
            "Mails, deadlines and the laboratory's runs are a worker's: .venv/bin/python manage.py worker"
        )
        if not options["no_serve"]:
            call_command("serve", port=options["port"])

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
