"""For which schemes somebody works at an agency, where it is not for all of them."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from ila.core import clock
from ila.core.models import AppendOnlyModel


class SchemeLimit(models.Model):
    """A role at an agency that counts for this scheme. A membership without a row counts for every scheme."""

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "DELETE")

    membership = models.ForeignKey(
        "accounts.Membership", on_delete=models.PROTECT, related_name="scheme_limits"
    )
    scheme = models.ForeignKey("funding.Scheme", on_delete=models.PROTECT, related_name="limits")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["membership", "scheme"], name="schemelimit_once")
        ]

    def __str__(self) -> str:
        return f"membership {self.membership_id} for scheme {self.scheme_id}"


class SchemeLimitLog(AppendOnlyModel):
    """Who gave a membership which schemes, when and why. schemes: their codes; none: every scheme."""

    membership = models.ForeignKey(
        "accounts.Membership", on_delete=models.PROTECT, related_name="scheme_limit_log"
    )
    schemes = models.JSONField(default=list)
    reason = models.CharField(max_length=500)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"schemes of membership {self.membership_id} on {self.at}"
