"""Invited once, mailed when due, answered once, published from five on."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.db import DatabaseError, IntegrityError, transaction

from accounts.models import Citizen, Message
from accounts.services import delivery
from catalogue.models import MicroCredential, SurveyAnswer, SurveyInvitation, SurveyResult
from catalogue.selectors import feedback
from catalogue.services import surveys
from ila.core import clock
from ila.core.errors import DomainError
from tests.factories.accounts import CitizenFactory
from tests.factories.catalogue import MicroCredentialFactory
from tests.support.queries import captured_queries

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
ENDED = NOW - timedelta(days=1)


@pytest.fixture
def entry() -> MicroCredential:
    return MicroCredentialFactory.create(title="Welding")


def invite(entry: MicroCredential, citizen: Citizen | None = None) -> int:
    return surveys.invite_completer(
        source=uuid.uuid4(),
        citizen=citizen or CitizenFactory.create(),
        micro_credential=entry,
        ended_at=ENDED,
    )


def complete(entry: MicroCredential, count: int, *, rating: int = 4) -> None:
    """So many completers answer the first survey."""
    for _ in range(count):
        citizen = CitizenFactory.create()
        invite(entry, citizen)
        one = SurveyInvitation.objects.get(citizen=citizen, kind="end")
        surveys.answer_survey(public_id=one.public_id, rating=rating)


def test_a_completer_is_asked_twice_however_often_it_is_told(entry: MicroCredential) -> None:
    with clock.at(NOW):
        citizen = CitizenFactory.create()
        assert invite(entry, citizen) == 2
        assert invite(entry, citizen) == 0, "another booking of the same entry is not asked about again"
        assert invite(MicroCredentialFactory.create(), citizen) == 2
    end, outcome = SurveyInvitation.objects.filter(micro_credential=entry).order_by("due_at")
    assert (end.kind, end.due_at) == ("end", NOW)
    assert (outcome.kind, outcome.due_at) == ("outcome", ENDED + timedelta(days=182))


def test_a_mail_goes_out_when_it_is_due_and_once(entry: MicroCredential, settings: object) -> None:
    with clock.at(NOW) as hand:
        invite(entry)
        assert surveys.send_due_invitations() == 1
        assert surveys.send_due_invitations() == 0
        message = Message.objects.get()
        assert message.template == "survey_end"
        delivery.send_waiting()
        [sent] = mail.outbox
        one = SurveyInvitation.objects.get(kind="end")
        assert f"/survey/{one.public_id}/" in sent.body
        assert "Welding" in sent.body
        hand.move(ENDED + timedelta(days=183))
        assert surveys.send_due_invitations() == 1
        delivery.send_waiting()
        assert "Six months" in mail.outbox[-1].subject


def test_whom_nobody_can_write_to_is_not_written_to(entry: MicroCredential) -> None:
    with clock.at(NOW):
        invite(entry, CitizenFactory.create(without_user=True))
        assert surveys.send_due_invitations() == 0
    assert SurveyInvitation.objects.filter(sent_at=None).count() == 2


def test_an_answer_is_given_once_and_in_time(entry: MicroCredential) -> None:
    with clock.at(NOW) as hand:
        invite(entry)
        end = SurveyInvitation.objects.get(kind="end")
        outcome = SurveyInvitation.objects.get(kind="outcome")
        answer = surveys.answer_survey(
            public_id=end.public_id, rating=5, teaching=4, useful=3, situation="seeking"
        )
        assert (answer.teaching, answer.useful, answer.situation) == (4, None, "")
        with pytest.raises(DomainError, match="already_answered"):
            surveys.answer_survey(public_id=end.public_id, rating=1)
        with pytest.raises(DomainError, match="too_early"):
            surveys.answer_survey(public_id=outcome.public_id, rating=1)
        hand.move(outcome.expires_at)
        with pytest.raises(DomainError, match="too_late"):
            surveys.answer_survey(public_id=outcome.public_id, rating=1)
        with pytest.raises(DomainError, match="not_found"):
            surveys.answer_survey(public_id=uuid.uuid4(), rating=1)


def test_the_database_keeps_one_answer_and_its_bounds(entry: MicroCredential) -> None:
    with clock.at(NOW):
        complete(entry, 1)
    answer = SurveyAnswer.objects.get()
    with pytest.raises(DatabaseError), transaction.atomic():
        SurveyAnswer.objects.update(rating=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        SurveyAnswer.objects.create(invitation=answer.invitation, rating=3)
    other = SurveyInvitation.objects.get(kind="outcome")
    with pytest.raises(IntegrityError), transaction.atomic():
        SurveyAnswer.objects.create(invitation=other, rating=6)


def test_results_come_out_in_fives(entry: MicroCredential) -> None:
    with clock.at(NOW):
        complete(entry, 4, rating=5)
        assert surveys.publish_results() == 0
        assert feedback.results_of(entry) == []
        complete(entry, 1, rating=1)
        assert surveys.publish_results() == 1
        assert surveys.publish_results() == 0
        [shown] = feedback.results_of(entry)
        assert (shown["answers"], shown["figures"]["rating"]) == (5, {"n": 5, "value": 4.2})
        complete(entry, 4, rating=1)
        assert surveys.publish_results() == 0, "the difference would be four people"
        assert feedback.results_of(entry)[0]["answers"] == 5
        complete(entry, 1, rating=1)
        assert surveys.publish_results() == 1
        assert feedback.results_of(entry)[0]["figures"]["rating"] == {"n": 10, "value": 2.6}
    assert SurveyResult.objects.count() == 2


def test_a_page_asks_once_for_all_results(entry: MicroCredential) -> None:
    with clock.at(NOW):
        complete(entry, 10)
        surveys.publish_results()
    with captured_queries() as asked:
        feedback.results_of(entry)
    assert len(asked) == 1
