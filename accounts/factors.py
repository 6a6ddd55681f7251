"""Second factors: who must use one, whether a session was opened with one, and how their secrets are kept."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.mfa.utils import decrypt, encrypt
from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.encoding import force_bytes

from accounts.models import Membership, OrganisationKind, User

# What one signs in with beside a password; recovery codes only stand in for them.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def must_use_factor(user: Any) -> bool:
    """Whoever works for an agency, or may enter the administration: they move other people's money."""
    if user.is_staff or user.is_superuser:
        return True
    return Membership.objects.filter(
        user_id=user.pk, organisation__kind=OrganisationKind.AGENCY, ended_at__isnull=True
    ).exists()


def opened_with_factor(request: HttpRequest) -> bool:
    """Whether this session proved a second factor: an app's code, a passkey or a recovery code."""
    records = get_authentication_records(request, request.user)
    return any(record.get("method") == "mfa" for record in records)


def factors_of(user: Any) -> list[Authenticator]:
    """The apps and passkeys with which this person signs in, the oldest first."""
    return list(Authenticator.objects.filter(user_id=user.pk, type__in=FACTORS).order_by("pk"))


def method_of(request: HttpRequest, user: Any) -> str:
    """In what way the present sign-in was proved, as it is recorded: `password`, `passkey`, `password+app`…"""
    records = get_authentication_records(request, user)
    if any(record.get("passwordless") for record in records):
        return "passkey"
    named = {"totp": "app", "webauthn": "passkey", "recovery_codes": "recovery code"}
    parts = [str(record["method"]) for record in records[-1:] if record.get("method") != "mfa"]
    for record in reversed(records):
        if record.get("method") == "mfa":
            first = next((str(r["method"]) for r in records if r.get("method") != "mfa"), "password")
            parts = [first, named.get(str(record.get("type")), "factor")]
            break
    return "+".join(parts)[:30] or "password"


# -- authenticator apps -----------------------------------------------------------------------------------------------


def set_up_app(user: User) -> Authenticator:
    """Give a person an authenticator app whose codes `present_code` tells: for demonstrations and tests."""
    made, _ = Authenticator.objects.get_or_create(
        user=user,
        type=Authenticator.Type.TOTP,
        defaults={"data": {"secret": encrypt(generate_totp_secret())}},
    )
    return made


def code_now(secret: str) -> str:
    """What an app with this key shows now."""
    now = list(yield_hotp_counters_from_time())[app_settings.TOTP_TOLERANCE]
    return str(format_hotp_value(hotp_value(secret, now)))


def present_code(user: Any) -> str | None:
    """The code that the person's app shows now, or the next one when that was used; None without an app."""
    app = Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.TOTP).first()
    if app is None:
        return None
    secret = decrypt(app.data["secret"])
    past, now, *later = yield_hotp_counters_from_time()
    codes = [format_hotp_value(hotp_value(secret, counter)) for counter in (now, *later, past)]
    return next((code for code in codes if cache.get(_used_key(user, code)) is None), None)


def use_code(user: Any, code: str) -> bool:
    """Take note that a code of the app was used. False: it was used before, as long as it could count again."""
    still_valid = app_settings.TOTP_PERIOD * (2 * app_settings.TOTP_TOLERANCE + 1)
    return cache.add(_used_key(user, code), 1, timeout=still_valid)


def _used_key(user: Any, code: str) -> str:
    return f"accounts.used-code.{user.pk}.{code}"


# -- their secrets at rest --------------------------------------------------------------------------------------------


def seal(text: str) -> str:
    """Encrypt a secret of a factor."""
    return _keys().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Decrypt it. Raises: cryptography's InvalidToken where no secret of the installation opens it."""
    return _keys().decrypt(sealed.encode()).decode()


def _keys() -> MultiFernet:
    installation: list[str | bytes] = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    secrets = settings.FACTOR_KEY_SECRETS or installation
    return MultiFernet([fernet_of(force_bytes(secret), purpose="accounts.factors") for secret in secrets])


def fernet_of(secret: bytes, *, purpose: str) -> Fernet:
    """A cipher whose key follows from a secret and the purpose it is used for."""
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret)
    return Fernet(urlsafe_b64encode(derived))
