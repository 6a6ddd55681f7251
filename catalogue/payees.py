"""Verification of Payee: asking a bank whether a name belongs to an account, before the account is paid into."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Protocol
from urllib.parse import urlsplit

import structlog
from django.conf import settings

from catalogue.lookalikes import skeleton
from catalogue.models.applications import PayeeAnswer

log = structlog.get_logger(__name__)

MAX_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True)
class Verification:
    """What was answered. name: the account's own, told only with a close match."""

    answer: PayeeAnswer
    name: str = ""


NOT_POSSIBLE = Verification(PayeeAnswer.NOT_POSSIBLE)


class PayeePort(Protocol):
    """A way to ask."""

    def verify(self, *, iban: str, name: str) -> Verification:
        """Whether the account is in that name. Never raises: what cannot be known is `not_possible`."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


class HttpPayees:
    """A service reached by `POST {address}/verifications` with `{"iban", "name"}`; it answers `{"result", "name"}`.

    result: `match`, `close_match` (with the account's name), `no_match` or `not_possible`.
    """

    def __init__(self, address: str, *, token: str = "", timeout: float = 5.0) -> None:
        if urlsplit(address).scheme not in ("http", "https"):
            raise ValueError(f"an address starts with http:// or https://, not {address!r}")
        self._address = f"{address.rstrip('/')}/verifications"
        self._timeout = timeout
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._opener = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))

    def verify(self, *, iban: str, name: str) -> Verification:
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked when it was configured
            self._address,
            data=json.dumps({"iban": iban, "name": name}).encode(),
            headers=self._headers,
            method="POST",
        )
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                told = json.loads(answer.read(MAX_ANSWER_BYTES))
            found = PayeeAnswer(str(told["result"]))
        except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
            # The kind of error alone: an account and a name are nobody's business in a log.
            log.warning("payee_not_verified", error=type(error).__name__)
            return NOT_POSSIBLE
        close = found == PayeeAnswer.CLOSE_MATCH
        return Verification(found, str(told.get("name", ""))[:140] if close else "")


class StandInPayees:
    """For development and demonstrations: answers by what the account holder's name says, and asks nobody.

    A name with "unknown" is not possible, with "stranger" no match, with "nearly" a close match with the name
    without that word; every other name matches.
    """

    def verify(self, *, iban: str, name: str) -> Verification:  # noqa: ARG002 - a port takes both
        words = name.split()
        lower = [word.lower() for word in words]
        if "unknown" in lower:
            return NOT_POSSIBLE
        if "stranger" in lower:
            return Verification(PayeeAnswer.NO_MATCH)
        if "nearly" in lower:
            kept = " ".join(word for word in words if word.lower() != "nearly")
            return Verification(PayeeAnswer.CLOSE_MATCH, kept)
        return Verification(PayeeAnswer.MATCH)


class NotConfigured:
    """There is nobody to ask: nothing is known of any account."""

    def verify(self, *, iban: str, name: str) -> Verification:  # noqa: ARG002 - a port takes both
        return NOT_POSSIBLE


def open_payees() -> PayeePort:
    """The way that is configured: a service's address, the stand-in where it is allowed, or none."""
    if settings.PAYEE_ADDRESS:
        return HttpPayees(settings.PAYEE_ADDRESS, token=settings.PAYEE_TOKEN, timeout=settings.PAYEE_TIMEOUT)
    return StandInPayees() if settings.STAND_IN_PAYEES else NotConfigured()


def payees_are_configured() -> bool:
    """Whether there is anybody to ask."""
    return not isinstance(open_payees(), NotConfigured)


def same_holder(one: str, other: str) -> bool:
    """Whether two names are the same but for the way they are written."""
    return skeleton(one) == skeleton(other)
