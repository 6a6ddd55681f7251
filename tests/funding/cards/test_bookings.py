"""A learner's own part, paid before the acceptance takes effect; seat and rights kept meanwhile; and back again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import Sum

from catalogue.models import SessionSeats
from funding.models import CardRefund, Reservation
from funding.schemes.deadlines import own_refund_due
from funding.services import bookings, card_events, card_payments
from funding.services.bookings.context import calendar_of, read_booking
from ila.core import clock
from ila.core.errors import DomainError
from tests.funding.cards.support import Till, available, bucket_sums, owed, shown_to
from tests.funding.top_ups.support import check_books

pytestmark = pytest.mark.django_db

# 1,650 with 1,500 of rights at most for such a training (F-13).
OWN = 15_000


def taken(session_id: int) -> int:
    return SessionSeats.objects.get(session=session_id).taken


def test_paid_first_then_accepted(till: Till) -> None:
    learner = till.firm.employees[0]
    booking = till.proposed(learner, seats=1)
    payment = till.consent(learner, booking)
    booking = read_booking(booking.pk)
    assert (booking.state, payment.amount_cents, taken(booking.session_id)) == ("proposed", OWN, 1)
    assert available(learner) == 500_000 - 150_000
    assert bucket_sums("public")["reserved"] == 150_000
    check_books()
    till.pay(payment)
    till.tell_all()
    booking = read_booking(booking.pk)
    payment.refresh_from_db()
    assert (booking.state, payment.applied_cents, payment.deposit_cents) == ("accepted", OWN, 0)
    assert booking.consent is not None
    assert (booking.consent.state, booking.consent.sign_in_id) == ("given", payment.sign_in_id)
    assert "reserved" not in bucket_sums("public")
    assert bucket_sums("own") == {"appropriation": -OWN, "held": OWN}
    assert taken(booking.session_id) == 1
    check_books()


def test_the_consent_is_of_the_click_not_of_the_money(till: Till) -> None:
    """The sign-in was fresh as they consented; the money comes half an hour later."""
    learner = till.firm.employees[0]
    booking = till.proposed(learner)
    payment = till.consent(learner, booking)
    till.later(minutes=25)
    till.pay(payment)
    till.tell_all()
    booking = read_booking(booking.pk)
    assert booking.state == "accepted"
    assert booking.consent is not None
    assert booking.consent.answered_at == payment.opened_at
    # The audit looks whether the sign-in was fresh at that moment.
    check_books()


def test_nobody_takes_the_seat_meanwhile(till: Till) -> None:
    first, second = till.firm.employees
    session = till.world.make_session(seats=1)
    booking = read_booking(till.world.proposed(first, session).pk)
    other = till.world.proposed(second, session)
    till.consent(first, booking)
    with pytest.raises(DomainError, match="session_full"):
        bookings.accept(actor=second.user, booking_id=other.pk, sign_in=second.sign_in)


def test_not_paid_in_time_gives_everything_back(till: Till) -> None:
    learner = till.firm.employees[0]
    booking = till.proposed(learner, seats=1)
    payment = till.consent(learner, booking)
    till.later(minutes=40)
    card_events.sweep()
    payment.refresh_from_db()
    assert (payment.state, available(learner), taken(booking.session_id)) == ("expired", 500_000, 0)
    assert Reservation.objects.get().ended_at is not None
    check_books()
    again = till.consent(learner, read_booking(booking.pk))
    assert again.pk != payment.pk


def test_giving_up_gives_everything_back_at_once(till: Till) -> None:
    learner = till.firm.employees[0]
    booking = till.proposed(learner)
    payment = till.consent(learner, booking)
    with pytest.raises(DomainError, match="not_allowed"):
        card_payments.give_up(actor=till.firm.employees[1].user, payment_id=payment.pk)
    payment = card_payments.give_up(actor=learner.user, payment_id=payment.pk)
    assert (payment.state, available(learner)) == ("expired", 500_000)
    check_books()


def test_saying_no_gives_everything_back_at_once_and_late_money_too(till: Till) -> None:
    learner = till.firm.employees[0]
    booking = till.proposed(learner)
    payment = till.consent(learner, booking)
    bookings.refuse_by_learner(actor=learner.user, booking_id=booking.pk)
    assert (available(learner), taken(booking.session_id)) == (500_000, 0)
    check_books()
    till.pay(payment)
    till.tell_all()
    card_events.sweep()
    payment.refresh_from_db()
    assert (payment.finding, payment.refunded_cents, till.stripe.act("balance")) == ("not_allowed", OWN, 0)
    assert (available(learner), taken(booking.session_id)) == (500_000, 0)
    check_books()


def test_a_proposal_withdrawn_meanwhile_gives_the_money_back(till: Till) -> None:
    learner = till.firm.employees[0]
    booking = till.proposed(learner)
    payment = till.consent(learner, booking)
    bookings.cancel_by_provider(actor=till.world.provider_user, booking_id=booking.pk)
    till.pay(payment)
    till.tell_all()
    card_events.sweep()
    payment.refresh_from_db()
    assert (payment.finding, payment.refunded_cents, payment.deposit_cents) == ("not_allowed", OWN, 0)
    assert till.stripe.act("balance") == 0
    assert learner.user.messages.filter(template="card_payment_too_late").count() == 1
    assert bucket_sums("own") == {"appropriation": -OWN, "returned": OWN}
    check_books()


def test_it_cannot_be_accepted_without_paying(till: Till) -> None:
    learner = till.firm.employees[0]
    booking = till.proposed(learner)
    with pytest.raises(DomainError, match="payment_needed"):
        bookings.accept(
            actor=learner.user,
            booking_id=booking.pk,
            sign_in=learner.sign_in,
            shown=shown_to(booking),
            own_part="first",
        )
    assert read_booking(booking.pk).state == "proposed"


def test_a_withdrawal_sends_own_money_back_in_time(till: Till) -> None:
    learner = till.firm.employees[0]
    booking, _payment = till.booked(learner)
    till.later(days=2)
    bookings.withdraw(actor=learner.user, booking_id=booking.pk)
    card_events.sweep()
    refund = CardRefund.objects.get()
    assert (refund.amount_cents, refund.status, refund.from_due_cents) == (OWN, "succeeded", OWN)
    scheme = booking.account.scheme
    assert booking.scheme_version is not None
    due = own_refund_due(booking.scheme_version.parsed, calendar_of(scheme), clock.now())
    assert due is not None
    assert refund.closed_at is not None
    assert refund.closed_at < due  # F-23
    assert available(learner) == 500_000
    assert bucket_sums("own") == {"appropriation": -OWN, "returned": OWN}
    assert card_events.sweep().refunds == 0
    check_books()


def test_partial_service_sends_a_part_back(till: Till) -> None:
    learner = till.firm.employees[0]
    booking, payment = till.booked(learner)
    user = till.world.provider_user
    assert till.stripe.hand is not None
    assert booking.session.starts_at is not None
    assert booking.session.ends_at is not None
    till.stripe.hand.move(booking.session.starts_at + timedelta(hours=1))
    bookings.declare_entry(actor=user, booking_id=booking.pk)
    till.stripe.hand.move(booking.session.ends_at + timedelta(hours=1))
    bookings.declare_exit(actor=user, booking_id=booking.pk, exit_reason="learner")
    bookings.declare_service(actor=user, booking_id=booking.pk, percent=50)
    bookings.validate_service(actor=till.world.case_worker, booking_id=booking.pk)
    till.stripe.tick()
    card_events.sweep()
    payment.refresh_from_db()
    assert CardRefund.objects.aggregate(c=Sum("amount_cents"))["c"] == payment.refunded_cents == OWN // 2
    check_books()


def test_a_charge_back_of_own_money_is_owed(till: Till) -> None:
    learner = till.firm.employees[0]
    booking, payment = till.booked(learner)
    till.later(days=10)
    till.stripe.act("dispute", intent=payment.intent_id)
    till.tell_all()
    assert owed(payment) == OWN
    check_books()
    # What the booking gives back later pays that first; nothing goes to the card.
    bookings.withdraw(actor=learner.user, booking_id=booking.pk)
    card_events.sweep()
    assert owed(payment) == 0
    assert CardRefund.objects.count() == 0
    assert till.stripe.act("balance") == 0
    check_books()


def test_a_dispute_of_own_money_that_is_won(till: Till) -> None:
    learner = till.firm.employees[0]
    booking, payment = till.booked(learner)
    dispute = till.stripe.act("dispute", intent=payment.intent_id)
    till.tell_all()
    bookings.withdraw(actor=learner.user, booking_id=booking.pk)
    card_events.sweep()
    till.stripe.act("close_dispute", dispute=dispute["id"], won=True)
    till.tell_all()
    card_events.sweep()
    payment.refresh_from_db()
    assert (owed(payment), payment.refunded_cents, till.stripe.act("balance")) == (0, OWN, 0)
    check_books()


def test_a_refund_the_card_does_not_take_waits_for_a_person(till: Till) -> None:
    learner = till.firm.employees[0]
    booking, payment = till.booked(learner)
    bookings.withdraw(actor=learner.user, booking_id=booking.pk)
    card_events.sweep()
    till.stripe.act("fail_refund", refund=CardRefund.objects.get().refund_id)
    till.tell_all()
    card_events.sweep()
    payment.refresh_from_db()
    assert (payment.refunded_cents, payment.deposit_cents) == (0, OWN)
    assert CardRefund.objects.count() == 1
    check_books()


def test_without_a_key_own_money_stays_as_it_is(till: Till, settings: object) -> None:
    settings.STRIPE_SECRET_KEY = ""  # type: ignore[attr-defined]
    learner = till.firm.employees[0]
    booking = till.proposed(learner)
    with pytest.raises(DomainError, match="cards_not_configured"):
        till.consent(learner, booking)
    bookings.accept(actor=learner.user, booking_id=booking.pk, sign_in=learner.sign_in)
    assert read_booking(booking.pk).state == "accepted"
    assert card_events.sweep() == card_events.Swept()
    check_books()
