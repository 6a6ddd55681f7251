"""Who completed a training is asked about it, and nobody else."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.test import Client

from catalogue.models import SurveyInvitation, SurveyResult
from catalogue.services.surveys import (
    answer_survey,
    close_invitations,
    invite_completer,
    publish_results,
    send_due_invitations,
)
from funding import tasks
from funding.services import bookings, surveys
from ila.core import clock
from ila.core.errors import DomainError
from tests.pages.support import Scene, make_scene, validated_booking
from tests.support.world import ENDS, MONDAY

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene() -> Scene:
    return make_scene()


def test_a_validated_training_is_asked_about_once(scene: Scene) -> None:
    booking = validated_booking(scene)
    with clock.at(ENDS + timedelta(days=1)):
        assert surveys.invite_completers(since=MONDAY) == 2
        assert surveys.invite_completers(since=MONDAY) == 0
        assert tasks.invite_to_surveys(0) == {"invited": 0}
    assert {one.citizen for one in SurveyInvitation.objects.all()} == {scene.learner.citizen}
    assert {str(one.source) for one in SurveyInvitation.objects.all()} == {str(booking.public_id)}


def test_a_training_under_way_is_not_asked_about(scene: Scene) -> None:
    with clock.at(MONDAY):
        scene.world.accepted(scene.learner)
        assert surveys.invite_completers(since=MONDAY - timedelta(days=30)) == 0
    assert not SurveyInvitation.objects.exists()


def test_what_is_long_over_is_left_alone(scene: Scene) -> None:
    validated_booking(scene)
    with clock.at(ENDS + timedelta(days=90)):
        assert tasks.invite_to_surveys(0) == {"invited": 0}


def test_what_was_asked_is_closed_when_a_dispute_is_upheld(scene: Scene) -> None:
    booking = validated_booking(scene)
    with clock.at(ENDS + timedelta(days=1)):
        surveys.invite_completers(since=MONDAY)
        assert send_due_invitations() == 1
        end = SurveyInvitation.objects.get(kind="end")
        answer_survey(public_id=end.public_id, rating=1)
        bookings.deny_consent(actor=scene.learner.user, booking_id=booking.pk)
        assert not SurveyInvitation.objects.exclude(closed_at=None).exists(), "a dispute alone closes nothing"
        bookings.resolve_dispute(
            actor=scene.case_worker, booking_id=booking.pk, upheld=True, reason="Never held"
        )
        assert not SurveyInvitation.objects.filter(closed_at=None).exists()
        later = SurveyInvitation.objects.get(kind="outcome")
    with clock.at(later.due_at + timedelta(hours=1)):
        assert send_due_invitations() == 0
        with pytest.raises(DomainError, match="too_late"):
            answer_survey(public_id=later.public_id, rating=5)
        assert surveys.invite_completers(since=MONDAY) == 0
        page = Client().get(f"/survey/{later.public_id}/")
        assert page.status_code == 200
        assert b'name="rating"' not in page.content


def test_answers_of_closed_invitations_are_not_counted(scene: Scene) -> None:
    with clock.at(ENDS):
        entry = scene.world.credential
        sources = [uuid.uuid4() for _ in range(6)]
        for source in sources:
            learner = scene.world.make_learner()
            invite_completer(source=source, citizen=learner.citizen, micro_credential=entry, ended_at=ENDS)
        for one in SurveyInvitation.objects.filter(kind="end"):
            answer_survey(public_id=one.public_id, rating=5)
        assert close_invitations(sources=sources[:2]) == 4
        assert close_invitations(sources=sources[:2]) == 0
        assert publish_results() == 0, "four answers that count are too few"
        learner = scene.world.make_learner()
        invite_completer(source=uuid.uuid4(), citizen=learner.citizen, micro_credential=entry, ended_at=ENDS)
        fifth = SurveyInvitation.objects.get(kind="end", citizen=learner.citizen)
        answer_survey(public_id=fifth.public_id, rating=5)
        assert publish_results() == 1
        assert SurveyResult.objects.get().answers == 5
