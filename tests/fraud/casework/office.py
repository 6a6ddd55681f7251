"""A house whose provider looks wrong: the people who look into it, and what detection says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from accounts.models import User
from fraud.detection.detector import Finding
from fraud.detection.registry import DETECTORS
from fraud.detection.runs import DayResult
from fraud.detection.scoring import Alert as FoundAlert
from fraud.detection.scoring import make_cases
from fraud.models import Case, Measure
from fraud.services import alerts, cases, measures, questions, rights
from funding.models import Booking
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.factories.accounts import MembershipFactory
from tests.funding.recoveries.house import PRICE, House

__all__ = ["PRICE", "Office", "found"]


@dataclass
class Office:
    """Use inside a database fixture and a virtual clock at MONDAY."""

    hand: VirtualClock
    house: House = field(init=False)

    def __post_init__(self) -> None:
        self.house = House(self.hand)
        self.world = self.house.world
        self.provider = self.world.provider
        self.provider_user = self.world.provider_user
        self.investigator = self.agent("investigator")
        self.other = self.agent("investigator")
        self.manager = self.agent("manager")
        self.second_manager = self.agent("manager")
        self.third_manager = self.agent("manager")

    def agent(self, role: str) -> User:
        user: User = MembershipFactory.create(organisation=self.world.agency, role=role).user
        return user

    def found(self, detector: str, bookings: Sequence[Booking], **facts: Any) -> FoundAlert:
        """What a detector says of the provider today."""
        return found(detector, str(self.provider.pk), bookings, day=clock.now().date(), **facts)

    def store(self, *what: FoundAlert, **given: Any) -> alerts.Stored:
        """Detection has run, and this is what it found."""
        day = clock.now().date()
        result = DayResult(day, alerts=list(what))
        result.cases = make_cases(what, {str(self.provider.pk): 10}, day)
        return alerts.store_day(result=result, **given)

    def case(self, *bookings: Booking, detector: str = "D17", action: str = "R") -> Case:
        """A case of these bookings that is being investigated."""
        self.store(self.found(detector, bookings, action=action))
        case = Case.objects.get(provider=self.provider)
        return self.taken_up(case)

    def taken_up(self, case: Case) -> Case:
        cases.queue_case(actor=self.investigator, case_id=case.pk, reason="urgent")
        cases.assign_case(actor=self.investigator, case_id=case.pk, investigator=self.investigator)
        return cases.start_investigation(actor=self.investigator, case_id=case.pk)

    def decided(self, case: Case, outcome: str = "confirmed_fraud") -> Case:
        cases.propose_decision(
            actor=self.investigator, case_id=case.pk, outcome=outcome, reasons="The evidence."
        )
        return cases.decide(actor=self.manager, case_id=case.pk, reason="I agree.")

    def restored(self, case: Case) -> rights.Restored:
        cases.start_enforcement(actor=self.manager, case_id=case.pk)
        return rights.restore_rights(actor=self.manager, case_id=case.pk)

    def proposed(self, case: Case, kind: str, **facts: Any) -> Measure:
        given: dict[str, Any] = {"reason": f"Because of {case.number}."}
        if kind.startswith("blacklist"):
            given["expires_at"] = clock.now() + timedelta(days=730)
        if kind == "blacklist_person":
            given["person_name"] = "Ada Faux"
            given["birth_date"] = date(1970, 1, 2)
        if kind == "referral":
            given["authority"] = "Parquet national financier"
        return measures.propose_measure(
            actor=self.investigator, case_id=case.pk, kind=kind, **(given | facts)
        )

    def notified(self, case: Case, kind: str, **facts: Any) -> Measure:
        measure = self.proposed(case, kind, **facts)
        return measures.notify_measure(actor=self.investigator, measure_id=measure.pk)

    def in_force(self, case: Case, kind: str, **facts: Any) -> Measure:
        """Announced, unanswered for its 10 days, and put into force by another person."""
        measure = self.notified(case, kind, **facts)
        self.hand.move(clock.now() + timedelta(days=13))
        return measures.put_in_force(actor=self.manager, measure_id=measure.pk, reason="Nothing against it.")

    def denied(self, case: Case) -> None:
        """All learners of the case say that it was not them."""
        for survey in questions.ask_learners(actor=self.investigator, case_id=case.pk):
            learner = survey.booking.account.citizen.user
            assert learner is not None
            questions.answer_survey(
                actor=learner, survey_id=survey.pk, answer="denied", said="Never heard of it."
            )


def found(
    detector: str,
    provider_ref: str,
    bookings: Sequence[Booking],
    *,
    day: date,
    score: float = 0.9,
    action: str = "R",
    subject: tuple[str, str] = ("provider", ""),
    evidence: Sequence[str] = (),
) -> FoundAlert:
    refs = [str(booking.public_id) for booking in bookings]
    rows = tuple(sorted([*(f"bookings:{ref}" for ref in refs), *evidence]))
    finding = Finding(provider_ref, subject[0], subject[1] or provider_ref, score, action, rows)
    return FoundAlert(day, DETECTORS[detector], finding, action, 1, frozenset(refs))
