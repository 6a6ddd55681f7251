"""A learner who pays their own part by bank transfer, and what the bank tells of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from catalogue.models import SessionSeats
from funding.models import Booking, OwnTransfer
from funding.services import own_transfers
from funding.services.bookings.context import read_booking
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.funding.cards.support import available, shown_to
from tests.funding.top_ups.support import Transfer, tell
from tests.support.world import Learner, World

# 1,650 with 1,500 of rights at most for such a training (F-13).
OWN, RIGHTS = 15_000, 150_000
ALL = 500_000


@dataclass
class Awaited:
    """Transfers of a world, waited for. Use inside a database fixture and a virtual clock."""

    hand: VirtualClock
    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        self.learner: Learner = self.world.make_learner()
        self.other: Learner = self.world.make_learner()

    def start(self, learner: Learner | None = None, **facts: Any) -> OwnTransfer:
        """A learner consents to a proposal that costs them a part themselves."""
        learner = learner or self.learner
        booking = read_booking(self.world.proposed(learner, self.world.make_session(**facts)).pk)
        return self.consent(booking, learner)

    def consent(self, booking: Booking, learner: Learner | None = None) -> OwnTransfer:
        learner = learner or self.learner
        return own_transfers.start_for_booking(
            actor=learner.user, booking_id=booking.pk, sign_in=learner.sign_in, shown=shown_to(booking)
        )

    def booked(self, **facts: Any) -> OwnTransfer:
        """A booking whose own part has come."""
        transfer = self.start(**facts)
        self.pay(transfer)
        assert booking_of(transfer).state == "accepted", transfer.finding
        return transfer

    def pay(self, transfer: OwnTransfer, cents: int = OWN, *, work: bool = True, **facts: Any) -> Transfer:
        """The learner's transfer arrives, and the job looks at it."""
        sent = Transfer(cents, transfer.reference, payer="Camille Durand", **facts)
        tell(sent)
        if work:
            own_transfers.settle_waiting()
        transfer.refresh_from_db()
        return sent

    def later(self, **span: float) -> None:
        self.hand.move(clock.now() + timedelta(**span))

    def settle(self, transfer: OwnTransfer) -> None:
        own_transfers.settle_waiting()
        transfer.refresh_from_db()


def booking_of(transfer: OwnTransfer) -> Booking:
    return read_booking(transfer.booking_id)


def kept(transfer: OwnTransfer, learner: Learner) -> tuple[int, int]:
    """Seats taken of the session, and rights that are not there while they are kept or held."""
    seats = SessionSeats.objects.get(session=booking_of(transfer).session_id)
    return seats.taken, ALL - available(learner)
