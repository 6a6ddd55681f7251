"""Pages of payments by card: what an employer and a learner see, and nobody else; and none of it without a key."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from funding.models import CardPayment
from funding.services import card_events
from funding.services.bookings.context import read_booking
from tests.funding.cards.conftest import fake, stripe_process  # noqa: F401 - fixtures
from tests.funding.cards.support import Till, shown_to
from tests.support.fake_stripe.process import FakeStripe
from tests.support.world import Learner

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(db: None, fake: FakeStripe) -> Till:  # noqa: F811 - a fixture
    return Till(fake)


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def text_of(response: Any) -> str:
    return str(response.content.decode())


def test_an_employer_pays_an_order(shop: Till) -> None:
    order = shop.firm.order(30_000)
    client = signed_in(shop.firm.manager)
    page = f"/employer/top-ups/{order.public_id}/"
    assert "card or direct debit" in text_of(client.get(page))
    response = client.post(f"{page}card/")
    payment = CardPayment.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/payments/{payment.public_id}/")
    shown = text_of(client.get(f"/payments/{payment.public_id}/"))
    assert payment.address in shown
    assert 'rel="noreferrer"' in shown
    shop.pay(payment)
    # Who comes back sees what Stripe says, webhook or none.
    CardPayment.objects.update(looked_at=None)
    assert "The money has come." in text_of(client.get(f"/payments/{payment.public_id}/"))
    order.refresh_from_db()
    assert order.state == "paid"


def test_nobody_elses_payment_is_there(shop: Till) -> None:
    order = shop.firm.order(30_000)
    payment = shop.ask(order)
    stranger = signed_in(shop.firm.employees[0].user)
    assert stranger.get(f"/payments/{payment.public_id}/").status_code == 404
    assert stranger.post(f"/payments/{payment.public_id}/give-up/").status_code == 404
    assert stranger.post(f"/employer/top-ups/{order.public_id}/card/").status_code == 404


def test_without_a_key_no_page_speaks_of_cards(shop: Till, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""
    order = shop.firm.order(30_000)
    client = signed_in(shop.firm.manager)
    page = f"/employer/top-ups/{order.public_id}/"
    assert "card or direct debit" not in text_of(client.get(page))
    assert client.post(f"{page}card/").status_code == 404


def test_stripe_does_not_answer(shop: Till) -> None:
    order = shop.firm.order(30_000)
    client = signed_in(shop.firm.manager)
    shop.stripe.fault("/v1/", "drop", times=20)
    client.post(f"/employer/top-ups/{order.public_id}/card/")
    payment = CardPayment.objects.get()
    page = f"/payments/{payment.public_id}/"
    assert "Try again" in text_of(client.get(page))
    shop.stripe.act("no_faults")
    client.post(f"{page}open/")
    assert "at Stripe" in text_of(client.get(page))
    client.post(f"{page}give-up/")
    assert "Not paid in time" in text_of(client.get(page))


def test_a_learner_is_led_to_pay_and_has_booked(shop: Till) -> None:
    learner: Learner = shop.firm.employees[0]
    booking = shop.proposed(learner)
    client = signed_in(learner.user)
    payment = shop.consent(learner, booking)
    accept = text_of(client.get(f"/bookings/{booking.public_id}/accept/"))
    assert "Go to the payment" in accept
    page = f"/payments/{payment.public_id}/"
    assert "Your seat and your rights are kept" in text_of(client.get(page))
    shop.pay(payment)
    card_events.sweep()
    assert "you have booked" in text_of(client.get(page))
    assert read_booking(booking.pk).state == "accepted"
    assert shown_to(booking).text


def test_a_failed_payment_says_why(shop: Till) -> None:
    order = shop.firm.order(30_000)
    payment = shop.ask(order)
    shop.pay(payment, method="sepa_debit", outcome="fails")
    client = signed_in(shop.firm.manager)
    page = f"/payments/{payment.public_id}/"
    shop.work()
    assert "Your bank has been asked" in text_of(client.get(page))
    shop.later(days=6)
    assert "not enough money" in text_of(client.get(page))
