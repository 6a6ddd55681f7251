"""What the random control says: only about what nobody had named, with an interval, and nothing from too few."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fraud.detection.runs import DayResult
from fraud.models import LearnerSurvey
from fraud.services import alerts, questions
from fraud.tuning import control
from funding.models import Booking
from ila.core import clock
from tests.fraud.casework.office import found
from tests.fraud.tuning.workshop import Workshop

pytestmark = pytest.mark.django_db


def answered(shop: Workshop, *answers: str) -> list[Booking]:
    """Learners drawn by lot, who say this."""
    made = []
    for answer in answers:
        learner = shop.world.make_learner()
        booking = shop.world.accepted(learner)
        (survey,) = questions.ask_at_random(actor=shop.proposer, booking_ids=[booking.pk])
        if answer:
            user = learner.citizen.user
            assert user is not None
            questions.answer_survey(actor=user, survey_id=survey.pk, answer=answer, said="")
        made.append(booking)
    return made


def name_it(booking: Booking, detector: str = "D17", action: str = "R") -> None:
    day = clock.now().date()
    what = found(detector, str(booking.provider_id), [booking], day=day, action=action)
    alerts.store_day(result=DayResult(day, alerts=[what]))


def test_wilson_is_the_interval_of_the_books() -> None:
    # Newcombe 1998, table I.
    assert [round(each, 4) for each in control.wilson(81, 263)] == [0.2553, 0.3662]
    assert [round(each, 4) for each in control.wilson(15, 148)] == [0.0624, 0.1605]
    assert [round(each, 4) for each in control.wilson(0, 20)] == [0.0, 0.1611]
    assert control.wilson(0, 0) == (0.0, 1.0)


def test_only_what_nobody_had_named_counts(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.hand.move(clock.now() + timedelta(minutes=1))
    named = shop.world.accepted(shop.world.make_learner())
    name_it(named)
    shop.hand.move(clock.now() + timedelta(minutes=1))
    questions.ask_at_random(actor=shop.proposer, booking_ids=[named.pk])
    user = named.account.citizen.user
    assert user is not None
    questions.answer_survey(
        actor=user, survey_id=LearnerSurvey.objects.get().pk, answer="not_taught", said=""
    )
    made = answered(shop, "confirmed", "not_taught", "other", "")
    # What the answer itself sets off was not known before it.
    shop.hand.move(clock.now() + timedelta(minutes=1))
    name_it(made[1], detector="D03")
    said = control.look()
    assert (said.asked, said.answered, said.contradicted) == (5, 4, 2)
    assert (said.unnamed, said.found, said.is_enough, said.money) == (3, 1, False, [])
    monkeypatch.setattr(control, "LEAST_ANSWERS", 3)
    (money,) = control.look().money
    public = sum(
        each.amount_cents
        for booking in made
        if booking != made[1]
        for each in booking.allocations.exclude(source="learner")
    )
    assert money.unnamed_cents == public
    assert money.likely_cents == round(public / 3)
    assert money.low_cents < money.likely_cents < money.high_cents < public
