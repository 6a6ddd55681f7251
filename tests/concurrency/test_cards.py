"""A webhook and the sweep of the same event at once, two payers of one seat: each cent moves once."""

from __future__ import annotations

from typing import Any

import pytest

from funding.models import CardPayment, TopUpReceipt
from funding.services import bookings, card_events, card_payments, top_ups
from ila.core.errors import DomainError
from tests.funding.cards.conftest import fake, stripe_process  # noqa: F401 - fixtures
from tests.funding.cards.support import Till, bucket_sums, shown_to
from tests.funding.top_ups.support import check_books
from tests.support.fake_stripe.process import FakeStripe
from tests.support.parallel import codes, meeting_before_moves, together, unlocked

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]


@pytest.fixture
def shop(committed_db: None, fake: FakeStripe) -> Till:  # noqa: F811 - a fixture
    return Till(fake)


def paid(till: Till) -> CardPayment:
    payment = till.ask(till.firm.order(30_000))
    till.pay(payment)
    return payment


def test_without_the_lock_both_would_count_it(shop: Till) -> None:
    """The control: both read a payment that waits, and both go on to move its money."""
    payment = paid(shop)
    with unlocked(), meeting_before_moves():
        outcomes = together(*[lambda: card_payments.refresh(payment_id=payment.pk)] * 2)
    assert codes(outcomes) != ["ok", "ok"]


def test_a_webhook_and_the_sweep_count_it_once(shop: Till) -> None:
    payment = paid(shop)
    with meeting_before_moves():
        outcomes = together(*[lambda: card_payments.refresh(payment_id=payment.pk)] * 2)
    assert codes(outcomes) == ["ok", "ok"]
    assert TopUpReceipt.objects.count() == 1
    assert bucket_sums("employer") == {"appropriation": -30_000, "deposit": 30_000}
    check_books()


def test_a_dispute_beside_the_allocation(shop: Till) -> None:
    payment = paid(shop)
    card_payments.refresh(payment_id=payment.pk)
    payment.refresh_from_db()
    shop.stripe.act("dispute", intent=payment.intent_id)
    outcomes = together(top_ups.allocate_waiting, lambda: card_payments.refresh(payment_id=payment.pk))
    assert codes(outcomes) == ["ok", "ok"]
    shop.work()
    assert bucket_sums("employer") == {"appropriation": -30_000, "returned": 30_000}
    check_books()


def test_the_last_seat_is_kept_for_one(shop: Till) -> None:
    session = shop.world.make_session(seats=1)
    offers = [(each, shop.world.proposed(each, session)) for each in shop.firm.employees]

    def consent(learner: Any, booking: Any) -> CardPayment:
        return card_payments.start_for_booking(
            actor=learner.user, booking_id=booking.pk, sign_in=learner.sign_in, shown=shown_to(booking)
        )

    outcomes = together(*[lambda each=each: consent(*each) for each in offers])
    assert codes(outcomes) == ["ok", "session_full"]
    check_books()


def test_a_transfer_and_a_card_for_one_order(shop: Till) -> None:
    payment = paid(shop)
    order = payment.top_up
    assert order is not None
    outcomes = together(
        lambda: shop.firm.pay(order, allocate=False), lambda: card_payments.refresh(payment_id=payment.pk)
    )
    assert codes(outcomes) == ["ok", "ok"]
    order.refresh_from_db()
    assert (order.state, order.received_cents, order.deposit_cents) == ("paid", 60_000, 60_000)
    with pytest.raises(DomainError, match="not_allowed"):
        card_payments.start_for_top_up(actor=shop.firm.manager, top_up_id=order.pk)
    check_books()


def test_a_refund_in_a_transaction_of_its_own_is_explained(shop: Till) -> None:
    """What goes back to a card long after the booking ended is no money that nobody moved."""
    learner = shop.firm.employees[0]
    booking, payment = shop.booked(learner)
    bookings.withdraw(actor=learner.user, booking_id=booking.pk)
    shop.later(minutes=10)
    card_events.sweep()
    payment.refresh_from_db()
    assert payment.refunded_cents == payment.amount_cents
    check_books()
