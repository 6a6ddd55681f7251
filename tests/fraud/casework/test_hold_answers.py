"""Holds outside of a case: answered by who is held, decided on by a person, many released at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Message
from fraud import deadlines
from fraud.models import AutomaticHold, HoldAnswer, HoldDecision, ParameterVersion, PaymentScreening
from fraud.services import hold_answers, measures
from fraud.services.hold_answers import File
from funding import audit
from funding.models import Booking, Hold
from funding.services import holds
from ila.core import clock
from ila.core.errors import DomainError
from tests.catalogue.providers.files import picture
from tests.fraud.casework.office import Office
from tests.support.queries import captured_queries

pytestmark = pytest.mark.django_db
BADGE = picture()


@pytest.fixture(autouse=True)
def documents(settings: Any, tmp_path: Path) -> None:
    settings.DOCUMENTS_DIR = tmp_path


def held(office: Office, booking: Booking | None = None, **of: Any) -> Hold:
    """Somebody of the agency stops a booking for 30 days."""
    scope = of or {"booking": booking or office.house.accepted(1)[0][1]}
    return holds.place_hold(
        owner=office.investigator,
        reason="The sheets do not fit.",
        until=clock.now() + timedelta(days=30),
        tell=True,
        **scope,
    )


def placed_by_detection(office: Office, of_booking: Booking | None = None, **of: Any) -> Hold:
    hold = held(office, of_booking)
    assert hold.booking is not None
    screening = PaymentScreening.objects.create(
        day=clock.now().date(), outcome="passed", finished_at=clock.now()
    )
    AutomaticHold.objects.create(
        hold=hold,
        booking=hold.booking,
        screening=screening,
        **{"detector": "D17", "version": 1, "rule": 1, "score": 0.9, "evidence": []} | of,
    )
    return hold


def answered(office: Office, hold: Hold, **given: Any) -> HoldAnswer:
    return hold_answers.answer_hold(
        actor=office.provider_user, hold_id=hold.pk, **{"text": "It was held on another day."} | given
    )


def told(template: str, office: Office) -> list[dict[str, Any]]:
    found = Message.objects.filter(template=template, recipient=office.provider_user).order_by("pk")
    return [each.context for each in found]


def test_an_answer_is_given_once_until_the_end_and_waits_for_a_person(office: Office) -> None:
    hold = held(office)
    assert told("payments_held", office)[0]["number"] == hold.pk
    answer = answered(office, hold, files=[File("sheet.png", BADGE), File("again.png", BADGE)])
    assert [each.name for each in answer.documents.all()] == ["sheet.png"]
    assert told("hold_answered", office)[0]["text"] == "It was held on another day."
    with pytest.raises(DomainError, match="hold_answered"):
        answered(office, hold, text="Once more.")
    for who in (office.investigator, office.other, office.manager):
        assert deadlines.counts_for(who)["answered"] == 1
    (due,) = [each for each in deadlines.due_for(office.other) if each.kind.code == "answered"]
    assert (due.case, due.provider, due.is_late) == (None, office.provider, False)
    assert str(hold.pk) in due.url
    later = clock.now() + timedelta(days=45)
    hold_answers.prolong_hold(
        actor=office.other, hold_id=hold.pk, until=later, reason="We asked the learner."
    )
    assert "answered" not in deadlines.counts_for(office.other)
    assert told("hold_decided", office)[-1]["until"] == later.date().isoformat()
    assert answered(office, hold, text="Once more.").until == later
    assert audit.run().ok


def test_who_is_not_held_answers_nothing(office: Office) -> None:
    hold = held(office)
    stranger = office.world.user_of(office.world.make_provider())
    with pytest.raises(DomainError) as refused:
        hold_answers.answer_hold(actor=stranger, hold_id=hold.pk, text="Mine.")
    assert refused.value.status == 404
    with pytest.raises(DomainError, match="incomplete"):
        answered(office, hold, text="  ")
    with pytest.raises(DomainError, match="bad_file"):
        answered(office, hold, files=[File("x.exe", b"MZ")])
    assert not HoldAnswer.objects.exists()
    office.hand.move(hold.expires_at + timedelta(seconds=1))
    with pytest.raises(DomainError, match="not_allowed"):
        answered(office, hold)


def test_each_of_two_firms_with_one_account_answers_for_itself(office: Office) -> None:
    other = office.world.make_provider(iban=office.provider.iban)
    hold = held(office, iban=office.provider.iban)
    user = office.world.user_of(other)
    assert answered(office, hold).provider == office.provider
    assert hold_answers.answer_hold(actor=user, hold_id=hold.pk, text="We too.").provider == other
    case = hold_answers.open_case(
        actor=office.investigator,
        hold_id=hold.pk,
        typology="shell_network",
        reason="Why one account?",
        provider_id=other.pk,
    )
    assert [each.text for each in case.records.filter(kind="answer")] == ["We too."]


def test_a_hold_is_lifted_with_its_reason_told(office: Office) -> None:
    hold = held(office)
    answered(office, hold)
    with pytest.raises(DomainError, match="incomplete"):
        hold_answers.lift_hold(actor=office.other, hold_id=hold.pk, reason=" ")
    with pytest.raises(DomainError, match="not_allowed"):
        hold_answers.lift_hold(actor=office.provider_user, hold_id=hold.pk, reason="Mine.")
    hold_answers.lift_hold(actor=office.other, hold_id=hold.pk, reason="The sheet shows it.")
    hold.refresh_from_db()
    assert (hold.released_by, hold.stands) == (office.other, False)
    assert told("hold_decided", office)[-1]["reason"] == "The sheet shows it."
    with pytest.raises(DomainError, match="not_allowed"):
        hold_answers.lift_hold(actor=office.other, hold_id=hold.pk, reason="Again.")
    assert HoldDecision.objects.count() == 1
    assert deadlines.counts_for(office.other) == {}


def test_an_end_is_only_ever_later(office: Office) -> None:
    hold = held(office)
    for until in (hold.expires_at, clock.now()):
        with pytest.raises(DomainError, match="incomplete"):
            hold_answers.prolong_hold(actor=office.other, hold_id=hold.pk, until=until, reason="More time.")
    assert not HoldDecision.objects.exists()


def test_a_case_takes_the_answer_with_its_documents_and_lets_go_when_refuted(office: Office) -> None:
    hold, unbooked = held(office), held(office, provider=office.provider)
    answered(office, hold, files=[File("sheet.png", BADGE)])
    case = hold_answers.open_case(
        actor=office.investigator, hold_id=hold.pk, typology="non_delivery", reason="Was it held?"
    )
    assert [each.booking for each in case.bookings.all()] == [hold.booking]
    assert [each.name for each in case.documents.all()] == ["sheet.png"]
    kinds = list(case.records.order_by("number").values_list("kind", flat=True))
    assert kinds == ["opened", "note", "answer", "document"]
    assert told("hold_decided", office)[-1]["reason"] == ""
    with pytest.raises(DomainError, match="in_a_case"):
        hold_answers.open_case(actor=office.other, hold_id=hold.pk, typology="non_delivery", reason="Too.")
    same = hold_answers.open_case(
        actor=office.investigator, hold_id=unbooked.pk, typology="non_delivery", reason="And this."
    )
    assert same == case
    # What is answered from now on is in the file at once, and waits for nobody else.
    answered(office, unbooked, text="Of everything?")
    assert case.records.latest("number").text == "Of everything?"
    assert "answered" not in deadlines.counts_for(office.manager)
    office.taken_up(case)
    office.decided(case, "refuted")
    assert not Hold.objects.filter(released_at=None).exists()
    assert audit.run().ok


def test_a_measure_of_the_case_takes_the_hold_on(office: Office) -> None:
    hold = held(office)
    case = hold_answers.open_case(
        actor=office.investigator, hold_id=hold.pk, typology="non_delivery", reason="Was it held?"
    )
    office.taken_up(case)
    measure = office.notified(case, "hold", amounts={hold.booking_id: None})
    assert measure.effects.get().hold == hold
    for act in (
        lambda: answered(office, hold),
        lambda: hold_answers.lift_hold(actor=office.other, hold_id=hold.pk, reason="Go."),
        lambda: hold_answers.prolong_hold(
            actor=office.other, hold_id=hold.pk, until=clock.now() + timedelta(days=50), reason="More."
        ),
    ):
        with pytest.raises(DomainError, match=r"answer_the_measure|in_a_case"):
            act()
    measures.lift_measure(actor=office.manager, measure_id=measure.pk, reason="All is well.")
    hold.refresh_from_db()
    assert hold.released_at is not None


def test_nobody_decides_on_what_their_own_thresholds_found(office: Office) -> None:
    ParameterVersion.objects.create(
        detector="D17",
        number=2,
        code_version=1,
        parameters={},
        reason="Sooner.",
        proposed_by=office.investigator,
    )
    hold = placed_by_detection(office, rule=2)
    until = clock.now() + timedelta(days=40)
    for act in (
        lambda who: hold_answers.prolong_hold(actor=who, hold_id=hold.pk, until=until, reason="More."),
        lambda who: hold_answers.release_many(actor=who, hold_ids=[hold.pk], reason="Go."),
    ):
        with pytest.raises(DomainError, match="not_allowed") as refused:
            act(office.investigator)
        assert refused.value.params["reason"] == "author_of_the_rule"
        act(office.other)
    again = placed_by_detection(office, rule=2)
    case = hold_answers.open_case(
        actor=office.other, hold_id=again.pk, typology="non_delivery", reason="Was it held?"
    )
    assert case.rule_author_ids == [office.investigator.pk]


def test_many_are_released_at_once_and_twice_is_once(office: Office) -> None:
    found = [held(office) for _ in range(3)]
    ids = [each.pk for each in found]
    holds.release_hold(hold_id=ids[0], actor=office.manager)
    before = len(told("hold_decided", office))
    done = hold_answers.release_many(actor=office.other, hold_ids=ids, reason="One library.")
    assert (done.now, done.before) == (2, 1)
    assert [each["holds"] for each in told("hold_decided", office)[before:]] == [2]
    again = hold_answers.release_many(actor=office.other, hold_ids=ids, reason="One library.")
    assert (again.now, again.before) == (0, 3)
    assert len(told("hold_decided", office)) == before + 1
    assert HoldDecision.objects.count() == 2


def test_what_is_kept_back_is_summed_once(office: Office) -> None:
    (_learner, booking), (_other, unclaimed) = office.house.accepted(2)
    office.house.validated(booking)
    claim = office.house.approved(booking)
    one = held(office, booking)
    wide = held(office, provider=office.provider)
    assert hold_answers.kept_back([one.pk, wide.pk]) == [(claim.currency, claim.amount_cents)]
    assert hold_answers.kept_back([held(office, unclaimed).pk]) == []
    assert hold_answers.kept_back([]) == []


def test_as_many_queries_for_twice_as_many(office: Office) -> None:
    theirs = [booking for _learner, booking in office.house.accepted(4)]
    wanted: list[Booking] = []

    def grow(count: int) -> None:
        wanted.extend(theirs[len(wanted) : len(wanted) + count])

    def release() -> None:
        with transaction.atomic():
            ids = [held(office, each).pk for each in wanted]
            # Placing them one by one is not what is counted.
            with captured_queries() as seen:
                hold_answers.release_many(actor=office.other, hold_ids=ids, reason="All is well.")
        counted.append(len(seen))

    counted: list[int] = []
    for _ in range(2):
        grow(2)
        release()
        release()
    assert counted[1] == counted[3]
