"""`manage.py bank_import FILE…`: read messages of the bank that came as files."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from funding.banking.xml import MAX_BYTES
from funding.management.commands.bank_exchange import describe, in_words
from funding.models import MessageState
from funding.services import bank_messages


class Command(BaseCommand):
    """Thin: reads the files, stores each, works on each, prints. Any refusal: exit 1."""

    help = "Read messages of the bank (pain.002, camt.053, camt.054, pacs.004) from files."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--json", action="store_true", help="print the result as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        contents = [self._read(path) for path in options["files"]]
        results = []
        for path, content in zip(options["files"], contents, strict=True):
            message, created = bank_messages.store_message(content=content)
            message = bank_messages.process_message(message_id=message.pk)
            results.append((path, message, created))
        if options["json"]:
            rows = [
                describe(message) | {"file": str(path), "new": created} for path, message, created in results
            ]
            self.stdout.write(json.dumps({"messages": rows}))
        else:
            for path, message, created in results:
                self.stdout.write(f"{path.name}: {in_words(message)}{'' if created else ' (seen before)'}")
        refused = sum(message.state == MessageState.REFUSED for _, message, _ in results)
        if refused:
            raise CommandError(
                f"{refused} of {len(results)} files were refused; they are kept and change nothing."
            )

    def _read(self, path: Path) -> bytes:
        """All files are read before the first is stored: a name that is not there stops the call."""
        if path.stat().st_size > MAX_BYTES:
            raise CommandError(f"{path}: too_large: more than {MAX_BYTES} bytes")
        return path.read_bytes()
