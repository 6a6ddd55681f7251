"""Several claims decided at once: each in its own transaction, as it was shown, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from accounts.models import User
from funding.models import Booking, Claim
from funding.selectors.agency_claims import fingerprint
from funding.services import claims
from ila.core import locks
from ila.core.errors import DomainError


@dataclass(frozen=True, slots=True)
class Decided:
    """Claims that were decided, in the order shown, and those left out, each with its refusal.

    Of those done, a claim that is still submitted was approved by the first of two persons.
    """

    done: list[Claim]
    left_out: list[tuple[int, DomainError]]


def decide_claims(*, actor: User, seen: Mapping[int, str], approve: bool, reason: str = "") -> Decided:
    """Approve or reject claims as they were shown: what changed since is left out and named.

    seen: claim id → `fingerprint` of what was shown. Each claim is its own transaction: one that cannot be decided
    stops no other. Locks: booking and claim, one pair after another.
    Raises: DomainError `incomplete` for a rejection without a reason. Left out with `claim_changed`, or with what
    `approve_claim` and `reject_claim` refuse.
    """
    if not approve and not reason.strip():
        raise DomainError("incomplete", what="reason")
    done: list[Claim] = []
    left_out: list[tuple[int, DomainError]] = []
    for claim_id, shown in seen.items():
        try:
            done.append(_decide(actor, claim_id, shown, approve=approve, reason=reason))
        except DomainError as refused:
            left_out.append((claim_id, refused))
    return Decided(done, left_out)


@transaction.atomic
def _decide(actor: User, claim_id: int, shown: str, *, approve: bool, reason: str) -> Claim:
    booking_id = Claim.objects.filter(pk=claim_id).values_list("booking_id", flat=True).first()
    if booking_id is None:
        raise DomainError("not_found", status=404, kind="claim")
    booking, claim = locks.acquire(locks.lock(Booking, booking_id), locks.lock(Claim, claim_id))
    if fingerprint(claim, booking) != shown:
        raise DomainError("claim_changed", claim=claim_id)
    if approve:
        return claims.approve_claim(actor=actor, claim_id=claim_id)
    return claims.reject_claim(actor=actor, claim_id=claim_id, reason=reason)
