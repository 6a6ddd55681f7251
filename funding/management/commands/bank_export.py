"""`manage.py bank_export MSGID`: write the kept payment file of a batch."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from funding.models import PaymentFile


class Command(BaseCommand):
    """Thin: the bytes that were kept when the batch was exported, never a new file."""

    help = "Write the kept pain.001 of a batch, byte for byte, to standard output or a file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("msg_id", metavar="MSGID")
        parser.add_argument("--out", type=Path, help="file to write instead of standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        payment_file = PaymentFile.objects.filter(batch__msg_id=options["msg_id"]).first()
        if payment_file is None:
            raise CommandError(f"There is no exported batch {options['msg_id']!r}.")
        content = bytes(payment_file.content)
        if options["out"] is None:
            sys.stdout.buffer.write(content)
        else:
            options["out"].write_bytes(content)
