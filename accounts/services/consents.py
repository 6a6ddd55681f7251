"""Consent receipts: asked, and answered by the citizen alone under their own sign-in."""

from datetime import datetime, timedelta

from django.conf import settings

from accounts.models import Citizen, Consent, SignIn, User
from ila.core import clock, fsm
from ila.core.errors import DomainError


def ask_consent(*, citizen: Citizen, text: str, actor: User) -> Consent:
    """Show the citizen a text to consent to. Logs: consent `create`."""
    consent = Consent(citizen=citizen, text=text, text_hash=Consent.hash_of(text))
    fsm.start(consent, actor=actor, transition="ask")
    return consent


def check_sign_in(
    *, sign_in: SignIn | None, citizen: Citizen, strong: bool, at: datetime | None = None
) -> SignIn:
    """The sign-in a consent is given under: the citizen's own, and where the scheme asks strong and fresh (F-32).

    Fresh: made within CONSENT_SIGN_IN_MINUTES before, so that it is the citizen who sits there. at: when they
    consented; now, unless told.
    Raises: DomainError `consent_missing` without a sign-in of the citizen's own, `weak_identity`, `sign_in_too_old`.
    """
    if sign_in is None or sign_in.user_id != citizen.user_id:
        raise DomainError("consent_missing", status=403)
    if strong and sign_in.assurance != "strong":
        raise DomainError("weak_identity", rule="F-32", status=403)
    if strong and not is_fresh(sign_in, at or clock.now()):
        minutes = settings.CONSENT_SIGN_IN_MINUTES
        raise DomainError("sign_in_too_old", rule="F-32", status=403, minutes=minutes)
    return sign_in


def is_fresh(sign_in: SignIn, moment: datetime) -> bool:
    """Whether the sign-in was made so short a time before that a consent may be given under it (F-32)."""
    return sign_in.at > moment - timedelta(minutes=settings.CONSENT_SIGN_IN_MINUTES)


def needs_strong_sign_in(sign_in: SignIn | None) -> bool:
    """Whether who signed in like that is first led to their e-identity."""
    return sign_in is None or sign_in.assurance != "strong" or not is_fresh(sign_in, clock.now())


def deny_consent(*, consent: Consent, actor: User, reason: str = "") -> None:
    """The citizen says no, or that it was not them. The row must be locked. Logs: `deny` or `withdraw`."""
    fsm.apply(consent, "deny" if consent.state == "asked" else "withdraw", actor=actor, reason=reason)
