"""What a provider signs: whether it did, for us, now, and in answer to what we asked."""

from __future__ import annotations

import hmac
import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import requests
from django.core.cache import cache
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

from accounts.identity import fetching
from accounts.identity.configuration import ProviderConfig, check_address
from accounts.identity.errors import IdentityError
from ila.core import clock

# Clocks of two servers differ by so many seconds at most.
LEEWAY = 60
# An id token is made when it is handed over; an older one was kept by somebody.
MAX_AGE = 600
CACHED = 3_600
# Whoever signs with unknown keys again and again does not make us ask again and again.
KEYS_PAUSE = 30
MAX_TOKEN = 100_000
_KEY_TYPES: dict[str, tuple[str, type[Key]]] = {
    "RS": ("RSA", RSAKey),
    "PS": ("RSA", RSAKey),
    "ES": ("EC", ECKey),
    "Ed": ("OKP", OKPKey),
}
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_OPTIONAL_ENDPOINTS = ("userinfo_endpoint", "end_session_endpoint")


@dataclass(frozen=True)
class Asked:
    """What we asked a provider: its answer has to fit. acrs: empty where every class that is known will do."""

    nonce: str
    at: float
    acrs: tuple[str, ...] = ()


def discovery(config: ProviderConfig) -> dict[str, Any]:
    """Where the provider's endpoints are, by its own word. Raises: IdentityError `no_answer`, `not_believed`."""
    key = f"e-identity:discovery:{config.id}:{config.discovery_address}"
    found = cache.get(key)
    if found is None:
        found = fetching.get_json(config.discovery_address)
        # Who says to be another issuer than the one we trust is another.
        if found.get("issuer") != config.issuer:
            raise IdentityError("not_believed", detail="discovery names another issuer")
        for name in (*_ENDPOINTS, *_OPTIONAL_ENDPOINTS):
            _check_endpoint(found, name)
        cache.set(key, found, CACHED)
    return dict(found)


def _check_endpoint(found: dict[str, Any], name: str) -> None:
    address = found.get(name)
    if address is None and name in _OPTIONAL_ENDPOINTS:
        return
    try:
        check_address(str(address or ""))
    except ValueError as error:
        raise IdentityError("not_believed", detail=f"discovery: {name}") from error


def verify_id_token(token: Any, *, config: ProviderConfig, asked: Asked) -> dict[str, Any]:
    """The claims of an id token that answers what we asked.

    Raises: IdentityError `not_believed`; `too_weak` for another class of assurance; `not_fresh`.
    """
    claims = verified(token, config=config)
    _check_parties(claims, config=config)
    now = clock.now().timestamp()
    expires, issued = _number(claims, "exp"), _number(claims, "iat")
    if expires is None or expires + LEEWAY < now:
        raise IdentityError("not_believed", detail="exp")
    if issued is None or issued > now + LEEWAY or issued < now - MAX_AGE:
        raise IdentityError("not_believed", detail="iat")
    not_before = _number(claims, "nbf")
    if not_before is not None and not_before > now + LEEWAY:
        raise IdentityError("not_believed", detail="nbf")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), asked.nonce.encode()):
        raise IdentityError("not_believed", detail="nonce")
    if not isinstance(claims.get("sub"), str) or not 0 < len(claims["sub"]) <= 255:
        raise IdentityError("not_believed", detail="sub")
    acr = claims.get("acr")
    if not isinstance(acr, str) or acr not in config.levels or (asked.acrs and acr not in asked.acrs):
        raise IdentityError("too_weak", detail="acr")
    _check_fresh(claims, config=config, asked=asked)
    return claims


def verify_userinfo(answer: requests.Response, *, config: ProviderConfig, subject: str) -> dict[str, Any]:
    """The facts at the userinfo endpoint, of the person of the id token: as JSON, or signed.

    Raises: IdentityError `no_answer`, `not_believed`.
    """
    if answer.status_code != requests.codes.ok:
        raise IdentityError("no_answer", detail=f"userinfo: status {answer.status_code}")
    if answer.headers.get("Content-Type", "").split(";")[0].strip().lower() == "application/jwt":
        claims = verified(answer.text.strip(), config=config)
        _check_parties(claims, config=config)
    else:
        claims = fetching.json_object(answer)
    if claims.get("sub") != subject:
        # Facts of one person must never be put beside the name of another.
        raise IdentityError("not_believed", detail="userinfo: sub")
    return claims


def verified(token: Any, *, config: ProviderConfig) -> dict[str, Any]:
    """The claims of a token that the provider signed with one of its published keys.

    Raises: IdentityError `not_believed`.
    """
    if not isinstance(token, str) or not token.isascii() or len(token) > MAX_TOKEN or token.count(".") != 2:
        raise IdentityError("not_believed", detail="no signed token")
    header = _header(token)
    algorithm = header.get("alg")
    if algorithm not in config.algorithms:
        raise IdentityError("not_believed", detail="alg")
    for afresh in (False, True):
        for key in _keys(config, header.get("kid"), str(algorithm), afresh=afresh):
            try:
                claims = jwt.decode(token, key, algorithms=list(config.algorithms)).claims
            except (JoseError, ValueError, TypeError, RecursionError):
                continue
            return dict(claims)
    raise IdentityError("not_believed", detail="signature")


def _header(token: str) -> dict[str, Any]:
    try:
        head = token.split(".", 1)[0]
        header = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, RecursionError) as error:
        raise IdentityError("not_believed", detail="header") from error
    if not isinstance(header, dict):
        raise IdentityError("not_believed", detail="header")
    return header


def _keys(config: ProviderConfig, kid: Any, algorithm: str, *, afresh: bool) -> list[Key]:
    """The published keys that may have made the signature: of the right kind, and of that name where it has one."""
    kind, _class = _KEY_TYPES[algorithm[:2]]
    return [
        key
        for key in _key_set(config, afresh=afresh)
        if key.key_type == kind
        and key.get("use") in (None, "sig")
        and key.get("alg") in (None, algorithm)
        and (kid is None or key.kid == kid)
    ]


def _key_set(config: ProviderConfig, *, afresh: bool) -> list[Key]:
    """The keys as they were last asked for; afresh: asked for now, since providers change their keys."""
    address = str(discovery(config)["jwks_uri"])
    key = f"e-identity:keys:{config.id}:{address}"
    found = cache.get(key)
    if found is None or (afresh and cache.add(f"{key}:asked", time.time(), KEYS_PAUSE)):
        found = fetching.get_json(address)
        cache.set(key, found, CACHED)
    elif afresh:
        return []
    try:
        public = [_public(each) for each in found["keys"]]
        return list(KeySet.import_key_set({"keys": [each for each in public if each]}))
    except (JoseError, KeyError, TypeError, ValueError) as error:
        raise IdentityError("not_believed", detail="keys") from error


def _public(key: Any) -> dict[str, Any]:
    """A published key without whatever is secret of it; nothing for a kind that signs no identity."""
    if not isinstance(key, dict) or key.get("kty") not in {"RSA", "EC", "OKP"}:
        return {}
    return {
        name: value for name, value in key.items() if name not in {"d", "p", "q", "dp", "dq", "qi", "oth"}
    }


def _check_parties(claims: dict[str, Any], *, config: ProviderConfig) -> None:
    """By whom the token was made, and for whom."""
    if claims.get("iss") != config.issuer:
        raise IdentityError("not_believed", detail="iss")
    audience = claims.get("aud")
    audiences: Collection[Any] = audience if isinstance(audience, list) else [audience]
    if config.client_id not in audiences:
        raise IdentityError("not_believed", detail="aud")
    party = claims.get("azp")
    if (party is not None and party != config.client_id) or (len(audiences) > 1 and party is None):
        raise IdentityError("not_believed", detail="azp")


def _check_fresh(claims: dict[str, Any], *, config: ProviderConfig, asked: Asked) -> None:
    """The person signed in at the provider for us, just now: a session left open there proves nobody."""
    if config.freshness == "prompt":
        return
    signed_in = _number(claims, "auth_time")
    if signed_in is None or signed_in < asked.at - LEEWAY or signed_in > clock.now().timestamp() + LEEWAY:
        raise IdentityError("not_fresh", detail="auth_time")


def _number(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if value == value and abs(value) < 1e12 else None  # noqa: PLR0124 - NaN
