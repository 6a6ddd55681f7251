"""`manage.py demo_code EMAIL`: what the authenticator app of one of the demonstration's people shows now."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import factors
from accounts.models import User


class Command(BaseCommand):
    """In place of a telephone, and only where nothing is real (STAND_IN_IDENTITY)."""

    help = "Print the code that the authenticator app of somebody of the demonstration shows now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="who signs in: approver@demo.example")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.STAND_IN_IDENTITY:
            raise CommandError("Codes are told in a demonstration only (STAND_IN_IDENTITY).")
        user = User.objects.filter(email__iexact=options["email"]).first()
        code = factors.present_code(user) if user is not None else None
        if code is None:
            raise CommandError(f"{options['email']} has no authenticator app, or has used its present codes.")
        self.stdout.write(code)
