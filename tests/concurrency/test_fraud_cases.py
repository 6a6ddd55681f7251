"""Two at once in fraud work: one case for two who open it, one investigator, one decision; without locks it breaks."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from fraud.models import Alert, Case, CaseLog
from fraud.services import alerts, cases
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.fraud.casework.office import Office
from tests.support.parallel import codes, meeting_before_moves, together, unlocked
from tests.support.world import MONDAY

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]


@pytest.fixture
def office(committed_db: None) -> Any:
    with clock.at(MONDAY) as hand:
        assert isinstance(hand, VirtualClock)
        yield Office(hand)


def noted(office: Office) -> list[Alert]:
    """Two alerts that wait in no case."""
    made = office.house.accepted(2)
    for number, (_, booking) in enumerate(made):
        office.store(office.found("D22", [booking], action="N", subject=("learner", f"L{number}")))
    return list(Alert.objects.order_by("pk"))


def test_two_investigators_open_the_same_case(office: Office) -> None:
    first, second = noted(office)
    outcomes = together(
        partial(alerts.open_case, actor=office.investigator, alert_id=first.pk, typology="kickback_ring"),
        partial(alerts.open_case, actor=office.other, alert_id=second.pk, typology="kickback_ring"),
    )
    assert codes(outcomes) == ["ok", "ok"]
    case = Case.objects.get()
    assert set(Alert.objects.values_list("case", flat=True)) == {case.pk}
    assert CaseLog.objects.filter(transition="create").count() == 1


def test_two_take_a_case_and_two_decide_it(office: Office) -> None:
    ((_, booking),) = office.house.accepted(1)
    office.store(office.found("D17", [booking]))
    case = Case.objects.get()
    cases.queue_case(actor=office.manager, case_id=case.pk, reason="urgent")
    takes = [
        partial(cases.assign_case, actor=who, case_id=case.pk, investigator=who)
        for who in (office.investigator, office.other)
    ]
    with meeting_before_moves():
        assert codes(together(*takes)) == ["not_allowed", "ok"]
    case.refresh_from_db()
    assert case.investigator is not None
    cases.start_investigation(actor=case.investigator, case_id=case.pk)
    cases.propose_decision(
        actor=case.investigator, case_id=case.pk, outcome="inconclusive", reasons="Who knows."
    )
    decisions = [
        partial(cases.decide, actor=who, case_id=case.pk, reason="Yes.")
        for who in (office.manager, office.second_manager)
    ]
    with meeting_before_moves():
        assert codes(together(*decisions)) == ["not_allowed", "ok"]
    assert CaseLog.objects.filter(subject=case, transition="decide").count() == 1


def test_without_locks_both_believe_that_they_have_it(office: Office) -> None:
    ((_, booking),) = office.house.accepted(1)
    office.store(office.found("D17", [booking]))
    case = Case.objects.get()
    cases.queue_case(actor=office.manager, case_id=case.pk, reason="urgent")
    takes = [
        partial(cases.assign_case, actor=who, case_id=case.pk, investigator=who)
        for who in (office.investigator, office.other)
    ]
    with unlocked(), meeting_before_moves():
        outcomes = codes(together(*takes))
    # The second is stopped by the database alone, as a fault and not as an answer.
    assert "ok" in outcomes
    assert outcomes != ["not_allowed", "ok"]
