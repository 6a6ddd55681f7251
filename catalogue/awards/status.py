"""Bitstring status lists (W3C, version 1.0): one bit for each award of an issuer, set when it is revoked."""

from __future__ import annotations

import base64
import gzip
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from catalogue.awards import addresses
from catalogue.models import STATUS_LIST_BITS

# A list is believed for a day after it was fetched, and asked for again after five minutes.
BELIEVED_FOR = timedelta(days=1)
TTL_SECONDS = 300


def place(used: int, *, step: int, offset: int) -> int:
    """The place of the list's n-th award: each once, since the step has no factor in common with the size."""
    return (used * step + offset) % STATUS_LIST_BITS


def scattering() -> tuple[int, int]:
    """A random step and offset for a new list."""
    return secrets.randbelow(STATUS_LIST_BITS // 2) * 2 + 1, secrets.randbelow(STATUS_LIST_BITS)


def encode(revoked: Iterable[int]) -> str:
    """The list as the standard writes it: first bit first, compressed, base64url with the prefix u."""
    bits = bytearray(STATUS_LIST_BITS // 8)
    for index in revoked:
        bits[index // 8] |= 0x80 >> (index % 8)
    packed = gzip.compress(bytes(bits), mtime=0)
    return "u" + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def build_claims(*, provider_id: int, number: int, revoked: Iterable[int], now: datetime) -> dict[str, Any]:
    """The claims of a status list credential."""
    address, issuer = addresses.of_status_list(provider_id, number), addresses.of_issuer(provider_id)
    until = now + BELIEVED_FOR
    return {
        "@context": [addresses.CONTEXT_VC],
        "id": address,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer,
        "validFrom": _stamp(now),
        "validUntil": _stamp(until),
        "credentialSubject": {
            "id": f"{address}#list",
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "encodedList": encode(revoked),
            "ttl": TTL_SECONDS * 1000,
        },
        "iss": issuer,
        "jti": address,
        "nbf": int(now.timestamp()),
        "exp": int(until.timestamp()),
    }


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
