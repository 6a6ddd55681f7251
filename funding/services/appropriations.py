"""Public money for a scheme's budget: proposed by one person of the agency, given by another."""

from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.models import User
from funding import permissions
from funding.models import Appropriation, Budget, Scheme
from funding.services import schemes
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError


def propose_appropriation(
    *, actor: User, scheme: Scheme, budget_name: str, amount_cents: int, reason: str, document: str
) -> Appropriation:
    """Ask a manager to give a budget more money, under the number of the act that grants it. No money moves yet.

    Raises: DomainError `not_allowed` for who may not; `incomplete` without a reason, a document or a budget's name;
    `invalid` for an amount that is not above 0; `duplicate_document` when the act is proposed or given already.
    """
    if not permissions.may_propose_appropriation(scheme, actor):
        raise DomainError("not_allowed", status=403, what="propose_appropriation")
    if not (reason.strip() and document.strip() and budget_name.strip()):
        raise DomainError("incomplete", what="reason, document, budget")
    if amount_cents <= 0:
        raise DomainError("invalid", amount_cents=amount_cents)
    proposal = Appropriation(
        scheme=scheme,
        budget_name=budget_name.strip(),
        amount_cents=amount_cents,
        currency=scheme.currency,
        reason=reason.strip(),
        document=document.strip(),
        author=actor,
        created_at=clock.now(),
    )
    try:
        with transaction.atomic():
            fsm.start(proposal, actor=actor)
    except IntegrityError as error:
        raise DomainError("duplicate_document", document=document) from error
    return proposal


@transaction.atomic
def approve_appropriation(*, actor: User, public_id: UUID) -> Budget:
    """Another person, a manager, gives the money: it is in the budget at once.

    Locks: the appropriation, then as `ledger.post`. Logs: AppropriationLog. Returns the budget with its balance.
    Raises: DomainError `not_allowed` for its author, or when it is decided; `not_found` (404).
    """
    proposal = _locked(public_id)
    fsm.apply(proposal, "approve", actor=actor, approver=actor, at=clock.now())
    return schemes.appropriate(
        scheme=proposal.scheme,
        budget_name=proposal.budget_name,
        amount_cents=proposal.amount_cents,
        actor=actor,
        idempotency_key=f"appropriation:{proposal.public_id}",
    )


@transaction.atomic
def reject_appropriation(*, actor: User, public_id: UUID, reason: str) -> Appropriation:
    """Another person, a manager, says no, and why. Raises: DomainError `incomplete`, `not_allowed`, `not_found`."""
    if not reason.strip():
        raise DomainError("incomplete", what="reason")
    proposal = _locked(public_id)
    fsm.apply(proposal, "reject", actor=actor, reason=reason, approver=actor, at=clock.now())
    return proposal


@transaction.atomic
def take_back_appropriation(*, actor: User, public_id: UUID) -> Appropriation:
    """Its author takes a proposal back. Raises: DomainError `not_allowed`, `not_found`."""
    proposal = _locked(public_id)
    fsm.apply(proposal, "take_back", actor=actor)
    return proposal


def _locked(public_id: UUID) -> Appropriation:
    seen = Appropriation.objects.filter(public_id=public_id).values_list("pk", flat=True).first()
    if seen is None:
        raise DomainError("not_found", status=404, kind="appropriation")
    proposal: Appropriation = locks.acquire(locks.lock(Appropriation, seen))[0]
    return proposal
