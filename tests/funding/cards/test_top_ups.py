"""Orders paid by card and by direct debit: credited on success alone, refunded, disputed, charged back."""

from __future__ import annotations

import pytest

from funding.models import CardDispute, CardPayment, CardRefund, PayerDebt, StripeEvent, TopUpReceipt
from funding.services import bookings, card_disputes, card_events, card_payments, card_refunds, top_ups
from ila.core.errors import DomainError
from tests.funding.cards.support import Till, available, bucket_sums, owed
from tests.funding.top_ups.support import check_books, lot_of

pytestmark = pytest.mark.django_db


def test_a_card_pays_an_order(till: Till) -> None:
    order = till.firm.order(30_000, 20_000)
    payment = till.ask(order)
    assert payment.address.startswith("https://")
    till.pay(payment)
    till.tell_all()
    order.refresh_from_db()
    payment.refresh_from_db()
    assert (order.state, order.received_cents) == ("paid", 50_000)
    assert (payment.state, payment.method) == ("succeeded", "card")
    top_ups.allocate_waiting()
    assert bucket_sums("employer") == {"appropriation": -50_000, "available": 50_000}
    check_books()


def test_a_declined_card_may_be_tried_again(till: Till) -> None:
    payment = till.ask(till.firm.order(30_000))
    till.pay(payment, outcome="fails")
    till.tell_all()
    payment.refresh_from_db()
    assert payment.state == "opened"
    intent = till.pay(payment, outcome="requires_action")
    till.tell_all()
    till.stripe.act("authenticate", intent=intent["id"], ok=True)
    till.tell_all()
    payment.refresh_from_db()
    assert payment.state == "succeeded"
    check_books()


def test_a_debit_is_credited_when_the_money_is_there(till: Till) -> None:
    order = till.firm.order(30_000)
    payment = till.ask(order)
    till.pay(payment, method="sepa_debit")
    till.tell_all()
    order.refresh_from_db()
    payment.refresh_from_db()
    assert (payment.state, order.state, order.received_cents) == ("processing", "pending", 0)
    till.later(days=6)
    till.tell_all()
    order.refresh_from_db()
    assert (order.state, order.received_cents) == ("paid", 30_000)
    check_books()


def test_a_debit_that_fails_is_told(till: Till) -> None:
    order = till.firm.order(30_000)
    payment = till.ask(order)
    till.pay(payment, method="sepa_debit", outcome="fails")
    till.later(days=6)
    till.tell_all()
    order.refresh_from_db()
    payment.refresh_from_db()
    assert (payment.state, payment.failure, order.state) == ("failed", "insufficient_funds", "pending")
    assert payment.payer.messages.filter(template="card_payment_failed").count() == 1
    assert bucket_sums("employer") == {}
    again = till.ask(order)
    assert again.pk != payment.pk
    check_books()


def test_one_payment_waits_at_a_time(till: Till) -> None:
    order = till.firm.order(30_000)
    assert till.ask(order).pk == till.ask(order).pk


def test_what_nobody_told_is_found(till: Till) -> None:
    order = till.firm.order(30_000)
    payment = till.ask(order)
    till.pay(payment)
    assert StripeEvent.objects.count() == 0
    swept = card_events.sweep()
    order.refresh_from_db()
    assert (order.state, swept.failed) == ("paid", 0)
    assert swept.events > 0
    assert card_events.sweep().events == 0
    # And the webhooks come after all, twice.
    till.tell(till.webhooks() * 2)
    assert TopUpReceipt.objects.count() == 1
    check_books()


def test_nobody_pays_and_the_time_is_up(till: Till) -> None:
    payment = till.ask(till.firm.order(30_000))
    till.later(hours=13)
    card_events.sweep()
    payment.refresh_from_db()
    assert payment.state == "expired"


def test_an_order_cancelled_meanwhile_sends_the_money_back(till: Till) -> None:
    order = till.firm.order(30_000)
    payment = till.ask(order)
    top_ups.cancel_top_up(actor=till.firm.manager, top_up_id=order.pk)
    till.pay(payment)
    till.tell_all()
    card_events.sweep()
    order.refresh_from_db()
    payment.refresh_from_db()
    assert (payment.state, payment.finding, payment.refunded_cents) == ("succeeded", "closed_order", 30_000)
    assert (order.state, order.deposit_cents) == ("refunded", 0)
    assert till.stripe.act("balance") == 0
    check_books()


def test_too_much_goes_back_in_part_to_the_card(till: Till) -> None:
    order = till.firm.order(30_000)
    payment = till.ask(order)
    # A part comes by transfer while the page for the whole is open.
    till.firm.pay(order, 10_000)
    till.pay(payment)
    till.tell_all()
    (refund,) = card_refunds.request_for_top_up(actor=till.firm.manager, top_up_id=order.pk)
    assert refund.amount_cents == 10_000
    card_refunds.send(refund_id=refund.pk)
    order.refresh_from_db()
    assert (order.state, order.deposit_cents) == ("paid", 30_000)
    with pytest.raises(DomainError, match="nothing_to_refund"):
        card_refunds.request_for_top_up(actor=till.firm.manager, top_up_id=order.pk)
    till.tell_all()
    assert till.stripe.act("balance") == 20_000
    check_books()


def test_a_refund_that_fails_puts_the_money_back(till: Till) -> None:
    order = till.firm.order(30_000)
    payment = till.ask(order)
    till.firm.pay(order, 10_000)
    till.pay(payment)
    till.tell_all()
    (refund,) = card_refunds.request_for_top_up(actor=till.firm.manager, top_up_id=order.pk)
    refund = card_refunds.send(refund_id=refund.pk)
    till.stripe.act("fail_refund", refund=refund.refund_id)
    till.tell_all()
    order.refresh_from_db()
    refund.refresh_from_db()
    assert (refund.status, order.deposit_cents, order.refundable_cents) == ("failed", 40_000, 10_000)
    check_books()


def test_a_refund_made_at_stripe_is_found(till: Till) -> None:
    order, payment = till.paid_order(30_000)
    till.stripe.act("refund", payment_intent=payment.intent_id, amount=12_000)
    till.tell_all()
    order.refresh_from_db()
    refund = CardRefund.objects.get()
    assert (refund.made_here, refund.amount_cents, order.state) == (False, 12_000, "charged_back")
    # It was on the account, and unspent: it was taken from there.
    assert (available(till.firm.employees[0]) - 500_000, owed(payment)) == (18_000, 0)
    check_books()


def test_a_charge_back_takes_what_is_unspent_and_the_rest_is_owed(till: Till) -> None:
    learner = till.firm.employees[0]
    order, payment = till.paid_order(200_000, 40_000)
    till.firm.book(learner, price_cents=165_000)
    drawn = 200_000 - lot_of(order, learner).available_cents
    assert drawn > 0
    till.later(days=40)
    dispute = till.stripe.act("dispute", intent=payment.intent_id)
    till.tell_all()
    order.refresh_from_db()
    assert order.state == "disputed"
    assert owed(payment) == drawn
    assert lot_of(order, learner).available_cents == 0
    till.later(days=30)
    till.stripe.act("close_dispute", dispute=dispute["id"], won=False)
    till.tell_all()
    order.refresh_from_db()
    assert (order.state, owed(payment)) == ("charged_back", drawn)
    assert bucket_sums("employer")["debt"] == -drawn
    assert payment.payer.messages.filter(template="card_payment_taken_back").count() == 1
    assert till.stripe.act("balance") == 0
    check_books()


def test_a_dispute_that_is_won_puts_everything_back(till: Till) -> None:
    learner = till.firm.employees[0]
    order, payment = till.paid_order(200_000, 40_000)
    till.firm.book(learner, price_cents=165_000)
    before = [lot_of(order, each).available_cents for each in till.firm.employees]
    dispute = till.stripe.act("dispute", intent=payment.intent_id)
    till.tell_all()
    till.stripe.act("close_dispute", dispute=dispute["id"], won=True)
    till.tell_all()
    order.refresh_from_db()
    assert [lot_of(order, each).available_cents for each in till.firm.employees] == before
    assert owed(payment) == 0
    assert PayerDebt.objects.get().state == "recovered"
    top_ups.allocate_waiting()
    order.refresh_from_db()
    assert order.state == "allocated"
    check_books()


def test_a_debit_is_charged_back_weeks_later(till: Till) -> None:
    order, payment = till.paid_order(30_000, method="sepa_debit")
    till.later(days=40)
    till.stripe.act("dispute", intent=payment.intent_id)
    till.tell_all()
    order.refresh_from_db()
    assert (order.state, owed(payment)) == ("charged_back", 0)
    assert CardDispute.objects.get().closed_at is not None
    assert bucket_sums("employer") == {"appropriation": -30_000, "returned": 30_000}
    check_books()


def test_an_inquiry_moves_nothing(till: Till) -> None:
    order, payment = till.paid_order(30_000)
    dispute = till.stripe.act("dispute", intent=payment.intent_id, inquiry=True)
    till.tell_all()
    till.stripe.act("close_dispute", dispute=dispute["id"], won=True)
    till.tell_all()
    order.refresh_from_db()
    assert order.state == "allocated"
    check_books()


def test_what_comes_back_later_pays_the_debt(till: Till) -> None:
    learner = till.firm.employees[0]
    _order, payment = till.paid_order(200_000)
    booking = till.firm.book(learner, price_cents=165_000)
    till.stripe.act("dispute", intent=payment.intent_id)
    till.tell_all()
    assert owed(payment) > 0
    bookings.withdraw(actor=learner.user, booking_id=booking.pk)
    card_disputes.claw_back_waiting()
    assert owed(payment) == 0
    check_books()


def test_only_managers_of_verified_employers_pay(till: Till) -> None:
    order = till.firm.order(30_000)
    stranger = till.firm.employees[0].user
    with pytest.raises(DomainError, match="not_allowed"):
        card_payments.start_for_top_up(actor=stranger, top_up_id=order.pk)
    till.firm.pay(order)
    with pytest.raises(DomainError, match="not_allowed"):
        card_payments.start_for_top_up(actor=till.firm.manager, top_up_id=order.pk)
    assert CardPayment.objects.count() == 0
