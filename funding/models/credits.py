"""What learners were credited once, and for how long an account was closed to bookings."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from ila.core import clock
from ila.core.models import AppendOnlyModel


class AgeCreditGiven(AppendOnlyModel):
    """A learner has received a credit that comes with an age: each once (S-01 to S-03). name: `AgeCredit.name`."""

    account = models.ForeignKey(
        "funding.LearningAccount", on_delete=models.PROTECT, db_index=False, related_name="age_credits"
    )
    name = models.CharField(max_length=60)
    due_on = models.DateField()
    amount_cents = models.BigIntegerField()
    given_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["account", "name"], name="agecreditgiven_once"),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="agecreditgiven_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of account {self.account_id}"


class Suspension(AppendOnlyModel):
    """A person's decision to close an account to new bookings until a day, and why (F-25, N-09, S-10)."""

    account = models.ForeignKey(
        "funding.LearningAccount", on_delete=models.PROTECT, related_name="suspensions"
    )
    rule = models.CharField(max_length=10)
    reason = models.CharField(max_length=500)
    first_day = models.DateField()
    last_day = models.DateField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=~Q(reason=""), name="suspension_has_a_reason"),
            models.CheckConstraint(
                condition=Q(last_day__gte=F("first_day")), name="suspension_ends_after_it_begins"
            ),
        ]

    def __str__(self) -> str:
        return f"suspension of account {self.account_id} until {self.last_day}"


class SuspensionEnd(AppendOnlyModel):
    """A person's decision to open a suspended account again before the day, and why."""

    account = models.ForeignKey(
        "funding.LearningAccount", on_delete=models.PROTECT, related_name="suspension_ends"
    )
    would_have_ended = models.DateField()
    reason = models.CharField(max_length=500)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=~Q(reason=""), name="suspensionend_has_a_reason")
        ]

    def __str__(self) -> str:
        return f"end of the suspension of account {self.account_id}"
