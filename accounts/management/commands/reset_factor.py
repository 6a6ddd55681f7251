"""`manage.py reset_factor EMAIL --by EMAIL --approved-by EMAIL --reason …`: a lost second factor is taken away."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.services import lost_factors


class Command(BaseCommand):
    """Two managers of an agency decide, after one of them has seen the person; the person is told by mail."""

    help = "Take away the second factors of somebody who has lost them, and sign them out everywhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="who has lost them")
        parser.add_argument("--by", required=True, help="the manager who made sure who it is")
        parser.add_argument("--approved-by", required=True, help="another manager, who agreed")
        parser.add_argument("--reason", required=True, help="how it was made sure: words for the record")

    def handle(self, *args: Any, **options: Any) -> None:
        removed, ended = lost_factors.reset_factors(
            email=options["email"],
            by=options["by"],
            approved_by=options["approved_by"],
            reason=options["reason"],
        )
        self.stdout.write(f"{removed} factors taken away, {ended} sessions ended. A mail tells the person.")
