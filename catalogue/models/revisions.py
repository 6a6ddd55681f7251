"""A registered entry that is to say something else of what was examined: a version that waits for the authority."""

import hashlib
import json
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from catalogue.models.micro_credentials import MicroCredential
from ila.core import clock


class EntryVersion(models.Model):
    """What was examined of an entry, as it would be. applied_at, ended_at null: it waits, and the one before is listed.

    number: of the version in the entry's life; the registered entry itself was number 1. values, before: by element.
    taken_back: its provider ended it.
    """

    micro_credential = models.ForeignKey(MicroCredential, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    values = models.JSONField()
    before = models.JSONField()
    reason = models.CharField(max_length=500, blank=True)
    asked_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=clock.now)
    decided_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decision_reason = models.CharField(max_length=500, blank=True)
    applied_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    taken_back = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["micro_credential", "number"], name="entryversion_number_once"),
            models.UniqueConstraint(
                fields=["micro_credential"],
                condition=Q(applied_at__isnull=True, ended_at__isnull=True),
                name="entryversion_one_waits",
            ),
            models.CheckConstraint(
                condition=Q(applied_at__isnull=True) | Q(ended_at__isnull=True),
                name="entryversion_applied_or_ended",
            ),
            models.CheckConstraint(
                condition=Q(applied_at__isnull=True) | Q(decided_by__isnull=False),
                name="entryversion_applied_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True)
                | Q(taken_back=True)
                | (Q(decided_by__isnull=False) & ~Q(decision_reason="")),
                name="entryversion_refused_says_why",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["asked_at"],
                condition=Q(applied_at__isnull=True, ended_at__isnull=True),
                name="entryversion_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number} of entry {self.micro_credential_id}"

    @property
    def stamp(self) -> str:
        """What tells this version, as it is, from itself after another change: a decision names it."""
        told = json.dumps(self.values, sort_keys=True, default=str)
        return f"{self.number}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"

    @property
    def waits(self) -> bool:
        """Whether it is not decided yet."""
        return self.applied_at is None and self.ended_at is None
