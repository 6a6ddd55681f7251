"""A case, and everything that its pages speak of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from accounts.models import User
from fraud.detection.runs import DayResult
from fraud.models import (
    Alert,
    BackTest,
    BackTestDay,
    BackTestFinding,
    Case,
    CaseQuestion,
    KnownPlace,
    LearnerSurvey,
    Letter,
    Measure,
    ShadowDay,
)
from fraud.services import alerts, back_tests, cases, measures, places, questions, rules
from funding.models import Booking, Hold
from funding.services import holds
from ila.core import clock
from tests.factories.accounts import MembershipFactory
from tests.fraud.casework.office import found
from tests.pages.support import PAYDAY, Scene


@dataclass(frozen=True)
class FraudThings:
    """A case that is being investigated about the provider of a booking, which was announced to be held."""

    case: Case
    alert: Alert
    measure: Measure
    question: CaseQuestion
    survey: LearnerSurvey
    letter: Letter
    place: KnownPlace
    back_test: BackTest
    hold: Hold

    def arguments(self) -> dict[str, dict[str, Any]]:
        """The arguments of each address."""
        case, measure = {"public_id": self.case.public_id}, {"public_id": self.measure.public_id}
        return {
            "fraud_alert": {"public_id": self.alert.public_id},
            "fraud_alert_picture": {"public_id": self.alert.public_id, "name": "map"},
            "fraud_alert_step": {"public_id": self.alert.public_id, "code": "dismiss"},
            "fraud_case": case,
            "fraud_case_step": {**case, "code": "measure"},
            "fraud_case_picture": {**case, "name": "timeline"},
            "fraud_case_dossier": case,
            "fraud_case_document": {**case, "document_id": UUID(int=4)},
            "fraud_measure": measure,
            "fraud_measure_step": {**measure, "code": "review"},
            "fraud_place": {"public_id": self.place.public_id},
            "fraud_place_step": {"public_id": self.place.public_id, "code": "end"},
            "fraud_hold": {"pk": self.hold.pk},
            "fraud_hold_step": {"pk": self.hold.pk, "code": "lift"},
            "fraud_hold_document": {"pk": self.hold.pk, "public_id": UUID(int=4)},
            "provider_hold": {"pk": self.hold.pk},
            "fraud_report": {"public_id": self.survey.booking.public_id},
            "fraud_detector": {"detector": "D22"},
            "fraud_propose": {"detector": "D22"},
            "fraud_drift_detector": {"detector": "D22"},
            "fraud_drift_chart": {"detector": "D22"},
            "fraud_back_test": {"public_id": self.back_test.public_id},
            "fraud_rule": {"public_id": self.back_test.version.public_id},
            "fraud_rule_step": {"public_id": self.back_test.version.public_id, "code": "try"},
            "fraud_survey": {"public_id": self.survey.public_id},
            "provider_letter": {"public_id": self.letter.public_id},
            "provider_question": {"public_id": self.question.public_id},
            "provider_measure": measure,
        }


def make_fraud_things(scene: Scene, booking: Booking) -> FraudThings:
    """What detection says of the booking's provider, and how far an investigator has come."""
    with clock.at(PAYDAY + timedelta(days=1)):
        day, provider = clock.now().date(), str(booking.provider_id)
        finding = found("D03", provider, [booking], day=day, subject=("booking", str(booking.public_id)))
        other = found("D22", provider, [booking], day=day, score=0.2, action="N")
        alerts.store_day(result=DayResult(day, alerts=[finding, other]))
        alert = Alert.objects.get(detector="D03")
        case = alert.case or alerts.open_case(
            actor=scene.investigator, alert_id=alert.pk, typology=alert.typology
        )
        if case.state == "draft":
            cases.queue_case(actor=scene.investigator, case_id=case.pk, reason="A learner called.")
        cases.assign_case(actor=scene.investigator, case_id=case.pk, investigator=scene.investigator)
        cases.start_investigation(actor=scene.investigator, case_id=case.pk)
        measure = measures.propose_measure(
            actor=scene.investigator,
            case_id=case.pk,
            kind="hold",
            reason="The learner says that it was not them.",
            amounts={booking.pk: None},
        )
        measures.notify_measure(actor=scene.investigator, measure_id=measure.pk)
        questions.ask_learners(actor=scene.investigator, case_id=case.pk)
        question = questions.ask_provider(
            actor=scene.investigator, case_id=case.pk, text="Who made this booking?"
        )
        place = places.propose_place(
            actor=MembershipFactory.create(organisation=scene.world.agency, role="manager").user,
            kind="library",
            name="Library of Rennes",
            network="8.8.8.8",
            reason="Four public computers.",
        )
        places.agree_place(actor=scene.investigator, place_id=place.pk)
        hold = holds.place_hold(
            owner=scene.investigator,
            reason="The sheets do not fit.",
            until=clock.now() + timedelta(days=3_650),
            booking=booking,
        )
        back_test = tried_values(scene.investigator, booking)
    return FraudThings(
        case=Case.objects.get(pk=case.pk),
        alert=Alert.objects.get(detector="D22"),
        measure=measure,
        question=question,
        survey=LearnerSurvey.objects.get(booking=booking),
        place=place,
        letter=Letter.objects.filter(case=case).latest("pk"),
        back_test=back_test,
        hold=hold,
    )


def tried_values(proposer: User, booking: Booking) -> BackTest:
    """Other values for the control, proposed and tried on the past, as the job would write it down."""
    values = {"one_in": 40, "days": 7}
    version = rules.propose_rule(actor=proposer, detector="D26", values=values, reason="Too few are asked.")
    rules.start_shadow(actor=proposer, version_id=version.pk)
    asked = back_tests.ask_for_back_test(actor=proposer, version_id=version.pk, weeks=2)
    day = clock.now().date()
    BackTestDay.objects.create(back_test=asked, day=day, present=0, proposed=1, both=0)
    BackTestFinding.objects.create(
        back_test=asked,
        provider_ref=str(booking.provider_id),
        provider=booking.provider,
        subject_kind="booking",
        subject_id=str(booking.public_id),
        present_days=0,
        proposed_days=1,
        first_on=day,
        last_on=day,
        score=0.0,
        amount_cents=150_000,
        became="never",
    )
    ShadowDay.objects.create(version=version, day=day, present=0, proposed=1, both=0)
    asked.outcome, asked.done, asked.finished_at = "done", 2, clock.now()
    asked.save()
    return asked
