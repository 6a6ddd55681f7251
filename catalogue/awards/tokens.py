"""Signed tokens: made one way only (RS256, `typ`, `kid`), read strictly, with nothing in them believed before."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from catalogue.awards import addresses, sealing
from catalogue.models import SigningKey

ALGORITHM = "RS256"
KEY_BITS = 2048
MAX_BYTES = 64 * 1024
MAX_DEPTH = 24
MAX_VALUES = 5_000
_PARTS = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)")
# What a header of ours may hold; a `jwk`, `jku` or `x5c` in it would be somebody's own word for their own key.
HEADERS = frozenset({"alg", "typ", "kid"})


class NotAToken(Exception):  # noqa: N818 - a finding, not a fault
    """The text is no signed token that could be read. code: what it is instead."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True)
class Token:
    """A token as read: nothing in it is proved yet."""

    text: str
    header: dict[str, Any]
    claims: dict[str, Any]


def new_key() -> RSAKey:
    """A fresh key pair."""
    return RSAKey.generate_key(KEY_BITS)


def public_jwk(key: RSAKey, *, name: str) -> dict[str, str]:
    """The public half as it is published."""
    jwk = key.as_dict(private=False)
    return {
        "kty": "RSA",
        "n": str(jwk["n"]),
        "e": str(jwk["e"]),
        "alg": ALGORITHM,
        "use": "sig",
        "kid": addresses.of_key(name),
    }


def seal_private(key: RSAKey, *, name: str) -> bytes:
    """The private half, encrypted for the row of that name."""
    return sealing.seal(key.as_der(private=True), bound_to=f"signing key {name}")


def sign(claims: Mapping[str, Any], key: SigningKey) -> str:
    """The claims as a compact token. Raises: SealingError when the key's private half cannot be opened."""
    if key.private_sealed is None:
        raise sealing.SealingError(f"{key} signs no longer.")
    private = _private(bytes(key.private_sealed), key.name, _secrets_mark())
    header = {"alg": ALGORITHM, "typ": "JWT", "kid": addresses.of_key(key.name)}
    payload = json.dumps(claims, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    return jws.serialize_compact(header, payload, private, algorithms=[ALGORITHM])


def is_signed_by(token: Token, key: SigningKey) -> bool:
    """Whether that key signed exactly this, whatever the token says of itself."""
    jwk = {"kty": "RSA", "n": key.public_jwk["n"], "e": key.public_jwk["e"]}
    try:
        jws.deserialize_compact(token.text, RSAKey.import_key(jwk), algorithms=[ALGORITHM])
    except (JoseError, ValueError):
        return False
    return True


def has_our_header(header: Mapping[str, Any]) -> bool:
    """Whether a header is one that we write: the one algorithm, and nothing that brings a key along."""
    return (
        header.get("alg") == ALGORITHM
        and set(header) <= HEADERS
        and header.get("typ", "JWT") == "JWT"
        and isinstance(header.get("kid"), str)
    )


def read(text: str) -> Token:
    """Read a compact token without believing it.

    Raises: NotAToken: `too_large`, `not_a_credential`; for a credential as JSON `unsigned`, `unknown_issuer`
    (another's, with a proof inside), `forged` (ours never have a proof inside).
    """
    if len(text) > MAX_BYTES * 2:
        raise NotAToken("too_large")
    # Mail programs break long lines; a token holds no space of its own.
    squeezed = "".join(text.split())
    if len(squeezed) > MAX_BYTES:
        raise NotAToken("too_large")
    if squeezed.startswith("{"):
        raise NotAToken(_what_json(text))
    found = _PARTS.fullmatch(squeezed)
    if found is None:
        raise NotAToken("not_a_credential")
    header, claims = _object(found[1]), _object(found[2])
    return Token(squeezed, header, claims)


def strict_json(data: bytes | str) -> Any:
    """JSON without doubled names, numbers that are none, or depth beyond reason. Raises: ValueError."""
    try:
        value = json.loads(data, object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    _measure(value)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name occurs twice")
    return made


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _measure(value: Any) -> None:
    """Level by level, so that depth costs no stack."""
    level, seen = [value], 0
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                below += one.values()
            elif isinstance(one, list):
                below += one
        seen += len(below)
        if seen > MAX_VALUES:
            raise ValueError("too many values")
        if not below:
            return
        level = below
    raise ValueError("nested too deeply")


def _object(part: str) -> dict[str, Any]:
    try:
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        value = strict_json(data.decode("utf-8"))
    except (ValueError, binascii.Error):
        raise NotAToken("not_a_credential") from None
    if not isinstance(value, dict):
        raise NotAToken("not_a_credential")
    return value


def _what_json(text: str) -> str:
    """What JSON is that is not wrapped as a token."""
    try:
        value = strict_json(text)
    except ValueError:
        return "not_a_credential"
    if not isinstance(value, dict) or "credentialSubject" not in value:
        return "not_a_credential"
    if "proof" not in value:
        return "unsigned"
    issuer = value.get("issuer")
    known = addresses.is_issuer(issuer.get("id") if isinstance(issuer, dict) else issuer)
    return "forged" if known else "unknown_issuer"


def _secrets_mark() -> int:
    """Changes with the secrets, so that a key opened under others is not taken from the cache."""
    return hash(tuple(settings.AWARD_KEY_SECRETS))


@lru_cache(maxsize=4)
def _private(sealed: bytes, name: str, _mark: int) -> RSAKey:
    return RSAKey.import_key(sealing.unseal(sealed, bound_to=f"signing key {name}"))
