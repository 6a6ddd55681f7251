"""A world in which providers owe money back, and what its bank tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Sum

from funding.audit import runner
from funding.models import Booking, Claim, Payment, PaymentBatch, Posting, Receivable
from funding.services import batches, bookings, claims, payments
from ila.core.clock import VirtualClock
from tests.support.books import faults
from tests.support.rules import scheme_with
from tests.support.world import ENDS, MONDAY, STARTS, Learner, World

PRICE = 165_000
RULES: dict[str, Any] = {"netting_percent": 50, "debt_term_days": 30, "debt_interest_basis_points": 365}


@dataclass
class House:
    """Walks that the tests begin with. Use inside a database fixture and a virtual clock at MONDAY."""

    hand: VirtualClock
    rules: dict[str, Any] = field(default_factory=lambda: dict(RULES))

    def __post_init__(self) -> None:
        self.world = World(scheme=scheme_with(**self.rules))

    def accepted(self, count: int = 1) -> list[tuple[Learner, Booking]]:
        """Bookings of different learners, all in one kind of session."""
        found = []
        for _ in range(count):
            learner = self.world.make_learner()
            found.append((learner, self.world.accepted(learner)))
        return found

    def validated(self, *bookings_: Booking, percent: int = 100) -> list[Booking]:
        """Their services are proved."""
        user = self.world.provider_user
        self.hand.move(STARTS)
        for booking in bookings_:
            bookings.declare_entry(actor=user, booking_id=booking.pk)
        self.hand.move(ENDS)
        done = []
        for booking in bookings_:
            bookings.declare_exit(actor=user, booking_id=booking.pk, exit_reason="complete")
            bookings.declare_service(actor=user, booking_id=booking.pk, percent=percent)
            done.append(bookings.validate_service(actor=self.world.case_worker, booking_id=booking.pk))
        return done

    def approved(self, booking: Booking) -> Claim:
        """An approved claim for what is owed of it."""
        claim = claims.claim_booking(actor=self.world.provider_user, booking_id=booking.pk)
        return claims.approve_claim(actor=self.world.payer, claim_id=claim.pk)

    def batch(self, *wanted: Claim) -> PaymentBatch:
        """A batch of these claims, approved and exported."""
        batch = batches.create_batch(
            actor=self.world.second_payer,
            scheme=self.world.scheme,
            claim_ids=[claim.pk for claim in wanted],
        )
        batches.approve_batch(actor=self.world.third_payer, batch_id=batch.pk)
        batches.export_batch(actor=self.world.third_payer, batch_id=batch.pk)
        batch.refresh_from_db()
        return batch

    def pay(self, *wanted: Claim) -> list[Payment]:
        """Claims paid out by the bank."""
        sent = list(self.batch(*wanted).payments.order_by("pk"))
        payments.execute_payments(payment_ids=[each.pk for each in sent])
        return sent

    def debt(self, learner: Learner, booking: Booking) -> Receivable:
        """The booking was paid in full; its learner denied it, and was believed: all is owed back."""
        self.pay(self.approved(booking))
        bookings.deny_consent(actor=learner.user, booking_id=booking.pk)
        bookings.resolve_dispute(actor=self.world.case_worker, booking_id=booking.pk, upheld=True)
        return Receivable.objects.get(booking=booking)

    def owing(self, others: int = 1) -> tuple[Receivable, list[Claim]]:
        """A debt of 1,650.00, and approved claims of the same provider for as much each."""
        made = self.accepted(others + 1)
        self.validated(*(booking for _, booking in made))
        receivable = self.debt(*made[0])
        return receivable, [self.approved(booking) for _, booking in made[1:]]


def buckets() -> dict[str, int]:
    """Cents in the buckets between the accounts and the bank."""
    names = ("held", "payable", "in_transit", "paid", "owed")
    rows = Posting.objects.filter(bucket__in=names).order_by().values("bucket")
    return {row["bucket"]: row["cents"] for row in rows.annotate(cents=Sum("amount_cents")) if row["cents"]}


def state(receivable: Receivable) -> tuple[str, int, int]:
    """State, owed and reserved cents, as stored."""
    receivable.refresh_from_db()
    return receivable.state, receivable.owed_cents, receivable.reserved_cents


def check_books() -> None:
    """The books add up row by row, and the audit finds nothing."""
    assert faults() == []
    report = runner.run()
    assert report.ok, report.as_json()


__all__ = ["MONDAY", "PRICE", "House", "buckets", "check_books", "state"]
