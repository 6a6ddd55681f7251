"""Taking an award back: the status list says so to every verifier."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from accounts.services import messages
from catalogue.models import Award, RevocationReason
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError


@transaction.atomic
def revoke_award(
    *, actor: User, award_id: int, reason: RevocationReason | str, note: str = "", tell_learner: bool = True
) -> Award:
    """The award stands no longer, for one of the reasons; the learner is told which.

    note: the provider's or agency's own words, kept in the log.
    Locks: award. Logs: award `revoke`. Raises: DomainError `not_allowed`, `incomplete` for an unknown reason.
    """
    if reason not in RevocationReason.values:
        raise DomainError("incomplete", what="reason")
    award: Award
    (award,) = locks.acquire(locks.lock(Award, award_id))
    fsm.apply(award, "revoke", actor=actor, reason=note, at=clock.now(), because=str(reason))
    if tell_learner:
        messages.queue(
            recipient=award.citizen.user,
            template="award_revoked",
            award=str(award.public_id),
            title=award.micro_credential.title,
            reason=str(reason),
        )
    return award
