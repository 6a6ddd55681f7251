"""What a provider tells of a session's teaching: who teaches, and who takes part beside those who are paid for."""

from __future__ import annotations

from typing import cast
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.models import User
from catalogue import permissions
from catalogue.models import DetailKind, Provider, ProviderDetail, Session, SessionState, SessionTeaching
from ila.core import clock, locks
from ila.core.errors import DomainError

MOST_PAYERS = 10_000
MOST_CENTS = 1_000_000_000


def teaching_of(session: Session) -> SessionTeaching | None:
    """What was told last."""
    return session.teaching.select_related("trainer").order_by("-pk").first()


def trainers_of(session: Session) -> QuerySet[ProviderDetail]:
    """The provider's trainers on one of the session's days; of a session without days, those of today and later."""
    provider: Provider = session.micro_credential.provider
    zone = ZoneInfo(provider.time_zone)
    first, last = session.starts_at or clock.now(), session.ends_at
    there = Q(valid_until__isnull=True) | Q(valid_until__gte=first.astimezone(zone).date())
    if last is not None:
        there &= Q(valid_from__lte=last.astimezone(zone).date())
    return provider.facts_told.filter(there, kind=DetailKind.TRAINER).order_by("facts__full_name", "pk")


@transaction.atomic
def tell_teaching(
    *,
    actor: User,
    session_id: int,
    trainer_id: int | None = None,
    private_payers: int | None = None,
    private_price_cents: int | None = None,
) -> SessionTeaching:
    """Say who teaches a session, how many pay for themselves and what; it takes the place of what was told before.

    None: not known. Nothing is booked or paid otherwise for it; the facts that detectors read follow.
    Locks: the session. Raises: DomainError `not_found` (404), `not_allowed` for anybody but the provider's people, and
    for a session that was called off; `invalid` for somebody who is no trainer of the provider on its days, or for
    numbers that cannot be.
    """
    found = Session.objects.filter(pk=session_id).first()
    if found is None:
        raise DomainError("not_found", status=404, kind="session")
    (row,) = locks.acquire(locks.lock(Session, session_id))
    session = cast("Session", row)
    if actor.is_service or not permissions.acts_for_provider(session, actor):
        raise DomainError("not_allowed", status=403, what="teaching")
    if session.state == SessionState.CANCELLED:
        raise DomainError("not_allowed", what="teaching", state=session.state)
    if trainer_id is not None and not trainers_of(session).filter(pk=trainer_id).exists():
        raise DomainError("invalid", status=422, what="trainer")
    if private_payers is not None and not 0 <= private_payers <= MOST_PAYERS:
        raise DomainError("invalid", status=422, what="private_payers")
    if private_price_cents is not None and not 0 < private_price_cents < MOST_CENTS:
        raise DomainError("invalid", status=422, what="private_price_cents")
    told = {
        "trainer_id": trainer_id,
        "private_payers": private_payers,
        "private_price_cents": private_price_cents,
    }
    before = teaching_of(session)
    if before is not None and all(getattr(before, name) == value for name, value in told.items()):
        return before
    return SessionTeaching.objects.create(session=session, told_by=actor, told_at=clock.now(), **told)
