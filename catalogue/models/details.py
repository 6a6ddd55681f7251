"""What a provider tells of itself after its accreditation, each thing with its days."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from catalogue.models.providers import Provider
from ila.core import clock


class DetailKind(models.TextChoices):
    """What a detail tells of."""

    CONTACT = "contact", "Contact"
    ESTABLISHMENT = "establishment", "Establishment"
    PERSON = "person", "Director or owner"
    PARTNER = "partner", "Agent or subcontractor"
    TRAINER = "trainer", "Trainer"


class DetailReview(models.TextChoices):
    """What the authority found of something that matters for the accreditation."""

    NOT_NEEDED = "not_needed", "Not needed"
    WAITS = "waits", "Waits"
    ACCEPTED = "accepted", "Accepted"
    OBJECTED = "objected", "Objected"


class ProviderDetail(models.Model):
    """One fact of a provider, in force from a day to a day (both included, at its place; null: no end is known).

    facts: by the names of the application's form of that kind; money in cents, days as text. Nothing in it is ever
    changed: what changes ends, and begins anew. review: of the beginning; end_review: of the end.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = (
        "SELECT",
        "INSERT",
        "UPDATE (valid_until, ended_by_id, ended_at, end_review, review, reviewed_by_id, reviewed_at, review_note)",
    )

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="facts_told")
    kind = models.CharField(max_length=15, choices=DetailKind)
    facts = models.JSONField()
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)
    entered_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    entered_at = models.DateTimeField(default=clock.now)
    ended_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    review = models.CharField(max_length=12, choices=DetailReview, default=DetailReview.NOT_NEEDED)
    end_review = models.CharField(max_length=12, choices=DetailReview, default=DetailReview.NOT_NEEDED)
    reviewed_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)
    review_note = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                # The day before its first one: it was told by mistake and never held.
                condition=Q(valid_until__isnull=True, ended_at__isnull=True, ended_by__isnull=True)
                | Q(valid_until__isnull=False, ended_at__isnull=False, ended_by__isnull=False),
                name="providerdetail_end_is_whole",
            ),
            models.CheckConstraint(
                condition=~Q(review="objected") & ~Q(end_review="objected") | ~Q(review_note=""),
                name="providerdetail_objected_says_why",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("entered_at")),
                name="providerdetail_ended_after_entered",
            ),
            models.UniqueConstraint(
                fields=["provider"],
                condition=Q(kind="contact", valid_until__isnull=True),
                name="providerdetail_one_contact",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["provider", "kind", "-valid_from"], name="providerdetail_of_provider"),
            models.Index(
                fields=["entered_at"],
                condition=Q(review="waits") | Q(end_review="waits"),
                name="providerdetail_to_review",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of provider {self.provider_id}"
