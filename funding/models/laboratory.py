"""Runs of the policy laboratory: what was asked, by whom, how far it has come, and what came out. No personal data."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from ila.core import clock


class LaboratoryOutcome(models.TextChoices):
    """How a run of the laboratory stands."""

    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


UNFINISHED = (LaboratoryOutcome.WAITING, LaboratoryOutcome.RUNNING)


class LaboratoryRun(models.Model):
    """A changed rule tried on a population: a calculation that changes no account, and may be deleted.

    changes: changed parameters by name. generated: how many learners are imagined; none: the stored ones are
    read. result: sums alone, in which nobody can be told apart (funding/laboratory/report.py).
    error: why there is no result, a line for each fault.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    title = models.CharField(max_length=120)
    scheme_code = models.CharField(max_length=40)
    changes = models.JSONField()
    first_year = models.PositiveSmallIntegerField()
    last_year = models.PositiveSmallIntegerField()
    generated = models.PositiveIntegerField(null=True, blank=True)
    seed = models.BigIntegerField(default=1)
    before_sha256 = models.CharField(max_length=64)
    after_sha256 = models.CharField(max_length=64)
    outcome = models.CharField(max_length=20, choices=LaboratoryOutcome, default=LaboratoryOutcome.WAITING)
    learners = models.PositiveIntegerField(help_text="How many there are to play.")
    done = models.PositiveIntegerField(default=0, help_text="How many have been played.")
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=clock.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-asked_at", "-pk"]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(last_year__gte=F("first_year")), name="laboratoryrun_ends_after_it_begins"
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=UNFINISHED, finished_at__isnull=True)
                | (~Q(outcome__in=UNFINISHED) & Q(finished_at__isnull=False)),
                name="laboratoryrun_finished_has_its_time",
            ),
            models.CheckConstraint(
                condition=Q(outcome="done", result__isnull=False)
                | (~Q(outcome="done") & Q(result__isnull=True)),
                name="laboratoryrun_done_has_a_result",
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["-asked_at"], name="laboratoryrun_latest")]

    def __str__(self) -> str:
        return f"laboratory run {self.public_id}"

    @property
    def is_unfinished(self) -> bool:
        """Whether it waits or runs."""
        return self.outcome in UNFINISHED

    @property
    def percent(self) -> int:
        """How far it has come, in whole percent."""
        return min(100, 100 * self.done // self.learners) if self.learners else 0
