"""`manage.py bank_status`: what the bank has not told, or told otherwise than the books."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from funding.services.reconciliation import Reconciliation, reconcile
from ila.core.money import format_cents


class Command(BaseCommand):
    """Thin: prints the reconciliation; exit 1 while somebody has to look at something."""

    help = "Show files without an answer, statements with gaps, refused messages and open findings."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the result as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        found = reconcile()
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(found)))
        else:
            for line in _as_lines(found):
                self.stdout.write(line)
        if not found.ok:
            raise CommandError("The bank's word and the books do not agree yet.")
        if not options["json"]:
            self.stdout.write("The bank's word and the books agree.")


def _as_json(found: Reconciliation) -> dict[str, Any]:
    return {
        "ok": found.ok,
        "waiting": [
            {"batch": each.batch.msg_id, "sent": each.sent, "hours": each.hours, "alarm": each.alarm}
            for each in found.waiting
        ],
        "overdue": [payment.end_to_end_id for payment in found.overdue],
        "gaps": [
            {
                "statement": gap.statement.statement_id,
                "codes": list(gap.codes),
                "cents": gap.cents,
                "payments": [payment.end_to_end_id for payment in gap.payments],
            }
            for gap in found.gaps
        ],
        "unstated": [payment.end_to_end_id for payment in found.unstated],
        "findings": [
            {
                "line": line.pk,
                "code": line.finding,
                "end_to_end_id": line.end_to_end_id,
                "cents": line.amount_cents,
            }
            for line in found.findings
        ],
        "refused": [{"message": message.pk, "reason": message.reason} for message in found.refused],
        "unprocessed": [message.pk for message in found.unprocessed],
        "differences": [
            {"bucket": each.bucket, "ledger_cents": each.ledger_cents, "payments_cents": each.payments_cents}
            for each in found.differences
        ],
    }


def _as_lines(found: Reconciliation) -> list[str]:
    lines = [
        f"{'ALARM' if each.alarm else 'waiting'}: {each.batch.msg_id} {'sent' if each.sent else 'not sent'},"
        f" {each.hours} h without an answer"
        for each in found.waiting
    ]
    lines += [
        f"overdue: {payment.end_to_end_id}, due on {payment.batch.value_date}" for payment in found.overdue
    ]
    for gap in found.gaps:
        missing = ", ".join(payment.end_to_end_id for payment in gap.payments) or "nothing we know"
        amount = format_cents(gap.cents, gap.statement.currency)
        lines.append(f"gap: {gap.statement.statement_id} {', '.join(gap.codes)}, {amount}: {missing}")
    lines += [f"not on a statement: {payment.end_to_end_id}" for payment in found.unstated]
    lines += [f"finding: {line.finding} {line.end_to_end_id} {line.amount_cents}" for line in found.findings]
    lines += [f"refused: message {message.pk} {message.kind} {message.reason}" for message in found.refused]
    lines += [f"not worked on: message {message.pk}" for message in found.unprocessed]
    lines += [
        f"difference: {each.bucket} {each.ledger_cents} in the journal, {each.payments_cents} in payments"
        for each in found.differences
    ]
    return lines
