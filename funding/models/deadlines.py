"""What the platform remembers of the deadlines it has executed, where the rows themselves do not say it."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from ila.core import clock
from ila.core.models import AppendOnlyModel


class DueMark(models.Model):
    """Up to which moment one kind of deadline has been executed, of one scheme or of all.

    For what falls due without a row of its own that would change: a hold that ends, a window that opens, a
    sanction that is over. The mark moves in the transaction that executes what lies before it.
    """

    kind = models.CharField(max_length=40)
    scheme = models.ForeignKey(
        "funding.Scheme", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    until = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["kind", "scheme"], nulls_distinct=False, name="duemark_one_per_kind"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} until {self.until}"


class ExpiryNotice(AppendOnlyModel):
    """A learner was told that money on the account expires: once for a day of expiry and a time before it.

    amount_cents: what was still available of all lots with that last day.
    """

    account = models.ForeignKey(
        "funding.LearningAccount", on_delete=models.PROTECT, db_index=False, related_name="expiry_notices"
    )
    expires_on = models.DateField()
    days_before = models.PositiveSmallIntegerField()
    amount_cents = models.BigIntegerField()
    noticed_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["account", "expires_on", "days_before"], name="expirynotice_once"
            ),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="expirynotice_not_empty"),
        ]

    def __str__(self) -> str:
        return f"notice {self.days_before} days before {self.expires_on}"
