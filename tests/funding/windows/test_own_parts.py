"""What a price is above a window's grant: paid by card before the grant binds, or to the provider and never by us."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Sum

from catalogue.services import accreditations, sessions
from funding.audit import runner
from funding.cards.config import open_cards
from funding.models import (
    Application,
    Booking,
    CardPayment,
    CardRefund,
    GrantCount,
    JournalEntry,
    Reservation,
)
from funding.services import bookings, card_events, card_payments, claims, refunds, windows
from funding.services.bookings.context import read_booking
from ila.core.errors import DomainError
from tests.funding.cards.conftest import fake, stripe_process  # noqa: F401 - fixtures
from tests.funding.cards.support import bucket_sums
from tests.funding.cards.test_kills import survive
from tests.funding.top_ups.support import check_books
from tests.funding.windows.keeping import GRANT, OWN, PRICE, Counter
from tests.funding.windows.stap import apply, make_learner
from tests.support.fake_stripe.process import FakeStripe

pytestmark = pytest.mark.django_db
BUDGET = 3 * GRANT
NOTHING = (0, 0, BUDGET)


@pytest.fixture
def counter(db: None, fake: FakeStripe) -> Counter:  # noqa: F811 - a fixture
    return Counter(fake)


def ended(payment: Any) -> bool:
    return Reservation.objects.get(payment=payment).ended_at is not None


def debit(payment: CardPayment, status: str) -> CardPayment:
    """What Stripe would say of a payment that takes its days; none is offered for seats today (decision 182)."""
    assert payment.session_id is not None
    seen = open_cards().read_payment(payment.session_id)
    said = replace(seen, session_status="complete", status=status, method="sepa_debit", intent_id="pi_debit")
    return card_payments.apply_seen(payment_id=payment.pk, seen=said)


# -- paid by card ------------------------------------------------------------------------------------------


def test_everything_is_kept_and_the_grant_binds_with_the_money(counter: Counter) -> None:
    payment = counter.keep()
    assert payment.booking is not None
    booking = read_booking(payment.booking.pk)
    assert (booking.state, payment.amount_cents, counter.taken()) == ("proposed", OWN, (1, 1, BUDGET - GRANT))
    assert booking.consent is not None
    assert (booking.consent.state, Application.objects.count()) == ("asked", 0)
    assert bucket_sums("public")["reserved"] == GRANT
    assert bucket_sums("own") == {}
    check_books()
    counter.later(minutes=25)
    counter.pay(payment)
    card_events.sweep()
    payment.refresh_from_db()
    booking = read_booking(booking.pk)
    assert (booking.state, payment.finding, counter.taken()) == ("accepted", "", (1, 1, BUDGET - GRANT))
    assert (payment.applied_cents, payment.deposit_cents, ended(payment)) == (OWN, 0, True)
    application = Application.objects.get()
    assert (application.applied_at, application.grant_cents) == (payment.opened_at, GRANT)
    assert booking.consent is not None
    assert (booking.consent.state, booking.consent.answered_at) == ("given", payment.opened_at)
    assert [(each.source, each.amount_cents, each.direct) for each in booking.allocations.all()] == [
        ("grant", GRANT, False),
        ("learner", OWN, False),
    ]
    assert bucket_sums("own") == {"appropriation": -OWN, "held": OWN}
    assert "reserved" not in bucket_sums("public")
    assert card_events.sweep().refunds == 0
    check_books()


def test_it_is_refused_without_paying_and_asked_for_once(counter: Counter) -> None:
    with pytest.raises(DomainError, match="payment_needed"):
        apply(counter.world, counter.window, counter.learner, own_part="first")
    assert (counter.taken(), Booking.objects.count()) == ((0, 0, BUDGET), 0)
    payment = counter.start()
    assert counter.start().pk == payment.pk
    other = counter.world.make_session(price_cents=PRICE)
    cheap = counter.world.make_session(price_cents=GRANT)
    with pytest.raises(DomainError, match="not_allowed"):
        counter.start(session_id=other.pk)
    with pytest.raises(DomainError, match="not_allowed"):
        apply(counter.world, counter.window, counter.learner, session_id=cheap.pk, own_part="first")
    assert counter.taken() == (1, 1, BUDGET - GRANT)
    # It is paid for as a grant, never accepted like a proposal.
    assert payment.booking is not None
    with pytest.raises(DomainError, match="not_allowed"):
        bookings.accept(
            actor=counter.learner.user, booking_id=payment.booking.pk, sign_in=counter.learner.sign_in
        )
    # What costs no more than the grant is granted at once.
    other_learner = make_learner(counter.world)
    granted = apply(counter.world, counter.window, other_learner, session_id=cheap.pk, own_part="first")
    assert granted.state == "accepted"


@pytest.mark.parametrize("how", ["late", "given_up", "refused_by_stripe", "debit_fails"])
def test_what_is_not_paid_gives_everything_back_once(counter: Counter, how: str) -> None:
    payment = counter.start() if how == "refused_by_stripe" else counter.keep()
    if how == "late":
        counter.later(minutes=40)
        card_events.sweep()
    elif how == "given_up":
        card_payments.give_up(actor=counter.learner.user, payment_id=payment.pk)
    elif how == "refused_by_stripe":
        card_payments.close_unpaid(payment_id=payment.pk, finding="parameter_invalid")
    else:
        debit(payment, "processing")
        debit(payment, "requires_payment_method")
    payment.refresh_from_db()
    assert payment.booking is not None
    booking = read_booking(payment.booking.pk)
    assert booking.consent is not None
    assert payment.state in ("expired", "failed")
    assert (booking.state, booking.consent.state, counter.taken()) == ("lapsed", "lapsed", NOTHING)
    assert "reserved" not in bucket_sums("public")
    check_books()
    card_events.sweep()
    assert card_payments.close_unpaid(payment_id=payment.pk, finding="again").state == payment.state
    assert counter.taken() == NOTHING
    assert JournalEntry.objects.filter(kind="reverse_reserve_booking").count() == 1
    # Nothing was granted: they may apply again, and the budget is there for it.
    _booking, again = counter.granted()
    assert again.pk != payment.pk
    check_books()


def test_a_debit_binds_when_it_has_come_and_keeps_everything_meanwhile(counter: Counter) -> None:
    payment = counter.keep()
    counter.later(minutes=20)
    payment = debit(payment, "processing")
    assert payment.booking is not None
    assert (payment.state, read_booking(payment.booking.pk).state) == ("processing", "proposed")
    assert counter.taken() == (1, 1, BUDGET - GRANT)
    check_books()
    debit(payment, "succeeded")
    assert read_booking(payment.booking.pk).state == "accepted"
    check_books()


def test_money_after_the_lapse_goes_back_to_where_it_came_from(counter: Counter) -> None:
    """What was seen of it was older than the payment: it had lapsed, and then it is there."""
    payment = counter.keep()
    assert payment.session_id is not None
    seen = open_cards().read_payment(payment.session_id)
    counter.pay(payment)
    gone = replace(seen, session_status="expired")
    card_payments.apply_seen(payment_id=payment.pk, seen=gone)
    assert counter.taken() == NOTHING
    other = make_learner(counter.world)
    counter.granted(other)
    card_events.sweep()
    payment.refresh_from_db()
    assert payment.booking is not None
    assert (payment.finding, payment.refunded_cents, payment.deposit_cents) == ("too_late", OWN, 0)
    assert (read_booking(payment.booking.pk).state, counter.taken()) == ("lapsed", (1, 1, BUDGET - GRANT))
    assert till_balance(counter) == OWN
    assert counter.learner.user.messages.filter(template="card_payment_too_late").count() == 1
    check_books()


def till_balance(counter: Counter) -> int:
    return int(counter.stripe.act("balance"))


@pytest.mark.parametrize("how", ["no", "not_me", "leave", "provider"])
def test_what_is_left_is_free_at_once_and_may_be_applied_for_again(counter: Counter, how: str) -> None:
    payment = counter.keep()
    assert payment.booking is not None
    learner, pk = counter.learner.user, payment.booking.pk
    if how == "no":
        bookings.refuse_by_learner(actor=learner, booking_id=pk)
    elif how == "not_me":
        bookings.deny_consent(actor=learner, booking_id=pk)
    elif how == "leave":
        bookings.cancel_by_learner(actor=learner, booking_id=pk)
    else:
        bookings.cancel_by_provider(actor=counter.world.provider_user, booking_id=pk)
    assert (counter.taken(), ended(payment)) == (NOTHING, True)
    assert "reserved" not in bucket_sums("public")
    check_books()
    again = counter.keep()
    assert (again.pk != payment.pk, counter.taken()) == (True, (1, 1, BUDGET - GRANT))
    # The next look closes the page of the first; nothing comes back twice, and nobody is told what they know.
    card_events.sweep()
    payment.refresh_from_db()
    assert (payment.state, counter.taken()) == ("expired", (1, 1, BUDGET - GRANT))
    assert not learner.messages.filter(template="grant_not_paid").exists()
    assert JournalEntry.objects.filter(kind="reverse_reserve_booking").count() == 1
    check_books()


@pytest.mark.parametrize("how", ["provider", "accreditation", "learner"])
def test_what_ended_meanwhile_gives_the_money_back(counter: Counter, how: str) -> None:
    payment = counter.keep()
    assert payment.booking is not None
    world = counter.world
    if how == "provider":
        bookings.cancel_by_provider(actor=world.provider_user, booking_id=payment.booking.pk)
    elif how == "learner":
        bookings.refuse_by_learner(actor=counter.learner.user, booking_id=payment.booking.pk)
    else:
        (accreditation,) = world.provider.accreditations.all()
        accreditations.suspend_accreditation(
            actor=world.case_worker, accreditation_id=accreditation.pk, reason="control"
        )
    counter.pay(payment)
    card_events.sweep()
    payment.refresh_from_db()
    assert payment.finding == ("not_accredited" if how == "accreditation" else "not_allowed")
    assert (payment.refunded_cents, till_balance(counter), counter.taken()) == (OWN, 0, NOTHING)
    assert bucket_sums("own") == {"appropriation": -OWN, "returned": OWN}
    check_books()


def test_a_withdrawal_sends_the_own_part_to_the_card_and_the_grant_to_its_funder(counter: Counter) -> None:
    booking, _payment = counter.granted()
    counter.later(days=1)
    bookings.withdraw(actor=counter.learner.user, booking_id=booking.pk)
    card_events.sweep()
    refund = CardRefund.objects.get()
    assert (refund.amount_cents, refund.status, refund.from_due_cents) == (OWN, "succeeded", OWN)
    assert refunds.due_refunds() == []
    # Money released does not reopen the window, and a withdrawn grant counts (N-01, N-03).
    assert counter.taken() == (0, 1, BUDGET - GRANT)
    assert bucket_sums("public")["returned"] == GRANT
    with pytest.raises(DomainError, match="already_granted"):
        counter.start()
    check_books()


def teach(counter: Counter, booking: Booking, percent: int) -> None:
    user, hand = counter.world.provider_user, counter.stripe.hand
    assert hand is not None
    assert booking.session.starts_at is not None
    assert booking.session.ends_at is not None
    hand.move(booking.session.starts_at + timedelta(hours=1))
    sessions.start_session(actor=user, session_id=booking.session_id)
    bookings.declare_entry(actor=user, booking_id=booking.pk)
    bookings.record_attendance(actor=user, booking_id=booking.pk, percent=100)
    hand.move(booking.session.ends_at + timedelta(hours=1))
    bookings.declare_exit(actor=user, booking_id=booking.pk, exit_reason="complete")
    bookings.declare_service(actor=user, booking_id=booking.pk, percent=percent)
    bookings.validate_service(actor=counter.world.case_worker, booking_id=booking.pk)
    counter.stripe.tick()


def test_partial_service_gives_each_source_its_part(counter: Counter) -> None:
    booking, payment = counter.granted()
    teach(counter, booking, 90)
    card_events.sweep()
    payment.refresh_from_db()
    assert CardRefund.objects.aggregate(c=Sum("amount_cents"))["c"] == payment.refunded_cents == OWN // 10
    assert bucket_sums("public")["returned"] == GRANT // 10
    claim = claims.claim_booking(actor=counter.world.provider_user, booking_id=booking.pk)
    assert claim.amount_cents == PRICE * 9 // 10
    check_books()


def test_never_held_gives_the_own_part_back_to_the_card(counter: Counter) -> None:
    booking, payment = counter.granted()
    teach(counter, booking, 100)
    bookings.find_never_held(
        actor=counter.world.case_worker, session_id=booking.session_id, reason="nobody was there"
    )
    card_events.sweep()
    payment.refresh_from_db()
    assert (payment.refunded_cents, till_balance(counter)) == (OWN, 0)
    assert bucket_sums("public")["returned"] == GRANT
    check_books()


@pytest.mark.parametrize("call", range(1, 5))
def test_killed_between_stripe_and_the_books(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    lost = counter.start(make_learner(counter.world))
    survive(lambda: card_payments.open_at_stripe(payment_id=lost.pk), call, monkeypatch)
    counter.later(minutes=40)
    survive(card_events.sweep, call, monkeypatch)
    card_events.sweep()
    assert counter.taken() == NOTHING
    payment = counter.start()
    survive(lambda: card_payments.open_at_stripe(payment_id=payment.pk), call, monkeypatch)
    card_events.sweep()
    payment.refresh_from_db()
    counter.pay(payment)
    survive(card_events.sweep, call, monkeypatch)
    card_events.sweep()
    assert payment.booking is not None
    assert (read_booking(payment.booking.pk).state, counter.taken()) == ("accepted", (1, 1, BUDGET - GRANT))
    bookings.withdraw(actor=counter.learner.user, booking_id=payment.booking.pk)
    survive(card_events.sweep, call, monkeypatch)
    card_events.sweep()
    assert (CardRefund.objects.get().status, till_balance(counter)) == ("succeeded", 0)
    check_books()


def test_the_last_grant_in_parts_is_kept_and_comes_back_whole(db: None, fake: FakeStripe) -> None:  # noqa: F811
    counter = Counter(fake, grants=1, slices=4)
    payment = counter.keep()
    assert counter.taken() == (1, 1, 0)
    with pytest.raises(DomainError, match="budget_exhausted"):
        counter.start(make_learner(counter.world))
    card_payments.give_up(actor=counter.learner.user, payment_id=payment.pk)
    assert counter.taken() == (0, 0, GRANT)
    counter.granted(make_learner(counter.world))
    check_books()


def test_n01_it_counts_for_the_year_of_the_application(db: None, fake: FakeStripe) -> None:  # noqa: F811
    """Applied for in the last minutes of a year, and paid in the first of the next."""
    assert fake.hand is not None
    fake.hand.move(datetime(2026, 12, 31, 22, 50, tzinfo=UTC))
    fake.tick()
    counter = Counter(fake, starts_at=datetime(2027, 2, 15, 9, 0, tzinfo=UTC))
    payment = counter.keep()
    counter.later(minutes=25)
    counter.pay(payment)
    card_events.sweep()
    application = Application.objects.get()
    assert (application.year, application.once_key) == (2026, "2026")
    assert GrantCount.objects.get().year == 2026
    check_books()
    second = counter.keep(session_id=counter.another().pk)
    counter.pay(second)
    card_events.sweep()
    assert sorted(Application.objects.values_list("year", flat=True)) == [2026, 2027]
    check_books()


# -- where no card is taken --------------------------------------------------------------------------------


def test_without_cards_no_claim_pays_what_never_came_in(counter: Counter, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""
    with pytest.raises(DomainError, match="cards_not_configured"):
        counter.start()
    booking = apply(counter.world, counter.window, counter.learner)
    teach(counter, booking, 90)
    claim = claims.claim_booking(actor=counter.world.provider_user, booking_id=booking.pk)
    assert claim.amount_cents == GRANT * 9 // 10
    own = booking.allocations.get(source="learner")
    assert (own.direct, own.paid_cents, own.returned_cents) == (True, OWN * 9 // 10, OWN // 10)
    assert not booking.postings.filter(bucket="refund_due").exists()
    check_books()
    # Found never to have been held: the grant goes back, and what the learner paid them is between the two.
    bookings.find_never_held(
        actor=counter.world.case_worker, session_id=booking.session_id, reason="nobody was there"
    )
    assert read_booking(booking.pk).state == "cancelled_by_funder"
    assert bucket_sums("public")["returned"] == GRANT
    assert refunds.due_refunds() == []
    check_books()


def test_in_a_scenario_own_money_counts_as_paid(counter: Counter) -> None:
    booking = apply(counter.world, counter.window, counter.learner, own_part="here")
    assert {each.direct for each in booking.allocations.all()} == {False}
    bookings.withdraw(actor=counter.learner.user, booking_id=booking.pk)
    assert bucket_sums("own")["refund_due"] == OWN
    assert windows.waiting_payments(counter.learner.user, counter.window.pk).first() is None


def test_the_audit_finds_own_parts_that_are_not_what_they_are_said_to_be(counter: Counter) -> None:
    """By card and yet direct, and direct but claimed, and more than the card brought."""
    booking, payment = counter.granted()
    own = booking.allocations.get(source="learner")
    type(own).objects.filter(pk=own.pk).update(direct=True)
    assert codes_of_audit() == {"direct_part_paid_here"}
    type(own).objects.filter(pk=own.pk).update(direct=False)
    teach(counter, booking, 100)
    claims.claim_booking(actor=counter.world.provider_user, booking_id=booking.pk)
    assert codes_of_audit() == set()
    type(own).objects.filter(pk=own.pk).update(direct=True)
    assert codes_of_audit() == {"direct_part_paid_here", "direct_part_claimed"}
    type(own).objects.filter(pk=own.pk).update(direct=False)
    CardPayment.objects.filter(pk=payment.pk).update(applied_cents=OWN - 1)
    assert "own_part_differs" in codes_of_audit()


def codes_of_audit() -> set[str]:
    return {finding.code for each in runner.run().invariants for finding in each.findings}
