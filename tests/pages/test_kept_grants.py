"""Pages of an application that costs more than the grant: what is kept until when, paid, or not, or elsewhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from funding.models import Application, CardPayment
from funding.services import card_events, card_payments
from funding.services.bookings.context import read_booking
from tests.funding.cards.conftest import fake, stripe_process  # noqa: F401 - fixtures
from tests.funding.windows.keeping import Counter
from tests.funding.windows.stap import make_learner
from tests.pages.consenting import form_of
from tests.pages.support import make_offer, signed_in
from tests.pages.test_windows import text
from tests.support.fake_stripe.process import FakeStripe
from tests.support.world import Learner

pytestmark = pytest.mark.django_db


@pytest.fixture
def counter(db: None, fake: FakeStripe) -> Counter:  # noqa: F811 - a fixture
    made = Counter(fake, grants=1)
    make_offer(made.world)
    return made


def of(learner: Learner) -> Client:
    return signed_in(learner.user, sign_in=learner.sign_in)


def address(counter: Counter) -> str:
    return f"/windows/{counter.window.pk}/apply/{counter.world.session.pk}/"


def applied(counter: Counter, client: Client) -> CardPayment:
    """The learner has agreed, and is on the page on which they pay."""
    said = {"brought_by": "other", "brought_name": "Ada"}
    answer = client.post(address(counter), form_of(client, address(counter)) | said)
    payment = CardPayment.objects.get()
    # Who brought them is told as they consent, before the money has come.
    assert payment.booking is not None
    assert payment.booking.introductions.get().name == "Ada"
    assert answer.headers["Location"] == f"/payments/{payment.public_id}/"
    return payment


def test_they_read_what_is_kept_pay_it_and_have_their_grant(counter: Counter) -> None:
    client = of(counter.learner)
    before = text(client.get(address(counter)))
    assert "You pay €200.00 yourself, by card at Stripe, right after this." in before
    assert "for 32 minutes" in before
    assert "Apply, and go on to pay €200.00" in before
    payment = applied(counter, client)
    page = f"/payments/{payment.public_id}/"
    shown = text(client.get(page))
    assert "Your seat and a grant of €1,000.00 are kept for you until" in shown
    assert "nothing is owed" in shown
    assert Application.objects.count() == 0
    # Wherever they come back to, the payment is what there is to do.
    assert payment.booking is not None
    for here in (address(counter), f"/bookings/{payment.booking.public_id}/accept/"):
        assert client.get(here).headers["Location"] == page
    for here in (f"/windows/{counter.window.pk}/", f"/bookings/{payment.booking.public_id}/"):
        assert "Go on and pay your part" in text(client.get(here))
    counter.pay(payment)
    CardPayment.objects.update(looked_at=None)
    paid = client.get(page)
    assert "The money has come, and you have your grant." in text(paid)
    assert f"/windows/{counter.window.pk}/result/" in paid.content.decode()
    result = text(client.get(f"/windows/{counter.window.pk}/result/"))
    assert "You paid €200.00" in result
    assert Application.objects.get().booking_id == payment.booking_id


def test_others_are_told_that_the_rest_is_kept_and_may_come_back(counter: Counter) -> None:
    payment = applied(counter, of(counter.learner))
    other = of(make_learner(counter.world))
    window = text(other.get(f"/windows/{counter.window.pk}/"))
    assert "€1,000.00 is kept for people who are paying their own part." in window
    refused = other.post(address(counter), form_of(other, address(counter)), follow=True)
    assert "within half an hour can be applied for again" in text(refused)
    card_payments.give_up(actor=counter.learner.user, payment_id=payment.pk)
    assert "is kept for people" not in text(other.get(f"/windows/{counter.window.pk}/"))


@pytest.mark.parametrize("language", ["en", "fr", "nl"])
def test_who_leaves_while_it_is_kept_reads_that_there_is_nothing_to_pay(
    counter: Counter, language: str
) -> None:
    client = of(counter.learner)
    payment = applied(counter, client)
    assert payment.booking is not None
    booking = f"/bookings/{payment.booking.public_id}/"
    assert "Leave this booking" in text(client.get(booking))
    said = text(client.get(f"{booking}leave/"))
    assert "What is kept for you while you pay your part is free again at once." in said
    assert "Nothing is held" not in said
    client.post(f"{booking}leave/", {"outcome": "nothing"})
    assert counter.taken() == (0, 0, 100_000)
    counter.learner.user.language = language
    counter.learner.user.save()
    client.cookies["django_language"] = language
    page = client.get(f"/payments/{payment.public_id}/")
    words = {
        "en": "You have left this booking: there is nothing to pay any more",
        "fr": "Vous avez quitté cette réservation",
        "nl": "U hebt deze boeking verlaten",
    }
    assert words[language] in text(page)
    assert "give-up" not in page.content.decode()
    assert payment.address not in page.content.decode()
    # Somebody else has it at once.
    assert applied_as(counter, make_learner(counter.world)).pk != payment.pk


def applied_as(counter: Counter, learner: Learner) -> CardPayment:
    client = of(learner)
    client.post(address(counter), form_of(client, address(counter)))
    return CardPayment.objects.get(payer=learner.user)


@pytest.mark.parametrize("language", ["en", "fr", "nl"])
def test_who_does_not_pay_is_told_and_may_apply_again(counter: Counter, language: str) -> None:
    counter.learner.user.language = language
    counter.learner.user.save()
    client = of(counter.learner)
    client.cookies["django_language"] = language
    payment = applied(counter, client)
    counter.later(minutes=40)
    card_events.sweep()
    page = client.get(f"/payments/{payment.public_id}/")
    assert {"en": "Apply again", "fr": "Demander de nouveau", "nl": "Opnieuw aanvragen"}[language] in text(
        page
    )
    assert address(counter) in page.content.decode()
    assert counter.learner.user.messages.filter(template="grant_not_paid").count() == 1
    assert payment.booking_id is not None
    assert read_booking(payment.booking_id).state == "lapsed"
    fresh = signed_in(counter.learner.user, sign_in=counter.learner.sign_in)
    answer = fresh.post(address(counter), form_of(fresh, address(counter)))
    assert CardPayment.objects.count() == 2
    assert "/payments/" in answer.headers["Location"]


def test_stripe_does_not_answer(counter: Counter) -> None:
    client = of(counter.learner)
    sent = form_of(client, address(counter))
    counter.stripe.fault("/v1/", "drop", times=20)
    client.post(address(counter), sent)
    payment = CardPayment.objects.get()
    assert payment.session_id is None
    assert "Try again" in text(client.get(f"/payments/{payment.public_id}/"))
    assert payment.expires_at - payment.opened_at <= timedelta(minutes=32)


def test_without_cards_they_read_that_the_provider_is_paid(counter: Counter, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""
    client = of(counter.learner)
    before = text(client.get(address(counter)))
    assert "You pay €200.00 to the provider yourself. It never comes to us" in before
    answer = client.post(address(counter), form_of(client, address(counter)))
    assert answer.headers["Location"] == f"/windows/{counter.window.pk}/result/"
    assert "You pay €200.00, to the provider" in text(client.get(answer.headers["Location"]))
