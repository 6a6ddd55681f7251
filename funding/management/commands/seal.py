"""`manage.py seal`: seal what is finished, and show the head of the chain."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from funding.services import seals


class Command(BaseCommand):
    """Does now what the periodic job does by itself; its last line is worth keeping elsewhere."""

    help = (
        "Seal the journal's finished entries into the chain, and print the chain's head to be kept elsewhere."
    )

    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        made = seals.seal_entries()
        head, unsealed = seals.head(), seals.count_unsealed()
        sealed = sum(seal.entries for seal in made)
        if options["json"]:
            shown = None if head is None else {"number": head.number, "chain_hash": head.chain_hash}
            self.stdout.write(json.dumps({"sealed": sealed, "head": shown, "unsealed": unsealed}))
            return
        self.stdout.write(
            f"{sealed} entries sealed, {unsealed} not yet (their transactions are not finished)."
        )
        if head is not None:
            self.stdout.write(f"Head of the chain: {head.number}:{head.chain_hash}")
