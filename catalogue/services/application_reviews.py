"""Writes of the authority on applications: admissible or not, questions, checklist, recommendation, decision."""

from __future__ import annotations

from datetime import date

from django.db import transaction

from accounts.models import Membership, OrganisationKind, User
from accounts.services import messages
from catalogue import permissions, regimes
from catalogue.models import (
    Accreditation,
    AccreditationState,
    Application,
    ChecklistMark,
    CheckOutcome,
    ListingClaim,
    Provider,
    Question,
)
from catalogue.registers import register_of
from catalogue.selectors import applications as selected
from catalogue.services import account_changes, audits, details
from catalogue.services.applications import tell_applicant
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError

S = AccreditationState


@transaction.atomic
def admit(*, actor: User, application_id: int) -> Application:
    """The file is complete: it is admissible, and the decision is due (F-34).

    Locks: application, accreditation. Logs: accreditation `review`. Raises: DomainError `not_allowed`.
    """
    application, case = _held(actor, application_id)
    fsm.apply(case, "review", actor=actor, at=clock.now())
    assert application.decision_due_at is not None
    tell_applicant(
        application, template="application_admissible", until=application.decision_due_at.isoformat()
    )
    return application


@transaction.atomic
def declare_inadmissible(*, actor: User, application_id: int, reason: str) -> Application:
    """The file is not complete: it ends here, and a new one may be handed in at once.

    Locks: application, accreditation. Logs: accreditation `review`, `refuse`.
    Raises: DomainError `incomplete` without a reason, `not_allowed`.
    """
    _require(reason)
    application, case = _held(actor, application_id)
    now = clock.now()
    fsm.apply(case, "review", actor=actor, at=now)
    fsm.apply(case, "refuse", actor=actor, reason=reason, at=now)
    application.inadmissible, application.decision_reason, application.waiting_since = True, reason, None
    _save(application)
    tell_applicant(application, template="application_inadmissible", reason=reason)
    return application


@transaction.atomic
def ask(*, actor: User, application_id: int, text: str) -> Question:
    """Ask the applicant; until it answers, the term of the decision stands still.

    Locks: application, accreditation. Raises: DomainError `incomplete` without a text, `not_allowed`.
    """
    _require(text)
    application, case = _held(actor, application_id)
    if case.state not in selected.OPEN_STATES:
        raise DomainError("not_allowed", what="ask", state=case.state)
    question = Question.objects.create(
        application=application, asked_by=actor, asked_at=clock.now(), text=text.strip()
    )
    if application.waiting_since is None:
        application.waiting_since = question.asked_at
        _save(application)
    tell_applicant(application, template="application_question", question=text.strip())
    return question


@transaction.atomic
def answer(*, actor: User, question_id: int, text: str) -> Question:
    """The applicant answers; with the last answer the term of the decision goes on, later by the days waited.

    Locks: application, accreditation. Raises: DomainError `incomplete` without a text, `not_allowed`, `not_found`.
    """
    _require(text)
    found = Question.objects.filter(pk=question_id).values_list("application_id", flat=True).first()
    if found is None:
        raise DomainError("not_found", status=404, kind="question")
    application, case = _locked(found)
    if not permissions.acts_for_organisation(application.organisation, actor):
        raise DomainError("not_allowed", status=403, what="answer")
    question = Question.objects.get(pk=question_id)
    if question.answered_at is not None or case.state not in selected.OPEN_STATES:
        raise DomainError("not_allowed", what="answer", reason="answered")
    question.answered_by, question.answered_at, question.answer = actor, clock.now(), text.strip()
    question.save(update_fields=["answered_by", "answered_at", "answer"])
    if not selected.open_questions(application).exists():
        _go_on(application)
    messages.queue(
        recipient=question.asked_by,
        template="application_answered",
        application=str(application.public_id),
        name=application.legal_name,
        question=question.text,
        answer=question.answer,
    )
    return question


@transaction.atomic
def mark_point(
    *, actor: User, application_id: int, point: str, outcome: str, note: str = ""
) -> ChecklistMark:
    """Note what was found of one point of the regime's checklist; the last mark counts.

    Locks: application, accreditation. Raises: DomainError `incomplete` for a point that is not met without saying why,
    `not_allowed` for a point the regime does not have, or before the file is admissible.
    """
    application, case = _held(actor, application_id)
    known = point in selected.points(application) and outcome in CheckOutcome.values
    if case.state != S.IN_REVIEW or not known:
        raise DomainError("not_allowed", what="mark", point=point, state=case.state)
    if outcome == CheckOutcome.NOT_MET:
        _require(note)
    mark, _ = ChecklistMark.objects.update_or_create(
        application=application,
        point=point,
        defaults={
            "outcome": outcome,
            "note": note.strip()[:500],
            "marked_by": actor,
            "marked_at": clock.now(),
        },
    )
    return mark


@transaction.atomic
def recommend(*, actor: User, application_id: int, recommendation: str, reason: str) -> Application:
    """Say how it should be decided, once every point is marked; somebody else decides.

    recommendation: `accredit` (of a claim: to approve it) or `refuse`.

    Locks: application, accreditation. Raises: DomainError `incomplete` for a missing reason or point, `not_allowed`
    for recommending accreditation while a point is not met or a question is open.
    """
    _require(reason)
    application, case = _held(actor, application_id)
    if case.state != S.IN_REVIEW or recommendation not in ("accredit", "refuse"):
        raise DomainError("not_allowed", what="recommend", state=case.state)
    if application.waiting_since is not None:
        raise DomainError("not_allowed", what="recommend", reason="question_open")
    marks = dict(application.marks.values_list("point", "outcome"))
    if unmarked := [point for point in selected.points(application) if point not in marks]:
        raise DomainError("incomplete", status=422, what="checklist", missing=unmarked[0])
    if recommendation == "accredit" and CheckOutcome.NOT_MET in marks.values():
        raise DomainError("not_allowed", what="recommend", reason="not_met")
    application.recommendation, application.recommendation_reason = recommendation, reason.strip()
    application.recommended_by, application.recommended_at = actor, clock.now()
    _save(application)
    return application


@transaction.atomic
def accredit(
    *,
    actor: User,
    application_id: int,
    reason: str,
    valid_from: date,
    valid_until: date | None,
    reference: str = "",
    conditions: str = "",
    grade: int | None = None,
) -> Application:
    """Accredit the applicant; its organisation acts for the provider from now on, and is paid into its account.

    The decision is another person's than the recommendation. The regime's surveillance audits are planned.
    Locks: application, provider, accreditation. Logs: accreditation `accredit`.
    Raises: DomainError `not_allowed` (same person, no recommendation, a grade that deregisters), `incomplete`,
    `invalid`.
    """
    application, accreditation = to_decide(actor, application_id, reason)
    if not isinstance(accreditation, Accreditation):
        raise DomainError("not_allowed", what="accredit", kind=application.kind)
    regime = regimes.regime_of(application.register)
    if regime.graded and grade is None:
        raise DomainError("incomplete", status=422, what="grade", missing="grade")
    if grade is not None and regime.deregistered_grade is not None and grade >= regime.deregistered_grade:
        raise DomainError("not_allowed", rule="S-17", what="accredit", reason="grade")
    if application.recommendation != "accredit":
        raise DomainError("not_allowed", what="accredit", reason="not_recommended")
    provider = application.provider
    assert provider is not None
    if provider.organisation_id not in (None, application.organisation_id):
        raise DomainError("duplicate", what="number")
    accreditation.reference, accreditation.conditions = reference.strip(), conditions.strip()
    accreditation.grade = grade if regime.graded else None
    fsm.apply(
        accreditation,
        "accredit",
        actor=actor,
        reason=reason,
        at=clock.now(),
        valid_from=valid_from,
        valid_until=valid_until,
    )
    _fill(provider, application)
    details.adopt_application(application, provider, actor=actor)
    account_changes.ask_of_application(application, provider)
    audits.plan_surveillance(accreditation, regime, actor=actor)
    application.decision_reason = reason.strip()
    _save(application)
    tell_applicant(
        application,
        template="application_accredited",
        reason=reason.strip(),
        conditions=accreditation.conditions,
        valid_from=valid_from.isoformat(),
        valid_until=valid_until.isoformat() if valid_until else "",
        authority=accreditation.authority,
    )
    return application


@transaction.atomic
def refuse(*, actor: User, application_id: int, reason: str) -> Application:
    """Refuse the application, for a reason; for accreditation a new one only after the regime's waiting time (S-17).

    Locks: application, provider, accreditation or claim. Logs: `refuse` of that.
    Raises: DomainError `not_allowed` (same person, no recommendation), `incomplete`.
    """
    application, case = to_decide(actor, application_id, reason)
    now = clock.now()
    fsm.apply(case, "refuse", actor=actor, reason=reason, at=now)
    application.decision_reason = reason.strip()
    _save(application)
    if isinstance(case, ListingClaim):
        tell_applicant(application, template="claim_refused", reason=reason.strip())
        return application
    calendar = register_of(application.register).calendar
    free = regimes.free_again_on(regimes.regime_of(application.register), calendar.local_date(now))
    tell_applicant(application, template="application_refused", reason=reason.strip(), free=free.isoformat())
    return application


@transaction.atomic
def tell_overdue(*, limit: int = 500) -> int:
    """Write to the agency's managers once about each application whose term has passed. Returns how many."""
    late = list(
        selected.overdue(clock.now())
        .filter(overdue_told_at__isnull=True)
        .order_by("pk")
        .select_for_update(of=("self",), skip_locked=True, no_key=True)[:limit]
    )
    if not late:
        return 0
    managers = User.objects.filter(
        pk__in=Membership.objects.filter(
            organisation__kind=OrganisationKind.AGENCY, role="manager", ended_at__isnull=True
        ).values("user")
    )
    for application in late:
        for manager in managers:
            messages.queue(
                recipient=manager,
                template="application_overdue",
                application=str(application.public_id),
                name=application.legal_name,
            )
    Application.objects.filter(pk__in=[one.pk for one in late]).update(overdue_told_at=clock.now())
    return len(late)


def _held(actor: User, application_id: int) -> tuple[Application, Accreditation | ListingClaim]:
    """The application and what is decided about it, locked, for a person of the authority."""
    if actor.is_service or not permissions.is_authority(None, actor):
        raise DomainError("not_allowed", status=403, what="review")
    return _locked(application_id)


def _locked(application_id: int) -> tuple[Application, Accreditation | ListingClaim]:
    known = Application.objects.filter(pk=application_id).values_list("accreditation", "claim").first()
    accreditation, claim = known or (None, None)
    if accreditation is None and claim is None:
        raise DomainError("not_found", status=404, kind="application")
    case = locks.lock(Accreditation, accreditation) if accreditation else locks.lock(ListingClaim, claim)
    application, found = locks.acquire(locks.lock(Application, application_id), case)
    # What was locked is what the application speaks of: the permission to withdraw a claim asks for its organisation.
    found.application = application
    return application, found


def to_decide(
    actor: User, application_id: int, reason: str
) -> tuple[Application, Accreditation | ListingClaim]:
    """An application that a person of the authority may decide now, and what is decided; both locked.

    Raises: DomainError `incomplete` without a reason, `not_allowed` (no recommendation, an open question, or the
    same person who recommended it).
    """
    _require(reason)
    known = Application.objects.filter(pk=application_id, provider__isnull=False).first()
    if known is not None:
        # Before what is decided, as everywhere: it is filled in when the decision is yes.
        locks.acquire(locks.lock(Application, application_id), locks.lock(Provider, known.provider_id))
    application, case = _held(actor, application_id)
    if case.state != S.IN_REVIEW:
        raise DomainError("not_allowed", what="decide", state=case.state)
    if not application.recommendation:
        raise DomainError("not_allowed", what="decide", reason="no_recommendation")
    if application.recommended_by_id == actor.pk:
        raise DomainError("not_allowed", status=403, what="decide", reason="same_person")
    if application.waiting_since is not None:
        raise DomainError("not_allowed", what="decide", reason="question_open")
    return application, case


def _fill(provider: Provider, application: Application) -> None:
    """What was proved about the applicant becomes what is known of the provider."""
    head = application.establishments.order_by("pk").first()
    provider.organisation_id = application.organisation_id
    provider.name = application.trade_name or application.legal_name
    if not provider.iban:
        provider.iban = application.iban
    if head is not None:
        provider.city, provider.postcode = head.city, head.postcode
    provider.updated_at = clock.now()
    provider.save()


def _go_on(application: Application) -> None:
    """Add the days waited to the term of the decision; a day begun counts."""
    assert application.waiting_since is not None
    assert application.decision_due_at is not None
    calendar = register_of(application.register).calendar
    waited = calendar.local_date(clock.now()) - calendar.local_date(application.waiting_since)
    last = calendar.last_day_before(application.decision_due_at)
    application.decision_due_at = calendar.end_of_day(last + waited)
    application.waiting_since = None
    _save(application)


def _save(application: Application) -> None:
    application.updated_at = clock.now()
    application.save()


def _require(text: str) -> None:
    if not text.strip():
        raise DomainError("incomplete", status=422, what="reason", missing="reason")
