"""Surveys of those who completed (S-15): invited once, mailed when due, answered once, published from five on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, OuterRef, QuerySet, Subquery

from accounts.models import Citizen
from accounts.services import messages
from catalogue.feedback import figures
from catalogue.models import MicroCredential, SurveyAnswer, SurveyInvitation, SurveyKind, SurveyResult
from ila.core import clock
from ila.core.errors import DomainError
from ila.core.locks import acquire, lock

OUTCOME_AFTER = timedelta(days=182)  # six months
OPEN_FOR = timedelta(days=60)
CHUNK = 200
TEMPLATES: dict[str, str] = {SurveyKind.END: "survey_end", SurveyKind.OUTCOME: "survey_outcome"}


def invite_completer(
    *, source: UUID, citizen: Citizen, micro_credential: MicroCredential, ended_at: datetime
) -> int:
    """Note that somebody completed a micro-credential: they are asked now, and six months after its end.

    Called by whoever knows that it was completed; source: what proves it. Who was asked about this entry already is
    not asked again. Idempotent. Returns how many invitations are new.
    """
    now = clock.now()
    due = {SurveyKind.END: max(ended_at, now), SurveyKind.OUTCOME: max(ended_at + OUTCOME_AFTER, now)}
    before = SurveyInvitation.objects.filter(micro_credential=micro_credential, citizen=citizen).count()
    SurveyInvitation.objects.bulk_create(
        [
            SurveyInvitation(
                kind=kind,
                source=source,
                citizen=citizen,
                micro_credential=micro_credential,
                created_at=now,
                due_at=at,
                expires_at=at + OPEN_FOR,
            )
            for kind, at in due.items()
        ],
        ignore_conflicts=True,
    )
    return (
        SurveyInvitation.objects.filter(micro_credential=micro_credential, citizen=citizen).count() - before
    )


def close_invitations(*, sources: Collection[UUID] | QuerySet[Any]) -> int:
    """Close what was asked about trainings that turned out never to have been: nobody is asked, no answer counts.

    What was published stays until the next publication, which counts without them. Idempotent. Returns how many.
    """
    standing = SurveyInvitation.objects.filter(source__in=sources, closed_at=None)
    return standing.update(closed_at=clock.now())


def send_due_invitations(*, limit: int = 5000) -> int:
    """Mail the invitations that are due, each once; those that ended meanwhile stay unsent. Returns how many."""
    sent = 0
    while sent < limit:
        with transaction.atomic():
            now = clock.now()
            waiting = (
                SurveyInvitation.objects.select_for_update(of=("self",), skip_locked=True)
                .filter(
                    sent_at=None,
                    closed_at=None,
                    due_at__lte=now,
                    expires_at__gt=now,
                    citizen__user__isnull=False,
                )
                .select_related("citizen__user", "micro_credential")
                .order_by("due_at", "pk")[:CHUNK]
            )
            batch = list(waiting)
            for one in batch:
                messages.queue(
                    recipient=one.citizen.user,
                    template=TEMPLATES[one.kind],
                    survey=str(one.public_id),
                    title=one.micro_credential.title,
                    until=one.expires_at.date().isoformat(),
                )
            SurveyInvitation.objects.filter(pk__in=[one.pk for one in batch]).update(sent_at=now)
        if not batch:
            break
        sent += len(batch)
    return sent


def answer_survey(
    *,
    public_id: UUID,
    rating: int,
    teaching: int | None = None,
    useful: int | None = None,
    recommends: bool | None = None,
    situation: str = "",
) -> SurveyAnswer:
    """Keep an answer; who holds the link answers once.

    Locks: the invitation. Raises: DomainError `not_found` (404), `already_answered`, `too_late`, `too_early`.
    """
    with transaction.atomic():
        pk = SurveyInvitation.objects.filter(public_id=public_id).values_list("pk", flat=True).first()
        if pk is None:
            raise DomainError("not_found", status=404, kind="survey")
        invitation: SurveyInvitation
        (invitation,) = acquire(lock(SurveyInvitation, pk))
        if SurveyAnswer.objects.filter(invitation=invitation).exists():
            raise DomainError("already_answered")
        now = clock.now()
        if now >= invitation.expires_at or invitation.closed_at is not None:
            raise DomainError("too_late")
        if now < invitation.due_at:
            raise DomainError("too_early")
        at_end = invitation.kind == SurveyKind.END
        return SurveyAnswer.objects.create(
            invitation=invitation,
            rating=rating,
            teaching=teaching if at_end else None,
            useful=None if at_end else useful,
            recommends=recommends,
            situation="" if at_end else situation,
            answered_at=now,
        )


def publish_results() -> int:
    """Publish what has five answers more than the last publication had. Returns how many results are new."""
    made = 0
    for kind in SurveyKind.values:
        made += _publish(kind)
    return made


def _publish(kind: str) -> int:
    last = SurveyResult.objects.filter(micro_credential=OuterRef("pk"), kind=kind).order_by("-answers")
    ready = MicroCredential.objects.filter(
        survey_invitations__kind=kind,
        survey_invitations__closed_at=None,
        survey_invitations__answer__isnull=False,
    ).annotate(
        given=Count("survey_invitations__answer"),
        known=Subquery(last.values("answers")[:1]),
    )
    new = []
    for pk, given, known in ready.values_list("pk", "given", "known"):
        if given - (known or 0) < figures.LEAST:
            continue
        before = SurveyResult.objects.filter(micro_credential=pk, kind=kind).order_by("-answers").first()
        answers = list(
            SurveyAnswer.objects.filter(
                invitation__micro_credential=pk, invitation__kind=kind, invitation__closed_at=None
            ).values("rating", "teaching", "useful", "recommends", "situation")
        )
        told = figures.published(answers, before.figures if before else {})
        new.append(
            SurveyResult(
                micro_credential_id=pk,
                kind=kind,
                answers=len(answers),
                figures=told,
                published_at=clock.now(),
            )
        )
    # Two jobs at once count the same answers: the second writes nothing.
    SurveyResult.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)
