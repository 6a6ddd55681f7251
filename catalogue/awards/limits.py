"""How often an address may ask: a counter in the cache, per kind of page. Addresses are kept as hashes, for minutes."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from ila.core import clock

# Requests of one network address in each stretch of so many seconds.
LIMITS = {"verify": (60, 60), "share": (60, 60), "unknown_share": (20, 300)}


def allows(request: HttpRequest, kind: str) -> bool:
    """Count this request; whether there were not too many of its kind from this address."""
    most, seconds = LIMITS[kind]
    key = _key(request, kind, seconds)
    cache.add(key, 0, seconds * 2)
    try:
        return cache.incr(key) <= most
    except ValueError:  # it ran out between the two: a new stretch has begun
        return True


def is_exhausted(request: HttpRequest, kind: str) -> bool:
    """Whether this address has used up its requests of this kind; nothing is counted."""
    most, seconds = LIMITS[kind]
    return bool(cache.get(_key(request, kind, seconds), 0) >= most)


def _key(request: HttpRequest, kind: str, seconds: int) -> str:
    address = str(get_adapter(request).get_client_ip(request))
    stretch = int(clock.now().timestamp()) // seconds
    hashed = salted_hmac("ila.awards.limits", address, algorithm="sha256").hexdigest()
    return f"awards:{kind}:{stretch}:{hashed}"
