"""An organisation says that a provider which a register brought in is itself."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django_fsm import FSMField, transition

from catalogue.models.providers import Provider
from catalogue.permissions import claims_listing, is_authority
from ila.core import clock
from ila.core.fsm import Machine, TransitionLog, state_guard


class ListingClaimState(models.TextChoices):
    """The states of a claim of a listing."""

    SUBMITTED = "submitted", "Handed in"
    IN_REVIEW = "in_review", "In review"
    APPROVED = "approved", "Approved"
    REFUSED = "refused", "Refused"
    WITHDRAWN = "withdrawn", "Taken back"


S = ListingClaimState


class ListingClaim(Machine):
    """What becomes of an application that claims a listing. Several may claim one, and one at most gets it."""

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="listing_claims")
    state = FSMField(default=S.SUBMITTED, choices=S.choices, protected=True, max_length=20)
    submitted_at = models.DateTimeField(default=clock.now)
    review_started_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["provider"], condition=Q(state=S.APPROVED), name="listingclaim_one_approved"
            ),
            models.CheckConstraint(
                condition=~Q(state=S.IN_REVIEW) | Q(review_started_at__isnull=False),
                name="listingclaim_in_review_has_its_time",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=(S.APPROVED, S.REFUSED, S.WITHDRAWN)) | Q(decided_at__isnull=False),
                name="listingclaim_decided_has_its_time",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["provider", "state"], name="listingclaim_of_provider"),
        ]
        triggers: ClassVar[list[Any]] = [state_guard("catalogue_listingclaimlog")]

    def __str__(self) -> str:
        return f"claim {self.pk}: {self.state}"

    @transition(field=state, source=S.SUBMITTED, target=S.IN_REVIEW, permission=is_authority)
    def review(self, *, at: datetime) -> None:
        """The authority takes it up."""
        self.review_started_at = at

    @transition(field=state, source=S.IN_REVIEW, target=S.APPROVED, permission=is_authority)
    def approve(self, *, at: datetime) -> None:
        """The organisation is the provider."""
        self.decided_at = at

    @transition(field=state, source=S.IN_REVIEW, target=S.REFUSED, permission=is_authority)
    def refuse(self, *, at: datetime) -> None:
        """It is not proved that the organisation is the provider."""
        self.decided_at = at

    @transition(field=state, source=[S.SUBMITTED, S.IN_REVIEW], target=S.WITHDRAWN, permission=claims_listing)
    def withdraw(self, *, at: datetime) -> None:
        """The organisation takes its claim back."""
        self.decided_at = at


class ListingClaimLog(TransitionLog):
    """Who moved a claim of a listing, when and why."""

    subject = models.ForeignKey(ListingClaim, on_delete=models.PROTECT, related_name="log")

    class Meta(TransitionLog.Meta):
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["subject", "at", "id"], name="listingclaimlog_at")
        ]


ListingClaim.log_model = ListingClaimLog
