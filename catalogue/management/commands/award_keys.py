"""Keys that sign credentials: `award_keys list [--json] | rotate | distrust NAME`."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count

from catalogue.awards import addresses
from catalogue.awards.sealing import SealingError
from catalogue.models import SigningKey
from catalogue.services import awards
from ila.core.errors import DomainError


class Command(BaseCommand):
    """List the keys, put a new one in place, or stop trusting one that leaked."""

    help = "The keys that sign credentials: list them, rotate them, distrust one."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="list|rotate|distrust")
        listing = actions.add_parser("list", help="every key, the newest first")
        listing.add_argument("--json", action="store_true", help="one JSON object a line")
        actions.add_parser("rotate", help="a new key signs; the one before it verifies what it signed")
        distrust = actions.add_parser("distrust", help="a key has leaked: its awards are signed anew")
        distrust.add_argument("name", metavar="NAME")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['action']}")(options)
        except SealingError as error:
            raise CommandError(str(error)) from error
        except DomainError as error:
            raise CommandError(f"No key is called {options.get('name')}.") from error

    def _list(self, options: dict[str, Any]) -> None:
        for key in SigningKey.objects.annotate(number=Count("awards")).order_by("-created_at", "-pk"):
            facts = {
                "name": key.name,
                "state": key.state,
                "awards": key.number,
                "created": key.created_at.isoformat(timespec="seconds"),
                "retired": key.retired_at.isoformat(timespec="seconds") if key.retired_at else None,
                "address": addresses.of_key(key.name),
            }
            line = (
                json.dumps(facts)
                if options["json"]
                else "  ".join(str(each) for each in facts.values() if each)
            )
            self.stdout.write(line)

    def _rotate(self, _options: dict[str, Any]) -> None:
        self.stdout.write(f"{awards.rotate_key().name} signs from now on.")

    def _distrust(self, options: dict[str, Any]) -> None:
        key = awards.distrust_key(name=options["name"])
        resigned = awards.resign_awards()
        self.stdout.write(f"{key.name} is trusted no longer; {resigned} awards were signed anew.")
