"""What the addresses of awards speak of, and who may open them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from catalogue.models import Award, PortfolioShare
from catalogue.services.awards import create_share
from funding.models import Booking
from funding.services.awards import award_booking
from tests.pages.support import Scene


@dataclass
class AwardThings:
    """An award of the learner's from their booking, and a link that shows it."""

    award: Award
    share: PortfolioShare
    secret: str

    def arguments(self) -> dict[str, dict[str, Any]]:
        """The arguments of each address."""
        own = (
            *("award", "award_token", "award_document", "award_certificate", "award_revoke", "verify_award"),
            *("award_badge_png", "award_badge_svg"),
        )
        return {
            **{name: {"public_id": self.award.public_id} for name in own},
            "portfolio_share_end": {"public_id": self.share.public_id},
            "shared_portfolio": {"token": self.secret},
            "award_key": {"name": self.award.key.name},
            "award_issuer": {"pk": self.award.provider_id},
            "award_status": {"pk": self.award.provider_id, "number": 1},
        }


def make_award_things(scene: Scene, booking: Booking) -> AwardThings:
    """The award that the booking's proved service deserves, shared for a week."""
    award = award_booking(booking_id=booking.pk)
    assert award is not None
    share, secret = create_share(actor=scene.learner.user, awards=[award.public_id], days=7, label="Bakery")
    return AwardThings(award, share, secret)
