"""Asking: the provider of a case, and the learners of bookings. What they answer is evidence."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from accounts.services import messages
from fraud import permissions
from fraud.models import (
    Case,
    CaseBooking,
    CaseQuestion,
    CaseState,
    LearnerSurvey,
    LetterKind,
    RecordKind,
    SurveyAnswer,
)
from fraud.services import case_file, letters
from fraud.services.cases import lock_case, require_worker, required, step
from funding.models import Booking, BookingState
from funding.models.bookings import DISPUTABLE_STATES
from funding.permissions import is_learner
from funding.services import not_me
from ila.core import clock, locks
from ila.core.errors import DomainError

# A learner has so many days to answer; after it nothing is concluded from their silence.
SURVEY_DAYS = 21
BY_SURVEY = "The learner says, asked by the agency, that the booking is not theirs"


@transaction.atomic
def ask_provider(*, actor: User, case_id: int, text: str, days: int = letters.ANSWER_DAYS) -> CaseQuestion:
    """Ask the provider a question by letter; the case waits for the answer if it is being investigated.

    Locks: the case. Logs: case `wait`. Records: `question`. Raises: DomainError `incomplete`, `not_allowed` (403).
    """
    case = lock_case(case_id)
    require_worker(case, actor)
    due = letters.answer_due(case.provider, days=days)
    question = CaseQuestion.objects.create(
        case=case, text=required(text, "text"), asked_by=actor, asked_at=clock.now(), due_at=due
    )
    case_file.record(
        case,
        RecordKind.QUESTION,
        actor=actor,
        text=question.text,
        data={"question": question.public_id, "due_at": due},
    )
    letters.send(case, LetterKind.QUESTION, actor=actor, answer_due_at=due, question=question.text)
    if case.state == CaseState.INVESTIGATING and case.investigator_id == actor.pk:
        step(case, "wait", actor=actor, reason="the provider was asked", until=due)
    return question


@transaction.atomic
def answer_question(*, actor: User, question_id: int, text: str) -> CaseQuestion:
    """The provider answers; once all it was asked is answered, the investigation goes on.

    Locks: the case, the question. Logs: case `take_up`. Records: `answer`.
    Raises: DomainError `not_allowed` (403), `not_found`, `question_answered`, `too_late` after its day, `incomplete`.
    """
    seen = CaseQuestion.objects.filter(pk=question_id).values_list("case_id", flat=True).first()
    if seen is None:
        raise DomainError("not_found", status=404, kind="question")
    case = lock_case(seen)
    question = CaseQuestion.objects.select_for_update(no_key=True).get(pk=question_id)
    if not permissions.answers_for(case, actor):
        raise DomainError("not_allowed", status=403, what="answer")
    if question.answered_at is not None:
        raise DomainError("question_answered", status=409)
    if clock.now() >= question.due_at:
        raise DomainError("too_late", until=question.due_at.isoformat())
    question.answer, question.answered_by, question.answered_at = required(text, "text"), actor, clock.now()
    question.save(update_fields=["answer", "answered_by", "answered_at"])
    case_file.record(
        case,
        RecordKind.ANSWER,
        actor=actor,
        text=question.answer,
        data={"question": question.public_id},
    )
    waiting = case.questions.filter(answered_at__isnull=True, due_at__gt=clock.now()).exists()
    if case.state == CaseState.WAITING_EVIDENCE and not waiting:
        step(case, "take_up", actor=actor, reason="answered")
    return question


@transaction.atomic
def ask_learners(*, actor: User, case_id: int) -> list[LearnerSurvey]:
    """Ask the learners of the case's bookings, each once: did you sign up, were you taught?

    Locks: the case. Records: `survey`. Raises: DomainError `not_allowed` (403).
    """
    case = lock_case(case_id)
    require_worker(case, actor)
    asked = LearnerSurvey.objects.filter(booking__in=case.bookings.values("booking"))
    wanted = Booking.objects.filter(
        pk__in=case.bookings.values("booking"), accepted_at__isnull=False
    ).exclude(pk__in=asked.values("booking"))
    surveys = _ask(wanted.order_by("pk"), actor=actor, case=case)
    if surveys:
        case_file.record(
            case,
            RecordKind.SURVEY,
            actor=actor,
            data={"surveys": [each.public_id for each in surveys]},
        )
    return surveys


@transaction.atomic
def ask_at_random(*, actor: User, booking_ids: list[int]) -> list[LearnerSurvey]:
    """The control group: learners drawn at random are asked the same. Who was asked before is not asked again."""
    asked = LearnerSurvey.objects.filter(booking__in=booking_ids).values("booking")
    wanted = Booking.objects.filter(pk__in=booking_ids, accepted_at__isnull=False).exclude(pk__in=asked)
    return _ask(wanted.order_by("pk"), actor=actor, case=None)


@transaction.atomic
def answer_survey(*, actor: User, survey_id: int, answer: str, said: str = "") -> LearnerSurvey:
    """The learner answers. Who did not sign up disputes the booking with it: rights come back first, money stops.

    Nothing follows for the learner. Locks: the case, then what `deny_consent` locks. Records: `survey_answer`.
    Raises: DomainError `not_allowed` (403) for anybody else, `already_answered`, `too_late`, `incomplete`.
    """
    seen = LearnerSurvey.objects.select_related("booking__account__citizen").filter(pk=survey_id).first()
    if seen is None or not is_learner(seen.booking, actor):
        raise DomainError("not_found", status=404, kind="survey")
    case: Case | None = None
    if seen.case_id is not None:
        (case,) = locks.acquire(locks.lock(Case, seen.case_id))
    survey = LearnerSurvey.objects.select_for_update(no_key=True).get(pk=survey_id)
    if survey.answered_at is not None:
        raise DomainError("already_answered", status=409)
    if clock.now() >= survey.closes_at:
        raise DomainError("too_late", until=survey.closes_at.isoformat())
    if answer not in SurveyAnswer.values:
        raise DomainError("incomplete", status=422, what="answer")
    survey.answer, survey.said, survey.answered_at = answer, said.strip(), clock.now()
    survey.save(update_fields=["answer", "said", "answered_at"])
    if case is not None:
        case_file.record(
            case,
            RecordKind.SURVEY_ANSWER,
            actor=actor,
            text=survey.said,
            data={"survey": survey.public_id, "booking": seen.booking.public_id, "answer": answer},
        )
        _take_down(case, seen.booking, answer)
    open_now = seen.booking.state in DISPUTABLE_STATES and seen.booking.state != BookingState.DISPUTED
    if answer == SurveyAnswer.DENIED and open_now:
        not_me.dispute_booking(actor=actor, booking_id=seen.booking_id, reason=BY_SURVEY)
    return survey


def _take_down(case: Case, booking: Booking, answer: str) -> None:
    """What the learner says stands as the finding until the investigator says otherwise."""
    found = {
        SurveyAnswer.DENIED: CaseBooking.Found.NO_CONSENT,
        SurveyAnswer.NOT_TAUGHT: CaseBooking.Found.NOT_TAUGHT,
    }.get(SurveyAnswer(answer))
    if found is not None:
        case.bookings.filter(booking=booking, found="", restored_at__isnull=True).update(found=found)


def _ask(wanted: object, *, actor: User, case: Case | None) -> list[LearnerSurvey]:
    closes: datetime = clock.now() + timedelta(days=SURVEY_DAYS)
    found = []
    for booking in wanted.select_related("account__citizen__user", "credential", "provider"):  # type: ignore[attr-defined]
        survey = LearnerSurvey.objects.create(
            booking=booking, case=case, asked_by=actor, sent_at=clock.now(), closes_at=closes
        )
        messages.queue(
            recipient=booking.account.citizen.user,
            template="learner_survey",
            survey=str(survey.public_id),
            training=booking.credential.title,
            provider=str(booking.provider),
            closes=closes.date().isoformat(),
        )
        found.append(survey)
    return found
