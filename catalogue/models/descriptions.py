"""What else a catalogue entry says of itself, and the history of its price."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from catalogue.models.micro_credentials import MicroCredential
from ila.core import clock


class Certifies(models.TextChoices):
    """What an award of it proves: never more than that."""

    PARTICIPATION = "participation", "Participation"
    AIMS = "aims", "Achievement of the course's aims"
    OUTCOMES = "outcomes", "Demonstrated learning outcomes"


class Participation(models.TextChoices):
    """How learners take part."""

    IN_PERSON = "in_person", "In person"
    ONLINE = "online", "Online"
    BLENDED = "blended", "Blended: some parts in person, some online"
    HYBRID = "hybrid", "Hybrid: in person or online, as each learner likes"


class EntryDescription(models.Model):
    """Elements of the EU recommendation and of Australia's framework beside those of the micro-credential itself.

    Null is not specified, which is never the same as no or none. formacodes: five digits each; cip_code: as 11.0701.
    awarding_body: null where it is the provider. claims_reason: why words that sound like a forbidden claim (S-12)
    are none, in the provider's words. back_reason: why it was sent back, until it is submitted again.
    """

    micro_credential = models.OneToOneField(
        MicroCredential, on_delete=models.PROTECT, primary_key=True, related_name="description"
    )
    awarding_body = models.CharField(max_length=300, null=True, blank=True)
    certifies = models.CharField(max_length=15, choices=Certifies, null=True, blank=True)
    participation = models.CharField(max_length=10, choices=Participation, null=True, blank=True)
    assessment_only = models.BooleanField(null=True, blank=True)
    graded = models.BooleanField(null=True, blank=True)
    prerequisites = models.TextField(null=True, blank=True)
    inherent_requirements = models.TextField(null=True, blank=True)
    financial_help = models.TextField(null=True, blank=True)
    recognition = models.TextField(null=True, blank=True)
    accessibility = models.TextField(null=True, blank=True)
    formacodes = ArrayField(models.CharField(max_length=5), null=True, blank=True)
    cip_code = models.CharField(max_length=7, null=True, blank=True)
    claims_reason = models.TextField(blank=True)
    back_reason = models.TextField(blank=True)
    updated_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"description of entry {self.micro_credential_id}"


class PriceChange(models.Model):
    """A price of an entry, from when on. applied_at null and refused_at null: it waits for a person.

    before_cents: null for the first price. jump_percent: above the lowest price of the last months, rounded up; null
    where that was no more than the limit.
    """

    micro_credential = models.ForeignKey(
        MicroCredential, on_delete=models.PROTECT, related_name="price_changes"
    )
    before_cents = models.BigIntegerField(null=True, blank=True)
    after_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    jump_percent = models.PositiveIntegerField(null=True, blank=True)
    asked_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=clock.now)
    reason = models.CharField(max_length=500, blank=True)
    applied_at = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decision_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(after_cents__gt=0), name="pricechange_price_positive"),
            models.CheckConstraint(
                condition=Q(applied_at__isnull=True) | Q(refused_at__isnull=True),
                name="pricechange_applied_or_refused",
            ),
            models.CheckConstraint(
                condition=Q(refused_at__isnull=True) | (Q(decided_by__isnull=False) & ~Q(decision_reason="")),
                name="pricechange_refused_says_why",
            ),
            models.UniqueConstraint(
                fields=["micro_credential"],
                condition=Q(applied_at__isnull=True, refused_at__isnull=True),
                name="pricechange_one_waits",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["micro_credential", "-asked_at"], name="pricechange_history"),
        ]

    def __str__(self) -> str:
        return f"{self.before_cents} to {self.after_cents} {self.currency}"

    @property
    def waits(self) -> bool:
        """Whether a person has to decide it."""
        return self.applied_at is None and self.refused_at is None
