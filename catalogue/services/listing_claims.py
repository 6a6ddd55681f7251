"""An organisation claims the listing that a register brought in; one case worker recommends, another one decides.

A claim is an application of its own kind: steps, documents, questions, checklist and recommendation are those of
`applications` and `application_reviews`.
"""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from accounts.services import messages
from catalogue import permissions
from catalogue.models import Application, ListingClaim, Provider
from catalogue.selectors import applications as selected
from catalogue.services import account_changes, application_reviews, applications, details
from catalogue.services.applications import tell_applicant
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError


@transaction.atomic
def hand_in(*, actor: User, application_id: int) -> Application:
    """Hand a claim in. Whoever acts for the listing already is told that it is claimed, and nothing changes for it.

    The claimant is told neither that nor who it is. Locks: application, provider. Logs: claim `submit`.
    Raises: DomainError `incomplete` naming the step; `invalid` for a number that is not listed any more;
    `not_allowed` for one that the organisation has or claims already.
    """
    application = applications.open_draft(actor, application_id)
    if not application.is_claim:
        raise DomainError("not_allowed", what="hand_in", kind=application.kind)
    applications.refuse_incomplete(application)
    found = applications.listed_provider(application.register, application.number)
    (provider,) = locks.acquire(locks.lock(Provider, found.pk))
    own = Application.objects.filter(
        organisation=application.organisation, claim__provider=provider, claim__state__in=selected.OPEN_STATES
    )
    if provider.organisation_id == application.organisation_id or own.exists():
        raise DomainError("not_allowed", what="claim", reason="own_listing")
    claim = ListingClaim(provider=provider, submitted_at=clock.now())
    fsm.start(claim, actor=actor, transition="submit")
    application.provider, application.claim = provider, claim
    applications.begin_terms(application)
    assert application.admissibility_due_at is not None
    tell_applicant(application, template="claim_received")
    if provider.organisation_id is not None:
        for user in selected.members(provider.organisation_id):
            messages.queue(recipient=user, template="claim_disputed", name=str(provider))
    return application


@transaction.atomic
def withdraw(*, actor: User, application_id: int) -> Application:
    """Take a claim back. Locks: application, claim. Logs: claim `withdraw`. Raises: DomainError `not_allowed`."""
    known = Application.objects.filter(pk=application_id, claim__isnull=False).values_list("claim", flat=True)
    claim_id = known.first()
    if claim_id is None:
        raise DomainError("not_found", status=404, kind="claim")
    application, claim = locks.acquire(
        locks.lock(Application, application_id), locks.lock(ListingClaim, claim_id)
    )
    claim.application = application
    if not permissions.claims_listing(claim, actor):
        raise DomainError("not_allowed", status=403, what="withdraw")
    fsm.apply(claim, "withdraw", actor=actor, at=clock.now())
    return application  # type: ignore[no-any-return]


@transaction.atomic
def approve(*, actor: User, application_id: int, reason: str) -> Application:
    """The organisation acts for the provider from now on: its entries, sessions and bookings.

    The account is the claim's where none is known; another one than the known one is asked for as a change of account,
    with all that keeps it from strangers. Locks: application, provider, claim. Logs: claim `approve`.
    Raises: DomainError `not_allowed` (same person, no recommendation, a question open), `incomplete`; `duplicate`
    for a provider that another organisation acts for.
    """
    application, claim = application_reviews.to_decide(actor, application_id, reason)
    if not isinstance(claim, ListingClaim):
        raise DomainError("not_allowed", what="approve", kind=application.kind)
    if application.recommendation != "accredit":
        raise DomainError("not_allowed", what="accredit", reason="not_recommended")
    # As it is now: whoever else was approved meanwhile has written it under the lock that is held here.
    provider = Provider.objects.get(pk=claim.provider_id)
    if provider.organisation_id is not None:
        raise DomainError("duplicate", what="claim", reason="linked")
    fsm.apply(claim, "approve", actor=actor, reason=reason, at=clock.now())
    provider.organisation_id = application.organisation_id
    provider.iban = provider.iban or application.iban
    provider.updated_at = clock.now()
    provider.save(update_fields=["organisation", "iban", "updated_at"])
    details.adopt_application(application, provider, actor=actor)
    account_changes.ask_of_application(application, provider)
    application.decision_reason = reason.strip()
    application.updated_at = clock.now()
    application.save(update_fields=["decision_reason", "updated_at"])
    tell_applicant(application, template="claim_approved", reason=reason.strip(), listing=str(provider))
    return application
