"""What was looked at before money left, and the holds that came of it by themselves."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from ila.core import clock
from ila.core.models import AppendOnlyModel


class ScreeningOutcome(models.TextChoices):
    """How a look at payments ended."""

    RUNNING = "running", "Under way"
    PASSED = "passed", "Looked at"
    FAILED = "failed", "Could not be looked at"


class PaymentScreening(models.Model):
    """One look at what is about to be paid: of a batch, or of everything on its way (batch null).

    failed: detector or table of facts → the kind of error. not_run: detector → what it needs and nobody knows.
    held: bookings whose money was stopped by it.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE")

    batch = models.ForeignKey(
        "funding.PaymentBatch", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    day = models.DateField()
    started_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=ScreeningOutcome, default=ScreeningOutcome.RUNNING)
    error = models.CharField(max_length=200, blank=True)
    failed = models.JSONField(default=dict, blank=True)
    not_run = models.JSONField(default=dict, blank=True)
    looked_at = models.PositiveIntegerField(default=0)
    held = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(outcome="running", finished_at__isnull=True)
                | (~Q(outcome="running") & Q(finished_at__isnull=False)),
                name="paymentscreening_ended_has_its_time",
            )
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["batch", "-id"], name="paymentscreening_of_batch"),
            models.Index(fields=["-started_at"], name="paymentscreening_latest"),
        ]

    def __str__(self) -> str:
        return f"screening {self.pk} ({self.outcome})"


class AutomaticHold(AppendOnlyModel):
    """A hold that a detector's finding placed, with everything that explains it, as it was.

    rule: which version of the detector's parameters it ran with, 1 is built in; null where it was not written down.
    evidence: `table:id` of the facts. A hold that a person released is not placed again on the same evidence.
    """

    hold = models.OneToOneField("funding.Hold", on_delete=models.PROTECT, related_name="+")
    booking = models.ForeignKey("funding.Booking", on_delete=models.PROTECT, related_name="+")
    screening = models.ForeignKey(PaymentScreening, on_delete=models.PROTECT, related_name="holds")
    detector = models.CharField(max_length=10)
    version = models.PositiveIntegerField()
    rule = models.PositiveIntegerField(null=True, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    score = models.FloatField()
    evidence = ArrayField(models.TextField())
    placed_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["booking", "detector"], name="automatichold_of_booking")
        ]

    def __str__(self) -> str:
        return f"{self.detector} holds booking {self.booking_id}"


class ScreeningMatch(models.Model):
    """A name that a provider declared, or its own, and one on the blacklist that it is like; never a decision.

    subject_ref: the person's id among the facts, or the provider's for the firm itself. hops: 0 for who is declared
    here, 1 for who is declared at a firm that has a director or owner in common with this one (`via`).
    explanation: what was compared, and what each part of it counted. gone_at: no longer so.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE")

    provider = models.ForeignKey("catalogue.Provider", on_delete=models.PROTECT, related_name="+")
    entry = models.ForeignKey("fraud.BlacklistEntry", on_delete=models.PROTECT, related_name="matches")
    subject_kind = models.CharField(max_length=10, choices=[("person", "Person"), ("firm", "Firm")])
    subject_ref = models.CharField(max_length=64)
    score = models.FloatField()
    hops = models.PositiveSmallIntegerField(default=0)
    via = models.ForeignKey(
        "catalogue.Provider", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    explanation = models.JSONField(default=dict)
    found_at = models.DateTimeField(default=clock.now)
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["provider", "entry", "subject_ref"], name="screeningmatch_once"),
            models.CheckConstraint(condition=Q(score__range=(0, 1)), name="screeningmatch_score_0_to_1"),
        ]

    def __str__(self) -> str:
        return f"match {self.pk} of provider {self.provider_id}"
