"""Issuing: what was proved becomes a signed credential that its learner owns."""

from __future__ import annotations

import uuid
from dataclasses import replace

from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.models import User
from accounts.services import messages
from catalogue import permissions
from catalogue.awards import addresses, document, status, tokens
from catalogue.awards.document import Completion
from catalogue.models import (
    STATUS_LIST_BITS,
    Award,
    AwardKind,
    AwardState,
    Certifies,
    EntryDescription,
    MicroCredential,
    Provider,
    RevocationReason,
    StatusList,
)
from catalogue.services.awards import revoking
from catalogue.services.awards.keys import signing_key
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError

# After these another award of the same training may follow; after any other revocation it may not.
REPLACEABLE = (RevocationReason.CORRECTED, RevocationReason.SUPERSEDED)


@transaction.atomic
def issue_award(*, actor: User, completion: Completion) -> Award:
    """The learner is awarded what was proved: outcomes where they were assessed, else attendance and no more.

    Idempotent: one award stands for each source. Proof of an assessment that comes later replaces an award
    of attendance. The learner is told.

    Locks: the micro-credential (shared), an award that is replaced. Logs: award `issue`, `revoke`.
    Raises: DomainError `not_allowed`; `incomplete` for a learner whose name is not known; `already_revoked`
    where an award of the same proof was taken back; SealingError where nothing can be signed.
    """
    entry = completion.micro_credential
    if not permissions.provider_or_authority(entry, actor):
        raise DomainError("not_allowed", status=403, what="issue_award")
    if not document.holder_name(completion.citizen):
        # A credential without its learner's identity is nobody's.
        raise DomainError("incomplete", what="name of the learner")
    completion = _as_described(completion)
    # Two proofs of one training that arrive at once are taken one after the other.
    locks.acquire(locks.lock(MicroCredential, entry.pk))
    standing = _standing(completion)
    if standing is not None and not _replaces(completion, standing):
        return standing
    if standing is not None:
        revoking.revoke_award(
            actor=actor, award_id=standing.pk, reason=RevocationReason.SUPERSEDED, tell_learner=False
        )
    try:
        with transaction.atomic():
            return _issue(completion, actor=actor)
    except IntegrityError:
        # Somebody else issued it between the look and the write.
        other = _standing(completion)
        if other is None:
            raise
        return other


def _as_described(completion: Completion) -> Completion:
    """The completion with what the entry says of its awards.

    Where the provider itself says that nothing is assessed, or that participation is all it certifies, a
    certificate certifies attendance.
    """
    entry = completion.micro_credential
    assessed = completion.assessed and entry.assessed is not False
    described = EntryDescription.objects.filter(micro_credential=entry).first()
    if described is None:
        return replace(completion, assessed=assessed)
    return replace(
        completion,
        assessed=assessed and described.certifies != Certifies.PARTICIPATION,
        mode=completion.mode or described.participation or "",
        certifies="course_aims" if described.certifies == Certifies.AIMS else completion.certifies,
        awarding_body=described.awarding_body or "",
    )


def _standing(completion: Completion) -> Award | None:
    """The award that stands for this source. Raises: DomainError `already_revoked`."""
    awards = list(Award.objects.filter(source=completion.source))
    for award in awards:
        if award.state == AwardState.ISSUED:
            return award
    for award in awards:
        if award.revocation_reason not in REPLACEABLE:
            raise DomainError("already_revoked", award=str(award.public_id))
    return None


def _replaces(completion: Completion, standing: Award) -> bool:
    return completion.kind == AwardKind.ACHIEVEMENT and standing.kind == AwardKind.ATTENDANCE


def _issue(completion: Completion, *, actor: User) -> Award:
    entry, now = completion.micro_credential, clock.now().replace(microsecond=0)
    public_id = uuid.uuid4()
    key = signing_key()
    status_list, index = _place(entry.provider)
    expires_at = document.expiry(completion, now)
    claims = document.build_claims(
        completion,
        public_id=public_id,
        issued_at=now,
        expires_at=expires_at,
        status_list=addresses.of_status_list(entry.provider_id, status_list.number),
        status_index=index,
    )
    award = Award(
        public_id=public_id,
        source=completion.source,
        kind=completion.kind,
        citizen=completion.citizen,
        provider=entry.provider,
        micro_credential=entry,
        key=key,
        status_list=status_list,
        status_index=index,
        claims=claims,
        token=tokens.sign(claims, key),
        issued_at=now,
        expires_at=expires_at,
    )
    fsm.start(award, actor=actor, transition="issue")
    messages.queue(
        recipient=completion.citizen.user,
        template="award_issued",
        award=str(public_id),
        title=entry.title,
        attendance=award.kind == AwardKind.ATTENDANCE,
    )
    return award


def _place(provider: Provider) -> tuple[StatusList, int]:
    """The next free place in the issuer's status list; a full list is followed by another."""
    latest = StatusList.objects.filter(provider=provider).order_by("-number").first()
    number = 1 if latest is None else latest.number
    while True:
        # Taken by an update, so that two issues at once wait for each other here and nowhere else.
        found = StatusList.objects.filter(provider=provider, number=number)
        if found.filter(used__lt=STATUS_LIST_BITS).update(used=F("used") + 1):
            taken = found.get()
            return taken, status.place(taken.used - 1, step=taken.step, offset=taken.offset)
        if found.exists():
            number += 1
        step, offset = status.scattering()
        StatusList.objects.bulk_create(
            [StatusList(provider=provider, number=number, step=step, offset=offset)], ignore_conflicts=True
        )
