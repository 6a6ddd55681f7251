"""A process that dies between an answer of Stripe and its own commit: sweeping brings it to the same end."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import stripe

from funding.models import CardPayment, CardRefund, TopUp
from funding.services import bookings, card_events, card_payments, card_refunds, top_ups
from funding.services.bookings.context import read_booking
from ila.core import clock
from tests.funding.cards.support import Till, bucket_sums, owed, shown_to
from tests.funding.top_ups.support import check_books
from tests.support.database import WorkerDatabase, command_environ
from tests.support.fake_stripe.ledger import ACCOUNT, KEY
from tests.support.fake_stripe.process import FakeStripe

ROOT = Path(__file__).resolve().parents[3]


class Killed(BaseException):
    """The process is gone: nothing catches it, and what was not committed never was."""


@contextmanager
def killed_after(call: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Die once Stripe has answered so many times."""
    answered = 0
    request = stripe.RequestsClient.request

    def request_and_die(*args: Any, **kwargs: Any) -> Any:
        nonlocal answered
        result = request(*args, **kwargs)
        answered += 1
        if answered == call:
            raise Killed
        return result

    with monkeypatch.context() as patch:
        patch.setattr(stripe.RequestsClient, "request", request_and_die)
        yield


def survive(act: Any, call: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Do it, and die at that answer. Returns whether there was such an answer."""
    try:
        with killed_after(call, monkeypatch):
            act()
    except Killed:
        return True
    return False


@pytest.mark.django_db
@pytest.mark.parametrize("call", range(1, 5))
def test_an_order_from_asking_to_its_refund(till: Till, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    order = till.firm.order(30_000)
    payment = card_payments.start_for_top_up(actor=till.firm.manager, top_up_id=order.pk)
    survive(lambda: card_payments.open_at_stripe(payment_id=payment.pk), call, monkeypatch)
    card_events.sweep()
    payment.refresh_from_db()
    till.firm.pay(order, 10_000)
    till.pay(payment)
    survive(card_events.sweep, call, monkeypatch)
    card_events.sweep()
    (refund,) = card_refunds.request_for_top_up(actor=till.firm.manager, top_up_id=order.pk)
    survive(lambda: card_refunds.send(refund_id=refund.pk), call, monkeypatch)
    survive(card_events.sweep, call, monkeypatch)
    card_events.sweep()
    top_ups.allocate_waiting()
    assert len(till.stripe.act("objects", kind="checkout.session")) == 1
    assert len(till.stripe.act("objects", kind="refund")) == 1
    assert till.stripe.act("balance") == 20_000
    assert TopUp.objects.get().state == "allocated"
    assert bucket_sums("employer") == {"appropriation": -40_000, "available": 30_000, "returned": 10_000}
    check_books()


@pytest.mark.django_db
@pytest.mark.parametrize("call", range(1, 5))
def test_a_booking_from_consent_to_its_refund_and_dispute(
    till: Till, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    learner = till.firm.employees[0]
    booking = till.proposed(learner)
    payment = card_payments.start_for_booking(
        actor=learner.user, booking_id=booking.pk, sign_in=learner.sign_in, shown=shown_to(booking)
    )
    survive(lambda: card_payments.open_at_stripe(payment_id=payment.pk), call, monkeypatch)
    card_events.sweep()
    payment.refresh_from_db()
    intent = till.pay(payment)
    survive(card_events.sweep, call, monkeypatch)
    card_events.sweep()
    assert read_booking(booking.pk).state == "accepted"
    dispute = till.stripe.act("dispute", intent=intent["id"])
    survive(card_events.sweep, call, monkeypatch)
    card_events.sweep()
    assert owed(payment) == payment.amount_cents
    till.stripe.act("close_dispute", dispute=dispute["id"], won=True)
    survive(card_events.sweep, call, monkeypatch)
    card_events.sweep()
    bookings.withdraw(actor=learner.user, booking_id=booking.pk)
    survive(card_events.sweep, call, monkeypatch)
    card_events.sweep()
    assert CardRefund.objects.get().status == "succeeded"
    assert (owed(payment), till.stripe.act("balance")) == (0, 0)
    assert bucket_sums("own") == {"appropriation": -payment.amount_cents, "returned": payment.amount_cents}
    check_books()


DIES = """
import os, signal, sys
import django
django.setup()
import stripe
from funding.services import card_payments
request = stripe.RequestsClient.request
def request_and_die(self, method, *args, **kwargs):
    answered = request(self, method, *args, **kwargs)
    if method.upper() == "POST":
        os.kill(os.getpid(), signal.SIGKILL)
    return answered
stripe.RequestsClient.request = request_and_die
card_payments.open_at_stripe(payment_id=int(sys.argv[1]))
"""


@pytest.mark.slow
@pytest.mark.usefixtures("committed_db")
def test_a_real_process_is_killed(fake: FakeStripe, worker_database: WorkerDatabase) -> None:
    """With SIGKILL, after Stripe has made the page and before it is written down."""
    fake.act("clock", now=int(clock.now().timestamp()))
    till = Till(fake)
    order = till.firm.order(30_000)
    payment = card_payments.start_for_top_up(actor=till.firm.manager, top_up_id=order.pk)
    environment = command_environ(
        worker_database,
        {"STRIPE_SECRET_KEY": KEY, "STRIPE_ACCOUNT": ACCOUNT, "STRIPE_ADDRESS": fake.address},
    )
    made = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", DIES, str(payment.pk)], cwd=ROOT, env=environment, check=False
    )
    assert made.returncode == -signal.SIGKILL
    payment.refresh_from_db()
    assert payment.session_id is None
    assert len(fake.act("objects", kind="checkout.session")) == 1
    card_events.sweep()
    assert CardPayment.objects.get().session_id == fake.act("objects", kind="checkout.session")[0]["id"]
    check_books()
