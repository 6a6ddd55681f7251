"""The answers that funding asks for (`funding.services.gates.Gate`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from catalogue.models import Session
from fraud.gates import entry, payments
from funding.models import Booking, LearningAccount


class FraudGate:
    """Plugged in at the start of the process."""

    def check_payments(self, *, batch_id: int) -> None:
        """D01–D25 on today's facts over what the batch pays."""
        payments.screen_batch(batch_id=batch_id)

    def screening_of(self, *, batch_id: int) -> str:
        """What the latest screening of the batch found, as a sentence."""
        return payments.say_screening(batch_id=batch_id)

    def check_booking(self, *, account: LearningAccount, session: Session) -> None:
        """D12 at the request."""
        entry.check_booking(account=account, session=session)

    def check_presence(self, *, booking: Booking, day: date) -> None:
        """D12 as a learner signs in."""
        entry.check_presence(booking=booking, day=day)

    def check_hours(self, *, day: date, hours: Mapping[int, Decimal]) -> None:
        """D13's hard limit as a sheet is recorded."""
        entry.check_hours(day=day, hours=hours)

    def check_certificate(self, *, booking: Booking) -> None:
        """D16 as a certificate is recorded."""
        entry.check_certificate(booking=booking)
