"""Claims above their scheme's limit need two persons: the first approval is kept, the second one makes them payable."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from accounts.models import User
from funding import permissions
from funding.models import Claim, ClaimApproval, ClaimKind, ClaimState
from ila.core import clock
from ila.core.errors import DomainError


def limit_of(claim: Claim) -> int | None:
    """What may be claimed of its booking before two persons approve, in cents, by the rules the booking keeps.

    Own money that goes back to a learner is nobody's claim: the platform draws it up itself.
    """
    version = claim.booking.scheme_version
    if version is None or claim.kind == ClaimKind.REFUND:
        return None
    return version.parsed.second_approval_above_cents


def claimed_with(claims: Iterable[Claim]) -> dict[int, int]:
    """By claim: its cents and those claimed of its booking before, so that a claim in parts is not a smaller one."""
    wanted = {claim.pk: claim.booking_id for claim in claims}
    parts: dict[int, list[tuple[int, int]]] = defaultdict(list)
    found = Claim.objects.filter(booking__in=set(wanted.values())).exclude(kind=ClaimKind.REFUND)
    for booking_id, pk, cents in found.exclude(state=ClaimState.REJECTED).values_list(
        "booking_id", "pk", "amount_cents"
    ):
        parts[booking_id].append((pk, cents))
    return {
        claim_id: sum(cents for pk, cents in parts[booking_id] if pk <= claim_id)
        for claim_id, booking_id in wanted.items()
    }


def needs_two(claim: Claim) -> bool:
    """Whether two persons approve this claim."""
    limit = limit_of(claim)
    return limit is not None and claimed_with([claim])[claim.pk] > limit


def first_of(claim: Claim) -> ClaimApproval | None:
    """The first approval of a claim that needs two, if somebody has given it."""
    return getattr(claim, "first_approval", None)


def first_approval_of(claim: Claim) -> ClaimApproval | None:
    """The first approval as it is in the database now."""
    return ClaimApproval.objects.filter(claim=claim).first()


def is_first_of_two(claim: Claim, actor: User) -> bool:
    """Keep an approval that is the first of two; whether it was, and the claim goes on waiting.

    For a service that holds the claim's lock. Raises: DomainError `not_allowed` for who may not pay, and for a second
    approval by the same person.
    """
    if not needs_two(claim):
        return False
    if actor.is_service or not permissions.may_pay(claim, actor):
        raise DomainError("not_allowed", status=403, transition="approve", claim=claim.pk)
    first = first_approval_of(claim)
    if first is None:
        ClaimApproval.objects.create(claim=claim, approver=actor, approved_at=clock.now())
        return True
    if first.approver_id == actor.pk:
        raise DomainError("not_allowed", status=403, reason="approved_once", claim=claim.pk)
    return False
