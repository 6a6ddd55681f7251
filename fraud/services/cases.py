"""Working a case: the week's queue, who has it, notes, findings, and the decision of two persons."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from math import ceil
from typing import Any

from django.db import transaction
from django.db.models import Sum

from accounts.models import User
from accounts.services import service_users
from catalogue.documents import checked_file, keep
from fraud import permissions, words
from fraud.models import (
    Case,
    CaseBooking,
    CaseDocument,
    CaseRecord,
    CaseState,
    InvestigatorCapacity,
    LetterKind,
    Measure,
    MeasureKind,
    RecordKind,
)
from fraud.models.cases import AT_FAULT, OUTCOMES, UNDER_INVESTIGATION
from fraud.models.measures import OPEN_STATES
from fraud.services import case_file, effects, letters, measures, rights
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError

S = CaseState
# So much of the investigators' time looks at what was drawn at random (FRAUD D26).
CONTROL_SHARE = 10


def lock_case(case_id: int) -> Case:
    """The case, locked. Raises: DomainError `not_found` (404)."""
    (case,) = locks.acquire(locks.lock(Case, case_id))
    return case  # type: ignore[no-any-return]


def required(text: str, what: str = "reason") -> str:
    """The text without blanks around it. Raises: DomainError `incomplete` where there is none."""
    if not text.strip():
        raise DomainError("incomplete", status=422, what=what)
    return text.strip()


def set_capacity(*, actor: User, investigator: User, cases_a_week: int) -> InvestigatorCapacity:
    """Say how many new cases an investigator can take a week. Raises: DomainError `not_allowed` (403)."""
    if not permissions.may_manage(None, actor) or not permissions.may_investigate(None, investigator):
        raise DomainError("not_allowed", status=403, what="capacity")
    row, _new = InvestigatorCapacity.objects.update_or_create(
        user=investigator, defaults={"cases_a_week": cases_a_week, "set_by": actor, "set_at": clock.now()}
    )
    return row


def capacity() -> int:
    """How many new cases all investigators together can take a week: the k of every measurement."""
    return InvestigatorCapacity.objects.aggregate(k=Sum("cases_a_week"))["k"] or 0


def fill_queue(*, on: date, actor: User | None = None) -> list[Case]:
    """Bring the week's cases to triage: a tenth of the capacity drawn at random, the rest by score.

    The draw is of the week and the case alone: nobody can choose it, and it can be drawn again. Called again in the
    same week it tops up only what capacity is left. Locks: cases. Logs: case `queue`.
    """
    actor = actor or service_users.get("fraud")
    week = on.isocalendar()[:2]
    queued = [
        each
        for each in Case.objects.filter(queued_on__isnull=False)
        if each.queued_on.isocalendar()[:2] == week  # type: ignore[union-attr]
    ]
    k = capacity()
    controls = ceil(k / CONTROL_SHARE) - sum(each.control for each in queued)
    ranked = k - ceil(k / CONTROL_SHARE) - sum(not each.control for each in queued)
    drafts = list(Case.objects.filter(state=S.DRAFT).order_by("-score", "-amount_cents", "pk"))
    best = drafts[: max(0, ranked)]
    rest = sorted(drafts[max(0, ranked) :], key=lambda case: _lot(case, week))
    drawn = rest[: max(0, controls)]
    return [_queue(case.pk, on, case in drawn, actor) for case in [*best, *drawn]]


def _lot(case: Case, week: Sequence[int]) -> tuple[bool, str]:
    """What was drawn as a control comes first; of it and of the others, whatever the hash says."""
    said = f"{week[0]}:{week[1]}:{case.public_id}"
    return case.typology != "control", hashlib.sha256(said.encode()).hexdigest()


@transaction.atomic
def _queue(case_id: int, on: date, control: bool, actor: User) -> Case:
    case = lock_case(case_id)
    step(case, "queue", actor=actor, on=on, control=control)
    return case


@transaction.atomic
def queue_case(*, actor: User, case_id: int, reason: str) -> Case:
    """A person wants a case looked at, whatever its score. Logs: `queue`. Raises: `incomplete`, `not_allowed`."""
    case = lock_case(case_id)
    step(case, "queue", actor=actor, reason=required(reason), on=clock.now().date())
    return case


@transaction.atomic
def assign_case(*, actor: User, case_id: int, investigator: User, reason: str = "") -> Case:
    """One investigator gets it; of two who take it at the same moment one is refused.

    Nobody investigates what the rule they wrote has found. Locks: the case. Logs: `assign`.
    Raises: DomainError `not_allowed`.
    """
    case = lock_case(case_id)
    if not permissions.may_investigate(case, investigator) or investigator.pk in case.rule_author_ids:
        raise DomainError("not_allowed", status=403, what="assign", reason="author_of_the_rule")
    if actor.pk != investigator.pk and not permissions.may_manage(case, actor):
        raise DomainError("not_allowed", status=403, what="assign")
    step(case, "assign", actor=actor, reason=reason, investigator=investigator)
    return case


@transaction.atomic
def start_investigation(*, actor: User, case_id: int) -> Case:
    """Its investigator begins. Locks: the case. Logs: `investigate`. Raises: DomainError `not_allowed`."""
    case = lock_case(case_id)
    step(case, "investigate", actor=actor)
    return case


@transaction.atomic
def add_note(*, actor: User, case_id: int, text: str) -> CaseRecord:
    """Write a note into the file. Locks: the case. Raises: DomainError `incomplete`, `not_allowed` (403)."""
    case = lock_case(case_id)
    require_worker(case, actor)
    return case_file.record(case, RecordKind.NOTE, actor=actor, text=required(text, "text"))


@transaction.atomic
def add_document(*, actor: User, case_id: int, name: str, content: bytes) -> CaseDocument:
    """Put a file into the case; the same one is kept once.

    Locks: the case. Raises: DomainError `bad_file`, `not_allowed` (403) but for who works on it or answers for it.
    """
    case = lock_case(case_id)
    if not permissions.answers_for(case, actor):
        require_worker(case, actor)
    checked = checked_file(name, content)
    known = case.documents.filter(sha256=checked.sha256).first()
    if known is not None:
        return known
    keep(checked)
    document = CaseDocument.objects.create(
        case=case,
        name=checked.name,
        content_type=checked.media_type,
        sha256=checked.sha256,
        size=len(content),
        added_by=actor,
    )
    case_file.record(
        case,
        RecordKind.DOCUMENT,
        actor=actor,
        text=checked.name,
        data={"document": document.public_id, "sha256": checked.sha256},
    )
    return document


@transaction.atomic
def record_finding(*, actor: User, case_id: int, booking_id: int, found: str, why: str) -> CaseBooking:
    """The investigator says what the evidence comes to for one booking.

    Locks: the case. Raises: DomainError `not_allowed` for who does not work on it, once its rights are restored, or
    outside the investigation; `not_found`, `incomplete` without a why.
    """
    case = lock_case(case_id)
    if case.investigator_id != actor.pk or case.state not in UNDER_INVESTIGATION:
        raise DomainError("not_allowed", status=403, what="finding", state=case.state)
    row = case.bookings.select_for_update(no_key=True).filter(booking_id=booking_id).first()
    if row is None or found not in CaseBooking.Found.values:
        raise DomainError("not_found", status=404, kind="booking")
    if row.restored_at is not None:
        raise DomainError("not_allowed", what="finding", reason="restored")
    row.found, row.found_by = found, actor
    row.save(update_fields=["found", "found_by"])
    case_file.record(
        case,
        RecordKind.FINDING,
        actor=actor,
        text=required(why, "why"),
        data={"booking": row.booking.public_id, "found": found},
    )
    return row


@transaction.atomic
def wait_for_evidence(*, actor: User, case_id: int, until: datetime, reason: str) -> Case:
    """Wait for somebody's answer. Locks: the case. Logs: `wait`. Raises: DomainError `incomplete`, `not_allowed`."""
    case = lock_case(case_id)
    if until <= clock.now():
        raise DomainError("incomplete", status=422, what="until")
    step(case, "wait", actor=actor, reason=required(reason), until=until)
    return case


def end_waits(*, actor: User | None = None) -> int:
    """Cases whose wait is over are investigated on. Returns how many. Logs: `take_up`. May be repeated."""
    actor = actor or service_users.get("fraud")
    due = Case.objects.filter(state=S.WAITING_EVIDENCE, waiting_until__lte=clock.now()).order_by("pk")
    return sum(_take_up(pk, actor) for pk in due.values_list("pk", flat=True))


@transaction.atomic
def _take_up(case_id: int, actor: User) -> int:
    case = lock_case(case_id)
    if case.state != S.WAITING_EVIDENCE or case.waiting_until is None or case.waiting_until > clock.now():
        return 0
    step(case, "take_up", actor=actor, reason="the time to answer is over")
    return 1


@transaction.atomic
def propose_decision(*, actor: User, case_id: int, outcome: str, reasons: str) -> Case:
    """The investigator says what it comes to. Locks: the case. Logs: `propose`.

    Raises: DomainError `incomplete` without reasons or for no outcome, `not_allowed`.
    """
    case = lock_case(case_id)
    if outcome not in OUTCOMES:
        raise DomainError("incomplete", status=422, what="outcome")
    step(case, "propose", actor=actor, outcome=outcome, proposal=required(reasons, "reasons"), by=actor)
    case_file.record(
        case, RecordKind.DECISION, actor=actor, text=case.proposal, data={"proposed": case.proposed_outcome}
    )
    return case


@transaction.atomic
def send_back(*, actor: User, case_id: int, reason: str) -> Case:
    """Another person is not convinced. Locks: the case. Logs: `send_back`. Raises: `incomplete`, `not_allowed`."""
    case = lock_case(case_id)
    step(case, "send_back", actor=actor, reason=required(reason))
    return case


@transaction.atomic
def decide(*, actor: User, case_id: int, reason: str, shown: str = "") -> Case:
    """Another person decides as proposed: neither the investigator nor the author of a rule that led to it.

    Refuted: every measure of the case that is not over is lifted in the same moment, holds with it, and the provider
    gets an apology. What an earlier decision took from it is undone to the cent: debts, bookings that were ended
    (decision 234); that needs a manager. shown: the outcome that the page showed, when it may have changed meanwhile.
    Locks: the case, measures, holds, bookings. Logs: case `decide`; measures `lift`; bookings `reinstate`.
    Raises: DomainError `incomplete` without a reason, `changed_since`, `being_netted`, `not_allowed`.
    """
    case = lock_case(case_id)
    if shown and shown != case.proposed_outcome:
        raise DomainError("changed_since")
    if (
        case.proposed_outcome == S.REFUTED
        and _took_something(case)
        and not permissions.may_manage(case, actor)
    ):
        raise DomainError("not_allowed", status=403, what="decide", reason="money_moved")
    step(case, "decide", actor=actor, reason=required(reason), by=actor)
    case_file.record(case, RecordKind.DECISION, actor=actor, text=reason, data={"decided": case.outcome})
    if case.outcome == S.REFUTED:
        undone = lift_all(case, actor=actor, reason=reason, wrong=True)
        effects.release_before_the_case(case, actor=actor)
        undone += _reinstate_all(case, actor=actor, reason=reason)
        letters.send(case, LetterKind.APOLOGY, actor=actor, why=reason, undone=undone)
    return case


def _took_something(case: Case) -> bool:
    """Whether an earlier decision on the case moved money, which only a manager moves back."""
    rows = case.bookings.filter(restored_at__isnull=False).select_related("booking")
    return any(rights.stands_cancelled(row) for row in rows) or effects.took_money(case)


def _reinstate_all(case: Case, *, actor: User, reason: str) -> list[str]:
    """Bookings that were ended for the case, and that no appeal has undone, stand again. Returns a letter's lines."""
    rows = case.bookings.filter(restored_at__isnull=False).select_related("booking").order_by("booking_id")
    wrong = [row for row in rows if rights.stands_cancelled(row)]
    done = [row for row in wrong if rights.undo(case, row, actor=actor, reason=reason)]
    return [f"{words.EFFECTS['not_paid']}: {row.booking.public_id}" for row in done]


def lift_all(
    case: Case,
    *,
    actor: User,
    reason: str,
    kinds: Sequence[str] = MeasureKind.values,
    wrong: bool = False,
) -> list[str]:
    """Lift every measure of a locked case that is not over. Returns what it was, as people read it."""
    lifted = []
    standing = Measure.objects.filter(case=case, state__in=OPEN_STATES, kind__in=kinds)
    for measure in locks.acquire_set(standing):
        measures.end(case, measure, "lift", actor=actor, reason=reason, wrong=wrong)
        lifted.append(measures.said(measure))
    return lifted


@transaction.atomic
def start_enforcement(*, actor: User, case_id: int) -> Case:
    """What follows is carried out. Locks: the case. Logs: `enforce`. Raises: DomainError `not_allowed`."""
    case = lock_case(case_id)
    step(case, "enforce", actor=actor)
    return case


@transaction.atomic
def close_case(*, actor: User, case_id: int, reason: str) -> Case:
    """All that follows is done: no measure waits to be announced, answered or decided, and rights are restored.

    Holds end with the case. Locks: the case, measures. Logs: case `close`; measures `lift` of holds.
    Raises: DomainError `measures_open`, `rights_first`, `incomplete`, `not_allowed`.
    """
    case = lock_case(case_id)
    if case.outcome in AT_FAULT and case.rights_restored_at is None:
        raise DomainError("rights_first")
    lift_all(case, actor=actor, reason=required(reason), kinds=[MeasureKind.HOLD])
    if Measure.objects.filter(case=case, state__in=["proposed", "notified", "rebuttal"]).exists():
        raise DomainError("measures_open")
    step(case, "close", actor=actor, reason=reason.strip())
    return case


@transaction.atomic
def ask_reopening(*, actor: User, case_id: int, reason: str) -> Case:
    """Ask that a closed case be looked at again.

    Locks: the case. Logs: `ask_reopening`. Raises: DomainError `not_allowed`, `case_open` while another case of the
    same provider and typology is open; `incomplete`.
    """
    case = lock_case(case_id)
    others = Case.objects.filter(provider=case.provider_id, typology=case.typology).exclude(state=S.CLOSED)
    if others.exclude(pk=case.pk).exists():
        raise DomainError("case_open")
    step(case, "ask_reopening", actor=actor, reason=required(reason), by=actor)
    return case


@transaction.atomic
def answer_reopening(*, actor: User, case_id: int, agreed: bool, reason: str) -> Case:
    """Another person opens it again, or not. Locks: the case. Logs: `reopen` or `decline_reopening`."""
    case = lock_case(case_id)
    step(case, "reopen" if agreed else "decline_reopening", actor=actor, reason=required(reason))
    return case


def step(case: Case, transition: str, *, actor: User, reason: str = "", **kwargs: Any) -> None:
    """Move a locked case, and say so in its file. Records: `state`."""
    source = case.state
    fsm.apply(case, transition, actor=actor, reason=reason, **kwargs)
    case_file.record(
        case,
        RecordKind.STATE,
        actor=actor,
        text=reason,
        data={"transition": transition, "from": source, "to": case.state},
    )


def require_worker(case: Case, actor: User) -> None:
    """Raise DomainError `not_allowed` (403) for who does not investigate."""
    if not permissions.may_investigate(case, actor):
        raise DomainError("not_allowed", status=403, what="case")
