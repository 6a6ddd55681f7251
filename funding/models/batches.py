"""Payment batches: approved claims on their way to the bank, and the payments in them."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from funding.permissions import may_pay, may_settle
from ila.core import clock, fsm
from ila.core.models import AppendOnlyModel


class BatchState(models.TextChoices):
    """States of a payment batch (HOUSE)."""

    DRAFT = "draft", "Draft"
    APPROVED = "approved", "Approved"
    EXPORTED = "exported", "Exported"
    ACKNOWLEDGED = "acknowledged", "Acknowledged by the bank"
    EXECUTED = "executed", "Executed"
    PARTLY_REJECTED = "partly_rejected", "Partly rejected"
    REJECTED = "rejected", "Rejected"
    DROPPED = "dropped", "Dropped"


S = BatchState


class Rail(models.TextChoices):
    """How a batch's payments travel: each to the kind of account that its payees are paid into."""

    SEPA = "sepa", "Bank transfer"
    STRIPE = "stripe", "Stripe Connect"


class PaymentBatchLog(fsm.TransitionLog):
    """What happened to a payment batch."""

    subject = models.ForeignKey("funding.PaymentBatch", on_delete=models.PROTECT, related_name="log")


class PaymentBatch(fsm.Machine):
    """Payments sent as one file by one rail; the file is written once and kept byte for byte."""

    log_model: ClassVar[type[fsm.TransitionLog]] = PaymentBatchLog

    scheme = models.ForeignKey("funding.Scheme", on_delete=models.PROTECT, related_name="batches")
    msg_id = models.CharField(max_length=35, unique=True)
    state = FSMField(default=S.DRAFT, choices=BatchState, protected=True)
    rail = models.CharField(max_length=10, choices=Rail, default=Rail.SEPA)
    currency = models.CharField(max_length=3)
    value_date = models.DateField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now)
    approved_at = models.DateTimeField(null=True, blank=True)
    exported_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True, help_text="When the bank first took the file.")
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers: ClassVar[list[Any]] = [fsm.state_guard("funding_paymentbatchlog")]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(state__in=BatchState.values), name="paymentbatch_state_known"),
            models.CheckConstraint(condition=Q(rail__in=Rail.values), name="paymentbatch_rail_known"),
            models.CheckConstraint(
                condition=Q(approver__isnull=True) | ~Q(approver=F("author")),
                name="paymentbatch_approved_by_another_person",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[S.DRAFT, S.DROPPED])
                | Q(approver__isnull=False, approved_at__isnull=False),
                name="paymentbatch_approved_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[S.DRAFT, S.APPROVED, S.DROPPED]) | Q(exported_at__isnull=False),
                name="paymentbatch_exported_has_its_time",
            ),
            models.CheckConstraint(
                condition=~Q(state=S.DROPPED) | Q(exported_at__isnull=True, closed_at__isnull=False),
                name="paymentbatch_dropped_never_left",
            ),
        ]

    def __str__(self) -> str:
        return f"batch {self.msg_id}"

    @transition(field=state, source=S.DRAFT, target=S.APPROVED, permission=may_pay)
    def approve(self, *, approver: Any) -> None:
        self.approver = approver
        self.approved_at = clock.now()

    @transition(field=state, source=S.DRAFT, target=S.DROPPED, permission=may_pay)
    def drop(self) -> None:
        """It is not wanted: its claims are approved again."""
        self.closed_at = clock.now()

    @transition(field=state, source=S.APPROVED, target=S.DROPPED, permission=may_pay)
    def empty(self) -> None:
        """Every claim in it was stopped before it left: there is nothing to send."""
        self.closed_at = clock.now()

    @transition(field=state, source=S.APPROVED, target=S.EXPORTED, permission=may_pay)
    def export(self) -> None:
        self.exported_at = clock.now()

    @transition(field=state, source=S.EXPORTED, target=S.ACKNOWLEDGED, permission=may_settle)
    def acknowledge(self) -> None:
        """The bank has taken every payment of the file."""

    @transition(
        field=state, source=[S.EXPORTED, S.ACKNOWLEDGED], target=S.PARTLY_REJECTED, permission=may_settle
    )
    def reject_part(self) -> None:
        """The bank has refused some payments; the others go on."""

    @transition(
        field=state,
        source=[S.EXPORTED, S.ACKNOWLEDGED, S.PARTLY_REJECTED],
        target=S.REJECTED,
        permission=may_settle,
    )
    def reject(self) -> None:
        self.closed_at = clock.now()

    @transition(
        field=state,
        source=[S.EXPORTED, S.ACKNOWLEDGED, S.PARTLY_REJECTED],
        target=S.EXECUTED,
        permission=may_settle,
    )
    def execute(self) -> None:
        self.closed_at = clock.now()


class PaymentFile(AppendOnlyModel):
    """The bytes of a batch's pain.001 or list of transfers, written once: a repeated export sends the same file."""

    batch = models.OneToOneField(PaymentBatch, on_delete=models.PROTECT, related_name="file")
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"file of batch {self.batch_id}"


class PaymentOutcome(models.TextChoices):
    """What became of a payment."""

    PENDING = "pending", "Not yet known"
    EXECUTED = "executed", "Executed"
    REJECTED = "rejected", "Rejected by the bank"
    RETURNED = "returned", "Returned after execution"


class Payment(models.Model):
    """One transfer to one account for one claim. A repeated payment of a claim is a new row.

    amount: what the bank is asked to pay. netted: what is kept of the claim because its payee owes it; the two
    together are the claim.
    """

    batch = models.ForeignKey(PaymentBatch, on_delete=models.PROTECT, related_name="payments")
    claim = models.ForeignKey("funding.Claim", on_delete=models.PROTECT, related_name="payments")
    end_to_end_id = models.CharField(max_length=35, unique=True)
    iban = models.CharField(max_length=34, help_text="The account: an IBAN, or one at Stripe.")
    creditor_name = models.CharField(max_length=140)
    amount_cents = models.BigIntegerField()
    netted_cents = models.BigIntegerField(default=0)
    outcome = models.CharField(max_length=10, choices=PaymentOutcome, default=PaymentOutcome.PENDING)
    reason_code = models.CharField(max_length=35, blank=True, help_text="The bank's ISO 20022 reason.")
    executed_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(amount_cents__gt=0, netted_cents__gte=0), name="payment_positive"
            ),
            models.UniqueConstraint(
                fields=["claim"],
                condition=Q(outcome__in=["pending", "executed"]),
                name="payment_one_alive_per_claim",
            ),
            models.CheckConstraint(
                condition=~Q(outcome__in=["executed", "returned"]) | Q(executed_at__isnull=False),
                name="payment_executed_has_its_time",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["iban"], condition=Q(outcome="executed"), name="payment_executed_into")
        ]

    def __str__(self) -> str:
        return f"payment {self.end_to_end_id}"

    @property
    def gross_cents(self) -> int:
        """The claim that it pays, in cents."""
        return self.amount_cents + self.netted_cents
