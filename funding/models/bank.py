"""What the bank told: every message kept as received, its lines, and what they were matched to."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from ila.core import clock


class MessageState(models.TextChoices):
    """What became of a message of the bank."""

    RECEIVED = "received", "Received"
    PROCESSED = "processed", "Processed"
    REFUSED = "refused", "Refused"


class BankMessage(models.Model):
    """A file from the bank, byte for byte. The same content, or the same identification, counts once."""

    APP_RIGHTS: ClassVar[tuple[str, ...]] = (
        "SELECT",
        "INSERT",
        "UPDATE (kind, message_id, state, reason, detail, processed_at, batch_id)",
    )

    kind = models.CharField(max_length=20, blank=True, help_text="pain.002, camt.054, camt.053 or pacs.004.")
    message_id = models.CharField(max_length=35, blank=True)
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=10, choices=MessageState, default=MessageState.RECEIVED)
    reason = models.CharField(max_length=40, blank=True, help_text="Why it was refused.")
    detail = models.JSONField(default=dict, blank=True)
    batch = models.ForeignKey(
        "funding.PaymentBatch", on_delete=models.PROTECT, null=True, blank=True, related_name="bank_messages"
    )
    received_at = models.DateTimeField(default=clock.now)
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["kind", "message_id"],
                condition=Q(state="processed"),
                name="bankmessage_processed_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.message_id}"


class BankStatement(models.Model):
    """One account statement (camt.053) with its balances in cents; statements must join without a gap."""

    message = models.ForeignKey(BankMessage, on_delete=models.PROTECT, related_name="statements")
    statement_id = models.CharField(max_length=35)
    sequence = models.PositiveIntegerField(null=True, blank=True)
    account = models.CharField(max_length=34)
    currency = models.CharField(max_length=3)
    from_date = models.DateField(null=True, blank=True)
    to_date = models.DateField(null=True, blank=True)
    opening_cents = models.BigIntegerField()
    closing_cents = models.BigIntegerField()
    gap = models.CharField(
        max_length=40, blank=True, help_text="Why it does not join the one before, or add up."
    )

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["account", "statement_id"], name="bankstatement_once")
        ]

    def __str__(self) -> str:
        return f"statement {self.statement_id}"


class BankLine(models.Model):
    """One booked movement the bank told of, and the payment it was matched to."""

    message = models.ForeignKey(BankMessage, on_delete=models.PROTECT, related_name="lines")
    statement = models.ForeignKey(
        BankStatement, on_delete=models.PROTECT, null=True, blank=True, related_name="lines"
    )
    reference = models.CharField(
        max_length=35, blank=True, help_text="The bank's own reference of the entry."
    )
    end_to_end_id = models.CharField(max_length=35, blank=True)
    amount_cents = models.BigIntegerField(help_text="Signed: money leaving our account is negative.")
    currency = models.CharField(max_length=3)
    booked_on = models.DateField(null=True, blank=True)
    return_reason = models.CharField(max_length=35, blank=True)
    payment = models.ForeignKey(
        "funding.Payment", on_delete=models.PROTECT, null=True, blank=True, related_name="lines"
    )
    receipt = models.ForeignKey(
        "funding.TopUpReceipt", on_delete=models.PROTECT, null=True, blank=True, related_name="lines"
    )
    recovery = models.ForeignKey(
        "funding.RecoveryReceipt", on_delete=models.PROTECT, null=True, blank=True, related_name="lines"
    )
    refund = models.ForeignKey(
        "funding.TopUpRefund", on_delete=models.PROTECT, null=True, blank=True, related_name="lines"
    )
    own_receipt = models.ForeignKey(
        "funding.OwnTransferReceipt", on_delete=models.PROTECT, null=True, blank=True, related_name="lines"
    )
    finding = models.CharField(max_length=40, blank=True, help_text="Why it could not be matched.")

    def __str__(self) -> str:
        return f"line {self.amount_cents} {self.end_to_end_id}"
