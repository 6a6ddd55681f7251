"""Random walks through measures: money is conserved, nothing is in force unannounced, no hold without an end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Q
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fraud.models import Case, Measure, MeasureEffect
from fraud.services import appeals, case_file, cases, measures, rights
from funding.models import Hold, Posting
from funding.services import holds
from ila.core import clock
from ila.core.errors import DomainError
from tests.fraud.casework.office import Office
from tests.support.books import faults

pytestmark = pytest.mark.django_db

KINDS = ("hold", "suspension", "restitution", "clawback", "termination", "blacklist_person", "referral")
ACTS = (
    *("propose", "propose", "notify", "notify", "answer", "force", "force", "force", "impose", "hear"),
    *(
        "lift",
        "appeal",
        "appeal",
        "uphold",
        "overturn",
        "overturn",
        "expire",
        "decide",
        "restore",
        "days",
        "days",
    ),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(ACTS),
        st.integers(0, 6),
        st.sampled_from(("investigator", "manager", "second_manager")),
    ),
    min_size=8,
    max_size=22,
)


class Walk:
    """One office with a case of a paid and an unpaid booking; every act may be refused, none may break a rule."""

    def __init__(self, office: Office) -> None:
        self.office = office
        made = [booking for _, booking in office.house.accepted(2)]
        office.house.validated(made[0])
        office.house.pay(office.house.approved(made[0]))
        self.bookings = made
        self.case = office.case(*made, action="H")
        for booking in made:
            cases.record_finding(
                actor=office.investigator,
                case_id=self.case.pk,
                booking_id=booking.pk,
                found="no_consent",
                why="Evidence.",
            )

    def act(self, what: str, number: int, who: Any) -> None:
        known = list(Measure.objects.order_by("pk").values_list("pk", flat=True))
        given_ = {"actor": who, "measure_id": known[number % len(known)]}
        provider = given_ | {"actor": self.office.provider_user}
        acts: dict[str, Callable[[], Any]] = {
            "propose": lambda: self.propose(KINDS[number % len(KINDS)]),
            "notify": lambda: measures.notify_measure(**given_),
            "answer": lambda: measures.answer_measure(**provider, answer="No."),
            "force": lambda: measures.put_in_force(**given_, reason="Yes."),
            "impose": lambda: measures.impose_measure(
                **given_, urgency="Now.", urgent_by=self.office.investigator
            ),
            "hear": lambda: measures.hold_hearing(**given_, minutes="Said.", keep=number % 2 == 0),
            "lift": lambda: measures.lift_measure(**given_, reason="Enough."),
            "appeal": lambda: appeals.lodge_appeal(**provider, appeal="No."),
            "uphold": lambda: appeals.uphold(**given_, reason="It stays."),
            "overturn": lambda: appeals.overturn(**given_, reason="Sorry."),
            "expire": measures.expire_measures,
            "decide": lambda: self.office.decided(self.case, "refuted" if number == 0 else "confirmed_fraud"),
            "restore": lambda: rights.restore_rights(actor=self.office.manager, case_id=self.case.pk),
            "days": lambda: self.office.hand.move(clock.now() + timedelta(days=1 + 3 * number)),
        }
        acts[what]()

    def propose(self, kind: str) -> None:
        amounts = {self.bookings[0].pk: 10_000} if kind == "clawback" else None
        self.office.proposed(self.case, kind, amounts=amounts)


def check() -> None:
    assert faults() == []
    assert sum(Posting.objects.values_list("amount_cents", flat=True)) == 0
    unannounced = Q(notified_at__isnull=True) | (Q(heard_at__isnull=True) & Q(urgency=""))
    assert not Measure.objects.filter(in_force_at__isnull=False).filter(unannounced).exists()
    early = Measure.objects.filter(in_force_at__isnull=False, urgency="")
    assert all(each.in_force_at >= each.notified_at + timedelta(days=10) for each in early)  # type: ignore[operator]
    assert not Hold.objects.filter(Q(reason="") | Q(expires_at__isnull=True)).exists()
    over = MeasureEffect.objects.filter(measure__state__in=["lifted", "overturned", "expired"], kind="held")
    assert not over.filter(hold__in=holds.open_holds(), undoes__isnull=True, undone_by__isnull=True).exists()
    wrong = MeasureEffect.objects.filter(measure__state="overturned", undoes__isnull=True)
    assert not wrong.filter(undone_by__isnull=True).exists()
    if Case.objects.get().state == "refuted":
        assert not holds.open_holds().filter(owner__is_service=True).exists()
    assert list(case_file.faults(Case.objects.get())) == []


def test_whatever_is_done_in_whatever_order(office: Office) -> None:
    walk = Walk(office)
    begun = clock.now()

    # Not shrunk: a walk that fails is short enough to be read as it is.
    @settings(max_examples=15, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
    @given(steps=STEPS)
    def run(steps: list[tuple[str, int, str]]) -> None:
        sid = transaction.savepoint()
        with clock.at(begun) as office.hand:
            for what, number, who in [("decide", 1, "manager"), ("restore", 0, "manager"), *steps]:
                try:
                    with transaction.atomic():
                        walk.act(what, number, getattr(office, who))
                except DomainError:
                    # A refusal is an answer: nothing was changed by it.
                    continue
            check()
        transaction.savepoint_rollback(sid)

    run()
