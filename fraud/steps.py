"""The steps that people take on alerts, cases and measures: what each asks, whom it is open to, what it calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from fraud import forms as asked
from fraud import permissions
from fraud.hold_steps import HOLD_STEPS
from fraud.models import Alert, Case, KnownPlace, Measure, ParameterVersion, PlaceState
from fraud.models.alerts import AlertState
from fraud.models.cases import AT_FAULT, OUTCOMES, UNDER_INVESTIGATION, CaseState
from fraud.models.measures import OPEN_STATES, STANDING, MeasureKind, MeasureState
from fraud.rule_steps import RULE_STEPS
from fraud.services import alerts, appeals, cases, measures, places, questions, rights
from fraud.step import Step
from funding.models import Hold


def _take(*, actor: User, case_id: int) -> Case:
    return cases.assign_case(actor=actor, case_id=case_id, investigator=actor)


def _agree(*, actor: User, case_id: int, reason: str) -> Case:
    return cases.answer_reopening(actor=actor, case_id=case_id, agreed=True, reason=reason)


def _decline(*, actor: User, case_id: int, reason: str) -> Case:
    return cases.answer_reopening(actor=actor, case_id=case_id, agreed=False, reason=reason)


def _works(case: Case, actor: User) -> bool:
    return case.state in UNDER_INVESTIGATION and permissions.works_on(case, actor)


def _investigates(case: Case, actor: User) -> bool:
    return case.is_open and permissions.may_investigate(case, actor)


def _in(state: str, allowed: Callable[[Any, User], bool]) -> Callable[[Any, User], bool]:
    """In this state, for whom that predicate allows."""
    return lambda subject, actor: subject.state == state and allowed(subject, actor)


C, M = CaseState, MeasureState

ALERT_STEPS = (
    Step(
        "open",
        _("Open a case"),
        _("The alert becomes part of the provider's case of that kind, which is opened if there is none."),
        asked.OpenForm,
        alerts.open_case,
        lambda alert, actor: (
            alert.state in (AlertState.OPEN, AlertState.SNOOZED)
            and alert.provider_id is not None
            and permissions.may_investigate(alert, actor)
        ),
    ),
    Step(
        "dismiss",
        _("Dismiss"),
        _("Nothing is wrong. It comes up again only for evidence that nobody has looked at."),
        asked.ReasonForm,
        alerts.dismiss_alert,
        lambda alert, actor: (
            alert.state in (AlertState.OPEN, AlertState.SNOOZED)
            and permissions.may_investigate(alert, actor)
            and permissions.may_settle(alert, actor)
        ),
    ),
    Step(
        "snooze",
        _("Snooze"),
        _("This detector is quiet about it until a day."),
        asked.SnoozeForm,
        alerts.snooze_alert,
        _in(
            AlertState.OPEN,
            lambda alert, actor: (
                permissions.may_investigate(alert, actor) and permissions.may_settle(alert, actor)
            ),
        ),
    ),
)

CASE_STEPS = (
    Step(
        "queue",
        _("Put into the queue"),
        _("It is to be looked at, whatever its score."),
        asked.ReasonForm,
        cases.queue_case,
        _in(C.DRAFT, permissions.may_investigate),
    ),
    Step(
        "take",
        _("Take the case"),
        _("You investigate it. Whoever decides on it will be somebody else."),
        asked.SureForm,
        _take,
        lambda case, actor: (
            case.state == C.TRIAGE
            and permissions.may_investigate(case, actor)
            and actor.pk not in case.rule_author_ids
        ),
    ),
    Step(
        "give",
        _("Give the case to somebody"),
        _("They investigate it; whoever decides on it is somebody else."),
        asked.GiveForm,
        cases.assign_case,
        _in(C.TRIAGE, permissions.may_manage),
    ),
    Step(
        "begin",
        _("Begin the investigation"),
        _("From now on the file says what was done."),
        asked.SureForm,
        cases.start_investigation,
        _in(C.ASSIGNED, permissions.works_on),
    ),
    Step(
        "note",
        _("Write a note"),
        _("For the file."),
        asked.NoteForm,
        cases.add_note,
        _investigates,
    ),
    Step(
        "document",
        _("Add a document"),
        _("It is kept as it is, with its hash."),
        asked.DocumentForm,
        cases.add_document,
        _investigates,
    ),
    Step(
        "ask",
        _("Ask the provider"),
        _("A letter goes to its managers. The case waits for the answer."),
        asked.QuestionForm,
        questions.ask_provider,
        _works,
    ),
    Step(
        "survey",
        _("Ask the learners"),
        _("Each learner of the case's bookings is asked once: did you sign up, were you taught?"),
        asked.SureForm,
        questions.ask_learners,
        _works,
    ),
    Step(
        "finding",
        _("Say what was found"),
        _("For one booking. Learners who were wronged get their rights back before anything else happens."),
        asked.FindingForm,
        cases.record_finding,
        _works,
    ),
    Step(
        "wait",
        _("Wait for evidence"),
        _("The case comes back by itself on the day after."),
        asked.WaitForm,
        cases.wait_for_evidence,
        _in(C.INVESTIGATING, permissions.works_on),
    ),
    Step(
        "propose",
        _("Propose a decision"),
        _("Another person decides: neither you nor the author of a rule that led here."),
        asked.ProposalForm,
        cases.propose_decision,
        _in(C.INVESTIGATING, permissions.works_on),
    ),
    Step(
        "decide",
        _("Decide as proposed"),
        _("If it is refuted, everything is lifted at once and the provider gets an apology."),
        asked.DecideForm,
        cases.decide,
        _in(C.DECISION_PROPOSED, permissions.may_decide),
        weighty=True,
    ),
    Step(
        "back",
        _("Send the proposal back"),
        _("It is investigated further."),
        asked.ReasonForm,
        cases.send_back,
        _in(C.DECISION_PROPOSED, permissions.may_decide),
    ),
    Step(
        "restore",
        _("Restore the learners' rights"),
        _("Everything that bookings without consent or training took goes back to where it came from."),
        asked.SureForm,
        rights.restore_rights,
        lambda case, actor: (
            case.outcome in AT_FAULT
            and case.rights_restored_at is None
            and case.is_open
            and permissions.may_investigate(case, actor)
        ),
        weighty=True,
    ),
    Step(
        "measure",
        _("Propose a measure"),
        _("It is announced with its reason; the provider has 10 days to answer; another person decides."),
        asked.MeasureForm,
        measures.propose_measure,
        _investigates,
    ),
    Step(
        "enforce",
        _("Carry the decision out"),
        _("What follows is done now."),
        asked.SureForm,
        cases.start_enforcement,
        lambda case, actor: case.state in OUTCOMES and permissions.may_investigate(case, actor),
    ),
    Step(
        "close",
        _("Close the case"),
        _("All that follows is done. Holds of the case end."),
        asked.ReasonForm,
        cases.close_case,
        _in(C.ENFORCEMENT, permissions.may_investigate),
    ),
    Step(
        "reopen",
        _("Ask to open it again"),
        _("Another person agrees or not."),
        asked.ReasonForm,
        cases.ask_reopening,
        _in(C.CLOSED, permissions.may_investigate),
    ),
    Step(
        "agree",
        _("Open it again"),
        _("It is investigated and decided anew."),
        asked.ReasonForm,
        _agree,
        _in(C.REOPEN_PENDING, permissions.may_reopen),
    ),
    Step(
        "decline",
        _("Leave it closed"),
        _("It stays as it was decided."),
        asked.ReasonForm,
        _decline,
        _in(C.REOPEN_PENDING, permissions.may_reopen),
    ),
)

MEASURE_STEPS = (
    Step(
        "notify",
        _("Announce"),
        _("The provider is told what is intended and why, and has 10 days to answer."),
        asked.SureForm,
        measures.notify_measure,
        _in(M.PROPOSED, permissions.may_investigate),
    ),
    Step(
        "hear",
        _("Write down its answer"),
        _("What the provider said, if it did not write it on its page."),
        asked.AnswerForm,
        measures.answer_measure,
        _in(M.NOTIFIED, permissions.may_investigate),
    ),
    Step(
        "force",
        _("Put into force"),
        _("It takes effect now. The provider may appeal."),
        asked.WeightyForm,
        measures.put_in_force,
        _in(M.REBUTTAL, permissions.may_enforce),
        weighty=True,
    ),
    Step(
        "impose",
        _("Put into force at once"),
        _("Only where it cannot wait: one person says why, you sign as second, and the hearing follows."),
        asked.UrgencyForm,
        measures.impose_measure,
        lambda measure, actor: (
            measure.state in (M.PROPOSED, M.NOTIFIED) and permissions.may_enforce(measure, actor)
        ),
        weighty=True,
    ),
    Step(
        "hearing",
        _("Hold the hearing"),
        _("After an urgent measure: what was said, and whether it stays."),
        asked.HearingForm,
        measures.hold_hearing,
        lambda measure, actor: (
            measure.hearing_due_at is not None
            and measure.hearing_held_at is None
            and measure.state in STANDING
            and permissions.may_investigate(measure, actor)
            and actor.pk != measure.urgent_by_id
        ),
    ),
    Step(
        "review",
        _("Review the hold"),
        _("It stays as it is, or lasts longer."),
        asked.ReviewForm,
        measures.review_hold,
        lambda measure, actor: (
            measure.kind == MeasureKind.HOLD
            and measure.state in OPEN_STATES
            and permissions.may_investigate(measure, actor)
        ),
    ),
    Step(
        "lift",
        _("Lift"),
        _("What it holds is let go. Money that was rightly taken back stays where it is."),
        asked.ReasonForm,
        measures.lift_measure,
        lambda measure, actor: measure.state in OPEN_STATES and permissions.may_let_go(measure, actor),
        weighty=True,
    ),
    Step(
        "appeal",
        _("Take down an appeal"),
        _("What the provider wrote, if it did not appeal on its page."),
        asked.AppealForm,
        appeals.lodge_appeal,
        _in(M.IN_FORCE, permissions.may_investigate),
    ),
    Step(
        "uphold",
        _("Appeal: it was right"),
        _("The measure stays."),
        asked.WeightyForm,
        appeals.uphold,
        _in(M.UNDER_APPEAL, permissions.may_decide_appeal),
        weighty=True,
    ),
    Step(
        "vary",
        _("Appeal: partly right"),
        _("What you choose is undone, to the cent."),
        asked.VaryForm,
        appeals.vary,
        _in(M.UNDER_APPEAL, permissions.may_decide_appeal),
        weighty=True,
    ),
    Step(
        "overturn",
        _("Appeal: it was wrong"),
        _("Everything it did is undone, to the cent, and the provider gets an apology."),
        asked.WeightyForm,
        appeals.overturn,
        _in(M.UNDER_APPEAL, permissions.may_decide_appeal),
        weighty=True,
    ),
)

PLACE_STEPS = (
    Step(
        "agree",
        _("Agree"),
        _("Detectors leave this network out from now on: who signs in there is not taken for one person."),
        asked.SureForm,
        places.agree_place,
        _in(PlaceState.PROPOSED, permissions.may_decide_place),
    ),
    Step(
        "refuse",
        _("Refuse"),
        _("Detectors go on looking at this network."),
        asked.ReasonForm,
        places.refuse_place,
        _in(PlaceState.PROPOSED, permissions.may_decide_place),
    ),
    Step(
        "take-back",
        _("Take back"),
        _("You do not propose it any more."),
        asked.SureForm,
        places.take_back_place,
        _in(PlaceState.PROPOSED, permissions.is_place_proposer),
    ),
    Step(
        "end",
        _("End"),
        _("Detectors look at this network again, at what was booked from there before too."),
        asked.ReasonForm,
        places.end_place,
        _in(PlaceState.IN_FORCE, permissions.may_investigate),
    ),
)

STEPS: dict[type, tuple[str, tuple[Step, ...]]] = {
    Alert: ("alert_id", ALERT_STEPS),
    Case: ("case_id", CASE_STEPS),
    Measure: ("measure_id", MEASURE_STEPS),
    Hold: ("hold_id", HOLD_STEPS),
    KnownPlace: ("place_id", PLACE_STEPS),
    ParameterVersion: ("version_id", RULE_STEPS),
}


def open_to(subject: Any, actor: User) -> list[Step]:
    """The steps that this person may take now."""
    return [step for step in STEPS[type(subject)][1] if step.when(subject, actor)]


def find(subject: Any, actor: User, code: str) -> Step | None:
    """That step, if this person may take it now."""
    return next((step for step in open_to(subject, actor) if step.code == code), None)


def take(subject: Any, step: Step, *, actor: User, values: dict[str, Any]) -> object:
    """Take it. Raises: DomainError as the service behind it."""
    return step.act(actor=actor, **{STEPS[type(subject)][0]: subject.pk}, **values)
