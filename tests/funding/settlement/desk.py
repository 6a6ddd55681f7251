"""One desk for settlement tests: a world with proved services, and a bank that really runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db.models import Sum

from catalogue.models import Provider
from funding.audit import runner
from funding.banking.simulator import SimulatedBank
from funding.models import BankMessage, Booking, Claim, Payment, PaymentBatch, Posting
from funding.services import bank_messages, batches, bookings, claims, payee_checks
from ila.core import clock
from tests.support.books import faults
from tests.support.world import ENDS, MONDAY, STARTS, Learner, World

# A Monday after the session, and the bank's clock with it.
PAYDAY = datetime(2026, 6, 29, 9, 0, tzinfo=UTC)
IBANS = (
    "DE89370400440532013000",
    "NL91ABNA0417164300",
    "BE68539007547034",
    "ES9121000418450200051332",
)
OPENING = 10_000_000_00
SETTLEMENT = ("held", "payable", "in_transit", "paid", "owed")


@dataclass
class Desk:
    """Walks money through claims, batches and the bank. Use inside `settlement_desk()`."""

    world: World
    bank: SimulatedBank
    hand: clock.VirtualClock
    providers: list[Provider] = field(default_factory=list)

    def booking(
        self, *, provider: Provider | None = None, percent: int = 100, learner: Learner | None = None
    ) -> Booking:
        """A booking whose service is validated; its provider's account is at another bank."""
        world = self.world
        provider = provider or world.provider
        session = world.make_session(world.make_credential(provider))
        with clock.at(MONDAY) as hand:
            learner = learner or world.make_learner()
            booking = world.accepted(learner, session)
            user = world.user_of(provider)
            hand.move(STARTS)
            bookings.declare_entry(actor=user, booking_id=booking.pk)
            bookings.record_attendance(actor=user, booking_id=booking.pk, percent=percent)
            hand.move(ENDS)
            bookings.declare_exit(actor=user, booking_id=booking.pk, exit_reason="complete")
            bookings.declare_service(actor=user, booking_id=booking.pk)
            return bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)

    def claim(self, booking: Booking) -> Claim:
        """An approved claim for a booking."""
        claim = claims.claim_booking(actor=self.world.user_of(booking.provider), booking_id=booking.pk)
        return claims.approve_claim(actor=self.world.payer, claim_id=claim.pk)

    def batch(self, *wanted: Claim) -> PaymentBatch:
        """An approved batch."""
        ids = [claim.pk for claim in wanted] or None
        # Where a test has a service that knows accounts, a first payment asks it; elsewhere nobody is asked.
        payee_checks.ask_payees(actor=self.world.second_payer, scheme=self.world.scheme)
        batch = batches.create_batch(actor=self.world.second_payer, scheme=self.world.scheme, claim_ids=ids)
        return batches.approve_batch(actor=self.world.third_payer, batch_id=batch.pk)

    def export(self, batch: PaymentBatch) -> bytes:
        """The batch's file."""
        return bytes(batches.export_batch(actor=self.world.third_payer, batch_id=batch.pk).content)

    def send(self, batch: PaymentBatch) -> None:
        self.export(batch)
        batches.send_batch(batch_id=batch.pk, bank=self.bank.client)

    def collect(self) -> list[BankMessage]:
        """What the bank has for us, worked on."""
        return bank_messages.receive_messages(bank=self.bank.client)

    def advance(self, days: int = 1) -> None:
        """A day later, for the bank and for us."""
        self.bank.advance(days=days)
        self.hand.move(clock.now() + timedelta(days=days))


@contextmanager
def settlement_desk(*, ibans: tuple[str, ...] = IBANS) -> Iterator[Desk]:
    """A world at PAYDAY with one provider for each account, and a bank that holds ours."""
    with SimulatedBank(clock=PAYDAY) as bank:
        bank.open_account("ILA", settings.BANK_ACCOUNT_IBAN, name="Payer", balance_cents=OPENING)
        with clock.at(MONDAY) as hand:
            world = World()
            world.provider.iban = ibans[0]
            world.provider.save(update_fields=["iban"])
            providers = [world.provider, *(world.make_provider(iban=iban) for iban in ibans[1:])]
            hand.move(PAYDAY)
            yield Desk(world, bank, hand, providers)


def balances() -> dict[str, int]:
    """Cents in every bucket of the journal that money of a booking passes until the bank has paid it."""
    rows = Posting.objects.filter(bucket__in=SETTLEMENT).values("bucket").annotate(cents=Sum("amount_cents"))
    return {row["bucket"]: row["cents"] for row in rows if row["cents"]}


def states() -> dict[str, list[str]]:
    """States of batches, claims and bookings, and outcomes of payments, in the order they were made."""
    return {
        "batches": list(PaymentBatch.objects.order_by("pk").values_list("state", flat=True)),
        "claims": list(Claim.objects.order_by("pk").values_list("state", flat=True)),
        "bookings": list(Booking.objects.order_by("pk").values_list("state", flat=True)),
        "payments": list(Payment.objects.order_by("pk").values_list("outcome", flat=True)),
    }


def check_books() -> None:
    """The books add up row by row, and the audit finds nothing."""
    assert faults() == []
    report = runner.run()
    assert report.ok, report.as_json()


def payday() -> date:
    return PAYDAY.date()
