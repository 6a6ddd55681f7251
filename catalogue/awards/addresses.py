"""The addresses that credentials carry. They are identifiers: once issued, they stay."""

from __future__ import annotations

import re
import uuid

from django.conf import settings
from django.urls import reverse

CONTEXT_VC = "https://www.w3.org/ns/credentials/v2"
CONTEXT_OB = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
_KEY_NAME = re.compile(r"[a-z0-9-]{1,40}")


def of_award(public_id: uuid.UUID) -> str:
    """An award's id: the page that verifies it."""
    return _absolute("verify_award", public_id=public_id)


def award_of(address: object) -> uuid.UUID | None:
    """The award whose address this is, if it is one of ours."""
    if not isinstance(address, str) or len(address) > 300:
        return None
    try:
        found = uuid.UUID(address.rstrip("/").rpartition("/")[2])
    except ValueError:
        return None
    return found if of_award(found) == address else None


def of_key(name: str) -> str:
    """A key's id: where its public half is."""
    return _absolute("award_key", name=name)


def key_of(address: object) -> str | None:
    """The name of the key whose address this is, letter for letter; nothing is ever fetched."""
    if not isinstance(address, str) or len(address) > 300:
        return None
    name = address.rstrip("/").rpartition("/")[2]
    return name if _KEY_NAME.fullmatch(name) and of_key(name) == address else None


def of_issuer(provider_id: int) -> str:
    """A provider's id as an issuer: its public profile."""
    return _absolute("award_issuer", pk=provider_id)


def is_issuer(address: object) -> bool:
    """Whether an issuer's id is one that this platform gives."""
    return isinstance(address, str) and address.startswith(f"{settings.SITE_ADDRESS}/")


def of_status_list(provider_id: int, number: int) -> str:
    """Where a status list is published."""
    return _absolute("award_status", pk=provider_id, number=number)


def of_entry(pk: int) -> str:
    """A micro-credential's id: its page in the catalogue."""
    return _absolute("entry", pk=pk)


def of_terms() -> str:
    """What our own terms begin with: the page that explains them."""
    return _absolute("award_terms") + "#"


def _absolute(page: str, /, **values: object) -> str:
    return f"{settings.SITE_ADDRESS}{reverse(page, kwargs=values)}"
