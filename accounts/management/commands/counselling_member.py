"""`manage.py counselling_member EMAIL --organisation NAME`: somebody counsels for an organisation."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.services import counselling
from ila.core.errors import DomainError


class Command(BaseCommand):
    """Learners may then choose them by name; nothing is shown to them before a learner does."""

    help = (
        "Add somebody with a confirmed address to a counselling organisation, which is made when it is new."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="the confirmed address of who counsels")
        parser.add_argument("--organisation", required=True, help="the organisation's name")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            member = counselling.add_counsellor(email=options["email"], organisation=options["organisation"])
        except DomainError as error:
            raise CommandError("Nobody who may counsel has confirmed this address.") from error
        self.stdout.write(f"{member.user} counsels for {member.organisation}.")
