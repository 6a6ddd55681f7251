"""An employer and a learner who pay by card or debit, and the webhooks that tell of it, in the order a test wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Sum
from django.test import Client

from accounts.models import Consent
from funding.models import (
    Booking,
    CardPayment,
    Lot,
    PayerDebt,
    Posting,
    StripeEvent,
    TopUp,
    version_on,
)
from funding.services import card_disputes, card_events, card_payments, top_ups
from funding.services.bookings.acceptance import lots_of, plan_for
from funding.services.bookings.conditions import conditions_for
from funding.services.bookings.context import calendar_of, read_booking
from funding.services.bookings.texts import Shown, acceptance_text
from ila.core import clock
from tests.funding.top_ups.support import Firm
from tests.support.fake_stripe.process import FakeStripe
from tests.support.world import Learner, World


def shown_to(booking: Booking) -> Shown:
    """What the page of acceptance shows of a proposed booking now."""
    now = clock.now()
    scheme = booking.account.scheme
    rules = version_on(scheme, calendar_of(scheme).local_date(now)).parsed
    plan = plan_for(booking, rules, lots_of(booking.account), now)
    conditions = conditions_for(
        rules, calendar_of(scheme), accepted_at=now, starts_at=booking.session.starts_at
    )
    text = acceptance_text(booking, rules, plan, conditions)
    return Shown(Consent.hash_of(text), "en", text)


@dataclass
class Till:
    """Payments of a world. Use inside a database fixture, with the fake Stripe."""

    stripe: FakeStripe
    firm: Firm = field(default_factory=Firm)

    @property
    def world(self) -> World:
        return self.firm.world

    # -- employers -----------------------------------------------------------------------------------------

    def ask(self, order: TopUp) -> CardPayment:
        """The employer asks to pay what is missing, and the page is there."""
        payment = card_payments.start_for_top_up(actor=self.firm.manager, top_up_id=order.pk)
        return card_payments.open_at_stripe(payment_id=payment.pk)

    def paid_order(self, *amounts_cents: int, method: str = "card") -> tuple[TopUp, CardPayment]:
        """An order that was paid and put on the accounts."""
        order = self.firm.order(*amounts_cents)
        payment = self.ask(order)
        self.pay(payment, method=method)
        if method == "sepa_debit":
            self.later(days=6)
        self.tell_all()
        top_ups.allocate_waiting()
        order.refresh_from_db()
        payment.refresh_from_db()
        return order, payment

    # -- learners ------------------------------------------------------------------------------------------

    def proposed(self, learner: Learner, **facts: Any) -> Booking:
        """A proposal that costs the learner something themselves: 1,650 with at most 1,500 of rights."""
        booking = self.world.proposed(learner, self.world.make_session(**facts))
        return read_booking(booking.pk)

    def consent(self, learner: Learner, booking: Booking) -> CardPayment:
        """The learner consents and comes to the page on which they pay."""
        payment = card_payments.start_for_booking(
            actor=learner.user, booking_id=booking.pk, sign_in=learner.sign_in, shown=shown_to(booking)
        )
        return card_payments.open_at_stripe(payment_id=payment.pk)

    def booked(self, learner: Learner, **facts: Any) -> tuple[Booking, CardPayment]:
        """A booking whose own part was paid by card."""
        booking = self.proposed(learner, **facts)
        payment = self.consent(learner, booking)
        self.pay(payment)
        self.tell_all()
        booking, payment = read_booking(booking.pk), CardPayment.objects.get(pk=payment.pk)
        assert booking.state == "accepted", payment.finding
        return booking, payment

    # -- what payers and Stripe do -------------------------------------------------------------------------

    def pay(self, payment: CardPayment, *, method: str = "card", outcome: str = "succeeds") -> Any:
        self.stripe.tick()
        assert payment.session_id is not None
        return self.stripe.pay(payment.session_id, method=method, outcome=outcome)

    def later(self, **span: float) -> datetime:
        """Time goes by, here and at Stripe."""
        moment = clock.now() + timedelta(**span)
        assert self.stripe.hand is not None
        self.stripe.hand.move(moment)
        self.stripe.tick()
        return moment

    def webhooks(self) -> list[dict[str, Any]]:
        return self.stripe.webhooks()

    def post(self, webhook: dict[str, Any], *, header: str | None = None) -> int:
        """Hand one webhook in, as Stripe would. Returns the answer's status."""
        response = Client().post(
            "/stripe/webhook/",
            webhook["body"],
            content_type="application/json",
            headers={"stripe-signature": webhook["header"] if header is None else header},
        )
        return response.status_code

    def tell(self, webhooks: Sequence[dict[str, Any]]) -> None:
        """Hand webhooks in and have the jobs work."""
        for webhook in webhooks:
            assert self.post(webhook) == 200
            self.work()

    def tell_all(self) -> None:
        """Every webhook so far that was not told yet."""
        told = set(StripeEvent.objects.values_list("event_id", flat=True))
        self.tell([each for each in self.webhooks() if each["id"] not in told])

    def work(self) -> None:
        for pk in (
            StripeEvent.objects.filter(done_at__isnull=True).order_by("pk").values_list("pk", flat=True)
        ):
            card_events.process_event(event_id=pk)
        card_disputes.claw_back_waiting()


def bucket_sums(fund: str) -> dict[str, int]:
    """Cents of a fund by bucket, without those of 0."""
    sums = (
        Posting.objects.filter(fund=fund).order_by().values_list("bucket").annotate(cents=Sum("amount_cents"))
    )
    return {bucket: cents for bucket, cents in sums if cents}


def owed(payment: CardPayment) -> int:
    debt = PayerDebt.objects.filter(payment=payment).first()
    return 0 if debt is None else debt.owed_cents


def available(learner: Learner) -> int:
    return Lot.objects.filter(account=learner.account).aggregate(c=Sum("available_cents"))["c"] or 0
