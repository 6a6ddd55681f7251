"""Who may decide what: four eyes on cases and measures, notice and answers, and the states the database refuses."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from itertools import product

import pytest
from django.db import IntegrityError, ProgrammingError, transaction

from fraud.models import Case, CaseRecord, Letter, Measure
from fraud.services import appeals, case_file, cases, dossiers, measures, questions
from funding.services import holds
from ila.core import clock
from ila.core.errors import DomainError
from tests.fraud.casework.office import Office

pytestmark = pytest.mark.django_db


def test_investigator_approver_and_author_of_the_rule_are_three(office: Office) -> None:
    ((_, booking),) = office.house.accepted(1)
    author = office.third_manager
    office.store(office.found("D17", [booking]), authors={"D17": [author.pk]})
    case = Case.objects.get()
    assert case.rule_author_ids == [author.pk]
    cases.queue_case(actor=office.manager, case_id=case.pk, reason="urgent")
    with pytest.raises(DomainError, match="author_of_the_rule"):
        cases.assign_case(actor=office.manager, case_id=case.pk, investigator=author)
    cases.assign_case(actor=office.manager, case_id=case.pk, investigator=office.investigator)
    with pytest.raises(DomainError):
        cases.start_investigation(actor=office.other, case_id=case.pk)
    cases.start_investigation(actor=office.investigator, case_id=case.pk)
    cases.propose_decision(
        actor=office.investigator, case_id=case.pk, outcome="irregularity", reasons="It was late."
    )
    allowed = {office.other, office.manager, office.second_manager}
    everybody = (*allowed, office.investigator, author, office.provider_user, office.world.case_worker)
    for who in everybody:
        sid = transaction.savepoint()
        if who in allowed:
            assert cases.decide(actor=who, case_id=case.pk, reason="Yes.").state == "irregularity"
        else:
            with pytest.raises(DomainError, match="not_allowed"):
                cases.decide(actor=who, case_id=case.pk, reason="Yes.")
        transaction.savepoint_rollback(sid)
    for who in (office.investigator, author):
        with pytest.raises(IntegrityError), transaction.atomic():
            Case.objects.filter(pk=case.pk).update(decided_by=who)
    with pytest.raises(DomainError, match="changed_since"):
        cases.decide(actor=office.other, case_id=case.pk, reason="Yes.", shown="refuted")
    assert cases.send_back(actor=office.other, case_id=case.pk, reason="Why?").state == "investigating"


def test_refuted_lifts_holds_in_the_same_moment(office: Office) -> None:
    made = [booking for _, booking in office.house.accepted(2)]
    case = office.case(*made, action="H")
    assert holds.open_holds().count() == 2
    office.decided(case, "refuted")
    assert not holds.open_holds().exists()
    assert set(Measure.objects.values_list("state", flat=True)) == {"lifted"}
    assert list(Letter.objects.order_by("pk").values_list("kind", flat=True)) == ["hold", "lifted", "apology"]
    letter = Letter.objects.get(kind="hold")
    assert "D17" in letter.bodies["en"]
    assert letter.bodies["fr"] != letter.bodies["en"]


def test_nothing_is_in_force_without_notice_and_ten_days_or_two_signatures(office: Office) -> None:
    ((_, booking),) = office.house.accepted(1)
    case = office.decided(office.case(booking))
    with pytest.raises(DomainError, match="rights_first"):
        measures.put_in_force(
            actor=office.manager, measure_id=office.notified(case, "termination").pk, reason="now"
        )
    office.restored(case)
    measure = office.proposed(case, "blacklist_entity")
    with pytest.raises(DomainError, match="not_allowed"):
        measures.put_in_force(actor=office.manager, measure_id=measure.pk, reason="now")
    measures.notify_measure(actor=office.investigator, measure_id=measure.pk)
    measure.refresh_from_db()
    assert measure.answer_due_at is not None
    assert measure.answer_due_at - clock.now() >= timedelta(days=10)
    with pytest.raises(DomainError, match="too_early"):
        measures.put_in_force(actor=office.manager, measure_id=measure.pk, reason="now")
    # The same rule stands in the database, whoever writes.
    with pytest.raises(IntegrityError, match="measure_heard_or_urgent"), transaction.atomic():
        Measure.objects.filter(pk=measure.pk).update(in_force_at=clock.now())
    for first, second in product((office.manager, office.investigator, office.provider_user), repeat=2):
        sid = transaction.savepoint()
        fits = second == office.manager and first == office.investigator
        if fits:
            done = measures.impose_measure(
                actor=second, measure_id=measure.pk, urgency="They move money.", urgent_by=first
            )
            assert (done.state, done.hearing_due_at is not None) == ("in_force", True)
            measures.answer_measure(actor=office.provider_user, measure_id=measure.pk, answer="We do not.")
            kept = measures.hold_hearing(
                actor=office.second_manager, measure_id=measure.pk, minutes="They did not.", keep=False
            )
            assert (kept.state, kept.entries.get().ended_at is not None) == ("lifted", True)
        else:
            with pytest.raises(DomainError, match="not_allowed"):
                measures.impose_measure(
                    actor=second, measure_id=measure.pk, urgency="They move money.", urgent_by=first
                )
        transaction.savepoint_rollback(sid)
    office.hand.move(measure.answer_due_at)
    with pytest.raises(DomainError, match="not_allowed"):
        measures.put_in_force(actor=office.investigator, measure_id=measure.pk, reason="now")
    with pytest.raises(DomainError, match="too_late"):
        measures.answer_measure(actor=office.provider_user, measure_id=measure.pk, answer="Wait.")
    assert (
        measures.put_in_force(actor=office.manager, measure_id=measure.pk, reason="now").state == "in_force"
    )


def test_measures_before_a_decision_only_stop_things(office: Office) -> None:
    ((_, booking),) = office.house.accepted(1)
    case = office.case(booking)
    for kind in ("restitution", "clawback", "termination", "blacklist_entity", "referral"):
        with pytest.raises(DomainError, match="not_decided"):
            office.proposed(case, kind, amounts={booking.pk: 1})
    assert office.notified(case, "hold").scope == "provider"
    suspended = office.notified(case, "suspension")
    measures.impose_measure(
        actor=office.manager, measure_id=suspended.pk, urgency="New sessions.", urgent_by=office.investigator
    )
    (accreditation,) = office.provider.accreditations.all()
    assert accreditation.state == "suspended"
    measures.lift_measure(actor=office.other, measure_id=suspended.pk, reason="Heard.")
    accreditation.refresh_from_db()
    assert accreditation.state == "accredited"


def test_an_appeal_is_decided_by_who_had_no_part_and_may_undo_a_part(office: Office) -> None:
    made = [booking for _, booking in office.house.accepted(2)]
    office.house.validated(*made)
    for booking in made:
        office.house.pay(office.house.approved(booking))
    case = office.decided(office.case(*made), "irregularity")
    office.restored(case)
    measure = office.in_force(case, "clawback", amounts={each.pk: 50_000 for each in made})
    with pytest.raises(DomainError):
        appeals.lodge_appeal(actor=office.world.payer, measure_id=measure.pk, appeal="No.")
    appeals.lodge_appeal(actor=office.provider_user, measure_id=measure.pk, appeal="One was in order.")
    first, second = measure.effects.order_by("pk")
    for who in (office.manager, office.investigator, office.other):
        with pytest.raises(DomainError, match="not_allowed"):
            appeals.uphold(actor=who, measure_id=measure.pk, reason="It stays.")
    with pytest.raises(DomainError, match="incomplete"):
        appeals.vary(
            actor=office.second_manager, measure_id=measure.pk, reason="All.", undone=[first.pk, second.pk]
        )
    appeals.vary(actor=office.second_manager, measure_id=measure.pk, reason="One.", undone=[first.pk])
    states = list(case.bookings.order_by("pk").values_list("booking__receivables__state", flat=True))
    assert states == ["written_off", "demanded"]


def test_questions_wait_and_come_back_and_nobody_else_answers(office: Office) -> None:
    ((_, booking),) = office.house.accepted(1)
    case = office.case(booking)
    question = questions.ask_provider(actor=office.investigator, case_id=case.pk, text="Who taught?")
    case.refresh_from_db()
    assert (case.state, case.waiting_until) == ("waiting_evidence", question.due_at)
    with pytest.raises(DomainError, match="not_allowed"):
        questions.answer_question(actor=office.world.payer, question_id=question.pk, text="I.")
    questions.answer_question(actor=office.provider_user, question_id=question.pk, text="Our trainer.")
    case.refresh_from_db()
    assert case.state == "investigating"
    late = questions.ask_provider(actor=office.investigator, case_id=case.pk, text="Where?")
    office.hand.move(late.due_at)
    assert (cases.end_waits(), cases.end_waits()) == (1, 0)
    with pytest.raises(DomainError, match="too_late"):
        questions.answer_question(actor=office.provider_user, question_id=late.pk, text="There.")


def test_the_file_and_the_dossier_show_what_was_changed(office: Office) -> None:
    ((_, booking),) = office.house.accepted(1)
    case = office.case(booking)
    cases.add_note(actor=office.investigator, case_id=case.pk, text="=cmd()")
    archive = dossiers.make_dossier(actor=office.manager, case_id=case.pk)
    assert list(dossiers.faults_of(io.BytesIO(archive))) == []
    altered = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(altered, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "data/records.json":
                content = content.replace(b"=cmd()", b"=cmd(1)")
            if name != "data/case.json":
                target.writestr(name, content)
        target.writestr("more.txt", "more")
    found = list(dossiers.faults_of(altered))
    assert found == ["data/case.json is missing", "more.txt was added", "data/records.json was changed"]
    assert list(dossiers.faults_of(io.BytesIO(b"no"))) == ["not a dossier: BadZipFile"]
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        CaseRecord.objects.filter(number=1).update(text="x")
    row = CaseRecord.objects.latest("pk")
    row.pk, row.number, row.text = None, row.number + 1, "forged"
    row.save(force_insert=True)
    assert list(case_file.faults(case)) != []
