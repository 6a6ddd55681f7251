"""A case, and everything that its pages speak of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from fraud.detection.runs import DayResult
from fraud.models import Alert, Case, CaseQuestion, KnownPlace, LearnerSurvey, Letter, Measure
from fraud.services import alerts, cases, measures, places, questions
from funding.models import Booking
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
            "fraud_report": {"public_id": self.survey.booking.public_id},
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
    return FraudThings(
        case=Case.objects.get(pk=case.pk),
        alert=Alert.objects.get(detector="D22"),
        measure=measure,
        question=question,
        survey=LearnerSurvey.objects.get(booking=booking),
        place=place,
        letter=Letter.objects.filter(case=case).latest("pk"),
    )
