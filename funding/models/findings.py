"""What the agency found out about a session that was said to have taken place."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from ila.core import clock
from ila.core.models import AppendOnlyModel


class SessionFinding(AppendOnlyModel):
    """The agency's finding that a session never took place, though it began or was said to have been held.

    The session's own machine has no way back from "held": what its provider said stays said, and this stands beside it.
    """

    session = models.OneToOneField("catalogue.Session", on_delete=models.PROTECT, related_name="finding")
    reason = models.CharField(max_length=500)
    found_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    found_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=~Q(reason=""), name="sessionfinding_says_why")
        ]

    def __str__(self) -> str:
        return f"finding about session {self.session_id}"
