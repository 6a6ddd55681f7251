"""Blind indexes: keyed hashes by which a fact is found again and can be compared, but never read.

The keys come from the environment, not from SECRET_KEY: the indexes live as long as the citizens. An index begins
with the id of its key, so that a new key can be put first while the earlier ones still find what they wrote.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

MIN_SECRET = 32  # characters
_ID_CHARS = 8


def index_of(kind: str, value: str) -> str:
    """The index of a fact under the first key: what is stored."""
    return candidates_of(kind, value)[0]


def candidates_of(kind: str, value: str) -> list[str]:
    """The index of a fact under every key that is known: what is looked for.

    Raises: ImproperlyConfigured without a key, or with one that is too short.
    """
    # No kind has a space in it: two different facts never make one text.
    text = f"{kind} {value}".encode()
    return [f"{key_id}:{hmac.new(key, text, hashlib.sha256).hexdigest()}" for key_id, key in _keys()]


def is_configured() -> bool:
    """Whether there is a key."""
    return bool(settings.BLIND_INDEX_SECRETS)


def _keys() -> list[tuple[str, bytes]]:
    secrets = settings.BLIND_INDEX_SECRETS
    if not secrets:
        raise ImproperlyConfigured("BLIND_INDEX_SECRETS must be set: without it nobody is found again.")
    if any(len(secret) < MIN_SECRET for secret in secrets):
        raise ImproperlyConfigured(f"A secret in BLIND_INDEX_SECRETS has fewer than {MIN_SECRET} characters.")
    return [_derived(secret) for secret in secrets]


def _derived(secret: str) -> tuple[str, bytes]:
    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"ila blind index").derive(
        secret.encode()
    )
    return hashlib.sha256(b"id" + key).hexdigest()[:_ID_CHARS], key
