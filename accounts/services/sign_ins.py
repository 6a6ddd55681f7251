"""Recording sign-ins: under which one a consent was given is part of its receipt (F-32)."""

from django.conf import settings
from django.utils.crypto import salted_hmac

from accounts.models import SignIn, User
from accounts.models.consents import Assurance


def record_sign_in(
    *, user: User, method: str, assurance: Assurance, address: str = "", device: str = ""
) -> SignIn:
    """Write down that a person signed in, how, and how surely it was them.

    address, device: network address and browser as seen; only keyed hashes of them are kept.
    """
    return SignIn.objects.create(
        user=user,
        method=method,
        assurance=assurance,
        ip_hash=_hash("address", address),
        device_hash=_hash("device", device),
    )


def _hash(what: str, value: str) -> str:
    if not value:
        return ""
    return salted_hmac(
        f"ila.sign-in.{what}", value, secret=settings.SECRET_KEY, algorithm="sha256"
    ).hexdigest()
