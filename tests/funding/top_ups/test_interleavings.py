"""Any order of ordering, paying in parts and twice, spending, cancelling, ending and refunding: no cent is lost."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from funding.models import Booking, Lot, Posting, TopUp, TopUpReceipt
from funding.services import bookings, top_ups
from ila.core import clock
from ila.core.errors import DomainError
from tests.funding.top_ups.support import IBAN, Firm, Transfer, camt054, check_books, give, repay
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db


class Interleavings(RuleBasedStateMachine):
    """A model in plain integers beside the books: what came in from outside, and what went out again."""

    @initialize()
    def open(self) -> None:
        self.block = transaction.atomic()
        self.block.__enter__()
        self.hand = clock.at(MONDAY)
        self.hand.__enter__()
        self.firm = Firm()
        self.orders: list[TopUp] = []
        self.told: list[bytes] = []
        self.bookings: list[Booking] = []
        self.came = self.gone = 0

    def try_it(self, act: Any, **given: Any) -> Any:
        """What a rule refuses changes nothing, and is as good as not asked for."""
        try:
            with transaction.atomic():
                return act(**given)
        except DomainError:
            return None

    def pick(self, number: int) -> TopUp | None:
        if not self.orders:
            return None
        order = self.orders[number % len(self.orders)]
        order.refresh_from_db()
        return order

    @rule(cents=st.integers(1, 90_000), ends=st.booleans(), earmark=st.sampled_from(["", "isced:07"]))
    def order(self, cents: int, ends: bool, earmark: str) -> None:
        last = date(2026, 7, 1) if ends else None
        amounts = (cents, cents + 1)
        self.orders.append(self.firm.order(*amounts, ends_on=last, earmark=earmark))

    @rule(number=st.integers(0, 9), part=st.sampled_from([1, 2, 3, 5]), known=st.booleans())
    def pay(self, number: int, part: int, known: bool) -> None:
        order = self.pick(number)
        if order is None:
            return
        cents = max(1, order.total_cents * part // 3)
        is_open = order.state not in ("failed", "refunded", "charged_back")
        content = camt054(Transfer(cents, order.reference if known else "RF18539007547034"))
        self.told.append(content)
        give(content)
        if known and is_open:
            self.came += cents

    @rule(number=st.integers(0, 9))
    def tell_again(self, number: int) -> None:
        if self.told:
            content = self.told[number % len(self.told)]
            # Another message of the bank about the same movement.
            give(content.replace(b"<MsgId>", b"<MsgId>A" + str(len(self.told)).encode(), 1))

    @rule()
    def allocate(self) -> None:
        top_ups.allocate_waiting()

    @rule(number=st.integers(0, 9))
    def cancel(self, number: int) -> None:
        if (order := self.pick(number)) is not None:
            self.try_it(top_ups.cancel_top_up, actor=self.firm.manager, top_up_id=order.pk)

    @rule(who=st.integers(0, 1), price=st.integers(1, 200_000))
    def spend(self, who: int, price: int) -> None:
        made = self.try_it(self.firm.book, learner=self.firm.employees[who], price_cents=price)
        if made is not None:
            self.bookings.append(made)

    @rule(number=st.integers(0, 9))
    def give_up(self, number: int) -> None:
        if self.bookings:
            booking = self.bookings[number % len(self.bookings)]
            learner = next(each for each in self.firm.employees if each.account.pk == booking.account_id)
            self.try_it(bookings.withdraw, actor=learner.user, booking_id=booking.pk)

    @rule(days=st.integers(0, 90))
    def end(self, days: int) -> None:
        on = MONDAY.date() + timedelta(days=days)
        top_ups.end_top_ups(on=on)
        top_ups.fail_overdue(on=on)

    @rule(number=st.integers(0, 9), paid=st.booleans(), noted=st.booleans())
    def refund(self, number: int, paid: bool, noted: bool) -> None:
        if (order := self.pick(number)) is None:
            return
        refund = self.try_it(top_ups.request_refund, actor=self.firm.manager, top_up_id=order.pk, iban=IBAN)
        if refund is None:
            return
        payer = self.firm.world.payer
        if noted:
            top_ups.note_refund(actor=payer, refund_id=refund.pk, bank_reference="T0")
            top_ups.drop_refund_note(actor=payer, refund_id=refund.pk, reason="no such transfer")
        if paid:
            repay(self.firm, refund)
            self.gone += refund.amount_cents
        else:
            top_ups.refuse_refund(actor=payer, refund_id=refund.pk, reason="not yet")

    @invariant()
    def money_is_conserved(self) -> None:
        if not hasattr(self, "firm"):
            return
        sums = dict(
            Posting.objects.filter(fund="employer").values_list("bucket").annotate(cents=Sum("amount_cents"))
        )
        assert -sums.get("appropriation", 0) == self.came
        assert sums.get("returned", 0) == self.gone
        inside = sum(cents for bucket, cents in sums.items() if bucket not in ("appropriation", "returned"))
        assert inside == self.came - self.gone
        orders = TopUp.objects.all()
        assert sum(order.deposit_cents for order in orders) == sums.get("deposit", 0)
        taken = TopUpReceipt.objects.filter(top_up__isnull=False).aggregate(cents=Sum("amount_cents"))[
            "cents"
        ]
        assert (taken or 0) == self.came
        assert all(order.refundable_cents >= 0 for order in orders)
        assert not Lot.objects.filter(available_cents__lt=0).exists()

    def teardown(self) -> None:
        if not hasattr(self, "block"):
            return
        try:
            check_books()
        finally:
            self.hand.__exit__(None, None, None)
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)


def test_any_interleaving_conserves_money() -> None:
    run_state_machine_as_test(
        Interleavings,
        settings=settings(
            max_examples=12,
            stateful_step_count=18,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
