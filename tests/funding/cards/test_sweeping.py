"""The sweep takes each row by itself, and what is bad of a payment is kept, named, and changes no balance."""

from __future__ import annotations

from dataclasses import replace

import pytest

from accounts.services import employers
from funding.card_words import OTHER_FINDING, UNPAID_FINDING, finding_of
from funding.cards.config import open_cards
from funding.cards.port import CardsRefused
from funding.models import CardPayment, CardRefund, StripeEvent, TopUp
from funding.services import bookings, card_events, card_payments, card_refunds
from ila.core import clock
from tests.funding.cards.support import Till, bucket_sums
from tests.funding.cards.test_webhooks import signed
from tests.funding.top_ups.support import check_books

pytestmark = pytest.mark.django_db


def test_one_row_that_stripe_refuses_stops_no_other(till: Till) -> None:
    lost, good = till.ask(till.firm.order(10_000)), till.ask(till.firm.order(20_000))
    till.pay(good)
    CardPayment.objects.filter(pk=lost.pk).update(session_id="cs_test_nowhere")
    about = {"id": "cs_test_nowhere", "object": "checkout.session"}
    webhook = signed(till.webhooks()[0], type="checkout.session.completed", data={"object": about})
    assert till.post(webhook) == 200
    swept = card_events.sweep()
    assert swept.refused == [f"payment:{lost.pk} resource_missing"]
    lost.refresh_from_db()
    assert (lost.state, lost.finding) == ("opened", "not_at_stripe")
    event = StripeEvent.objects.get(event_id=webhook["id"])
    assert (event.finding, event.done_at is not None) == ("refused: resource_missing", True)
    assert bucket_sums("employer") == {"appropriation": -20_000, "deposit": 20_000}
    # Its time is up: closing it is refused too, by itself.
    till.later(hours=13)
    assert f"payment:{lost.pk} resource_missing" in card_events.sweep().refused
    check_books()


def test_what_is_found_of_a_payment_that_brought_nothing_promises_nothing_back() -> None:
    assert finding_of("", paid=True) == ""
    assert finding_of("resource_missing", paid=False) == str(UNPAID_FINDING)
    assert finding_of("session_full", paid=True) == str(OTHER_FINDING)
    assert "back" not in finding_of("amount_too_small", paid=False)


def test_a_key_that_stripe_does_not_know_gives_no_refund_up(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = till.firm.employees[0]
    booking, _payment = till.booked(learner)
    bookings.withdraw(actor=learner.user, booking_id=booking.pk)
    card_payments.refresh(payment_id=CardPayment.objects.get().pk)
    refund = CardRefund.objects.get()

    class Broken:
        def refund(self, **_asked: object) -> None:
            raise CardsRefused("api_key_expired", about_it=False)

    with monkeypatch.context() as patch:
        patch.setattr(card_refunds, "open_cards", Broken)
        with pytest.raises(CardsRefused):
            card_refunds.send(refund_id=refund.pk)
        assert card_events.sweep().refused == [f"refund:{refund.pk} api_key_expired"]
    refund.refresh_from_db()
    assert refund.status == "wanted"
    card_events.sweep()
    refund.refresh_from_db()
    assert refund.status == "succeeded"
    check_books()


def test_a_payment_for_an_employer_that_was_closed_meanwhile_goes_back(till: Till) -> None:
    order = till.firm.order(30_000)
    payment = till.ask(order)
    employers.close_employer(actor=till.world.case_worker, employer_id=till.firm.employer.pk, reason="gone")
    till.pay(payment)
    till.tell_all()
    card_events.sweep()
    payment.refresh_from_db()
    assert (payment.finding, payment.refunded_cents) == ("closed_employer", 30_000)
    assert TopUp.objects.get().allocated_cents == 0
    assert bucket_sums("employer") == {"appropriation": -30_000, "returned": 30_000}
    assert till.stripe.act("balance") == 0
    check_books()


@pytest.mark.parametrize("changed", [{"currency": "CHF"}, {"amount_cents": 1}, {"amount_cents": 30_001}])
def test_another_currency_or_amount_is_named_and_changes_nothing(
    till: Till, changed: dict[str, object]
) -> None:
    payment = till.ask(till.firm.order(30_000))
    till.pay(payment)
    assert payment.session_id is not None
    seen = open_cards().read_payment(payment.session_id)
    card_payments.apply_seen(payment_id=payment.pk, seen=replace(seen, **changed))  # type: ignore[arg-type]
    payment.refresh_from_db()
    assert (payment.state, payment.finding) == ("opened", "other_amount")
    assert bucket_sums("employer") == {}
    assert clock.now() >= payment.opened_at
    check_books()


def test_a_payment_with_somebody_elses_reference_is_not_theirs(till: Till) -> None:
    mine, theirs = till.ask(till.firm.order(10_000)), till.ask(till.firm.order(20_000))
    till.pay(mine)
    assert mine.session_id is not None
    seen = open_cards().read_payment(mine.session_id)
    with pytest.raises(ValueError, match="another payment"):
        card_payments.apply_seen(payment_id=theirs.pk, seen=seen)
    # An event about my session that names their intent is about mine.
    about = {"id": mine.session_id, "object": "checkout.session", "payment_intent": "pi_of_them"}
    till.tell(
        [
            signed(
                till.webhooks()[0], id="evt_mixed", type="checkout.session.completed", data={"object": about}
            )
        ]
    )
    theirs.refresh_from_db()
    mine.refresh_from_db()
    assert (mine.state, theirs.state) == ("succeeded", "opened")
    check_books()
