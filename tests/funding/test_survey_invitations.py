"""Who completed a training is asked about it, and nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from catalogue.models import SurveyInvitation
from funding import tasks
from funding.services import surveys
from ila.core import clock
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
