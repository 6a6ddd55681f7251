"""Who teaches a session, and who takes part beside those who are paid for."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from catalogue.models.details import ProviderDetail
from catalogue.models.sessions import Session
from ila.core import clock
from ila.core.models import AppendOnlyModel


class SessionTeaching(AppendOnlyModel):
    """What a provider tells of a session's teaching; the latest row counts, and null is not known.

    trainer: of the provider's own trainers, who teaches it or is responsible for it. private_payers: how many take part
    who pay themselves; private_price_cents: what one of them pays, all taxes included, in the session's currency.
    """

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="teaching")
    trainer = models.ForeignKey(
        ProviderDetail, on_delete=models.PROTECT, null=True, blank=True, related_name="sessions_taught"
    )
    private_payers = models.PositiveIntegerField(null=True, blank=True)
    private_price_cents = models.BigIntegerField(null=True, blank=True)
    told_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    told_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(private_price_cents__isnull=True) | Q(private_price_cents__gt=0),
                name="sessionteaching_price_positive",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["session", "-id"], name="sessionteaching_latest"),
        ]

    def __str__(self) -> str:
        return f"teaching of session {self.session_id}"
