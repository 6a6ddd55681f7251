"""Any order of paying, returning, denying, netting, transferring and giving up: no cent is lost or counted twice."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from catalogue.services import sessions
from funding.models import (
    Booking,
    Claim,
    Netting,
    Payment,
    Posting,
    Receivable,
    RecoveryReceipt,
    Remittance,
    WriteOffRequest,
)
from funding.services import batches, bookings, payments
from funding.services.recoveries import instalments, write_offs
from ila.core import clock
from ila.core.errors import DomainError
from tests.funding.recoveries.house import House, buckets, check_books
from tests.funding.top_ups.support import Transfer, tell
from tests.support.world import MONDAY, Learner

pytestmark = pytest.mark.django_db
BOOKINGS = 4


class Money(RuleBasedStateMachine):
    """Cash that left and came back, counted in plain integers beside the books."""

    @initialize()
    def open(self) -> None:
        self.block = transaction.atomic()
        self.block.__enter__()
        self.hand = clock.at(MONDAY)
        self.house = House(self.hand.__enter__())
        made: list[tuple[Learner, Booking]] = self.house.accepted(BOOKINGS)
        self.house.validated(*(booking for _, booking in made))
        self.learners = made
        self.out = self.back = 0

    def try_it(self, act: Any, **given: Any) -> Any:
        try:
            with transaction.atomic():
                return act(**given)
        except DomainError:
            return None

    def payment(self, number: int, *outcomes: str) -> Payment | None:
        found = list(Payment.objects.filter(outcome__in=outcomes).order_by("pk"))
        return found[number % len(found)] if found else None

    def debt(self, number: int) -> Receivable | None:
        found = list(Receivable.objects.order_by("pk"))
        return found[number % len(found)] if found else None

    @rule(number=st.integers(0, BOOKINGS - 1))
    def claim(self, number: int) -> None:
        self.try_it(self.house.approved, booking=self.learners[number][1])

    @rule()
    def send(self) -> None:
        ready = list(Claim.objects.filter(state="approved").order_by("pk"))
        if ready:
            with_all = self.house.batch
            try:
                with transaction.atomic():
                    with_all(*ready)
            except DomainError:
                return

    @rule(number=st.integers(0, 9))
    def execute(self, number: int) -> None:
        if (payment := self.payment(number, "pending")) is not None:
            self.out += payment.amount_cents
            payments.execute_payments(payment_ids=[payment.pk])

    @rule(number=st.integers(0, 9))
    def reject(self, number: int) -> None:
        if (payment := self.payment(number, "pending")) is not None:
            payments.reject_payments(payment_ids=[payment.pk], reason_code="AC04")

    @rule(number=st.integers(0, 9))
    def give_back(self, number: int) -> None:
        if (payment := self.payment(number, "executed")) is None:
            return
        try:
            with transaction.atomic():
                payments.return_payments(payment_ids=[payment.pk], reason_code="AC04")
        except payments.ContradictionError:
            return
        self.back += payment.amount_cents

    @rule(number=st.integers(0, BOOKINGS - 1), upheld=st.booleans())
    def dispute(self, number: int, upheld: bool) -> None:
        learner, booking = self.learners[number]
        self.try_it(bookings.deny_consent, actor=learner.user, booking_id=booking.pk)
        self.try_it(
            bookings.resolve_dispute,
            actor=self.house.world.case_worker,
            booking_id=booking.pk,
            upheld=upheld,
            reason="looked at",
        )

    @rule(number=st.integers(0, 9), cents=st.integers(1, 200_000))
    def transfer(self, number: int, cents: int) -> None:
        if (debt := self.debt(number)) is not None:
            tell(Transfer(cents, debt.reference))

    @rule(number=st.integers(0, 9), parts=st.integers(1, 5))
    def plan(self, number: int, parts: int) -> None:
        debt = self.debt(number)
        if debt is None or debt.free_cents < parts:
            return
        split = instalments.split_evenly(debt.free_cents, parts=parts, first=clock.now().date())
        made = self.try_it(
            instalments.propose_plan,
            actor=self.house.world.payer,
            receivable_id=debt.pk,
            parts=split,
            reason="asked for",
        )
        if made is not None:
            self.try_it(
                instalments.decide_plan, actor=self.house.world.second_payer, plan_id=made.pk, agreed=True
            )

    @rule(number=st.integers(0, 9))
    def give_up(self, number: int) -> None:
        if (debt := self.debt(number)) is None:
            return
        self.try_it(
            write_offs.ask_write_off, actor=self.house.world.payer, receivable_id=debt.pk, reason="gone"
        )
        for asked in WriteOffRequest.objects.filter(agreed__isnull=True):
            self.try_it(
                write_offs.decide_write_off,
                actor=self.house.world.second_payer,
                request_id=asked.pk,
                agreed=True,
            )

    @rule(number=st.integers(0, BOOKINGS - 1), percent=st.integers(0, 99))
    def less_was_taught(self, number: int, percent: int) -> None:
        self.try_it(
            bookings.reduce_service,
            actor=self.house.world.case_worker,
            booking_id=self.learners[number][1].pk,
            percent=percent,
            reason="looked at",
        )

    @precondition(lambda self: len(getattr(self, "steps", ())) > 5)
    @rule()
    def never_held(self) -> None:
        """All of it comes back, wherever it stands; what is on its way comes back with the bank's word."""
        world = self.house.world
        self.try_it(sessions.start_session, actor=world.provider_user, session_id=world.session.pk)
        bookings.find_never_held(
            actor=world.case_worker, session_id=world.session.pk, reason="nobody was there"
        )
        for learner, booking in self.learners:
            away = Claim.objects.filter(booking=booking, state="in_batch").exists()
            disputed = bookings.read_booking(booking.pk).state == "disputed"
            if not away and not disputed:
                assert learner.lot().available_cents == 500_000

    @rule()
    def drop(self) -> None:
        """A draft is made and dropped: nothing has changed."""
        world = self.house.world
        made = self.try_it(batches.create_batch, actor=world.second_payer, scheme=world.scheme)
        if made is not None:
            batches.drop_batch(actor=world.payer, batch_id=made.pk, reason="not wanted")

    @invariant()
    def count_steps(self) -> None:
        self.steps = [*getattr(self, "steps", ()), 1]

    @invariant()
    def cash_is_what_the_books_say(self) -> None:
        """What left, less what came back, is what was paid out less what was recovered; a loss is the funder's."""
        if not hasattr(self, "house"):
            return
        taken = RecoveryReceipt.objects.aggregate(cents=Sum("applied_cents"))["cents"] or 0
        lost = Posting.objects.filter(entry__kind="write_off", bucket="returned").aggregate(
            cents=Sum("amount_cents")
        )
        assert self.out - self.back - taken == buckets().get("paid", 0) + (lost["cents"] or 0)
        debts = Receivable.objects.exclude(state__in=["recovered", "written_off"])
        assert sum(each.owed_cents for each in debts) == -buckets().get("owed", 0)
        given_up = sum(each.written_off_cents for each in Receivable.objects.all())
        assert given_up == (lost["cents"] or 0)
        planned = Netting.objects.filter(outcome="planned").aggregate(cents=Sum("amount_cents"))["cents"] or 0
        assert sum(each.reserved_cents for each in Receivable.objects.all()) == planned

    def teardown(self) -> None:
        if not hasattr(self, "house"):
            return
        try:
            numbers = list(Remittance.objects.order_by("number").values_list("number", flat=True))
            assert numbers == list(range(1, len(numbers) + 1))
            check_books()
        finally:
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)
            self.hand.__exit__(None, None, None)


def test_no_cent_is_lost(db: None) -> None:
    run_state_machine_as_test(
        Money,
        settings=settings(
            max_examples=8,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
