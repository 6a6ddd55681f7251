"""Audits of accredited providers, and the notices before an accreditation ends."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from catalogue.models.accreditations import Accreditation
from ila.core import clock


class AuditKind(models.TextChoices):
    """Why an audit is held."""

    SURVEILLANCE = "surveillance", "Surveillance"
    RENEWAL = "renewal", "Renewal"
    OCCASIONAL = "occasional", "On an occasion"


class AuditOutcome(models.TextChoices):
    """What an audit found."""

    PASSED = "passed", "Nothing found"
    MINOR = "minor", "Minor non-conformities"
    MAJOR = "major", "Major non-conformities"


class Audit(models.Model):
    """An audit of an accreditation: planned for a day, held on one, with what was found."""

    accreditation = models.ForeignKey(Accreditation, on_delete=models.PROTECT, related_name="audits")
    kind = models.CharField(max_length=15, choices=AuditKind)
    planned_on = models.DateField()
    planned_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    held_on = models.DateField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=AuditOutcome, blank=True)
    findings = models.TextField(blank=True)
    recorded_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    recorded_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(held_on__isnull=True, outcome="", recorded_at__isnull=True)
                | (
                    Q(held_on__isnull=False, recorded_at__isnull=False, recorded_by__isnull=False)
                    & ~Q(outcome="")
                ),
                name="audit_result_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=["", "passed"]) | ~Q(findings=""), name="audit_finding_says_what"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["planned_on"], condition=Q(held_on__isnull=True), name="audit_to_come"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} audit of accreditation {self.accreditation_id}"


class EndNotice(models.Model):
    """That a provider was told so many days ahead that its accreditation ends on a day: once for each."""

    accreditation = models.ForeignKey(Accreditation, on_delete=models.PROTECT, related_name="notices")
    valid_until = models.DateField()
    days = models.PositiveSmallIntegerField()
    sent_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["accreditation", "valid_until", "days"], name="endnotice_once"),
        ]

    def __str__(self) -> str:
        return f"{self.days} days before {self.valid_until}"
