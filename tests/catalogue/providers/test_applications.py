"""Applications: what is asked, who may write, what is flagged, terms, questions, decisions, waiting times."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Message
from accounts.services import service_users
from catalogue import regimes
from catalogue.models import Accreditation, Application, Audit, Provider
from catalogue.selectors import applications as selected
from catalogue.services import accreditations, application_reviews, applications, audits
from ila.core import clock
from ila.core.errors import DomainError
from tests.catalogue.providers import files
from tests.catalogue.providers.desk import IBAN, OTHER_IBAN, OTHER_SIRET, SIRET, Desk
from tests.factories.accounts import MembershipFactory

Hand = clock.VirtualClock
JUNE = datetime(2026, 6, 1, 8, tzinfo=UTC)


def refused(code: str, run: Any, **kwargs: Any) -> DomainError:
    with pytest.raises(DomainError) as refusal:
        run(**kwargs)
    assert refusal.value.code == code, refusal.value
    return refusal.value


def mails(user: Any) -> list[str]:
    return list(Message.objects.filter(recipient=user).order_by("pk").values_list("template", flat=True))


def test_one_draft_of_an_organisation_is_gone_on_with(desk: Desk) -> None:
    first = applications.start_application(actor=desk.applicant, organisation=desk.organisation)
    assert applications.start_application(actor=desk.applicant, organisation=desk.organisation) == first
    refused(
        "not_allowed",
        applications.start_application,
        actor=desk.case_worker,
        organisation=desk.case_worker.memberships.get().organisation,
    )
    refused(
        "not_allowed", applications.start_application, actor=desk.case_worker, organisation=desk.organisation
    )


def test_each_thing_that_is_missing_is_said_and_nothing_is_handed_in(desk: Desk) -> None:
    one = applications.start_application(actor=desk.applicant, organisation=desk.organisation)
    codes = [code for _, code in selected.missing(one)]
    assert codes == [
        *("identity", "contact", "establishment", "director", "account", "partners_unsaid", "trainer"),
        "declaration",
    ]
    error = refused("incomplete", applications.hand_in, actor=desk.applicant, application_id=one.pk)
    assert error.params["what"] == "identity"
    assert not Provider.objects.exists()


def test_f34_the_terms_begin_with_the_submission(desk: Desk) -> None:
    one = desk.handed_in()
    assert one.provider is not None
    assert one.admissibility_due_at is not None
    assert one.decision_due_at is not None
    calendar = one.provider.namespace.calendar
    # Eleven working days after Monday 1 June 2026; two months. Both to the end of their day in Paris.
    assert calendar.local_date(one.admissibility_due_at - timedelta(seconds=1)) == date(2026, 6, 16)
    assert calendar.local_date(one.decision_due_at - timedelta(seconds=1)) == date(2026, 8, 1)
    assert one.state == "submitted"
    assert one.provider.organisation is None, "nobody acts for a provider before it is accredited"
    assert mails(desk.applicant) == ["application_received"]


def test_nobody_writes_in_anothers_application_or_after_it_is_handed_in(desk: Desk) -> None:
    one = desk.handed_in()
    rival = Desk.made("Rival")
    row: dict[str, Any] = {"full_name": "X", "subject": "Y", "qualification": "Z", "certified": False}
    told: dict[str, Any] = {"application_id": one.pk, "step": "trainers", "values": row}
    refused("not_allowed", applications.add_row, actor=rival.applicant, **told)
    refused("not_allowed", applications.add_row, actor=desk.applicant, **told)
    refused("not_allowed", applications.hand_in, actor=desk.applicant, application_id=one.pk)
    refused(
        "not_allowed",
        applications.save_account,
        actor=rival.applicant,
        application_id=one.pk,
        iban=IBAN,
        holder="Rival",
    )
    service = service_users.get("demo")
    refused("not_allowed", applications.add_row, actor=service, **told)
    paper: dict[str, Any] = {
        "application_id": one.pk,
        "kind": "other",
        "name": "a.pdf",
        "content": files.pdf(),
    }
    refused("not_allowed", applications.add_document, actor=desk.applicant, **paper)


def test_a_number_is_accredited_once(desk: Desk) -> None:
    desk.accredited()
    rival = Desk.made("Rival")
    refused("duplicate", rival.handed_in)
    refused("duplicate", desk.handed_in)


def test_two_who_have_drafted_one_number_are_not_both_heard(desk: Desk) -> None:
    rival = Desk.made("Rival")
    draft = rival.filled()
    desk.handed_in()
    refused("duplicate", applications.hand_in, actor=rival.applicant, application_id=draft.pk)


def test_the_draft_that_an_import_left_is_taken_up(desk: Desk) -> None:
    provider = Provider.objects.create(
        register="siret", external_id=SIRET, country="FR", time_zone="Europe/Paris"
    )
    accreditations.apply_for_accreditation(
        actor=service_users.get("catalogue-import"), provider=provider, authority="Qualiopi"
    )
    one = desk.handed_in()
    assert one.provider == provider
    assert Accreditation.objects.get().state == "submitted"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"holder": "Nearly Atelier du Rhône"}, "payee_close_match"),
        ({"holder": "A stranger"}, "payee_no_match"),
        ({"holder": "Unknown"}, "payee_not_possible"),
        ({"holder": "Somebody else"}, "holder"),
        ({"legal_name": "Аtelier du Rhône"}, "alphabets"),
        ({"legal_name": "Institut dе Lyon SARL"}, "lookalike"),
        ({"iban": OTHER_IBAN}, "shared_account"),
    ],
)
def test_what_is_doubtful_is_flagged(desk: Desk, changes: dict[str, Any], code: str) -> None:
    other = Desk.made("Institut de Lyon")
    other.accredited(number=OTHER_SIRET, iban=OTHER_IBAN)
    one = desk.handed_in(**changes)
    assert code in {flag["code"] for flag in one.flags}


def test_nothing_doubtful_is_no_flag(desk: Desk) -> None:
    Desk.made("Institut de Lyon").accredited(number=OTHER_SIRET, iban=OTHER_IBAN)
    assert desk.handed_in().flags == []


def test_people_of_a_provider_that_lost_its_accreditation_are_flagged(desk: Desk, hand: Hand) -> None:
    provider = Desk.made("Gone").accredited(number=OTHER_SIRET, iban=OTHER_IBAN)
    audits.withdraw(actor=desk.manager, accreditation_id=provider.accreditations.get().pk, reason="Fraud")
    found = [flag for flag in desk.handed_in().flags if flag["code"] == "known_person"]
    assert [flag["detail"] for flag in found] == ["Claude Moreau", "Dominique Petit"]


PARTNER: dict[str, Any] = {
    "kind": "subcontractor",
    "name": "Helper",
    "number": OTHER_SIRET,
    "task": "Welding",
    "contract_signed_on": date(2026, 1, 1),
    "amount_cents": 8_000_000,
}


def test_f35_at_most_80_percent_is_subcontracted(desk: Desk) -> None:
    draft = desk.filled(partners=[{**PARTNER, "amount_cents": 8_000_001}])
    error = refused("not_allowed", applications.hand_in, actor=desk.applicant, application_id=draft.pk)
    assert (error.rule, error.params["reason"]) == ("F-35", "share")
    row = draft.partners.get()
    told: dict[str, Any] = {"actor": desk.applicant, "application_id": draft.pk, "step": "partners"}
    applications.remove_row(**told, row_id=row.pk)
    refused("not_found", applications.remove_row, **told, row_id=row.pk)
    applications.add_row(**told, values=PARTNER)
    assert applications.hand_in(actor=desk.applicant, application_id=draft.pk).state == "submitted"


def test_f35_a_delisted_provider_is_no_subcontractor(desk: Desk) -> None:
    gone = Desk.made("Helper").accredited(number=OTHER_SIRET)
    draft = desk.filled(partners=[PARTNER])
    audits.withdraw(actor=desk.manager, accreditation_id=gone.accreditations.get().pk, reason="Fraud")
    error = refused("not_allowed", applications.hand_in, actor=desk.applicant, application_id=draft.pk)
    assert error.params["reason"] == "delisted"
    refused(
        "not_allowed",
        applications.add_row,
        actor=desk.applicant,
        application_id=draft.pk,
        step="partners",
        values={**PARTNER, "number": "44306184100047 ", "name": "Again"},
    )


def test_most_trainers_are_certified_where_the_regime_asks_for_it(desk: Desk) -> None:
    own: dict[str, Any] = {"register": "ila", "country": "SG", "number": "T08LL1234A", "trainers": 5}
    refused("incomplete", desk.filled, **own, certified=3)


def test_four_of_five_trainers_are_enough(desk: Desk) -> None:
    own: dict[str, Any] = {"register": "ila", "country": "SG", "number": "T08LL1234A", "trainers": 5}
    assert selected.missing(desk.filled(**own, certified=4)) == []


def test_an_incomplete_file_ends_and_a_new_one_may_come_at_once(desk: Desk) -> None:
    one = desk.handed_in()
    refused(
        "incomplete",
        application_reviews.declare_inadmissible,
        actor=desk.case_worker,
        application_id=one.pk,
        reason=" ",
    )
    application_reviews.declare_inadmissible(actor=desk.case_worker, application_id=one.pk, reason="No lease")
    assert Application.objects.get().state == "refused"
    assert mails(desk.applicant)[-1] == "application_inadmissible"
    assert desk.handed_in().state == "submitted"


def test_a_question_stops_the_term_of_the_decision(desk: Desk, hand: Hand) -> None:
    one = desk.handed_in()
    due = one.decision_due_at
    assert one.provider is not None
    assert due is not None
    application_reviews.admit(actor=desk.case_worker, application_id=one.pk)
    question = application_reviews.ask(actor=desk.case_worker, application_id=one.pk, text="Which room?")
    hand.move(JUNE + timedelta(days=100))
    assert not selected.overdue(clock.now()).exists()
    (row,) = selected.queue_rows(selected.queue())
    assert (row.due_at, row.waits) == (None, True)
    refused(
        "not_allowed", application_reviews.answer, actor=desk.case_worker, question_id=question.pk, text="x"
    )
    paper: dict[str, Any] = {
        "application_id": one.pk,
        "kind": "other",
        "name": "a.pdf",
        "content": files.pdf("new"),
    }
    applications.add_document(actor=desk.applicant, **paper)
    application_reviews.answer(actor=desk.applicant, question_id=question.pk, text="The big one")
    one.refresh_from_db()
    assert one.waiting_since is None
    # Asked on 1 June and answered on 9 September: 100 days later, to the end of that day in Paris, in winter time.
    calendar = one.provider.namespace.calendar
    assert calendar.local_date(due - timedelta(seconds=1)) == date(2026, 8, 1)
    assert one.decision_due_at == calendar.end_of_day(date(2026, 11, 9))
    assert mails(desk.case_worker) == ["application_answered"]


def test_overdue_applications_are_told_once(desk: Desk, hand: Hand) -> None:
    one = desk.handed_in()
    assert one.admissibility_due_at
    hand.move(one.admissibility_due_at - timedelta(seconds=1))
    assert application_reviews.tell_overdue() == 0
    hand.move(one.admissibility_due_at)
    assert application_reviews.tell_overdue() == 1
    assert application_reviews.tell_overdue() == 0
    assert mails(desk.manager) == ["application_overdue"]
    (row,) = selected.queue_rows(selected.queue())
    assert row.overdue


def test_two_persons_accredit(desk: Desk) -> None:
    one = desk.recommended()
    decision: dict[str, Any] = {
        "application_id": one.pk,
        "reason": "Good",
        "valid_from": date(2026, 6, 1),
        "valid_until": None,
    }
    error = refused("not_allowed", application_reviews.accredit, actor=desk.case_worker, **decision)
    assert error.params["reason"] == "same_person"
    refused("incomplete", application_reviews.accredit, actor=desk.manager, **(decision | {"reason": ""}))
    refused("not_allowed", application_reviews.accredit, actor=desk.applicant, **decision)
    refused("not_allowed", application_reviews.accredit, actor=service_users.get("demo"), **decision)
    application_reviews.accredit(actor=desk.manager, **decision)
    provider = Provider.objects.get()
    assert (provider.organisation, provider.iban, provider.city) == (desk.organisation, IBAN, "Lyon")
    assert provider.name == "Atelier du Rhône"
    assert [audit.planned_on for audit in Audit.objects.all()] == [date(2027, 10, 1)]
    refused("not_allowed", application_reviews.accredit, actor=desk.manager, **decision)


def test_nothing_is_recommended_with_a_point_open_or_not_met(desk: Desk) -> None:
    one = desk.handed_in()
    told: dict[str, Any] = {"actor": desk.case_worker, "application_id": one.pk}
    refused("not_allowed", application_reviews.mark_point, **told, point="identity", outcome="met")
    application_reviews.admit(**told)
    recommend: dict[str, Any] = {"recommendation": "accredit", "reason": "Good"}
    refused("incomplete", application_reviews.recommend, **told, **recommend)
    refused("not_allowed", application_reviews.mark_point, **told, point="unheard", outcome="met")
    refused("incomplete", application_reviews.mark_point, **told, point="means", outcome="not_met")
    for point in regimes.regime_of("siret").points:
        application_reviews.mark_point(**told, point=point, outcome="met")
    application_reviews.mark_point(**told, point="means", outcome="not_met", note="No machines")
    error = refused("not_allowed", application_reviews.recommend, **told, **recommend)
    assert error.params["reason"] == "not_met"
    application_reviews.mark_point(**told, point="means", outcome="met")
    question = application_reviews.ask(**told, text="Why?")
    refused("not_allowed", application_reviews.recommend, **told, **recommend)
    application_reviews.answer(actor=desk.applicant, question_id=question.pk, text="Because")
    application_reviews.recommend(**told, **recommend)
    application_reviews.ask(**told, text="And?")
    decision: dict[str, Any] = {
        "application_id": one.pk,
        "reason": "Good",
        "valid_from": date(2026, 6, 1),
        "valid_until": None,
    }
    error = refused("not_allowed", application_reviews.accredit, actor=desk.manager, **decision)
    assert error.params["reason"] == "question_open"


def test_s17_a_grade_is_given_and_the_worst_is_not_accredited(desk: Desk) -> None:
    own: dict[str, Any] = {"register": "ila", "country": "SG", "number": "T08LL1234A"}
    one = desk.recommended(**own)
    decision: dict[str, Any] = {
        "application_id": one.pk,
        "reason": "Good",
        "valid_from": date(2026, 6, 1),
        "valid_until": None,
    }
    refused("incomplete", application_reviews.accredit, actor=desk.manager, **decision)
    error = refused("not_allowed", application_reviews.accredit, actor=desk.manager, **decision, grade=3)
    assert error.rule == "S-17"
    application_reviews.accredit(actor=desk.manager, **decision, grade=2)
    assert Accreditation.objects.get().grade == 2


@pytest.mark.parametrize("how", ["refused", "withdrawn"])
def test_s17_one_waits_twelve_months_after_a_refusal_or_a_withdrawal(
    desk: Desk, hand: Hand, how: str
) -> None:
    if how == "refused":
        one = desk.recommended("refuse")
        application_reviews.refuse(actor=desk.manager, application_id=one.pk, reason="No capacity")
    else:
        accreditation = desk.accredited().accreditations.get()
        audits.withdraw(actor=desk.manager, accreditation_id=accreditation.pk, reason="Fraud")
    hand.move(datetime(2027, 5, 31, 12, tzinfo=UTC))
    draft = desk.filled()
    error = refused("too_early", applications.hand_in, actor=desk.applicant, application_id=draft.pk)
    assert error.params["until"] == "2027-06-01"
    hand.move(datetime(2027, 5, 31, 22, tzinfo=UTC))
    assert applications.hand_in(actor=desk.applicant, application_id=draft.pk).state == "submitted"


def test_notices_before_the_end_go_out_once(desk: Desk, hand: Hand) -> None:
    desk.accredited()
    ends = datetime(2029, 5, 31, 10, tzinfo=UTC)
    told = []
    for days in (91, 90, 89, 30, 8, 7, 6, 0):
        hand.move(ends - timedelta(days=days))
        told.append((days, audits.send_end_notices(), audits.send_end_notices()))
    assert told == [
        (91, 0, 0),
        (90, 1, 0),
        (89, 0, 0),
        (30, 1, 0),
        (8, 0, 0),
        (7, 1, 0),
        (6, 0, 0),
        (0, 0, 0),
    ]
    hand.move(ends + timedelta(days=1))
    assert audits.send_end_notices() == 0
    assert mails(desk.applicant).count("accreditation_ends") == 3


def test_a_missed_notice_is_made_up_for_by_the_nearest(desk: Desk, hand: Hand) -> None:
    desk.accredited()
    hand.move(datetime(2029, 5, 20, tzinfo=UTC))
    assert audits.send_end_notices() == 1
    assert audits.send_end_notices() == 0


def test_a_renewal_moves_the_last_day(desk: Desk, hand: Hand) -> None:
    accreditation = desk.accredited().accreditations.get()
    told: dict[str, Any] = {"actor": desk.case_worker, "accreditation_id": accreditation.pk}
    audit = audits.plan_audit(**told, kind="renewal", planned_on=date(2029, 3, 1))
    hand.move(datetime(2029, 3, 2, tzinfo=UTC))
    result: dict[str, Any] = {"actor": desk.case_worker, "audit_id": audit.pk, "held_on": date(2029, 3, 1)}
    refused("incomplete", audits.record_audit, **result, outcome="minor")
    refused("invalid", audits.record_audit, **(result | {"held_on": date(2029, 3, 3)}), outcome="passed")
    audits.record_audit(**result, outcome="passed")
    accreditation.refresh_from_db()
    assert accreditation.valid_until == date(2032, 5, 31)
    refused("not_allowed", audits.record_audit, **result, outcome="passed")


def test_a_major_finding_renews_nothing_and_suspension_is_told(desk: Desk) -> None:
    accreditation = desk.accredited().accreditations.get()
    told: dict[str, Any] = {"actor": desk.case_worker, "accreditation_id": accreditation.pk}
    refused("invalid", audits.plan_audit, **told, kind="renewal", planned_on=date(2026, 5, 31))
    audit = audits.plan_audit(**told, kind="renewal", planned_on=date(2026, 6, 1))
    result: dict[str, Any] = {"actor": desk.case_worker, "audit_id": audit.pk, "held_on": date(2026, 6, 1)}
    audits.record_audit(**result, outcome="major", findings="No trainers")
    accreditation.refresh_from_db()
    assert accreditation.valid_until == date(2029, 5, 31)
    audits.suspend(**told, reason="Major findings")
    refused("not_allowed", audits.suspend, **told, reason="Again")
    audits.resume(**told, reason="Cured")
    audits.withdraw(**told, reason="Relapse")
    refused("not_allowed", audits.plan_audit, **told, kind="renewal", planned_on=date(2026, 7, 1))
    assert mails(desk.applicant)[-3:] == ["accreditation_changed"] * 3
    officer = MembershipFactory.create(role="payment_officer").user
    refused(
        "not_allowed",
        audits.plan_audit,
        **(told | {"actor": officer}),
        kind="renewal",
        planned_on=date(2026, 7, 1),
    )
