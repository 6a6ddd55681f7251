"""Any sequence of transfers: balances are the sums of their postings, and none is ever below zero."""

import itertools

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.services import service_users
from funding import audit
from funding.models import Bucket, Fund, Lot, Posting
from funding.services import ledger
from funding.services.ledger import Line
from ila.core.errors import DomainError
from tests.factories.funding import BudgetFactory, LearningAccountFactory, LotFactory

LOTS = 3
APPROPRIATED = 5000
_keys = itertools.count(1)


class Ledger(RuleBasedStateMachine):
    """A model in plain integers beside the real ledger."""

    @initialize()
    def open_books(self):
        self.block = transaction.atomic()
        self.block.__enter__()
        self.budget = BudgetFactory.create(amount_cents=APPROPRIATED)
        account = LearningAccountFactory.create(scheme=self.budget.scheme)
        self.lots = [LotFactory.create(account=account, empty=True, earmark=str(n)) for n in range(LOTS)]
        self.model = {lot.pk: 0 for lot in self.lots}
        self.left = APPROPRIATED
        self.posted = {}

    def post(self, key, kind, lines):
        with transaction.atomic():
            return ledger.post(
                scheme=self.budget.scheme,
                kind=kind,
                key=key,
                actor=service_users.get("ledger"),
                lines=lines,
            )

    @rule(which=st.integers(0, LOTS - 1), cents=st.integers(1, 3000))
    def credit(self, which, cents):
        lot = self.lots[which]
        lines = [
            Line(Bucket.BUDGET, Fund.PUBLIC, -cents, budget_id=self.budget.pk),
            Line(Bucket.AVAILABLE, Fund.PUBLIC, cents, lot_id=lot.pk),
        ]
        key = f"machine:{next(_keys)}"
        if cents > self.left:
            with pytest.raises(DomainError, match="budget_exhausted"):
                self.post(key, "credit", lines)
            return
        self.post(key, "credit", lines)
        self.posted[key] = ("credit", lines)
        self.left -= cents
        self.model[lot.pk] += cents

    @rule(which=st.integers(0, LOTS - 1), cents=st.integers(1, 3000))
    def expire(self, which, cents):
        lot = self.lots[which]
        line = Line(Bucket.AVAILABLE, Fund.PUBLIC, cents, lot_id=lot.pk)
        lines = ledger.transfer(line, Bucket.AVAILABLE, Bucket.EXPIRED)
        key = f"machine:{next(_keys)}"
        if cents > self.model[lot.pk]:
            with pytest.raises(DomainError, match="insufficient_rights"):
                self.post(key, "expire", lines)
            return
        self.post(key, "expire", lines)
        self.posted[key] = ("expire", lines)
        self.model[lot.pk] -= cents

    @rule(data=st.data())
    def repeat(self, data):
        if not self.posted:
            return
        key = data.draw(st.sampled_from(sorted(self.posted)))
        kind, lines = self.posted[key]
        assert not self.post(key, kind, lines).created
        with pytest.raises(DomainError, match="idempotency_mismatch"):
            self.post(key, kind, [*lines, *lines])

    @invariant()
    def balances_are_sums(self):
        if not hasattr(self, "model"):
            return
        for lot in Lot.objects.filter(pk__in=self.model):
            total = Posting.objects.filter(lot=lot, bucket="available").aggregate(c=Sum("amount_cents"))["c"]
            assert lot.available_cents == self.model[lot.pk] == (total or 0)
            assert lot.available_cents >= 0
        self.budget.refresh_from_db()
        assert self.budget.available_cents == self.left >= 0

    def teardown(self):
        if hasattr(self, "block"):
            assert audit.run(only={1, 3, 4, 6}).ok
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)


@pytest.mark.django_db
def test_any_sequence_of_transfers():
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=12,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
