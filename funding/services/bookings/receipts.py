"""What a consent receipt says, in the mail, on the page and on paper."""

from typing import Any

from accounts.models import Consent, NotMeKind, SignIn
from accounts.services import messages
from funding.models import Booking


def receipt_context(booking: Booking, consent: Consent, sign_in: SignIn | None) -> dict[str, Any]:
    """What the mail of an accepted booking carries: the receipt, and the link for who never agreed."""
    return {
        "booking": str(booking.public_id),
        "text": consent.text,
        "sha256": consent.text_hash,
        "zone": booking.account.scheme.timezone,
        "at": "" if consent.answered_at is None else consent.answered_at.isoformat(),
        "strong": sign_in is not None and sign_in.assurance == "strong",
        "device": "" if sign_in is None else sign_in.device_name,
        **messages.not_me(NotMeKind.BOOKING, str(booking.public_id)),
    }
