"""Second factors that were taken away because they were lost: who decided it, and on what grounds."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from ila.core import clock
from ila.core.models import AppendOnlyModel


class FactorReset(AppendOnlyModel):
    """One decision of two managers. removed: how many factors there were; reason: how it was made sure who it is."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="factor_resets")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=500)
    removed = models.PositiveSmallIntegerField()
    at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=~Q(reason=""), name="factorreset_has_reason"),
            models.CheckConstraint(
                condition=~Q(asked_by=F("approved_by")) & ~Q(user=F("asked_by")) & ~Q(user=F("approved_by")),
                name="factorreset_three_persons",
            ),
        ]

    def __str__(self) -> str:
        return f"factors of user {self.user_id} taken away"
