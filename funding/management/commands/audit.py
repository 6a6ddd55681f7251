"""`manage.py audit`: check the books."""

from __future__ import annotations

import json
import re
import sys
import time
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from funding import audit
from funding.audit import AuditReport, further

SHOWN_AT_MOST = 20
_ANCHOR = re.compile(r"^(\d+):([0-9a-f]{64})$")


def _anchor(text: str) -> tuple[int, str]:
    match = _ANCHOR.match(text)
    if match is None:
        raise ArgumentTypeError("a seal's number and chain hash, as `manage.py seal` prints them")
    return int(match.group(1)), match.group(2)


class Command(BaseCommand):
    """Exit status 0 when every invariant holds, 1 when one does not."""

    help = "Check all invariants of the books and name the rows at fault."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
        parser.add_argument(
            "--only",
            type=int,
            action="append",
            choices=sorted(audit.INVARIANTS | further.rules()),
            metavar="N",
            help="this invariant only (may be repeated)",
        )
        parser.add_argument(
            "--anchor",
            type=_anchor,
            action="append",
            default=[],
            metavar="NUMBER:HASH",
            help="a head of the chain that was kept elsewhere (may be repeated)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        # Without a terminal nobody watches.
        progress = self._show_progress if sys.stderr.isatty() else None
        report = audit.run(
            only=set(options["only"]) if options["only"] else None,
            anchors=dict(options["anchor"]),
            progress=progress,
        )
        if progress is not None:
            self.stderr.write("\r\x1b[K", ending="")
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json(), ensure_ascii=False))
        else:
            self._show(report, time.monotonic() - began)
        if not report.ok:
            raise SystemExit(1)

    def _show_progress(self, name: str, done: int, total: int) -> None:
        self.stderr.write(f"\r\x1b[K{done} of {total}: {name}", ending="")
        self.stderr.flush()

    def _show(self, report: AuditReport, seconds: float) -> None:
        for each in report.all:
            notes = "".join(f", {value} {name}" for name, value in each.notes.items())
            word = "ok" if each.ok else f"{len(each.violations) + each.left_out} AT FAULT"
            self.stdout.write(f"{each.id:>3}  {each.name}: {word} ({each.checked} checked{notes})")
            shown = sorted(each.findings)[:SHOWN_AT_MOST]
            for finding in shown:
                self.stdout.write(f"       {finding.row}: {finding.code} {finding.detail}".rstrip())
            if rest := len(each.findings) + each.left_out - len(shown):
                self.stdout.write(f"       … and {rest} more")
        self.stdout.write(
            f"{'The books are in order' if report.ok else 'The books are NOT in order'} ({seconds:.1f} s)."
        )
