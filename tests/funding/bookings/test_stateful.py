"""Random lives of bookings: several learners, few seats, money of several sources, any verb at any moment.

After each step the books are added up anew; after each life the whole audit runs.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.services import service_users
from catalogue.models import Session
from funding import audit
from funding.models import (
    Booking,
    Claim,
    ClaimKind,
    Hold,
    Payment,
    PaymentBatch,
    Receivable,
)
from funding.models.receivables import UNSETTLED
from funding.services import batches, bookings, claims, due, holds, payments, receivables, schemes
from ila.core import clock
from ila.core.errors import DomainError
from tests.support import books
from tests.support.world import ENDS, MONDAY, STARTS, Learner, World

# What a refusal may be called: another code is a fault that a person would see as such.
CODES = {
    "already_settled",
    "consent_denied",
    "incomplete",
    "insufficient_rights",
    "not_allowed",
    "not_bookable",
    "not_eligible",
    "on_hold",
    "session_full",
    "too_early",
    "too_late",
    "usage_cap",
    "weak_identity",
    "consent_missing",
    "bad_price",
    "bad_iban",
}
# The verbs that fit a state come more often than the ones that do not.
FITTING = {
    "requested": ["propose", "propose", "propose", "refuse_by_provider", "cancel_by_learner", "deny_consent"],
    "proposed": ["accept", "accept", "accept", "accept_twice", "refuse_by_learner", "cancel_by_provider"],
    "accepted": ["enter", "enter", "enter", "no_show", "withdraw", "cancel_by_learner", "deny_consent"],
    "in_training": ["leave", "leave", "attendance", "advance", "cancel_by_funder", "deny_consent"],
    "left": ["declare_service", "declare_service", "attendance", "deny_consent"],
    "service_declared": ["validate", "validate", "deny_consent", "advance"],
    "service_validated": ["claim", "claim", "claim", "deny_consent"],
    "settled": ["deny_consent", "recover", "claim"],
    "no_show": ["claim", "deny_consent"],
    "cancelled_by_learner": ["claim", "deny_consent"],
    "cancelled_by_provider": ["recover", "claim"],
    "cancelled_by_funder": ["recover", "claim"],
    "disputed": ["uphold", "reject", "claim", "recover"],
}
ANY = [
    "propose",
    "accept",
    "withdraw",
    "cancel_by_learner",
    "cancel_by_provider",
    "cancel_by_funder",
    "no_show",
    "enter",
    "leave",
    "declare_service",
    "validate",
    "claim",
    "deny_consent",
    "uphold",
    "reject",
]
# The life without trouble: the next verb, and when.
NEXT: dict[str, tuple[str, datetime | None]] = {
    "requested": ("propose", None),
    "proposed": ("accept", None),
    "accepted": ("enter", STARTS),
    "in_training": ("leave", None),
    "left": ("declare_service", ENDS),
    "service_declared": ("validate", None),
    "service_validated": ("claim", None),
    "disputed": ("reject", None),
}
EVENTS = ["request", "request", "credit", "hold", "release", "expire", "cancel_session"]
# A longer, random search: ILA_STATEFUL_EXAMPLES=1000 pytest tests/funding/bookings/test_stateful.py
EXAMPLES = int(os.environ.get("ILA_STATEFUL_EXAMPLES", "15"))
reached: Counter[str] = Counter()
refusals: Counter[str] = Counter()


class Lives(RuleBasedStateMachine):
    """One world, on a virtual clock, in a transaction that is rolled back at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.clock = clock.at(MONDAY)
        self.hand = self.clock.__enter__()
        self.world = World()
        world = self.world
        qualification = world.make_credential(kind="rncp")
        self.sessions: list[Session] = [
            world.make_session(seats=1),
            world.make_session(qualification, seats=2, price_cents=99_999),
            world.make_session(qualification, ends_at=STARTS + timedelta(days=120), price_cents=30_001),
        ]
        rich, poor = world.make_learner(rights_cents=90_000), world.make_learner(rights_cents=7)
        for source, cents in (("endowment", 40_003), ("employer", 30_001), ("public", 20_000)):
            world.credit(rich.account, cents, source)
        self.learners: list[Learner] = [rich, poor, world.make_learner(rights_cents=200_000)]
        self.number = 0

    def teardown(self) -> None:
        try:
            report = audit.run()
            assert report.ok, report
        finally:
            self.clock.__exit__(None, None, None)
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    @initialize(steps=st.lists(st.integers(0, 3), min_size=9, max_size=9))
    def begin(self, steps: list[int]) -> None:
        """Some bookings are asked for, proposed or accepted before the random life begins."""
        pairs = [(learner, session) for learner in self.learners for session in self.sessions]
        for (learner, session), far in zip(pairs, steps, strict=True):
            ways = (self.world.proposed, self.world.accepted)
            if far == 1:
                self._try("request", self._request(learner, session))
            elif far:
                self._try("accept", partial(ways[far - 2], learner, session))

    # -- what may happen -------------------------------------------------------------------------------------

    @precondition(lambda _: Booking.objects.exists())
    @rule(data=st.data())
    def act(self, data: st.DataObject) -> None:
        """Any verb on any booking; more often one that fits its state."""
        booking = data.draw(st.sampled_from(list(Booking.objects.order_by("pk"))))
        fitting = FITTING.get(booking.state, ANY)
        verb = data.draw(st.sampled_from([*fitting, *fitting, *fitting, *ANY]))
        self._try(verb, self._verb(verb, booking, data))

    @precondition(lambda _: Booking.objects.filter(state__in=NEXT).exists())
    @rule(data=st.data(), far=st.integers(1, 4))
    def go_on(self, data: st.DataObject, far: int) -> None:
        """A booking takes the next steps of a life without trouble, at their time."""
        booking = data.draw(st.sampled_from(list(Booking.objects.filter(state__in=NEXT).order_by("pk"))))
        for _ in range(far):
            booking = Booking.objects.get(pk=booking.pk)
            verb, moment = NEXT.get(booking.state, ("", None))
            if not verb:
                return
            if moment is not None:
                self.hand.move(max(moment, self.hand.moment))
            self._try(verb, self._verb(verb, booking, data))

    @rule(hours=st.sampled_from([7, 24, 200, 31 * 24]), jobs=st.booleans())
    def pass_time(self, hours: int, jobs: bool) -> None:
        self.hand.move(self.hand.moment + timedelta(hours=hours))
        if jobs:
            due.run_due()

    @rule(who=st.integers(0, 2), what=st.integers(0, 2), event=st.sampled_from(EVENTS))
    def elsewhere(self, who: int, what: int, event: str) -> None:
        """What happens beside the bookings."""
        learner, session = self.learners[who], self.sessions[what]
        today, ledger = self.hand.moment.date(), service_users.get("ledger")
        self.number += 1
        if event == "request":
            self._try("request", self._request(learner, session))
        elif event == "credit":
            self.world.credit(learner.account, 12_345 * (what + 1), ("rights", "employer", "public")[what])
        elif event == "expire":
            schemes.credit(
                account=learner.account,
                source="public",
                amount_cents=500,
                actor=ledger,
                idempotency_key=f"expiring:{self.number}",
                expires_on=today,
            )
            schemes.expire_lots(on=today + timedelta(days=what), actor=ledger)
        elif event == "hold":
            until = self.hand.moment + timedelta(days=3)
            holds.place_hold(owner=self.world.case_worker, reason="control", until=until, session=session)
        elif event == "release":
            for pk in Hold.objects.filter(released_at__isnull=True).values_list("pk", flat=True):
                self._try("release", partial(holds.release_hold, hold_id=pk, actor=self.world.case_worker))
        elif self.number > 30:
            actor = self.world.provider_user if who else self.world.case_worker
            self._try(event, lambda: bookings.cancel_session(actor=actor, session_id=session.pk))

    @precondition(lambda _: Claim.objects.filter(state__in=["submitted", "approved"]).exists())
    @rule(approve=st.sampled_from([True, True, True, False]))
    def decide_claims(self, approve: bool) -> None:
        """A claim is approved or rejected; what is approved goes into a batch."""
        world = self.world
        for claim in Claim.objects.filter(state="submitted").order_by("pk"):
            if approve:
                decide = partial(claims.approve_claim, actor=world.payer, claim_id=claim.pk)
            else:
                decide = partial(claims.reject_claim, actor=world.payer, claim_id=claim.pk, reason="no")
            self._try("approve" if approve else "reject_claim", decide)
        self._try("batch", lambda: batches.create_batch(actor=world.second_payer, scheme=world.scheme))

    @precondition(lambda _: Payment.objects.exists())
    @rule(data=st.data(), says=st.sampled_from(["executed", "executed", "rejected", "returned"]))
    def pay(self, data: st.DataObject, says: str) -> None:
        """Batches go to the bank, and it speaks of one payment, whatever it said of it before."""
        for batch in PaymentBatch.objects.filter(state__in=["draft", "approved"]).order_by("pk"):
            given: dict[str, Any] = {"actor": self.world.third_payer, "batch_id": batch.pk}
            if batch.state == "draft":
                self._try("approve_batch", partial(batches.approve_batch, **given))
            self._try("export", partial(batches.export_batch, **given))
        sent = list(Payment.objects.filter(batch__file__isnull=False).order_by("pk"))
        if not sent:
            return
        payment = data.draw(st.sampled_from(sent))
        note(f"bank: payment {payment.pk} ({payment.outcome}) is {says}")
        ids = [payment.pk]
        try:
            with transaction.atomic():
                if says == "executed":
                    payments.execute_payments(payment_ids=ids)
                elif says == "rejected":
                    payments.reject_payments(payment_ids=ids, reason_code="AC04")
                else:
                    payments.return_payments(payment_ids=ids, reason_code="AC04")
            reached[says] += 1
        except payments.ContradictionError as error:
            refusals[error.code] += 1

    # -- what must hold --------------------------------------------------------------------------------------

    @invariant()
    def everything_adds_up(self) -> None:
        assert books.faults() == []

    # -- how -------------------------------------------------------------------------------------------------

    def _request(self, learner: Learner, session: Session) -> Callable[[], Any]:
        return lambda: bookings.request_booking(
            actor=learner.user, account_id=learner.account.pk, session_id=session.pk
        )

    def _try(self, name: str, verb: Callable[[], Any]) -> None:
        note(name)
        try:
            with transaction.atomic():
                verb()
        except DomainError as refusal:
            if refusal.code not in CODES:
                raise
            refusals[refusal.code] += 1
            note(f"refused: {refusal}")
        else:
            reached[name] += 1

    def _verb(self, verb: str, booking: Booking, data: st.DataObject) -> Callable[[], Any]:
        world, pk = self.world, booking.pk
        learner = next(each for each in self.learners if each.account.pk == booking.account_id)
        by_learner: dict[str, Any] = {"actor": learner.user, "booking_id": pk}
        by_provider: dict[str, Any] = {"actor": world.provider_user, "booking_id": pk}
        by_funder: dict[str, Any] = {"actor": world.case_worker, "booking_id": pk}
        percent = data.draw(st.integers(0, 100)) if verb in ("attendance", "declare_service") else 0
        flag = data.draw(st.booleans()) if verb in ("no_show", "cancel_by_learner") else False
        owed = sum(each.owed_cents for each in Receivable.objects.filter(booking=pk, state__in=UNSETTLED))
        part = data.draw(st.integers(1, max(1, owed))) if verb == "recover" else 0
        b: Any = bookings
        verbs: dict[str, Callable[[], Any]] = {
            "propose": lambda: b.propose(**by_provider),
            "accept": lambda: b.accept(**by_learner, sign_in=learner.sign_in),
            "accept_twice": lambda: [
                b.accept(**by_learner, sign_in=learner.sign_in, idempotency_key=f"k{pk}") for _ in range(2)
            ],
            "refuse_by_provider": lambda: b.refuse_by_provider(**by_provider, reason="full"),
            "refuse_by_learner": lambda: b.refuse_by_learner(**by_learner),
            "withdraw": lambda: b.withdraw(**by_learner),
            "cancel_by_learner": lambda: b.cancel_by_learner(
                **by_learner, reason="force_majeure" if flag else ""
            ),
            "cancel_by_provider": lambda: b.cancel_by_provider(**by_provider),
            "cancel_by_funder": lambda: b.cancel_by_funder(**by_funder),
            "no_show": lambda: b.declare_no_show(**by_provider, justified=flag),
            "enter": lambda: b.declare_entry(**by_provider),
            "attendance": lambda: b.record_attendance(**by_provider, percent=percent),
            "leave": lambda: b.declare_exit(**by_provider, exit_reason="complete"),
            "declare_service": lambda: b.declare_service(**by_provider, percent=percent),
            "validate": lambda: b.validate_service(**by_funder),
            "deny_consent": lambda: b.deny_consent(**by_learner),
            "uphold": lambda: b.resolve_dispute(**by_funder, upheld=True),
            "reject": lambda: b.resolve_dispute(**by_funder, upheld=False),
            "claim": lambda: claims.claim_booking(**by_provider),
            "advance": lambda: claims.claim_booking(**by_provider, kind=ClaimKind.ADVANCE),
            "recover": lambda: receivables.recover(actor=world.payer, booking_id=pk, amount_cents=part),
        }
        return verbs[verb]


@pytest.mark.django_db
@pytest.mark.slow
def test_any_life_of_any_bookings_adds_up() -> None:
    reached.clear()
    refusals.clear()
    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=40,
            derandomize="ILA_STATEFUL_EXAMPLES" not in os.environ,
            database=None,
            deadline=None,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    # The lives were no still lives.
    assert {"request", "propose", "accept", "enter", "claim"} <= set(reached), reached
