"""Suggestions of counsellors: a training pointed out to a learner. They ask for nothing and bind nobody."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Delegation, User
from accounts.services import counselling, messages
from catalogue.models import MicroCredential
from catalogue.models.micro_credentials import CredentialState
from catalogue.selectors.listing import bookable_sessions
from funding.models import Suggestion
from ila.core import clock
from ila.core.errors import DomainError

MAX_NOTE = 500
# A learner's page is not to be filled by somebody else.
MAX_PER_DAY = 10


@transaction.atomic
def suggest(
    *, actor: User, public_id: UUID, credential_id: int, session_id: int | None = None, note: str = ""
) -> Suggestion:
    """Point a learner to a training, or to one of its sessions that can be booked now. The learner is told by mail.

    Raises: DomainError `not_found` (404) for who is not the learner's counsellor today, and for a training that is
    not listed or a session that is not its own or takes no bookings; `invalid` for a note that is too long;
    `too_many` after ten in a day.
    """
    delegation = counselling.find(actor=actor, public_id=public_id)
    # One after the other, so that the limit holds for two at once.
    Delegation.objects.select_for_update(no_key=True).get(pk=delegation.pk)
    credential = MicroCredential.objects.filter(pk=credential_id, state=CredentialState.REGISTERED).first()
    if credential is None:
        raise DomainError("not_found", status=404, kind="microcredential")
    session = None
    if session_id is not None:
        session = bookable_sessions(clock.now()).filter(pk=session_id, micro_credential=credential).first()
        if session is None:
            raise DomainError("not_found", status=404, kind="session")
    if len(note) > MAX_NOTE:
        raise DomainError("invalid", status=422, what="note")
    lately = Suggestion.objects.filter(delegation=delegation, made_at__gt=clock.now() - timedelta(days=1))
    if lately.count() >= MAX_PER_DAY:
        raise DomainError("too_many", status=409)
    made = Suggestion.objects.create(
        delegation=delegation,
        credential=credential,
        session=session,
        note=note.strip(),
        made_at=clock.now(),
    )
    messages.queue(
        recipient=delegation.citizen.user,
        template="training_suggested",
        counsellor=counselling.name_of_counsellor(delegation),
        title=credential.title,
    )
    return made


def dismiss(*, actor: User, public_id: UUID) -> None:
    """Put a suggestion away; again, it changes nothing. Raises: DomainError `not_found` (404) for everybody else."""
    mine = Suggestion.objects.filter(public_id=public_id, delegation__citizen__user=actor)
    if not mine.exists():
        raise DomainError("not_found", status=404, kind="suggestion")
    mine.filter(dismissed_at__isnull=True).update(dismissed_at=clock.now())


def shown_to(user: User) -> QuerySet[Suggestion]:
    """What counsellors suggest to this learner and was not put away, the newest first."""
    return (
        Suggestion.objects.filter(delegation__citizen__user_id=user.pk, dismissed_at__isnull=True)
        .select_related(
            "credential__provider", "session__micro_credential__provider", "delegation__counsellor"
        )
        .order_by("-made_at", "-pk")
    )
