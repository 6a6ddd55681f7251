"""Paying by card in a browser, on a phone and on a desktop: the order, the payment, and a dispute of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.services import service_users
from funding.models import CardPayment, PayerDebt, RefusedWebhook, TopUp
from funding.services import card_events, card_payments, top_ups, transfers
from funding.services.top_ups import OrderLine
from ila.core import clock, fsm
from tests.browser.conftest import PHONE, Check, Enter
from tests.pages.employer_things import register
from tests.pages.support import Scene
from tests.pages.window_scene import make_grants
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


def test_debts_days_at_stripe_and_accounts_there(
    page: Page, enter: Enter, scene: Scene, check: Check, stripe: FakeStripe, settings: Any
) -> None:
    settings.STRIPE_CONNECT = True
    order = order_of(scene)
    payment = card_payments.start_for_top_up(actor=scene.employer, top_up_id=order.pk)
    payment = card_payments.open_at_stripe(payment_id=payment.pk)
    stripe.pay(str(payment.session_id))
    card_events.sweep()
    transfers.keep_movements()
    debt = PayerDebt(payment=payment, amount_cents=12_000, currency="EUR")
    fsm.start(debt, actor=service_users.get("cards"), transition="open")
    RefusedWebhook.objects.create(day=clock.now().date(), reason="bad_signature", times=3)
    day = clock.now().date().isoformat()
    enter(scene.payment_officer)
    for name, address in {
        "cards-agency": "/agency/cards/",
        "cards-agency-payment": f"/agency/cards/{payment.public_id}/",
        "cards-days": "/agency/reconciliation/",
        "cards-day": f"/agency/reconciliation/stripe/{day}/EUR/",
        "cards-batch-new": "/agency/batches/new/",
    }.items():
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        check(name)
    enter(scene.employer)
    page.goto(f"/payments/{payment.public_id}/")
    expect(page.get_by_role("button", name="Pay it by card")).to_be_visible()
    check("cards-owed")
    enter(scene.learner.user, sign_in=scene.learner.sign_in)
    page.goto("/top-ups/")
    check("cards-payroll-list")
    page.get_by_role("link", name="Let an employer find this account").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your payroll number")
    check("cards-payroll")
    enter(scene.world.provider_user)
    page.goto(f"/provider/{scene.world.provider.pk}/account/stripe/")
    check("cards-provider")
    page.get_by_role("button", name="Open an account at Stripe").click()
    expect(page.get_by_role("button", name="Go on at Stripe")).to_be_visible()
    check("cards-provider-link")


def test_what_is_above_a_grant_is_paid_on_a_phone(
    page: Page, enter: Enter, scene: Scene, check: Check, stripe: FakeStripe
) -> None:
    """The learner reads what is kept and until when, pays, and has the grant; another reads that nothing is left."""
    grants = make_grants(scene)
    grants.join(scene.learner)
    grants.join(scene.other_learner)
    window = grants.open_window("Cards", opens_at=clock.now() - timedelta(hours=1), grants=1)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    enter(scene.learner.user, sign_in=scene.learner.sign_in)
    page.goto(f"/windows/{window.pk}/apply/{grants.session.pk}/")
    expect(page.get_by_text("You pay €200.00 yourself, by card at Stripe")).to_be_visible()
    check("kept-apply")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Apply, and go on to pay €200.00").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Payment by card or direct debit")
    expect(page.get_by_text("Your seat and a grant of €1,000.00 are kept for you until")).to_be_visible()
    check("kept-payment-open")
    payment = CardPayment.objects.get()
    expect(page.get_by_role("button", name="at Stripe")).to_have_attribute("href", payment.address)
    page.goto(f"/windows/{window.pk}/")
    expect(page.get_by_text("Nothing is left just now")).to_be_visible()
    check("kept-window")
    stripe.pay(str(payment.session_id))
    CardPayment.objects.update(looked_at=None)
    page.get_by_role("button", name="Go on and pay your part").click()
    expect(page.get_by_text("The money has come, and you have your grant.")).to_be_visible()
    check("kept-payment-paid")
    page.get_by_role("link", name="See what was granted").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Granted")
    check("kept-granted")


def test_who_does_not_pay_reads_what_to_do(
    page: Page, enter: Enter, scene: Scene, check: Check, stripe: FakeStripe
) -> None:
    grants = make_grants(scene)
    grants.join(scene.learner)
    window = grants.open_window("Cards", opens_at=clock.now() - timedelta(hours=1), grants=1)
    enter(scene.learner.user, sign_in=scene.learner.sign_in)
    page.goto(f"/windows/{window.pk}/apply/{grants.session.pk}/")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Apply, and go on to pay").click()
    page.get_by_role("button", name="Do not pay").click()
    expect(page.get_by_text("Seat and grant are free again.")).to_be_visible()
    check("kept-given-up")
    page.get_by_role("link", name="Apply again").click()
    expect(page.get_by_role("button", name="Apply, and go on to pay")).to_be_visible()
