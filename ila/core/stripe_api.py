"""Speaking to Stripe: one pinned version of its API, few seconds of patience, and two kinds of a no."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import stripe
from stripe import StripeClient

API_VERSION = "2026-10-28.endive"
"""What this platform was written and tested against. A newer library does not change it."""

RETRIES = 2
R = TypeVar("R")


class CardsUnavailable(Exception):  # noqa: N818 - an answer
    """No answer, or one that says to come back: what was asked may have been done. It is asked again later."""


class CardsRefused(Exception):  # noqa: N818 - an answer
    """A no that asking again does not change. code: why. about_it: it is about what was asked, not about our key."""

    def __init__(self, code: str, message: str = "", *, about_it: bool = True) -> None:
        super().__init__(message or code)
        self.code, self.about_it = code, about_it


def make_client(key: str, *, address: str = "", timeout: float) -> StripeClient:
    """A client. address: where the API is, for tests; timeout: seconds."""
    addresses: Any = {"api": address} if address else None
    return StripeClient(
        key,
        stripe_version=API_VERSION,
        base_addresses=addresses,
        max_network_retries=RETRIES,
        http_client=stripe.RequestsClient(timeout=timeout),
    )


def ask(call: Callable[[], R]) -> R:
    """What Stripe answers. Raises: CardsUnavailable; CardsRefused."""
    try:
        return call()
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        raise CardsUnavailable(type(error).__name__) from error
    except stripe.StripeError as error:
        if error.http_status is None or error.http_status >= 500 or error.http_status == 409:
            raise CardsUnavailable(type(error).__name__) from error
        code = str(error.code or type(error).__name__)[:60]
        about_it = isinstance(error, stripe.InvalidRequestError | stripe.CardError)
        raise CardsRefused(code, str(error), about_it=about_it) from error
