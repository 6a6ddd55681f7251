"""What leaving a booking would mean at this moment, for its learner to read before the click."""

from __future__ import annotations

from dataclasses import dataclass

from funding.models import Booking, BookingState
from funding.schemes.rules import SchemeRules
from funding.services.bookings.conditions import outcome_of_leaving
from funding.services.bookings.context import calendar_of
from funding.services.bookings.guards import CALLED_OFF
from ila.core import clock

EARLY = (BookingState.REQUESTED, BookingState.PROPOSED)


@dataclass(frozen=True, slots=True)
class Leaving:
    """outcome: `nothing` was bound yet; `withdraw` (F-23), `free` or `full_price` (F-24).

    kept_away: what lies beyond one's control would make it free (before the start only).
    """

    outcome: str
    kept_away: bool
    rules: SchemeRules | None

    @property
    def costs(self) -> bool:
        """The full price would be owed."""
        return self.outcome == "full_price"


def leaving_of(booking: Booking) -> Leaving | None:
    """What leaving now means; None where the booking cannot be left any more."""
    if booking.state in EARLY:
        return Leaving("nothing", kept_away=False, rules=None)
    if booking.state != BookingState.ACCEPTED:
        return None
    assert booking.scheme_version is not None
    assert booking.accepted_at is not None
    assert booking.session.starts_at is not None
    rules, now = booking.scheme_version.parsed, clock.now()
    if booking.session.state in CALLED_OFF:
        return Leaving("free", kept_away=False, rules=rules)
    calendar = calendar_of(booking.account.scheme)

    def outcome(reason: str) -> str:
        return outcome_of_leaving(booking, rules, calendar, now, reason=reason)

    now_owed = outcome("")
    return Leaving(now_owed, now_owed == "full_price" and outcome("force_majeure") == "free", rules)
