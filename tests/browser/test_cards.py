"""Paying by card in a browser, on a phone and on a desktop: the order, the payment, and a dispute of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from funding.models import CardPayment, TopUp
from funding.services import card_events, top_ups
from funding.services.top_ups import OrderLine
from tests.browser.conftest import PHONE, Check, Enter
from tests.pages.employer_things import register
from tests.pages.support import Scene
from tests.support.fake_stripe.ledger import ACCOUNT, KEY, SECRET
from tests.support.fake_stripe.process import FakeStripe, running

pytestmark = pytest.mark.browser


@pytest.fixture
def stripe(settings: Any) -> Iterator[FakeStripe]:
    with running() as fake:
        settings.STRIPE_SECRET_KEY = KEY
        settings.STRIPE_ACCOUNT = ACCOUNT
        settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
        settings.STRIPE_ADDRESS = fake.address
        yield fake


def order_of(scene: Scene) -> TopUp:
    employer = register(scene)
    return top_ups.order_top_up(
        actor=scene.employer,
        organisation=employer.organisation,
        scheme=scene.world.scheme,
        kind="voluntary",
        lines=[OrderLine(scene.learner.account.pk, 30_000)],
    )


def test_an_order_is_paid_by_card(
    page: Page, enter: Enter, scene: Scene, check: Check, stripe: FakeStripe
) -> None:
    order = order_of(scene)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    enter(scene.employer)
    page.goto(f"/employer/top-ups/{order.public_id}/")
    check("cards-order")
    page.get_by_role("button", name="Continue to pay").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Payment by card or direct debit")
    check("cards-payment-open")
    payment = CardPayment.objects.get()
    link = page.get_by_role("button", name="at Stripe")
    expect(link).to_have_attribute("href", payment.address)
    intent = stripe.pay(str(payment.session_id))
    CardPayment.objects.update(looked_at=None)
    page.reload()
    expect(page.get_by_text("The money has come.")).to_be_visible()
    check("cards-payment-paid")
    stripe.act("dispute", intent=intent["id"])
    card_events.sweep()
    page.reload()
    expect(page.get_by_role("heading", name="Disputes at your bank")).to_be_visible()
    check("cards-payment-disputed")
