"""What is alike however a learner's own part of a booking comes before its acceptance binds: by card or by transfer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import override

from accounts.models import SignIn, User
from funding.models import Booking, Source
from funding.schemes.facts import SourcePlan
from funding.services.bookings import acceptance
from funding.services.bookings.texts import Shown
from funding.services.kept import Payer
from ila.core.errors import DomainError


@dataclass(frozen=True, slots=True)
class Consented:
    """An acceptance that nothing speaks against, and that waits for the learner's own part: `cents`."""

    booking: Booking
    plan: SourcePlan
    payer: User
    sign_in: SignIn | None
    text: str
    shown: Shown
    cents: int

    def kept_with_it(self) -> dict[str, Any]:
        """What a payment keeps of the consent until its money is there, as fields."""
        return {
            "scheme_id": self.booking.account.scheme_id,
            "booking": self.booking,
            "payer": self.payer,
            "amount_cents": self.cents,
            "currency": self.booking.currency,
            "language": self.shown.language,
            "sign_in": self.sign_in,
            "text": self.text,
            "text_hash": self.shown.text_hash,
        }


def prepare(*, actor: User, booking_id: int, sign_in: SignIn | None, shown: Shown) -> Consented:
    """Look at everything as the acceptance does, for a learner who consents now and pays next.

    Locks and Raises: as `bookings.accept`; DomainError `not_allowed` where they have nothing to pay.
    """
    booking, plan, text = acceptance.prepare(actor=actor, booking_id=booking_id, sign_in=sign_in, shown=shown)
    cents = plan.by_source().get(Source.LEARNER, 0)
    if not cents:
        raise DomainError("not_allowed", reason="nothing_to_pay")
    return Consented(booking, plan, actor, sign_in, text, shown, cents)


def bind(payment: Payer, *, grant: Callable[[], object] | None = None) -> str:
    """With the money, the acceptance, under the consent given earlier. Returns the code it is refused with now, or "".

    grant: what binds instead of an acceptance. The booking and the payment are locked; a refusal changes nothing.
    """
    assert payment.sign_in is not None
    assert payment.booking is not None
    try:
        with transaction.atomic(), override(payment.language):
            if grant is not None:
                grant()
            else:
                acceptance.accept_paid(
                    actor=payment.payer,
                    booking_id=payment.booking.pk,
                    sign_in=payment.sign_in,
                    consented_at=payment.opened_at,
                    shown=Shown(payment.text_hash, payment.language, payment.text),
                    own_cents=payment.amount_cents,
                )
    except DomainError as refusal:
        return refusal.code[:40]
    return ""
