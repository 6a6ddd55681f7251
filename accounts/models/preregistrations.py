"""Files of citizens that an agency registers in advance, tried before anything is stored."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from ila.core import clock


class PreregistrationStage(models.TextChoices):
    """How far a file is: first tried without writing, then, when a person says so, stored."""

    CHECKING = "checking", "Being checked"
    CHECKED = "checked", "Checked"
    STORING = "storing", "Being stored"
    STORED = "stored", "Stored"
    DISCARDED = "discarded", "Discarded"
    FAILED = "failed", "Failed"


P = PreregistrationStage
OPEN_STAGES = (P.CHECKING, P.CHECKED, P.STORING)


class Preregistration(models.Model):
    """A file of citizens as it was handed in, until it is stored or put aside: then only the counts stay.

    content: encrypted, for it names people and their national numbers; empty once it is over. sha256: of the file.
    done: rows read so far. report: what the check found; result: what the storing did. error: the kind of what broke
    the job, without values.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    content = models.BinaryField()
    stage = models.CharField(max_length=10, choices=PreregistrationStage, default=P.CHECKING)
    done = models.PositiveIntegerField(default=0)
    report = models.JSONField(null=True, blank=True)
    result = models.JSONField(null=True, blank=True)
    error = models.CharField(max_length=200, blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(default=clock.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=~Q(stage__in=["checked", "storing", "stored"]) | Q(report__isnull=False),
                name="preregistration_checked_has_its_report",
            ),
            models.CheckConstraint(
                condition=~Q(stage__in=["storing", "stored"])
                | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="preregistration_decided_has_its_person",
            ),
            models.CheckConstraint(
                condition=Q(stage__in=OPEN_STAGES) | Q(finished_at__isnull=False, content=b""),
                name="preregistration_over_keeps_no_file",
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["-requested_at"], name="preregistration_latest")]

    def __str__(self) -> str:
        return f"pre-registration {self.public_id}"
