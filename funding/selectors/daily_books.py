"""Bank and books side by side, day by day: what differs, what explains it, and who looks after the rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, Sum
from django.db.models.functions import TruncDate

from funding.models import (
    BankLine,
    BankStatement,
    OwnTransferReceipt,
    Payment,
    PaymentOutcome,
    Rail,
    ReconciliationNote,
    RecoveryReceipt,
    Side,
    TopUpReceipt,
    TopUpRefund,
)

Key = tuple[date, str]


@dataclass(slots=True)
class DaysBooks:
    """One day in one currency. Cents; what left our account is negative.

    bank: by the bank's statements, or its notifications where no statement has come. books: payments executed and
    returned, transfers taken. kept_aside: came in, is known, and was taken for nothing yet. note: the newest.
    """

    day: date
    currency: str
    bank_in: int = 0
    bank_out: int = 0
    books_in: int = 0
    books_out: int = 0
    kept_aside: int = 0
    stated: bool = False
    note: ReconciliationNote | None = field(default=None)

    @property
    def difference(self) -> int:
        """The bank's movements less the books'."""
        return self.bank_in + self.bank_out - self.books_in - self.books_out

    @property
    def unexplained(self) -> int:
        """What of the difference nothing explains by itself."""
        return self.difference - self.kept_aside

    @property
    def status(self) -> str:
        """`equal`, `kept_aside`, `explained` by a person for this very difference, or `open`."""
        if not self.difference and not self.kept_aside:
            return "equal"
        if not self.unexplained:
            return "kept_aside"
        if self.note is not None and self.note.explained and self.note.difference_cents == self.difference:
            return "explained"
        return "open"


def daily_books(first: date, last: date) -> list[DaysBooks]:
    """The days on which anything moved, newest first. A fixed number of queries, however much did.

    A payment lies on the day that the bank booked it on; a transfer in on the bank's booking day.
    """
    found: dict[Key, DaysBooks] = {}

    def on(day: date, currency: str) -> DaysBooks:
        return found.setdefault((day, currency), DaysBooks(day, currency))

    stated = _stated_days(first, last)
    for row in _bank_rows(first, last):
        books = on(row["booked_on"], row["currency"])
        books.stated = row["booked_on"] in stated
        if books.stated != row["in_statement"]:
            continue
        books.bank_in += row["came"] or 0
        books.bank_out += row["went"] or 0
    _add(on, _executed(first, last), "books_out", -1)
    _add(on, _returned(first, last), "books_in", 1)
    _add(on, _refunded(first, last), "books_out", -1)
    _add(on, _refunds_back(first, last), "books_in", 1)
    _add(on, _own_parts(first, last), "books_in", 1)
    for taken, aside in (_top_ups(first, last), _recoveries(first, last)):
        _add(on, taken, "books_in", 1)
        _add(on, aside, "kept_aside", 1)
    for note in ReconciliationNote.objects.filter(
        day__gte=first, day__lte=last, side=Side.BANK
    ).select_related("owner", "written_by"):
        on(note.day, note.currency).note = note
    return sorted(found.values(), key=lambda books: (books.day, books.currency), reverse=True)


def lines_of_day(day: date, currency: str) -> list[BankLine]:
    """What the bank told of that day, in the order it told it, with what each was matched to. One query."""
    lines = BankLine.objects.filter(booked_on=day, currency=currency).select_related(
        "payment__batch",
        "payment__claim__provider",
        "receipt",
        "recovery",
        "refund__batch",
        "message",
        "own_receipt__transfer__booking",
    )
    return list(lines.defer("message__content").order_by("pk"))


def notes_of_day(day: date, currency: str, *, side: str = Side.BANK) -> list[ReconciliationNote]:
    """What was said of that day, newest first."""
    notes = ReconciliationNote.objects.filter(day=day, currency=currency, side=side)
    return list(notes.select_related("owner", "written_by").order_by("-pk"))


def _add(on: Callable[[date, str], DaysBooks], rows: Iterable[Any], name: str, sign: int) -> None:
    for day, currency, cents in rows:
        if day is not None and cents:
            books = on(day, currency)
            setattr(books, name, getattr(books, name) + sign * cents)


def _stated_days(first: date, last: date) -> set[date]:
    days: set[date] = set()
    statements = BankStatement.objects.filter(from_date__lte=last, to_date__gte=first)
    for begins, ends in statements.values_list("from_date", "to_date"):
        if begins is None or ends is None:
            continue
        day = max(begins, first)
        while day <= min(ends, last):
            days.add(day)
            day += timedelta(days=1)
    return days


def _bank_rows(first: date, last: date) -> Iterable[Any]:
    lines = BankLine.objects.filter(booked_on__gte=first, booked_on__lte=last).annotate(
        in_statement=Exists(BankStatement.objects.filter(pk=OuterRef("statement_id")))
    )
    return (
        lines.order_by()
        .values("booked_on", "currency", "in_statement")
        .annotate(
            came=Sum("amount_cents", filter=Q(amount_cents__gt=0)),
            went=Sum("amount_cents", filter=Q(amount_cents__lt=0)),
        )
    )


def _executed(first: date, last: date) -> Iterable[Any]:
    paid = Payment.objects.filter(
        batch__rail=Rail.SEPA,
        executed_at__date__gte=first,
        executed_at__date__lte=last,
        outcome__in=[PaymentOutcome.EXECUTED, PaymentOutcome.RETURNED],
    )
    return _by_day(paid, "executed_at")


def _returned(first: date, last: date) -> Iterable[Any]:
    """On the day the bank booked the return, as its own lines say; where none does, on the day it was told."""
    back = Payment.objects.filter(batch__rail=Rail.SEPA, outcome=PaymentOutcome.RETURNED)
    told = BankLine.objects.filter(payment__in=back, amount_cents__gt=0)
    days = {
        payment: day for payment, day in told.order_by("-pk").values_list("payment_id", "booked_on") if day
    }
    rows = back.filter(Q(pk__in=list(days)) | Q(closed_at__date__gte=first, closed_at__date__lte=last))
    for pk, closed_at, currency, cents in rows.values_list(
        "pk", "closed_at", "batch__currency", "amount_cents"
    ):
        day = days.get(pk) or (None if closed_at is None else closed_at.date())
        if day is not None and first <= day <= last:
            yield day, currency, cents


def _refunded(first: date, last: date) -> Iterable[Any]:
    """Employers' refunds that a batch paid."""
    paid = TopUpRefund.objects.filter(executed_at__date__gte=first, executed_at__date__lte=last)
    return _by_day(paid, "executed_at")


def _refunds_back(first: date, last: date) -> Iterable[Any]:
    """Employers' refunds that came back, on the day the bank booked it; where no line says, on the day it was told."""
    back = TopUpRefund.objects.filter(outcome=PaymentOutcome.RETURNED)
    told = BankLine.objects.filter(refund__in=back, amount_cents__gt=0).order_by("-pk")
    days = {refund: day for refund, day in told.values_list("refund_id", "booked_on") if day}
    for pk, closed_at, currency, cents in back.values_list(
        "pk", "closed_at", "batch__currency", "amount_cents"
    ):
        day = days.get(pk) or (None if closed_at is None else closed_at.date())
        if day is not None and first <= day <= last:
            yield day, currency, cents


def _by_day(payments: Any, name: str) -> Iterable[Any]:
    rows: Iterable[Any] = (
        payments.order_by()
        .annotate(moved_on=TruncDate(name))
        .values_list("moved_on", "batch__currency")
        .annotate(cents=Sum("amount_cents"))
    )
    return rows


def _top_ups(first: date, last: date) -> tuple[Iterable[Any], Iterable[Any]]:
    rows = (
        # What came by card lies at Stripe.
        TopUpReceipt.objects.filter(booked_on__gte=first, booked_on__lte=last)
        .exclude(key__startswith="stripe:")
        # Nor is aside what a person found to be a learner's own part.
        .exclude(key__in=OwnTransferReceipt.objects.values("key"))
        .order_by()
        .values_list("booked_on", "currency")
    )
    return (
        rows.filter(top_up__isnull=False).annotate(cents=Sum("amount_cents")),
        rows.filter(top_up__isnull=True).annotate(cents=Sum("amount_cents")),
    )


def _own_parts(first: date, last: date) -> Iterable[Any]:
    """Learners' transfers, whether a booking took them or they go back: a refund is a payment of its own."""
    rows = OwnTransferReceipt.objects.filter(booked_on__gte=first, booked_on__lte=last).order_by()
    return rows.values_list("booked_on", "transfer__currency").annotate(cents=Sum("amount_cents"))


def _recoveries(first: date, last: date) -> tuple[Iterable[Any], Iterable[Any]]:
    taken: dict[Key, int] = defaultdict(int)
    aside: dict[Key, int] = defaultdict(int)
    for receipt in RecoveryReceipt.objects.filter(booked_on__gte=first, booked_on__lte=last):
        if receipt.booked_on is not None:
            taken[receipt.booked_on, receipt.currency] += receipt.applied_cents + receipt.interest_cents
            aside[receipt.booked_on, receipt.currency] += receipt.excess_cents
    return (
        [(*key, cents) for key, cents in taken.items()],
        [(*key, cents) for key, cents in aside.items()],
    )
