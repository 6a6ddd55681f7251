"""List the catalogue: `catalogue_list [--provider ID] [--on DATE] --json`."""

import json
from argparse import ArgumentTypeError
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from catalogue.selectors.bookability import EntryView, list_entries
from ila.core.money import format_cents


class Command(BaseCommand):
    """Print each entry, and whether it can be booked."""

    help = "List the catalogue by entry, with what can be booked on a day."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--provider", metavar="ID", help="only entries of that provider")
        parser.add_argument("--on", type=_day, metavar="DATE", help="bookable on that day (today)")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, *_args: Any, **options: Any) -> None:
        for view in list_entries(provider=options["provider"], day=options["on"]):
            self.stdout.write(as_json(view) if options["json"] else _as_text(view))


def as_json(view: EntryView) -> str:
    """One entry as one line of JSON."""
    entry = view.micro_credential
    return json.dumps(
        {
            "entry": entry.entry,
            "provider": entry.provider.external_id,
            "title": entry.title,
            "state": entry.state,
            "html": {"goals": entry.goals_html, "content": entry.content_html},
            "currency": entry.currency,
            "price_cents": view.price_cents,
            "bookable": view.bookable,
            "reasons": list(view.reasons),
            "sessions": [
                {
                    "id": one.name,
                    "starts": one.starts,
                    "ends": one.ends,
                    "price_cents": one.session.price_cents,
                    "open": one.is_open,
                    "guaranteed": one.guaranteed,
                    "bookable": one.bookable,
                    "reasons": list(one.reasons),
                }
                for one in view.sessions
            ],
        },
        ensure_ascii=False,
    )


def _as_text(view: EntryView) -> str:
    entry = view.micro_credential
    price = "-" if view.price_cents is None else format_cents(view.price_cents, entry.currency)
    standing = "bookable" if view.bookable else ", ".join(view.reasons)
    return f"{entry.entry}  {entry.title}  {price}  {entry.state}  {standing}"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no day (YYYY-MM-DD)") from error
