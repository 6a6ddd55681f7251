"""What has a day reaches the person whose it is: on the desk, on the agency's home, and by mail once a day."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Message
from fraud import deadlines
from fraud.models import Measure
from fraud.services import appeals, measures, questions, reminders
from funding.selectors.agency_home import desk_of, waiting_for
from ila.core import clock
from tests.fraud.casework.office import Office

pytestmark = pytest.mark.django_db


def test_each_kind_of_work_reaches_whom_it_waits_for(office: Office) -> None:
    made = [booking for _, booking in office.house.accepted(2)]
    case = office.case(*made, action="H")
    assert deadlines.due_for(office.investigator) == []
    question = questions.ask_provider(actor=office.investigator, case_id=case.pk, text="Who taught?")
    hold = Measure.objects.get(kind="hold")
    assert hold.review_at is not None
    office.hand.move(max(hold.review_at, question.due_at) + timedelta(hours=1))
    measures.close_terms()
    own = {each.kind.code for each in deadlines.due_for(office.investigator)}
    assert own == {"review", "unanswered"}
    # Another investigator has other cases; managers answer for all.
    assert deadlines.due_for(office.other) == []
    assert deadlines.counts_for(office.manager) == {"review": 1, "unanswered": 1, "decide": 1}
    assert deadlines.due_for(office.provider_user) == []

    home = {str(each.kind.label): each.number for each in waiting_for(desk_of(office.investigator))}
    assert home["A hold is to be reviewed"] == 1
    told = Message.objects.filter(template="fraud_deadlines")
    managers = {office.manager, office.second_manager, office.third_manager}
    assert reminders.remind() == 1 + len(managers)
    assert set(told.values_list("recipient", flat=True)) == {
        each.pk for each in (office.investigator, *managers)
    }
    assert told.get(recipient=office.investigator).context == {"waiting": own_counts(office)}
    assert reminders.remind() == 0
    office.hand.move(clock.now() + timedelta(days=1))
    assert reminders.remind() == 4

    measures.review_hold(actor=office.investigator, measure_id=hold.pk, reason="It stays.")
    assert "review" not in own_counts(office)
    assert hold.expires_at is not None
    office.hand.move(hold.expires_at - timedelta(days=2))
    assert own_counts(office)["ending"] == 1
    # Held longer: its subject is told, with the new end and time to answer.
    until = clock.now() + timedelta(days=20)
    prolonged = measures.review_hold(
        actor=office.investigator, measure_id=hold.pk, reason="A witness is away.", until=until
    )
    letter = case.letters.latest("pk")
    assert (letter.kind, "A witness is away." in letter.bodies["en"]) == ("hold", True)
    assert letter.answer_due_at == prolonged.answer_due_at
    assert prolonged.answer_due_at is not None
    assert prolonged.answer_due_at > clock.now() + timedelta(days=9)
    assert "review" not in own_counts(office)


def own_counts(office: Office) -> dict[str, int]:
    return deadlines.counts_for(office.investigator)


def test_hearings_rights_and_appeals_wait_by_their_day(office: Office) -> None:
    ((_, booking),) = office.house.accepted(1)
    case = office.decided(office.case(booking))
    assert deadlines.counts_for(office.manager) == {"rights": 1}
    office.restored(case)
    listed = office.proposed(case, "blacklist_entity")
    assert own_counts(office) == {"announce": 1}
    measures.impose_measure(
        actor=office.manager, measure_id=listed.pk, urgency="They move money.", urgent_by=office.investigator
    )
    assert own_counts(office) == {"hearing": 1}
    (due,) = deadlines.due_for(office.investigator)
    assert (due.is_late, due.url) == (False, f"/agency/fraud/measures/{listed.public_id}/")
    office.hand.move(due.due_at)  # type: ignore[arg-type]
    assert deadlines.due_for(office.investigator)[0].is_late
    appeals.lodge_appeal(actor=office.provider_user, measure_id=listed.pk, appeal="No.")
    assert deadlines.counts_for(office.second_manager) == {"hearing": 1, "appeal": 1}


def test_the_desk_asks_no_more_for_twice_as_much(office: Office) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert deadlines.due_for(office.manager)
        return len(seen)

    case = office.decided(office.case(*(booking for _, booking in office.house.accepted(1))))
    office.restored(case)
    office.proposed(case, "termination")
    once = asked()
    for _ in range(2):
        office.proposed(case, "blacklist_entity")
    assert asked() == once
