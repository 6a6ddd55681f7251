"""What Stripe says of its own books: each movement of our balance there, and payouts that did not reach a provider."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from ila.core import clock
from ila.core.models import AppendOnlyModel


class StripeMovement(AppendOnlyModel):
    """One movement of our balance at Stripe, kept once. Cents, signed: what left it is negative; before Stripe's fee.

    source_id: the charge, refund, dispute, transfer, reversal or payout that it is of. payment_ref: the id by which
    our books know it: an intent's, a refund's or a dispute's, a payment's own reference; of a reversal its transfer's.
    """

    movement_id = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=40)
    source_id = models.CharField(max_length=100, blank=True)
    payment_ref = models.CharField(max_length=100, blank=True)
    amount_cents = models.BigIntegerField()
    fee_cents = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    moved_at = models.DateTimeField()
    told_at = models.DateTimeField(default=clock.now)

    class Meta(AppendOnlyModel.Meta):
        indexes: ClassVar[list[Any]] = [models.Index(fields=["moved_at"], name="stripemovement_of_day")]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_cents} {self.movement_id}"


class FailedPayout(models.Model):
    """Money that lay on a provider's account at Stripe and did not reach its bank: the transfers in it are taken back.

    done_at: when each of our transfers in it was reversed. finding: why one could not be, which a person looks at.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (done_at, finding)")

    payout_id = models.CharField(max_length=100, unique=True)
    account = models.CharField(max_length=34)
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    failure = models.CharField(max_length=60, blank=True)
    found_at = models.DateTimeField(default=clock.now)
    done_at = models.DateTimeField(null=True, blank=True)
    finding = models.CharField(max_length=60, blank=True)

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["found_at"], condition=Q(done_at__isnull=True), name="failedpayout_waiting")
        ]

    def __str__(self) -> str:
        return f"failed payout {self.payout_id}"
