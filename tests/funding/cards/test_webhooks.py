"""Webhooks: signed, of our account and mode, kept once, in any order; what is not believed changes nothing."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

import pytest
from django.test import Client
from stripe import WebhookSignature

from funding.models import CardPayment, RefusedWebhook, StripeEvent, TopUp
from funding.services import card_events, top_ups
from tests.funding.cards.support import Till, bucket_sums
from tests.funding.top_ups.support import check_books
from tests.support.fake_stripe.ledger import SECRET

pytestmark = pytest.mark.django_db


def signed(webhook: dict[str, Any], secret: str = SECRET, **changes: Any) -> dict[str, Any]:
    """The same webhook with other contents, signed again."""
    body = json.dumps(json.loads(webhook["body"]) | changes)
    return webhook | {"body": body, "header": WebhookSignature.generate_signature_header(body, secret)}


@pytest.fixture
def webhook(till: Till) -> dict[str, Any]:
    till.pay(till.ask(till.firm.order(30_000)))
    return next(each for each in till.webhooks() if each["type"] == "checkout.session.completed")


def nothing_changed() -> bool:
    payment = CardPayment.objects.get()
    return payment.state == "opened" and not StripeEvent.objects.exists() and bucket_sums("employer") == {}


@pytest.mark.parametrize("header", ["", "t=1,v1=abc", "nonsense", "t=x,v1=y"])
def test_a_bad_signature(till: Till, webhook: dict[str, Any], header: str) -> None:
    assert till.post(webhook, header=header) == 400
    assert nothing_changed()
    assert RefusedWebhook.objects.get().reason == "bad_signature"


@pytest.mark.usefixtures("webhook")
def test_an_old_signature(till: Till) -> None:
    old = till.stripe.webhooks(at=1_700_000_000)[-1]
    assert till.post(old) == 400
    assert nothing_changed()


def test_another_body_than_was_signed(till: Till, webhook: dict[str, Any]) -> None:
    assert till.post(webhook | {"body": webhook["body"] + " "}) == 400
    assert nothing_changed()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"account": "acct_of_somebody_else"}, "wrong_account"),
        ({"livemode": True}, "wrong_mode"),
        ({"data": []}, "not_an_event"),
        ({"object": "v2.core.event"}, "not_an_event"),
    ],
)
def test_not_of_ours(till: Till, webhook: dict[str, Any], changes: dict[str, Any], reason: str) -> None:
    assert till.post(signed(webhook, **changes)) == 400
    assert nothing_changed()
    assert RefusedWebhook.objects.get().reason == reason


def test_refused_ones_fill_no_table(
    till: Till, webhook: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card_events, "KEPT_A_DAY", 3)
    for number in range(6):
        till.post(webhook | {"body": f"{number}"})
    till.post(webhook | {"body": "5"})
    assert RefusedWebhook.objects.count() == 4
    assert RefusedWebhook.objects.get(digest="").times == 4


def test_both_secrets_count_while_they_are_changed(
    till: Till, webhook: dict[str, Any], settings: Any
) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", SECRET]
    assert till.post(webhook) == 200
    assert till.post(signed(webhook, "whsec_new", id="evt_new")) == 200
    assert StripeEvent.objects.count() == 2


def test_an_unknown_type_is_kept_and_named(till: Till, webhook: dict[str, Any]) -> None:
    assert till.post(signed(webhook, type="customer.created")) == 200
    event = StripeEvent.objects.get()
    assert (event.finding, event.kind) == ("unknown_type", "customer.created")
    assert event.done_at is not None


def test_an_event_of_somebody_elses_payment(till: Till, webhook: dict[str, Any]) -> None:
    about = {"id": "pi_elsewhere", "object": "payment_intent"}
    till.tell([signed(webhook, type="payment_intent.succeeded", data={"object": about})])
    assert StripeEvent.objects.get().finding == "not_ours"


def test_told_twice_counts_once(till: Till, webhook: dict[str, Any]) -> None:
    till.tell([webhook, webhook])
    assert StripeEvent.objects.count() == 1
    assert bucket_sums("employer") == {"appropriation": -30_000, "deposit": 30_000}


def test_only_posts_and_only_with_a_key(till: Till, webhook: dict[str, Any], settings: Any) -> None:
    assert Client().get("/stripe/webhook/").status_code == 405
    settings.STRIPE_SECRET_KEY = ""
    assert till.post(webhook) == 404


def test_no_request_to_stripe_while_it_is_answered(till: Till, webhook: dict[str, Any]) -> None:
    before = len(till.stripe.act("requests"))
    assert till.post(webhook) == 200
    assert len(till.stripe.act("requests")) == before


def test_any_order_ends_the_same(till: Till) -> None:
    """A payment, a dispute and its loss, told in many orders, with gaps and repeats: one end."""
    order = till.firm.order(30_000)
    payment = till.ask(order)
    intent = till.pay(payment)
    dispute = till.stripe.act("dispute", intent=intent["id"], amount=20_000)
    till.stripe.act("close_dispute", dispute=dispute["id"], won=False)
    events = till.webhooks()
    random.Random(7).shuffle(events)
    for webhook in itertools.chain(events[::2], events[:3]):
        till.tell([webhook])
        top_ups.allocate_waiting()
    card_events.sweep()
    order = TopUp.objects.get(pk=order.pk)
    payment.refresh_from_db()
    assert (order.state, payment.taken_back_cents) == ("charged_back", 20_000)
    assert bucket_sums("employer") == {"appropriation": -30_000, "returned": 20_000, "deposit": 10_000}
    assert order.refundable_cents == 10_000
    check_books()
