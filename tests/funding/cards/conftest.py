"""A fake Stripe for all tests here, begun anew for each, and the platform configured to use it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from funding.cards.config import require_own_account
from ila.core import clock
from tests.funding.cards.support import Till
from tests.support.fake_stripe import process
from tests.support.fake_stripe.ledger import ACCOUNT, KEY, SECRET
from tests.support.world import MONDAY


@pytest.fixture(scope="session")
def stripe_process() -> Iterator[process.FakeStripe]:
    with process.running() as fake:
        yield fake


@pytest.fixture
def fake(stripe_process: process.FakeStripe, settings: Any) -> Iterator[process.FakeStripe]:
    settings.STRIPE_SECRET_KEY = KEY
    settings.STRIPE_ACCOUNT = ACCOUNT
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    settings.STRIPE_ADDRESS = stripe_process.address
    settings.STRIPE_TIMEOUT = 1.5
    with clock.at(MONDAY) as stripe_process.hand:
        # A process asks this once: no test's count of requests or faults depends on which one came first.
        require_own_account()
        stripe_process.forget()
        yield stripe_process


@pytest.fixture
def till(db: None, fake: process.FakeStripe) -> Till:
    return Till(fake)
