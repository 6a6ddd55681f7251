"""The history of the facts about a citizen: what was corrected, on what evidence, by whom."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models.citizens import Citizen
from ila.core import clock
from ila.core.models import AppendOnlyModel


class CitizenFact(AppendOnlyModel):
    """One fact that was corrected. before, after: the values as text or numbers, as JSON has them.

    Nothing that was decided before is changed by it; whoever decided on the earlier value looks again.
    """

    citizen = models.ForeignKey(Citizen, on_delete=models.PROTECT, related_name="corrections")
    fact = models.CharField(max_length=40)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    evidence = models.CharField(max_length=500)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=~Q(evidence=""), name="citizenfact_has_evidence"),
            models.CheckConstraint(condition=~Q(before=models.F("after")), name="citizenfact_changed"),
        ]

    def __str__(self) -> str:
        return f"{self.fact} of citizen {self.citizen_id}"
