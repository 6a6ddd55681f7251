"""What learners report of a training by themselves, without being asked."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from ila.core import clock
from ila.core.models import AppendOnlyModel


class ReportKind(models.TextChoices):
    """What is wrong. Who did not sign up disputes the booking instead."""

    GIFT = "gift", "A gift, money or a reward was offered"
    NOT_TAUGHT = "not_taught", "Nothing was taught"
    OTHER = "other", "Something else"


class LearnerReport(AppendOnlyModel):
    """A learner's own word on a booking of theirs, once of each kind. Nothing follows for the learner."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    booking = models.ForeignKey("funding.Booking", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=ReportKind)
    said = models.TextField(blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(kind__in=ReportKind.values), name="learnerreport_kind_known"),
            models.UniqueConstraint(fields=["booking", "kind"], name="learnerreport_once_of_a_kind"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["-made_at"], name="learnerreport_latest")]

    def __str__(self) -> str:
        return f"report {self.public_id}"
