"""`manage.py bank_exchange`: take waiting payment files to the bank and collect its messages."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from funding.banking.config import open_bank
from funding.models import BankMessage, MessageState
from funding.services import bank_messages, batches


class Command(BaseCommand):
    """Thin: sends, collects, prints. Killed at any point and called again, nothing counts twice."""

    help = "Send the payment files that the bank does not hold yet, then collect and work on its messages."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--again", action="store_true", help="also collect what was collected before")
        parser.add_argument("--json", action="store_true", help="print the result as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        bank = open_bank()
        sent = batches.send_unsent(bank=bank)
        worked_on = bank_messages.receive_messages(bank=bank, again=options["again"])
        refused = [message for message in worked_on if message.state == MessageState.REFUSED]
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {
                        "sent": [batch.msg_id for batch in sent],
                        "messages": [describe(message) for message in worked_on],
                    }
                )
            )
            return
        for batch in sent:
            self.stdout.write(f"sent      {batch.msg_id}")
        for message in worked_on:
            self.stdout.write(in_words(message))
        self.stdout.write(f"{len(sent)} files sent, {len(worked_on)} messages read, {len(refused)} refused.")


def describe(message: BankMessage) -> dict[str, Any]:
    """A message for programs."""
    return {
        "id": message.pk,
        "kind": message.kind,
        "message_id": message.message_id,
        "state": message.state,
        "reason": message.reason,
        "counts": message.detail.get("counts", {}),
    }


def in_words(message: BankMessage) -> str:
    """A message on one line."""
    counts = ", ".join(f"{number} {what}" for what, number in message.detail.get("counts", {}).items())
    why = (
        f"{message.reason}: {message.detail.get('message', '')}"
        if message.reason
        else counts or "nothing new"
    )
    return f"{message.state:<9} {message.kind or 'unreadable'} {message.message_id}  {why}"
