"""Holds outside of a case: what the provider who is held says to it, and what a person decides then."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from ila.core import clock
from ila.core.models import AppendOnlyModel


class HoldAnswer(AppendOnlyModel):
    """A provider's own words on a hold, once until its end; a hold that gets a later end may be answered anew.

    until: the end that the hold had when it was answered.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    hold = models.ForeignKey("funding.Hold", on_delete=models.PROTECT, related_name="answers")
    provider = models.ForeignKey("catalogue.Provider", on_delete=models.PROTECT, related_name="+")
    until = models.DateTimeField()
    text = models.TextField()
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["hold", "provider", "until"], name="holdanswer_once_until_its_end"
            ),
            models.CheckConstraint(condition=~Q(text=""), name="holdanswer_says_something"),
            models.CheckConstraint(condition=Q(answered_at__lt=F("until")), name="holdanswer_in_time"),
        ]

    def __str__(self) -> str:
        return f"answer {self.public_id}"


class HoldDocument(AppendOnlyModel):
    """A file that came with an answer, kept as it came."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    answer = models.ForeignKey(HoldAnswer, on_delete=models.PROTECT, related_name="documents")
    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["answer", "sha256"], name="holddocument_once")
        ]

    def __str__(self) -> str:
        return f"document {self.public_id}"


class HoldOutcome(models.TextChoices):
    """What a person decides on a hold outside of a case."""

    LIFTED = "lifted", "Lifted"
    PROLONGED = "prolonged", "Prolonged"
    CASE = "case", "Case opened"


class HoldDecision(AppendOnlyModel):
    """What a person decided on a hold, and why.

    before, until: its end before and after it was prolonged. case: what was opened from it.
    """

    hold = models.ForeignKey("funding.Hold", on_delete=models.PROTECT, related_name="decisions")
    outcome = models.CharField(max_length=10, choices=HoldOutcome)
    reason = models.TextField()
    before = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    case = models.ForeignKey(
        "fraud.Case", on_delete=models.PROTECT, null=True, blank=True, related_name="holds_before"
    )
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(outcome__in=HoldOutcome.values), name="holddecision_known"),
            models.CheckConstraint(condition=~Q(reason=""), name="holddecision_says_why"),
            models.CheckConstraint(
                condition=Q(outcome="prolonged", until__isnull=False, until__gt=F("before"))
                | (~Q(outcome="prolonged") & Q(until__isnull=True)),
                name="holddecision_prolonged_to_an_end",
            ),
            models.CheckConstraint(
                condition=Q(outcome="case", case__isnull=False) | (~Q(outcome="case") & Q(case__isnull=True)),
                name="holddecision_case_is_named",
            ),
            models.UniqueConstraint(
                fields=["hold"], condition=Q(outcome="lifted"), name="holddecision_lifted_once"
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["hold", "-id"], name="holddecision_latest")]

    def __str__(self) -> str:
        return f"hold {self.hold_id} {self.outcome}"
