"""What the agency's own pages speak of: a claim, a proposal of money, a hold, somebody's role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from accounts.models import Membership, User
from funding.models import Appropriation, Booking, Claim, Hold, PayeeCheck, PaymentBatch, Scheme, SchemeLimit
from funding.services import appropriations, claims, holds
from ila.core import clock
from tests.factories.accounts import MembershipFactory
from tests.factories.funding import SchemeFactory
from tests.pages.support import PAYDAY, Scene, validated_booking
from tests.support.world import MONDAY


@dataclass(frozen=True)
class AgencyThings:
    """Addresses of the agency's desk."""

    claim: Claim
    batch: PaymentBatch
    proposal: Appropriation
    hold: Hold
    membership: Membership
    check: PayeeCheck

    def arguments(self) -> dict[str, dict[str, Any]]:
        """The arguments of each address."""
        return {
            "agency_claim": {"pk": self.claim.pk},
            "batch_approve": {"msg_id": self.batch.msg_id},
            "batch_send": {"msg_id": self.batch.msg_id},
            "agency_payee": {"public_id": self.check.public_id},
            "agency_budget": {"code": self.proposal.scheme.code},
            "agency_appropriation": {"public_id": self.proposal.public_id},
            "agency_hold_release": {"pk": self.hold.pk},
            "agency_suspend": {"public_id": self.claim.booking.account.public_id},
            "agency_role_schemes": {"pk": self.membership.pk},
        }


def make_agency_things(scene: Scene, booking: Booking, batch: PaymentBatch) -> AgencyThings:
    """A claim in a batch, a proposal, and a hold on a booking of its own."""
    claim = Claim.objects.select_related("booking__account").get(payments__batch=batch)
    hold = holds.place_hold(
        owner=scene.case_worker, reason="looked at", until=clock.now() + timedelta(days=5), booking=booking
    )
    membership = Membership.objects.get(user=scene.payment_officer)
    check = PayeeCheck.objects.create(
        scheme=batch.scheme,
        provider=claim.provider,
        iban="DE89370400440532013000",
        name="Somebody",
        answer="no_match",
        asked_by=scene.payment_officer,
    )
    return AgencyThings(claim, batch, propose(scene), hold, membership, check)


def propose(scene: Scene, *, scheme: Scheme | None = None, document: str = "2026-17") -> Appropriation:
    """A payment officer's proposal of 5,000.00."""
    return appropriations.propose_appropriation(
        actor=scene.payment_officer,
        scheme=scheme or scene.world.scheme,
        budget_name="Budget 2026",
        amount_cents=500_000,
        reason="More learners than planned",
        document=document,
    )


def manager(scene: Scene) -> User:
    """A manager of the agency."""
    user: User = MembershipFactory.create(organisation=scene.world.agency, role="manager").user
    return user


def submitted(scene: Scene, number: int = 1) -> list[Claim]:
    """Claims that providers handed in and nobody has decided."""
    found = []
    for _each in range(number):
        with clock.at(MONDAY):
            scene.learner = scene.world.make_learner()
        booking = validated_booking(scene)
        with clock.at(PAYDAY):
            found.append(claims.claim_booking(actor=scene.provider_member, booking_id=booking.pk))
    return found


def limit_to_another_scheme(user: User) -> Scheme:
    """Every role of this person counts for another scheme than the world's alone."""
    other: Scheme = SchemeFactory.create(code="skillsfuture")
    for membership in user.memberships.all():
        SchemeLimit.objects.create(membership=membership, scheme=other)
    return other
