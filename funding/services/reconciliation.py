"""What the bank has not told, or told otherwise than the books: read only, for the people who look after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, F, Max, Min, OuterRef, Sum

from funding.models import (
    BankLine,
    BankMessage,
    BankStatement,
    BatchState,
    Bucket,
    ClaimKind,
    MessageState,
    Payment,
    PaymentBatch,
    PaymentOutcome,
    Posting,
)
from ila.core import clock

# A payment accepted by the bank that shows no debit so many days after its day is overdue.
OVERDUE_DAYS = 5


@dataclass(frozen=True, slots=True)
class WaitingBatch:
    """A file without an answer. `hours` since it was sent (or exported, when it was not); `alarm`: too long."""

    batch: PaymentBatch
    sent: bool
    hours: int
    alarm: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """A statement that leaves something out. `cents` no entry explains; `payments` would explain them exactly."""

    statement: BankStatement
    codes: tuple[str, ...]
    cents: int
    payments: tuple[Payment, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """The journal and the payments disagree: `bucket`, both sums in cents."""

    bucket: str
    ledger_cents: int
    payments_cents: int


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The whole picture; `ok` when nobody needs to look at anything."""

    waiting: tuple[WaitingBatch, ...]
    overdue: tuple[Payment, ...]
    gaps: tuple[Gap, ...]
    unstated: tuple[Payment, ...]
    findings: tuple[BankLine, ...]
    refused: tuple[BankMessage, ...]
    unprocessed: tuple[BankMessage, ...]
    differences: tuple[Difference, ...]

    @property
    def ok(self) -> bool:
        return not (
            any(each.alarm for each in self.waiting)
            or self.overdue
            or self.gaps
            or self.unstated
            or self.findings
            or self.refused
            or self.unprocessed
            or self.differences
        )


def reconcile() -> Reconciliation:
    """Compare files, messages, statements and journal. A fixed number of queries."""
    return Reconciliation(
        waiting=tuple(waiting_batches()),
        overdue=tuple(overdue_payments()),
        gaps=tuple(statement_gaps()),
        unstated=tuple(unstated_payments()),
        findings=tuple(
            BankLine.objects.exclude(finding="").select_related("message", "payment").order_by("pk")
        ),
        refused=tuple(BankMessage.objects.filter(state=MessageState.REFUSED).defer("content").order_by("pk")),
        unprocessed=tuple(
            BankMessage.objects.filter(state=MessageState.RECEIVED).defer("content").order_by("pk")
        ),
        differences=tuple(_differences()),
    )


def waiting_batches(now: datetime | None = None) -> list[WaitingBatch]:
    """Exported batches of which the bank has said nothing, longest first.

    After BANK_SILENCE_HOURS it is an alarm: the file may be sent again, byte for byte, and the bank asked.
    """
    now = now or clock.now()
    waiting = []
    silent = PaymentBatch.objects.filter(state=BatchState.EXPORTED).order_by("exported_at", "pk")
    for batch in silent.select_related("scheme"):
        since = batch.sent_at or batch.exported_at
        hours = 0 if since is None else int((now - since) / timedelta(hours=1))
        waiting.append(
            WaitingBatch(batch, batch.sent_at is not None, hours, hours >= settings.BANK_SILENCE_HOURS)
        )
    return waiting


def overdue_payments(now: datetime | None = None) -> list[Payment]:
    """Payments that the bank took and has neither executed nor refused long after their day."""
    latest = ((now or clock.now()) - timedelta(days=OVERDUE_DAYS)).date()
    taken = (BatchState.ACKNOWLEDGED, BatchState.PARTLY_REJECTED)
    pending = Payment.objects.filter(
        outcome=PaymentOutcome.PENDING, batch__state__in=taken, batch__value_date__lt=latest
    )
    return list(pending.select_related("batch", "claim").order_by("pk"))


def unstated_payments() -> list[Payment]:
    """Payments told to be executed that no statement shows although a later one has come."""
    stated = BankLine.objects.filter(payment=OuterRef("pk"), statement__isnull=False, amount_cents__lt=0)
    covered = BankStatement.objects.aggregate(first=Min("from_date"), last=Max("to_date"))
    if covered["last"] is None:
        return []
    told = BankLine.objects.filter(
        payment=OuterRef("pk"),
        amount_cents__lt=0,
        booked_on__gte=covered["first"],
        booked_on__lte=covered["last"],
    )
    paid = Payment.objects.filter(Exists(told), ~Exists(stated))
    return list(paid.select_related("batch", "claim").order_by("pk"))


def statement_gaps() -> list[Gap]:
    """Statements with holes, in their order, and the payments that would fill them."""
    missing = unstated_payments()
    found = []
    for statement in BankStatement.objects.exclude(gap="").order_by("account", "from_date", "pk"):
        lines = statement.lines.aggregate(cents=Sum("amount_cents"))["cents"] or 0
        cents = statement.closing_cents - statement.opening_cents - lines
        found.append(
            Gap(statement, tuple(statement.gap.split(",")), cents, _explaining(cents, statement, missing))
        )
    return found


def _explaining(cents: int, statement: BankStatement, missing: Sequence[Payment]) -> tuple[Payment, ...]:
    """The unstated payments of the statement's days, if they are exactly what is missing."""
    told = BankLine.objects.filter(
        payment__in=[payment.pk for payment in missing],
        statement__isnull=True,
        amount_cents__lt=0,
        booked_on__gte=statement.from_date,
        booked_on__lte=statement.to_date,
    ).values_list("payment_id", flat=True)
    of_these_days = set(told)
    theirs = tuple(payment for payment in missing if payment.pk in of_these_days)
    single = tuple(payment for payment in theirs if payment.amount_cents == -cents)
    if len(single) == 1:
        return single
    return theirs if cents and sum(payment.amount_cents for payment in theirs) == -cents else ()


def _differences() -> list[Difference]:
    """What is on its way by the journal is what the bank has not answered for."""
    ledger = (
        Posting.objects.filter(bucket=Bucket.IN_TRANSIT).aggregate(cents=Sum("amount_cents"))["cents"] or 0
    )
    pending = Payment.objects.filter(outcome=PaymentOutcome.PENDING, batch__file__isnull=False)
    # What is given back to learners is due to them until it is paid, and never in transit.
    pending = pending.exclude(claim__kind=ClaimKind.REFUND)
    payments = pending.aggregate(cents=Sum(F("amount_cents") + F("netted_cents")))["cents"] or 0
    return [] if ledger == payments else [Difference(Bucket.IN_TRANSIT, ledger, payments)]
