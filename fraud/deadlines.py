"""What has a day in fraud's work, and waits for a person: holds to be looked at, hearings, answers, appeals, rights."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Role, User
from catalogue.models import Provider
from fraud import permissions
from fraud.models import Case, CaseQuestion, CaseState, HoldAnswer, Measure, MeasureKind, MeasureState
from fraud.models.cases import AT_FAULT
from fraud.models.measures import OPEN_STATES, STANDING
from fraud.services import hold_answers
from funding.selectors.agency_home import Desk, Waiting
from ila.core import clock

M = MeasureState
# What ends within this time is told.
SOON = timedelta(days=3)
# A page shows so many of each kind; the rest is counted.
MOST = 50
URGENT = ("rights", "hearing")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of work with a day.

    found: its rows; due: the field with its day; managers: for them alone; everybody: of no case, so of nobody.
    """

    code: str
    label: Promise
    found: Callable[[], QuerySet[Any]]
    due: str = ""
    managers: bool = False
    to_case: str = "case"
    everybody: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """Something that waits, with its day, if it has one. case: None for what belongs to no case."""

    kind: Kind
    case: Case | None
    provider: Provider
    url: str
    due_at: datetime | None
    is_late: bool


def _measures(**of: Any) -> QuerySet[Measure]:
    return Measure.objects.filter(**of)


def _holds() -> QuerySet[Measure]:
    return _measures(kind=MeasureKind.HOLD, state__in=[s for s in OPEN_STATES if s != M.PROPOSED])


KINDS: tuple[Kind, ...] = (
    Kind(
        "rights",
        _("Learners wait for their rights"),
        lambda: Case.objects.filter(outcome__in=AT_FAULT, rights_restored_at__isnull=True).exclude(
            state=CaseState.CLOSED
        ),
        "decided_at",
        managers=True,
        to_case="",
    ),
    Kind(
        "hearing",
        _("A hearing is to be held"),
        lambda: _measures(hearing_due_at__isnull=False, hearing_held_at__isnull=True, state__in=STANDING),
        "hearing_due_at",
    ),
    Kind(
        "review",
        _("A hold is to be reviewed"),
        lambda: _holds().filter(review_at__lte=clock.now()),
        "review_at",
    ),
    Kind(
        "answered",
        _("A provider has answered to a hold"),
        hold_answers.unanswered_by_us,
        "until",
        to_case="",
        everybody=True,
    ),
    Kind(
        "ending",
        _("A hold ends"),
        lambda: _holds().filter(expires_at__lte=clock.now() + SOON),
        "expires_at",
    ),
    Kind(
        "decide",
        _("A measure was heard and is to be decided"),
        lambda: _measures(state=M.REBUTTAL, answer_due_at__lte=clock.now()),
        "answer_due_at",
        managers=True,
    ),
    Kind(
        "appeal",
        _("An appeal is to be decided"),
        lambda: _measures(state=M.UNDER_APPEAL),
        "appealed_at",
        managers=True,
    ),
    Kind("announce", _("A measure is to be announced"), lambda: _measures(state=M.PROPOSED)),
    Kind(
        "unanswered",
        _("A question was not answered in time"),
        lambda: CaseQuestion.objects.filter(
            answered_at__isnull=True,
            due_at__lte=clock.now(),
            case__state__in=[CaseState.INVESTIGATING, CaseState.WAITING_EVIDENCE],
        ),
        "due_at",
    ),
    Kind(
        "reopening",
        _("Somebody asks to open a case again"),
        lambda: Case.objects.filter(state=CaseState.REOPEN_PENDING),
        to_case="",
    ),
)


def mine(kind: Kind, actor: User) -> QuerySet[Any]:
    """Of this kind what waits for this person: of their own cases, and for a manager of every one."""
    found = kind.found()
    if permissions.may_manage(None, actor) or (kind.everybody and permissions.may_investigate(None, actor)):
        return found
    if kind.managers or not permissions.may_investigate(None, actor):
        return found.none()
    to = f"{kind.to_case}__" if kind.to_case else ""
    return found.filter(Q(**{f"{to}investigator": actor}))


def due_for(actor: User) -> list[Due]:
    """All that waits for this person, what is due first on top. One query for each kind."""
    now = clock.now()
    found = []
    for kind in KINDS:
        related = [f"{kind.to_case}__provider"] if kind.to_case else ["provider"]
        for row in mine(kind, actor).select_related(*related).order_by(kind.due or "pk", "pk")[:MOST]:
            at = getattr(row, kind.due) if kind.due else None
            case = None if kind.everybody else getattr(row, kind.to_case) if kind.to_case else row
            provider = row.provider if case is None else case.provider
            found.append(Due(kind, case, provider, _address(row, case), at, at is not None and at <= now))
    return sorted(found, key=lambda each: (each.due_at is None, each.due_at or now, each.provider.pk))


def counts_for(actor: User) -> dict[str, int]:
    """How much of each kind waits for this person; kinds of which nothing does are left out."""
    counted = ((kind.code, mine(kind, actor).count()) for kind in KINDS)
    return {code: number for code, number in counted if number}


def _address(row: Any, case: Case | None) -> str:
    if isinstance(row, HoldAnswer):
        return reverse("fraud_hold", args=[row.hold_id])
    if isinstance(row, Measure):
        return reverse("fraud_measure", args=[row.public_id])
    assert case is not None
    return reverse("fraud_case", args=[case.public_id])


def _work() -> Iterable[Waiting]:
    for kind in KINDS:
        roles = (Role.MANAGER,) if kind.managers else permissions.INVESTIGATOR_ROLES
        yield Waiting(
            kind.label, "fraud_desk", roles, partial(_of_desk, kind), "#due", urgent=kind.code in URGENT
        )


def _of_desk(kind: Kind, desk: Desk) -> QuerySet[Any]:
    return mine(kind, desk.user)


# What waits, for the home of the agency.
WORK = tuple(_work())
