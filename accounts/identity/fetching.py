"""Asking a provider over the network: only where it said it is, never for long, never for much."""

from __future__ import annotations

import time
from typing import Any

import requests
import urllib3
from django.conf import settings

from accounts.identity.configuration import check_address
from accounts.identity.errors import IdentityError

MAX_BYTES = 1_000_000
_CHUNK = 65_536
_REDIRECTS = range(300, 400)


class _NoCredentials(requests.auth.AuthBase):
    """Without it, a .netrc of the machine would replace the token that we send."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class ProviderSession(requests.Session):
    """Follows no redirect, speaks https (or to this machine), ends at a time limit and at a megabyte.

    Raises: IdentityError `no_answer`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.auth = _NoCredentials()

    def request(  # type: ignore[override]
        self, method: Any, url: Any, **kwargs: Any
    ) -> requests.Response:
        """The answer, read whole."""
        until = time.monotonic() + settings.E_IDENTITY_TIMEOUT
        try:
            check_address(str(url))
            kwargs |= {
                "allow_redirects": False,
                "stream": True,
                "timeout": settings.E_IDENTITY_TIMEOUT,
                "proxies": requests.utils.get_environ_proxies(str(url), no_proxy=None),
            }
            # What is not compressed cannot grow on the way.
            headers = {"Accept-Encoding": "identity"} | dict(kwargs.pop("headers", None) or {})
            with super().request(method, url, headers=headers, **kwargs) as answer:
                if answer.status_code in _REDIRECTS or answer.headers.get("Content-Encoding"):
                    raise IdentityError("no_answer", detail=f"status {answer.status_code}")
                answer._content = _read(answer, until)
                return answer
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise IdentityError("no_answer", detail=type(error).__name__) from error


def _read(answer: requests.Response, until: float) -> bytes:
    """The body, as long as it comes in time and stays small: one that trickles has a limit too."""
    body = bytearray()
    while chunk := answer.raw.read1(_CHUNK):
        body += chunk
        if len(body) > MAX_BYTES:
            raise IdentityError("no_answer", detail="more than a megabyte")
        if time.monotonic() > until:
            raise IdentityError("no_answer", detail="too slow")
    return bytes(body)


def get_json(address: str) -> dict[str, Any]:
    """The JSON object at an address of the provider. Raises: IdentityError `no_answer`."""
    with ProviderSession() as session:
        answer = session.get(address, headers={"Accept": "application/json"})
    return json_object(answer)


def json_object(answer: requests.Response) -> dict[str, Any]:
    """The answer as a JSON object. Raises: IdentityError `no_answer`."""
    if answer.status_code != requests.codes.ok:
        raise IdentityError("no_answer", detail=f"status {answer.status_code}")
    try:
        found = answer.json()
    except (ValueError, RecursionError) as error:
        raise IdentityError("no_answer", detail="not JSON") from error
    if not isinstance(found, dict):
        raise IdentityError("no_answer", detail="no JSON object")
    return found
