"""Any order of payments, webhooks lost, late and twice, refunds, disputes and bookings: no cent is lost or made."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from funding.cards.port import CardsUnavailable
from funding.models import Application, Booking, CardPayment, Lot, Reservation, TopUp
from funding.services import bookings, card_disputes, card_events, card_payments, card_refunds, top_ups
from funding.services.bookings.context import read_booking
from ila.core import clock
from ila.core.errors import DomainError
from tests.funding.cards.support import Till, bucket_sums
from tests.funding.top_ups.support import check_books
from tests.funding.windows.keeping import GRANT, Counter
from tests.support.fake_stripe.process import FakeStripe
from tests.support.world import MONDAY

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


class Interleavings(RuleBasedStateMachine):
    """What Stripe has of ours is what the books say came and did not go, once everything was looked at."""

    fake: FakeStripe

    @initialize()
    def open(self) -> None:
        self.block = transaction.atomic()
        self.block.__enter__()
        self.hand = clock.at(MONDAY)
        self.fake.hand = self.hand.__enter__()
        self.fake.forget()
        self.till = Till(self.fake)
        self.bookings: list[Booking] = []
        self.counters: list[Counter] = []

    def try_it(self, act: Any, *args: Any, **given: Any) -> Any:
        """What a rule refuses, or Stripe does not answer, changes nothing that is not taken up again."""
        try:
            with transaction.atomic():
                return act(*args, **given)
        except (DomainError, CardsUnavailable):
            return None

    def payment(self, number: int) -> CardPayment | None:
        payments = list(CardPayment.objects.filter(session_id__isnull=False).order_by("pk"))
        return payments[number % len(payments)] if payments else None

    @rule(cents=st.integers(1_000, 300_000))
    def ask(self, cents: int) -> None:
        order = self.till.firm.order(cents, cents + 1)
        self.try_it(self.till.ask, order)

    @rule(who=st.integers(0, 1))
    def book(self, who: int) -> None:
        learner = self.till.firm.employees[who]
        booking = self.try_it(self.till.proposed, learner)
        if booking is not None:
            self.bookings.append(booking)
            self.try_it(self.till.consent, learner, booking)

    @rule(who=st.integers(0, 1))
    def apply_for_a_grant(self, who: int) -> None:
        """For more than the grant, of a window with money for two."""
        if not self.counters:
            self.counters.append(Counter(self.fake, grants=2))
        (counter,) = self.counters
        learner = counter.learner if who else counter.other
        payment = self.try_it(counter.keep, learner)
        if payment is not None:
            assert payment.booking is not None
            self.bookings.append(payment.booking)

    @rule(
        number=st.integers(0, 9),
        method=st.sampled_from(["card", "card", "sepa_debit"]),
        outcome=st.sampled_from(["succeeds", "succeeds", "fails"]),
    )
    def pay(self, number: int, method: str, outcome: str) -> None:
        if (payment := self.payment(number)) is not None:
            self.fake.attempt("pay", session=payment.session_id, method=method, outcome=outcome)

    @rule(number=st.integers(0, 99), times=st.integers(1, 2))
    def tell(self, number: int, times: int) -> None:
        """Any webhook there ever was, once or twice; all others may never come."""
        webhooks = self.till.webhooks()
        if webhooks:
            for _ in range(times):
                assert self.till.post(webhooks[number % len(webhooks)]) == 200
            self.try_it(self.till.work)

    @rule(at=st.sampled_from(["POST", "GET"]), how=st.sampled_from(["lose", "drop"]))
    def lose(self, at: str, how: str) -> None:
        self.fake.fault(f"{at} /v1", how, times=3)

    @rule(hours=st.sampled_from([1, 14, 150]))
    def wait(self, hours: int) -> None:
        self.till.later(hours=hours)

    @rule()
    def sweep(self) -> None:
        self.try_it(card_events.sweep)

    @rule()
    def allocate(self) -> None:
        top_ups.allocate_waiting()

    @rule(number=st.integers(0, 9), part=st.sampled_from([1, 2]))
    def dispute(self, number: int, part: int) -> None:
        if (payment := self.payment(number)) is not None and payment.intent_id:
            self.fake.attempt("dispute", intent=payment.intent_id, amount=payment.amount_cents // part)

    @rule(number=st.integers(0, 9), won=st.booleans())
    def close_dispute(self, number: int, won: bool) -> None:
        disputes = self.fake.act("objects", kind="dispute")
        if disputes:
            self.fake.attempt("close_dispute", dispute=disputes[number % len(disputes)]["id"], won=won)

    @rule(number=st.integers(0, 9), cents=st.integers(1, 20_000))
    def refund_at_stripe(self, number: int, cents: int) -> None:
        if (payment := self.payment(number)) is not None and payment.intent_id:
            self.fake.attempt("refund", payment_intent=payment.intent_id, amount=cents)

    @rule(number=st.integers(0, 9))
    def fail_refund(self, number: int) -> None:
        refunds = self.fake.act("objects", kind="refund")
        if refunds:
            self.fake.attempt("fail_refund", refund=refunds[number % len(refunds)]["id"])

    @rule(number=st.integers(0, 9), cancel=st.booleans())
    def give_back(self, number: int, cancel: bool) -> None:
        orders = list(TopUp.objects.order_by("pk"))
        if not orders:
            return
        order, manager = orders[number % len(orders)], self.till.firm.manager
        if cancel:
            self.try_it(top_ups.cancel_top_up, actor=manager, top_up_id=order.pk)
        else:
            self.try_it(card_refunds.request_for_top_up, actor=manager, top_up_id=order.pk)

    @rule(number=st.integers(0, 9))
    def withdraw(self, number: int) -> None:
        if self.bookings:
            booking = read_booking(self.bookings[number % len(self.bookings)].pk)
            learner = booking.account.citizen.user
            assert learner is not None
            self.try_it(bookings.withdraw, actor=learner, booking_id=booking.pk)

    @rule(number=st.integers(0, 9))
    def give_up(self, number: int) -> None:
        if (payment := self.payment(number)) is not None:
            self.try_it(card_payments.give_up, actor=payment.payer, payment_id=payment.pk)

    @invariant()
    def nothing_is_below_zero(self) -> None:
        if not hasattr(self, "till"):
            return
        for fund in ("employer", "own", "public"):
            sums = bucket_sums(fund)
            assert sum(sums.values()) == 0
            assert all(cents > 0 for name, cents in sums.items() if name not in ("appropriation", "debt"))
        assert not Lot.objects.filter(available_cents__lt=0).exists()
        for counter in self.counters:
            seats, granted, left = counter.taken()
            assert 0 <= seats <= granted
            assert left == counter.grants * GRANT - granted * GRANT

    def teardown(self) -> None:
        if not hasattr(self, "block"):
            return
        try:
            self.end()
        finally:
            self.hand.__exit__(None, None, None)
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    def end(self) -> None:
        """No webhook comes any more: sweeping alone brings everything to where Stripe says it is."""
        self.fake.act("no_faults")
        for _ in range(3):
            self.till.later(days=8)
            assert card_events.sweep().failed == 0
        top_ups.allocate_waiting()
        card_disputes.claw_back_waiting()
        came = gone = 0
        for fund in ("employer", "own"):
            sums = bucket_sums(fund)
            came -= sums.get("appropriation", 0)
            gone += sums.get("returned", 0)
        assert came - gone == self.fake.act("balance")
        seen = {
            each["id"]
            for each in self.fake.act("objects", kind="payment_intent")
            if each["status"] == "succeeded"
        }
        counted = CardPayment.objects.filter(state="succeeded").values_list("intent_id", flat=True)
        assert set(counted) == seen
        assert not CardPayment.objects.filter(state="opened").exists()
        assert not Reservation.objects.filter(ended_at__isnull=True).exists()
        kept = CardPayment.objects.filter(reservation__window__isnull=False)
        for payment in kept.select_related("booking").exclude(booking=None):
            granted = Application.objects.filter(booking=payment.booking_id).exists()
            assert granted == bool(payment.applied_cents)
        check_books()


def test_any_interleaving_ends_where_stripe_says(fake: FakeStripe) -> None:
    run_state_machine_as_test(
        type("WithStripe", (Interleavings,), {"fake": fake}),
        settings=settings(
            max_examples=10,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
