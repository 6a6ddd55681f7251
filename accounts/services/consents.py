"""Consent receipts: asked, and answered by the citizen alone under their own sign-in."""

from accounts.models import Citizen, Consent, SignIn, User
from ila.core import fsm
from ila.core.errors import DomainError


def ask_consent(*, citizen: Citizen, text: str, actor: User) -> Consent:
    """Show the citizen a text to consent to. Logs: consent `create`."""
    consent = Consent(citizen=citizen, text=text, text_hash=Consent.hash_of(text))
    fsm.start(consent, actor=actor, transition="ask")
    return consent


def check_sign_in(*, sign_in: SignIn | None, citizen: Citizen, strong: bool) -> SignIn:
    """The sign-in a consent is given under: the citizen's own, and strong where the scheme asks (F-32).

    Raises: DomainError `consent_missing` without a sign-in of the citizen's own, `weak_identity`.
    """
    if sign_in is None or sign_in.user_id != citizen.user_id:
        raise DomainError("consent_missing", status=403)
    if strong and sign_in.assurance != "strong":
        raise DomainError("weak_identity", rule="F-32", status=403)
    return sign_in


def deny_consent(*, consent: Consent, actor: User, reason: str = "") -> None:
    """The citizen says no, or that it was not them. The row must be locked. Logs: `deny` or `withdraw`."""
    fsm.apply(consent, "deny" if consent.state == "asked" else "withdraw", actor=actor, reason=reason)
