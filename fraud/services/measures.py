"""Measures: proposed, announced, answered, put into force by another person, and ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import translation

from accounts.models import User
from accounts.services import service_users
from catalogue.models import Provider
from fraud import permissions, words
from fraud.models import Case, LetterKind, Measure, MeasureKind, MeasureLine, MeasureState, RecordKind
from fraud.models.cases import AT_FAULT
from fraud.models.measures import BLACKLISTS, OPEN_STATES, PRECAUTIONS, STANDING
from fraud.services import case_file, effects, letters
from funding.models import Booking
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError

S, K = MeasureState, MeasureKind
# A hold lasts so long unless somebody says otherwise, and is looked at before it ends.
HOLD_DAYS = 30
REVIEW_DAYS = 14
# After an urgent measure its subject is heard within so many days.
HEARING_DAYS = letters.ANSWER_DAYS
# Nothing of these before learners have their rights back.
AFTER_RIGHTS = tuple(kind for kind in K if kind not in PRECAUTIONS)


def lock_measure(measure_id: int) -> tuple[Case, Measure]:
    """A measure locked with its case. Raises: DomainError `not_found` (404)."""
    case_id = Measure.objects.filter(pk=measure_id).values_list("case_id", flat=True).first()
    if case_id is None:
        raise DomainError("not_found", status=404, kind="measure")
    case, measure = locks.acquire(locks.lock(Case, case_id), locks.lock(Measure, measure_id))
    measure.case = case
    return case, measure


@transaction.atomic
def propose_measure(
    *,
    actor: User,
    case_id: int,
    kind: str,
    reason: str,
    scope: str = "",
    amounts: Mapping[int, int | None] | None = None,
    expires_at: datetime | None = None,
    person_name: str = "",
    birth_date: date | None = None,
    entity_name: str = "",
    related_provider: Provider | None = None,
    link: Mapping[str, Any] | None = None,
    authority: str = "",
) -> Measure:
    """Propose one measure; a related firm is a measure, and a decision, of its own.

    amounts: bookings by id, each with what is taken back in cents (a clawback), or None (a hold). There is no measure
    against a learner. Precautions may be proposed while a case is investigated, the others once it is decided.
    Locks: the case. Logs: measure `create`. Raises: DomainError `not_allowed`, `incomplete`, `invalid`.
    """
    (case,) = locks.acquire(locks.lock(Case, case_id))
    if not permissions.may_investigate(case, actor) or not case.is_open:
        raise DomainError("not_allowed", status=403, what="measure", state=case.state)
    if kind not in PRECAUTIONS and case.outcome not in AT_FAULT:
        raise DomainError("not_allowed", what="measure", reason="not_decided")
    if (
        not reason.strip()
        or (kind in BLACKLISTS and expires_at is None)
        or (kind == K.CLAWBACK and not amounts)
    ):
        raise DomainError("incomplete", status=422, what="measure")
    if kind == K.BLACKLIST_RELATED and (related_provider is None or not link):
        raise DomainError("incomplete", status=422, what="link")
    if kind == K.REFERRAL and not authority.strip():
        raise DomainError("incomplete", status=422, what="authority")
    if kind == K.HOLD:
        expires_at = expires_at or clock.now() + timedelta(days=HOLD_DAYS)
    if expires_at is not None and expires_at <= clock.now():
        raise DomainError("incomplete", status=422, what="expires_at")
    measure = Measure(
        case=case,
        kind=kind,
        reason=reason.strip(),
        scope=(scope or ("booking" if amounts else "provider")) if kind == K.HOLD else "",
        person_name=person_name.strip(),
        birth_date=birth_date,
        entity_name=entity_name.strip() or (str(case.provider) if kind == K.BLACKLIST_ENTITY else ""),
        related_provider=related_provider,
        link=dict(link or {}),
        authority=authority.strip(),
        expires_at=expires_at,
        review_at=clock.now() + timedelta(days=REVIEW_DAYS) if kind == K.HOLD else None,
        proposed_by=actor,
        proposed_at=clock.now(),
    )
    start(case, measure, amounts or {}, actor=actor)
    return measure


def start(case: Case, measure: Measure, amounts: Mapping[int, int | None], *, actor: User) -> None:
    """Save a proposed measure with its bookings, which are the provider's. Logs: `create`. Records: `measure`."""
    theirs = Booking.objects.filter(pk__in=amounts, provider=case.provider_id).count()
    if theirs != len(amounts):
        raise DomainError("not_found", status=404, kind="booking")
    fsm.start(measure, actor=actor, reason=measure.reason)
    MeasureLine.objects.bulk_create(
        [
            MeasureLine(measure=measure, booking_id=pk, amount_cents=cents)
            for pk, cents in sorted(amounts.items())
        ]
    )
    _file(case, measure, "propose", actor=actor, text=measure.reason)


@transaction.atomic
def notify_measure(*, actor: User, measure_id: int) -> Measure:
    """Tell its subject what is intended, why, until when, and that there are 10 days to answer.

    A hold works from its notice on, for a time, until a person confirms or lifts it.
    Locks: the case, the measure. Logs: `notify`. Raises: DomainError `not_allowed`, `rights_first`.
    """
    case, measure = lock_measure(measure_id)
    announce(case, measure, actor=actor)
    return measure


def announce(case: Case, measure: Measure, *, actor: User) -> None:
    """As `notify_measure`, with case and measure locked."""
    due = letters.answer_due(case.provider)
    move(case, measure, "notify", actor=actor, at=clock.now(), answer_due_at=due)
    if measure.kind == K.HOLD:
        effects.carry_out(case, measure, actor=actor)
    letters.send(
        case,
        LetterKind.HOLD if measure.kind == K.HOLD else LetterKind.NOTICE,
        actor=actor,
        measure=measure,
        answer_due_at=due,
        subject=subject_of(measure),
        lines=measure.lines.count(),
    )


@transaction.atomic
def answer_measure(*, actor: User, measure_id: int, answer: str) -> Measure:
    """The provider answers, or an investigator writes down what it said at a hearing.

    Locks: the case, the measure. Logs: `hear` where it was announced. Raises: DomainError `not_allowed` for anybody
    else or once the time is over, `incomplete` without an answer.
    """
    case, measure = lock_measure(measure_id)
    by_subject = permissions.answers_for(case, actor)
    if not by_subject and not permissions.may_investigate(case, actor):
        raise DomainError("not_allowed", status=403, what="answer")
    if not answer.strip():
        raise DomainError("incomplete", status=422, what="answer")
    waiting_hearing = measure.hearing_due_at is not None and measure.state == S.IN_FORCE
    if measure.state not in (S.NOTIFIED, S.REBUTTAL) and not waiting_hearing:
        raise DomainError("not_allowed", transition="answer", state=measure.state)
    due = measure.hearing_due_at if waiting_hearing else measure.answer_due_at
    if by_subject and due is not None and clock.now() >= due:
        raise DomainError("too_late", until=due.isoformat())
    measure.answer = "\n\n".join(part for part in (measure.answer, answer.strip()) if part)
    measure.answered_at = clock.now()
    if waiting_hearing:
        measure.hearing_held_at = measure.hearing_held_at or clock.now()
    if measure.state == S.NOTIFIED:
        move(case, measure, "hear", actor=actor, reason="answered", at=clock.now())
    else:
        measure.save()
    _file(case, measure, "answer", actor=actor, text=answer.strip())
    return measure


def close_terms(*, actor: User | None = None) -> int:
    """Announced measures whose time to answer is over are ready to be decided. Returns how many. Logs: `hear`."""
    actor = actor or service_users.get("fraud")
    due = Measure.objects.filter(state=S.NOTIFIED, answer_due_at__lte=clock.now()).order_by("pk")
    return sum(_close_term(pk, actor) for pk in due.values_list("pk", flat=True))


@transaction.atomic
def _close_term(measure_id: int, actor: User) -> int:
    case, measure = lock_measure(measure_id)
    if measure.state != S.NOTIFIED or measure.answer_due_at is None or clock.now() < measure.answer_due_at:
        return 0
    move(case, measure, "hear", actor=actor, reason="the time to answer is over", at=clock.now())
    return 1


@transaction.atomic
def put_in_force(*, actor: User, measure_id: int, reason: str) -> Measure:
    """Another person than who proposed it has read the answer, and it takes effect.

    Locks: the case, the measure, and what it acts on. Logs: measure `hear`, `put_in_force`; what `effects` do.
    Raises: DomainError `too_early` before the 10 days are over, `rights_first` while learners wait for their rights,
    `incomplete` without a reason, `not_allowed`.
    """
    case, measure = lock_measure(measure_id)
    if not reason.strip():
        raise DomainError("incomplete", status=422, what="reason")
    _require_rights(case, measure)
    if measure.answer_due_at is not None and clock.now() < measure.answer_due_at:
        raise DomainError("too_early", until=measure.answer_due_at.isoformat())
    if measure.state == S.NOTIFIED:
        move(case, measure, "hear", actor=actor, reason="the time to answer is over", at=clock.now())
    move(case, measure, "put_in_force", actor=actor, reason=reason, by=actor, at=clock.now())
    if measure.kind != K.HOLD:
        effects.carry_out(case, measure, actor=actor)
    letters.send(
        case,
        LetterKind.DECISION,
        actor=actor,
        measure=measure,
        subject=subject_of(measure),
        answered=bool(measure.answer),
    )
    return measure


@transaction.atomic
def impose_measure(*, actor: User, measure_id: int, urgency: str, urgent_by: User) -> Measure:
    """It cannot wait: `urgent_by` says why, the actor signs as second, and the hearing follows.

    Locks: the case, the measure, and what it acts on. Logs: `impose`; what `effects` do.
    Raises: DomainError `incomplete` without an urgency, `rights_first`, `not_allowed` for one person alone.
    """
    case, measure = lock_measure(measure_id)
    if not urgency.strip():
        raise DomainError("incomplete", status=422, what="urgency")
    if urgent_by.pk == actor.pk or not permissions.may_investigate(case, urgent_by):
        raise DomainError("not_allowed", status=403, transition="impose", reason="second_signature")
    _require_rights(case, measure)
    held = measure.kind == K.HOLD and measure.state == S.NOTIFIED
    due = letters.answer_due(case.provider, days=HEARING_DAYS)
    move(
        case,
        measure,
        "impose",
        actor=actor,
        reason=urgency.strip(),
        by=actor,
        at=clock.now(),
        urgency=urgency.strip(),
        urgent_by=urgent_by,
        answer_due_at=due,
        hearing_due_at=due,
    )
    if not held:
        effects.carry_out(case, measure, actor=actor)
    letters.send(
        case,
        LetterKind.HEARING,
        actor=actor,
        measure=measure,
        answer_due_at=due,
        subject=subject_of(measure),
    )
    return measure


@transaction.atomic
def hold_hearing(*, actor: User, measure_id: int, minutes: str, keep: bool) -> Measure:
    """The hearing after an urgent measure: what was said, and whether the measure stays.

    Locks: the case, the measure. Logs: `lift` where it does not stay. Raises: DomainError `incomplete`, `not_allowed`.
    """
    case, measure = lock_measure(measure_id)
    if measure.hearing_due_at is None or measure.state not in STANDING:
        raise DomainError("not_allowed", transition="hearing", state=measure.state)
    if not permissions.may_investigate(case, actor) or actor.pk == measure.urgent_by_id:
        raise DomainError("not_allowed", status=403, transition="hearing")
    if not minutes.strip():
        raise DomainError("incomplete", status=422, what="minutes")
    measure.hearing_held_at = clock.now()
    measure.save()
    _file(case, measure, "hearing", actor=actor, text=minutes.strip())
    if not keep:
        end(case, measure, "lift", actor=actor, reason=minutes.strip())
    return measure


@transaction.atomic
def lift_measure(*, actor: User, measure_id: int, reason: str) -> Measure:
    """Give a measure up: what it did that lasts is ended. Money that was rightly taken is not given back by it.

    Locks: the case, the measure, what it acts on. Logs: `lift`. Raises: DomainError `incomplete`, `not_allowed`.
    """
    case, measure = lock_measure(measure_id)
    if not reason.strip():
        raise DomainError("incomplete", status=422, what="reason")
    end(case, measure, "lift", actor=actor, reason=reason.strip())
    return measure


def end(
    case: Case, measure: Measure, transition: str, *, actor: User, reason: str = "", wrong: bool = False
) -> None:
    """Lift a locked measure, or let it expire: holds, suspensions and listings end, its subject is told.

    wrong: it ought never to have been, so that debts, and whatever else it did, are undone as well.
    """
    announced = measure.notified_at is not None
    move(case, measure, transition, actor=actor, reason=reason, at=clock.now())
    if wrong:
        effects.undo_all(case, measure, actor=actor, reason=reason)
    else:
        effects.end_lasting(case, measure, actor=actor, reason=reason or "its time is over")
    if announced:
        with translation.override("en"):
            why = reason or str(translation.gettext("Its time is over."))
        letters.send(
            case, LetterKind.LIFTED, actor=actor, measure=measure, subject=subject_of(measure), why=why
        )


def expire_measures(*, actor: User | None = None) -> int:
    """Measures whose time is over end. Returns how many. Logs: `expire`. May be repeated and interrupted.

    One that is under appeal ends once the appeal is decided; its hold ends by itself all the same.
    """
    actor = actor or service_users.get("fraud")
    due = Measure.objects.filter(
        state__in=[S.NOTIFIED, S.REBUTTAL, S.IN_FORCE, S.UPHELD, S.VARIED], expires_at__lte=clock.now()
    ).order_by("pk")
    return sum(_expire(pk, actor) for pk in due.values_list("pk", flat=True))


@transaction.atomic
def _expire(measure_id: int, actor: User) -> int:
    case, measure = lock_measure(measure_id)
    over = measure.expires_at is not None and measure.expires_at <= clock.now()
    if not over or measure.state not in OPEN_STATES or measure.state in (S.PROPOSED, S.UNDER_APPEAL):
        return 0
    end(case, measure, "expire", actor=actor)
    return 1


@transaction.atomic
def review_hold(*, actor: User, measure_id: int, reason: str, until: datetime | None = None) -> Measure:
    """A person looks at a hold before it ends: it stays as it is, or is prolonged, for a reason, to another end.

    Who is held longer is told so: the reason, the new end, and, until it is in force, 10 days more to answer.
    Locks: the case, the measure, its holds. Raises: DomainError `incomplete` without a reason or for an end that is
    not later; `not_allowed`.
    """
    case, measure = lock_measure(measure_id)
    if not permissions.may_investigate(case, actor):
        raise DomainError("not_allowed", status=403, what="review")
    if measure.kind != K.HOLD or measure.state not in OPEN_STATES or measure.expires_at is None:
        raise DomainError("not_allowed", transition="review", state=measure.state)
    if not reason.strip() or (until is not None and until <= measure.expires_at):
        raise DomainError("incomplete", status=422, what="review")
    measure.reviewed_at = clock.now()
    if until is not None:
        measure.expires_at, measure.review_at = until, until - timedelta(days=HOLD_DAYS - REVIEW_DAYS)
        effects.prolong(measure, until=until, reason=reason.strip(), actor=actor)
    else:
        measure.review_at = None
    due = letters.answer_due(case.provider) if measure.state in (S.NOTIFIED, S.REBUTTAL) else None
    if until is not None and due is not None:
        measure.answer_due_at = due
    measure.save()
    _file(case, measure, "review", actor=actor, text=reason.strip())
    if until is not None and measure.notified_at is not None:
        letters.send(
            case,
            LetterKind.HOLD,
            actor=actor,
            measure=measure,
            answer_due_at=due,
            subject=subject_of(measure),
            lines=measure.lines.count(),
            longer=reason.strip(),
        )
    return measure


def subject_of(measure: Measure) -> str:
    """Whom a measure is about, where that is not simply the provider."""
    related = "" if measure.related_provider is None else str(measure.related_provider)
    return related or measure.person_name or measure.entity_name or measure.authority


def said(measure: Measure) -> str:
    """The measure as one line."""
    kind, subject = str(words.MEASURES[measure.kind]), subject_of(measure)
    return f"{kind} ({subject})" if subject else kind


def _require_rights(case: Case, measure: Measure) -> None:
    if measure.kind in AFTER_RIGHTS and case.rights_restored_at is None:
        raise DomainError("rights_first")


def move(
    case: Case, measure: Measure, transition: str, *, actor: User, reason: str = "", **kwargs: Any
) -> None:
    source = measure.state
    fsm.apply(measure, transition, actor=actor, reason=reason, **kwargs)
    _file(case, measure, transition, actor=actor, text=reason, source=source)


def _file(case: Case, measure: Measure, what: str, *, actor: User, text: str = "", source: str = "") -> None:
    case_file.record(
        case,
        RecordKind.MEASURE,
        actor=actor,
        text=text,
        data={
            "measure": measure.public_id,
            "kind": measure.kind,
            "step": what,
            "from": source,
            "to": measure.state,
            "subject": subject_of(measure),
            "expires_at": measure.expires_at,
        },
    )
