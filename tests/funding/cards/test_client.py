"""The port as Stripe speaks it: the pinned version, our keys, short patience, and errors told apart."""

from __future__ import annotations

from typing import Any

import pytest

from funding.cards.config import open_cards
from funding.cards.port import CardsRefused, CardsUnavailable
from funding.cards.stripe_client import StripePort
from funding.models import CardPayment
from funding.services import card_events, card_payments, card_refunds
from ila.core.errors import DomainError
from ila.core.stripe_api import API_VERSION
from tests.funding.cards.support import Till
from tests.funding.top_ups.support import check_books
from tests.support.fake_stripe.ledger import ACCOUNT, KEY
from tests.support.fake_stripe.process import FakeStripe

pytestmark = pytest.mark.django_db


def test_the_version_is_pinned_and_keys_are_ours(till: Till) -> None:
    payment = till.ask(till.firm.order(30_000))
    (made,) = [each for each in till.stripe.act("requests") if each["method"] == "POST"]
    assert made["version"] == API_VERSION
    assert made["key"] == f"ila-checkout-{payment.public_id}"


def test_the_account_of_the_key_is_checked(fake: FakeStripe, settings: object) -> None:
    open_cards().check_account()
    settings.STRIPE_ACCOUNT = "acct_of_somebody_else"  # type: ignore[attr-defined]
    with pytest.raises(CardsRefused, match="acct_1ILA"):
        open_cards().check_account()
    assert fake.address


def test_a_key_of_another_account_moves_nothing(till: Till, settings: Any) -> None:
    """Neither what is paid nor what is swept: until the settings are right, and then everything is taken up."""
    asked = till.firm.order(30_000)
    payment = card_payments.start_for_top_up(actor=till.firm.manager, top_up_id=asked.pk)
    settings.STRIPE_ACCOUNT = "acct_of_somebody_else"
    with pytest.raises(CardsRefused, match=r"is of acct_1ILA.* says acct_of_somebody_else") as refused:
        card_events.sweep()
    assert refused.value.code == "wrong_account"
    with pytest.raises(CardsRefused):
        card_events.sweep()
    payment = card_payments.open_at_stripe(payment_id=payment.pk)
    assert (payment.state, payment.finding, payment.session_id) == ("expired", "wrong_account", None)
    assert not [each for each in till.stripe.act("requests") if each["path"] != "/v1/account"]
    settings.STRIPE_ACCOUNT = ACCOUNT
    assert card_events.sweep().failed == 0
    assert till.ask(asked).session_id


def test_a_key_of_another_mode_is_refused(fake: FakeStripe, settings: Any) -> None:
    """A key that is named live and is none: what it takes would be no money."""
    live = StripePort(KEY, account=ACCOUNT, livemode=True, address=fake.address, timeout=5)
    with pytest.raises(CardsRefused, match="test mode") as refused:
        live.check_account()
    assert refused.value.code == "wrong_mode"


def test_the_account_is_asked_once_in_a_process(till: Till) -> None:
    """`conftest` has asked."""
    card_events.sweep()
    till.ask(till.firm.order(30_000))
    assert not [
        each for each in till.stripe.act("requests") if each["path"] in ("/v1/account", "/v1/balance")
    ]


def test_without_a_key(settings: object) -> None:
    settings.STRIPE_SECRET_KEY = ""  # type: ignore[attr-defined]
    with pytest.raises(DomainError, match="cards_not_configured"):
        open_cards()


@pytest.mark.parametrize("how", ["lose", "drop", "error", "busy", "slow"])
def test_an_answer_that_is_lost_is_asked_for_again(till: Till, how: str) -> None:
    """Stripe's own retries, with our key: one page, whatever was lost on the way."""
    order = till.firm.order(30_000)
    payment = card_payments.start_for_top_up(actor=till.firm.manager, top_up_id=order.pk)
    till.stripe.fault("POST /v1/checkout/sessions", how)
    try:
        card_payments.open_at_stripe(payment_id=payment.pk)
    except CardsUnavailable:
        card_payments.open_at_stripe(payment_id=payment.pk)
    assert len(till.stripe.act("objects", kind="checkout.session")) == 1
    payment.refresh_from_db()
    assert payment.address


def test_stripe_is_away_and_comes_back(till: Till) -> None:
    order = till.firm.order(30_000)
    payment = card_payments.start_for_top_up(actor=till.firm.manager, top_up_id=order.pk)
    till.stripe.fault("/v1/", "drop", times=50)
    with pytest.raises(CardsUnavailable):
        card_payments.open_at_stripe(payment_id=payment.pk)
    assert card_events.sweep().failed == 1
    till.stripe.forget()
    card_events.sweep()
    assert CardPayment.objects.get().session_id


def test_a_refund_whose_answer_was_lost_is_made_once(till: Till) -> None:
    order = till.firm.order(30_000)
    payment = till.ask(order)
    till.firm.pay(order, 10_000)
    till.pay(payment)
    till.tell_all()
    (refund,) = card_refunds.request_for_top_up(actor=till.firm.manager, top_up_id=order.pk)
    till.stripe.fault("POST /v1/refunds", "lose", times=3)
    with pytest.raises(CardsUnavailable):
        card_refunds.send(refund_id=refund.pk)
    # A webhook tells of it before anybody asks again.
    till.tell_all()
    card_refunds.send(refund_id=refund.pk)
    assert len(till.stripe.act("objects", kind="refund")) == 1
    refund.refresh_from_db()
    assert refund.status == "succeeded"
    check_books()


def test_the_same_key_with_other_contents_is_refused(till: Till) -> None:
    """The fake keeps Stripe's word: a key stands for what was first asked with it."""
    payment = till.ask(till.firm.order(30_000))
    till.pay(payment)
    till.tell_all()
    payment.refresh_from_db()
    assert payment.intent_id is not None
    cards = open_cards()
    cards.refund(key="one", reference="a", intent_id=payment.intent_id, amount_cents=1)
    with pytest.raises(CardsRefused):
        cards.refund(key="one", reference="a", intent_id=payment.intent_id, amount_cents=2)
    with pytest.raises(CardsRefused, match="greater"):
        cards.refund(key="two", reference="b", intent_id=payment.intent_id, amount_cents=30_000)
