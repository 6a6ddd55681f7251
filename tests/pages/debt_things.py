"""What the pages of debts, of bank and books, and of advices speak of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from funding.models import (
    Booking,
    PaymentBatch,
    Receivable,
    ReconciliationNote,
    RecoveryReceipt,
    Remittance,
    StripeMovement,
)
from funding.services.remittances import take_numbers
from ila.core import clock, fsm
from tests.pages.support import PAYDAY, Scene

DAY = "2026-06-29"


@dataclass(frozen=True)
class DebtThings:
    """Addresses of a debt, a transfer of which too much came, a day with a note, and an advice."""

    receivable: Receivable
    receipt: RecoveryReceipt
    remittance: Remittance

    def arguments(self) -> dict[str, dict[str, Any]]:
        """The arguments of each address."""
        debt = {"pk": self.receivable.pk}
        advice = {"public_id": self.remittance.public_id}
        return {
            "agency_receivable": debt,
            "agency_receivable_letter": debt,
            "provider_debt": debt,
            "provider_debt_letter": debt,
            "agency_recovery": {"pk": self.receipt.pk},
            "reconciliation_day": {"on": DAY, "currency": "EUR"},
            "reconciliation_stripe_day": {"on": DAY, "currency": "EUR"},
            "remittance_pdf": advice,
            "remittance_csv": advice,
        }


def make_debt_things(scene: Scene, booking: Booking, batch: PaymentBatch) -> DebtThings:
    """A debt for the booking, as a control would open it."""
    with clock.at(PAYDAY):
        receivable = Receivable(
            booking=booking,
            provider=booking.provider,
            amount_cents=10_000,
            currency="EUR",
            reason="hours that nobody taught",
        )
        fsm.start(receivable, actor=scene.payment_officer, transition="open")
        receipt = RecoveryReceipt.objects.create(
            key="0" * 64,
            amount_cents=500,
            currency="EUR",
            payer_name="Somebody",
            booked_on=clock.now().date(),
            finding="unknown_debt",
        )
        ReconciliationNote.objects.create(
            day=clock.now().date(),
            side="bank",
            currency="EUR",
            difference_cents=500,
            explained=False,
            note="Asked the bank",
            owner=scene.payment_officer,
            written_by=scene.payment_officer,
        )
        StripeMovement.objects.create(
            movement_id="txn_1", kind="charge", amount_cents=500, currency="EUR", moved_at=clock.now()
        )
        remittance = Remittance.objects.create(
            scheme=batch.scheme,
            provider=booking.provider,
            number=take_numbers(batch.scheme_id, 1),
            payment=batch.payments.get(),
        )
    return DebtThings(receivable, receipt, remittance)
