"""`manage.py fraud_feed [--compare | --show] [--json]`: bring the facts up to now, or show how far they are."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from fraud.services import feeds
from fraud.services.feeds.states import Standing


class Command(BaseCommand):
    """Thin: feed, print. A table that could not follow is named; exit 1."""

    help = "Tell the facts of the running platform what has happened since the last time, and show how far they are."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--compare", action="store_true", help="compare all facts with the platform too")
        parser.add_argument("--show", action="store_true", help="only show how far each table is")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        failed: dict[str, str] = {}
        if not options["show"]:
            failed = (feeds.compare_everything() if options["compare"] else feeds.catch_up()).failed
        standings = feeds.standings()
        if options["json"]:
            rows = [_plain(each) for each in standings]
            self.stdout.write(
                json.dumps({"tables": rows, "failed": failed, "blind": feeds.blind_detectors()})
            )
        else:
            for each in standings:
                self.stdout.write(_line(each))
        if failed:
            names = ", ".join(f"{table} ({kind})" for table, kind in sorted(failed.items()))
            raise CommandError(f"could not follow: {names}")


def _plain(each: Standing) -> dict[str, Any]:
    return {
        "table": each.table,
        "fed_at": each.fed_at.isoformat() if each.fed_at else None,
        "lag_seconds": int(each.lag.total_seconds()) if each.lag is not None else None,
        "behind": each.is_behind,
        "rows": each.rows,
        "last_rows": each.last_rows,
        "found_late": each.found_late,
        "error": each.error,
        "blank": list(each.blank),
    }


def _line(each: Standing) -> str:
    when = each.fed_at.strftime("%Y-%m-%d %H:%M:%S") if each.fed_at else "never"
    words = [f"{each.table}: {each.rows} rows, fed {when}"]
    if each.is_behind:
        words.append("BEHIND")
    if each.found_late:
        words.append(f"{each.found_late} found by comparison")
    if each.error:
        words.append(f"failed: {each.error}")
    if each.blank:
        words.append(f"not known here: {', '.join(each.blank)}")
    return "; ".join(words)
