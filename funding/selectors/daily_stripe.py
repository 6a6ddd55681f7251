"""Stripe and books side by side, day by day: each movement of our balance there, and what our books know of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Q

from funding.cards.port import REFUND_UNDONE
from funding.models import (
    CardDispute,
    CardPayment,
    CardPaymentState,
    CardRefund,
    Payment,
    PaymentOutcome,
    Rail,
    ReconciliationNote,
    Side,
    StripeMovement,
)
from funding.selectors.daily_books import DaysBooks

# What goes between our own accounts, and what Stripe takes for itself: explained by what it is.
OF_ITS_OWN = (
    "payout",
    "payout_cancel",
    "payout_failure",
    "topup",
    "stripe_fee",
    "network_cost",
    "contribution",
)


@dataclass(frozen=True, slots=True)
class Booked:
    """A movement, and what of it is in our books, in cents."""

    movement: StripeMovement
    books_cents: int
    aside: bool

    @property
    def is_known(self) -> bool:
        return self.aside or self.books_cents == self.movement.amount_cents


def daily_stripe(first: date, last: date) -> list[DaysBooks]:
    """The days (UTC, as Stripe's) on which anything moved, newest first. A fixed number of queries.

    Stripe's side is what moved our balance there, before its fees. The books' side: payments that came, refunds,
    what disputes took and gave, transfers to providers. Payouts to our own bank are kept aside.
    """
    found: dict[tuple[date, str], DaysBooks] = {}

    def on(day: date, currency: str) -> DaysBooks:
        return found.setdefault((day, currency), DaysBooks(day, currency, stated=True))

    for each in book(_between(first, last)):
        books = on(each.movement.moved_at.astimezone(UTC).date(), each.movement.currency)
        _add(books, "bank", each.movement.amount_cents)
        if each.aside:
            books.kept_aside += each.movement.amount_cents
        else:
            _add(books, "books", each.books_cents)
    for day, currency, cents in _unmoved(first, last):
        _add(on(day, currency), "books", cents)
    for note in ReconciliationNote.objects.filter(
        day__gte=first, day__lte=last, side=Side.CARDS
    ).select_related("owner", "written_by"):
        on(note.day, note.currency).note = note
    return sorted(found.values(), key=lambda books: (books.day, books.currency), reverse=True)


def movements_of_day(day: date, currency: str) -> list[Booked]:
    """What moved on that day, in Stripe's order, with what our books know of it."""
    return book([each for each in _between(day, day) if each.currency == currency])


def book(movements: Sequence[StripeMovement]) -> list[Booked]:
    """What our books know of each movement. As many queries for any number."""
    refs = {each.payment_ref for each in movements} | {each.source_id for each in movements}
    paid = dict(
        CardPayment.objects.filter(intent_id__in=refs, state=CardPaymentState.SUCCEEDED).values_list(
            "intent_id", "amount_cents"
        )
    )
    refunds = dict(CardRefund.objects.filter(refund_id__in=refs).values_list("refund_id", "status"))
    disputes = dict(CardDispute.objects.filter(dispute_id__in=refs).values_list("dispute_id", "moves"))
    moved: dict[str, list[int]] = defaultdict(list)
    of_disputes = StripeMovement.objects.filter(source_id__in=disputes).order_by("moved_at", "movement_id")
    for pk, source in of_disputes.values_list("pk", "source_id"):
        moved[source].append(pk)
    # A reversal names its transfer, and that one our payment.
    transfers = dict(
        StripeMovement.objects.filter(source_id__in=refs, kind="transfer").values_list(
            "source_id", "payment_ref"
        )
    )
    wanted = refs | set(transfers.values())
    outcomes = dict(
        Payment.objects.filter(end_to_end_id__in=wanted, batch__rail=Rail.STRIPE).values_list(
            "end_to_end_id", "outcome"
        )
    )

    def known(each: StripeMovement) -> bool:
        if each.source_id in disputes:
            return moved[each.source_id].index(each.pk) < disputes[each.source_id]
        if each.source_id in refunds:
            return each.amount_cents < 0 or refunds[each.source_id] in REFUND_UNDONE
        if each.kind == "transfer":
            return outcomes.get(each.payment_ref) in (PaymentOutcome.EXECUTED, PaymentOutcome.RETURNED)
        return outcomes.get(transfers.get(each.payment_ref, "")) == PaymentOutcome.RETURNED

    rows = []
    for each in movements:
        cents = paid.get(each.payment_ref)
        if cents is None:
            cents = each.amount_cents if known(each) else 0
        rows.append(Booked(each, cents, each.kind in OF_ITS_OWN))
    return rows


def _between(first: date, last: date) -> list[StripeMovement]:
    begins, ends = _midnight(first), _midnight(last + timedelta(days=1))
    found = StripeMovement.objects.filter(moved_at__gte=begins, moved_at__lt=ends)
    return list(found.order_by("moved_at", "pk"))


def _unmoved(first: date, last: date) -> Iterable[tuple[date, str, int]]:
    """What our books say came or went through Stripe, and no movement tells of."""
    begins, ends = _midnight(first), _midnight(last + timedelta(days=1))
    told = StripeMovement.objects.values("payment_ref")
    came = CardPayment.objects.filter(succeeded_at__gte=begins, succeeded_at__lt=ends).exclude(
        intent_id__in=told
    )
    for moment, currency, cents in came.values_list("succeeded_at", "currency", "amount_cents"):
        yield _day(moment), currency, cents
    went = Payment.objects.filter(
        Q(outcome=PaymentOutcome.EXECUTED) | Q(outcome=PaymentOutcome.RETURNED),
        batch__rail=Rail.STRIPE,
        executed_at__gte=begins,
        executed_at__lt=ends,
    ).exclude(end_to_end_id__in=told)
    for moment, currency, cents in went.values_list("executed_at", "batch__currency", "amount_cents"):
        yield _day(moment), currency, -cents


def _add(books: DaysBooks, side: str, cents: int) -> None:
    name = f"{side}_{'in' if cents > 0 else 'out'}"
    setattr(books, name, getattr(books, name) + cents)


def _day(moment: datetime | None) -> date:
    assert moment is not None
    return moment.astimezone(UTC).date()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), tzinfo=UTC)
