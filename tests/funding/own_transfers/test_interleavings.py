"""Any order of transfers short, over, twice and late, of leaving, lapsing and cancelling: no cent is lost or made."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from funding.models import OwnTransfer, Reservation
from funding.services import bookings, own_transfers, refunds
from ila.core import clock
from ila.core.errors import DomainError
from tests.funding.cards.support import bucket_sums
from tests.funding.own_transfers.support import OWN, Awaited, booking_of
from tests.funding.recoveries.test_refunds import name_account
from tests.funding.top_ups.support import Transfer, check_books, tell
from tests.support.world import MONDAY

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


class Interleavings(RuleBasedStateMachine):
    """What came is what bookings hold or paid, what waits, and what is the learners' to have back."""

    @initialize()
    def open(self) -> None:
        self.block = transaction.atomic()
        self.block.__enter__()
        self.at = clock.at(MONDAY)
        self.awaited = Awaited(self.at.__enter__())
        self.sent: list[Transfer] = []
        self.came = 0

    def try_it(self, act: Any, *args: Any, **given: Any) -> Any:
        """What a rule refuses changes nothing."""
        try:
            with transaction.atomic():
                return act(*args, **given)
        except DomainError:
            return None

    def transfer(self, number: int) -> OwnTransfer | None:
        made = list(OwnTransfer.objects.order_by("pk"))
        return made[number % len(made)] if made else None

    @rule(other=st.booleans())
    def start(self, other: bool) -> None:
        learner = self.awaited.other if other else self.awaited.learner
        self.try_it(self.awaited.start, learner, seats=1)

    @rule(number=st.integers(0, 3))
    def consent_again(self, number: int) -> None:
        if (transfer := self.transfer(number)) is not None:
            theirs = transfer.payer_id == self.awaited.other.user.pk
            learner = self.awaited.other if theirs else self.awaited.learner
            self.try_it(self.awaited.consent, booking_of(transfer), learner)

    @rule(number=st.integers(0, 3), cents=st.sampled_from([OWN, OWN, OWN - 1, 1, OWN + 500]))
    def pay(self, number: int, cents: int) -> None:
        if (transfer := self.transfer(number)) is not None:
            self.sent.append(self.awaited.pay(transfer, cents, work=False))
            self.came += cents

    @rule(number=st.integers(0, 9))
    def tell_again(self, number: int) -> None:
        if self.sent:
            tell(self.sent[number % len(self.sent)])

    @rule()
    def work(self) -> None:
        own_transfers.settle_waiting()

    @rule(hours=st.sampled_from([1, 40, 90]))
    def wait(self, hours: int) -> None:
        self.awaited.later(hours=hours)

    @rule(number=st.integers(0, 3))
    def leave(self, number: int) -> None:
        if (transfer := self.transfer(number)) is not None:
            self.try_it(own_transfers.leave, actor=transfer.payer, transfer_id=transfer.pk)

    @rule(number=st.integers(0, 3), how=st.sampled_from(["refuse", "withdraw", "lapse", "provider"]))
    def end_booking(self, number: int, how: str) -> None:
        if (transfer := self.transfer(number)) is None:
            return
        pk, payer = transfer.booking_id, transfer.payer
        if how == "refuse":
            self.try_it(bookings.refuse_by_learner, actor=payer, booking_id=pk)
        elif how == "withdraw":
            self.try_it(bookings.withdraw, actor=payer, booking_id=pk)
        elif how == "lapse":
            self.try_it(bookings.lapse, booking_id=pk)
        else:
            provider = self.awaited.world.provider_user
            self.try_it(bookings.cancel_by_provider, actor=provider, booking_id=pk, reason="ill")

    @rule(named=st.booleans())
    def draw_up(self, named: bool) -> None:
        if named:
            name_account(self.awaited.learner)
        refunds.prepare_refunds()

    @invariant()
    def nothing_is_below_zero(self) -> None:
        if not hasattr(self, "awaited"):
            return
        sums = bucket_sums("own")
        assert sum(sums.values()) == 0
        assert all(cents > 0 for name, cents in sums.items() if name != "appropriation")
        assert -sums.get("appropriation", 0) == self.came

    def teardown(self) -> None:
        if not hasattr(self, "block"):
            return
        try:
            self.end()
        finally:
            self.at.__exit__(None, None, None)
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    def end(self) -> None:
        """Whatever waited is decided once its time is up: nothing is kept, and every cent is somewhere."""
        self.awaited.later(days=20)
        own_transfers.settle_waiting()
        assert own_transfers.settle_waiting() == {"paid": 0, "lapsed": 0, "other": 0}
        for learner in (self.awaited.learner, self.awaited.other):
            name_account(learner)
        refunds.prepare_refunds()
        assert refunds.due_refunds() == []
        assert not Reservation.objects.filter(ended_at__isnull=True).exists()
        made = list(OwnTransfer.objects.all())
        assert not [each for each in made if each.state == "opened" or each.deposit_cents]
        assert sum(each.applied_cents + each.due_cents for each in made) == self.came
        check_books()


def test_no_cent_is_lost_or_made() -> None:
    run_state_machine_as_test(
        Interleavings,
        settings=settings(
            max_examples=20,
            stateful_step_count=18,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
