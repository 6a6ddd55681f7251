"""Secrets at rest: encrypted with a key from the environment, bound to the row that holds them.

Sealed bytes: one byte of version, eight of the key's id, twelve of nonce, then AES-256-GCM's ciphertext and tag.
"""

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

VERSION = b"\x01"
ID_BYTES = 8
NONCE_BYTES = 12
MIN_SECRET = 32  # characters; whoever sets fewer is told so rather than protected badly


class SealingError(Exception):
    """There is no key to seal with, or none that opens what was sealed. The text is for the operator."""


def seal(secret: bytes, *, bound_to: str) -> bytes:
    """Encrypt with the first key. bound_to: the same words are needed to open it (a row's name)."""
    key_id, key = _keys()[0]
    nonce = os.urandom(NONCE_BYTES)
    head = VERSION + key_id
    return head + nonce + AESGCM(key).encrypt(nonce, secret, head + bound_to.encode())


def unseal(sealed: bytes, *, bound_to: str) -> bytes:
    """Decrypt with whichever key sealed it. Raises: SealingError."""
    head, nonce = sealed[: 1 + ID_BYTES], sealed[1 + ID_BYTES : 1 + ID_BYTES + NONCE_BYTES]
    for key_id, key in _keys():
        if head == VERSION + key_id:
            try:
                return AESGCM(key).decrypt(nonce, sealed[len(head) + len(nonce) :], head + bound_to.encode())
            except InvalidTag as error:
                raise SealingError(f"What was sealed for {bound_to} was altered.") from error
    raise SealingError(f"AWARD_KEY_SECRETS holds no secret that opens what was sealed for {bound_to}.")


def is_configured() -> bool:
    """Whether there is a secret to seal with."""
    return bool(settings.AWARD_KEY_SECRETS)


def _keys() -> list[tuple[bytes, bytes]]:
    """Id and key of each secret; the first one seals."""
    secrets = settings.AWARD_KEY_SECRETS
    if not secrets:
        raise SealingError("AWARD_KEY_SECRETS is not set: nothing can be signed without it.")
    if any(len(secret) < MIN_SECRET for secret in secrets):
        raise SealingError(f"A secret in AWARD_KEY_SECRETS has fewer than {MIN_SECRET} characters.")
    return [_derived(secret) for secret in secrets]


def _derived(secret: str) -> tuple[bytes, bytes]:
    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"ila award keys").derive(
        secret.encode()
    )
    return hashlib.sha256(b"id" + key).digest()[:ID_BYTES], key
