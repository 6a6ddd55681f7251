"""Claims: what a provider asks to be paid for a booking."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from funding.permissions import may_pay, may_settle
from ila.core import clock, fsm
from ila.core.models import AppendOnlyModel


class ClaimState(models.TextChoices):
    """States of a claim (HOUSE)."""

    DRAFT = "draft", "Draft"
    SUBMITTED = "submitted", "Submitted"
    APPROVED = "approved", "Approved"
    IN_BATCH = "in_batch", "In a payment batch"
    PAID = "paid", "Paid"
    REJECTED = "rejected", "Rejected"
    RETURNED = "returned", "Returned by the bank"


class ClaimKind(models.TextChoices):
    """What part of the price is claimed."""

    ADVANCE = "advance", "Advance (F-31)"
    FINAL = "final", "Final"
    REIMBURSEMENT = "reimburse", "Reimbursement to the learner"
    REFUND = "refund", "Own money given back to the learner (F-23)"


S = ClaimState


class ClaimLog(fsm.TransitionLog):
    """What happened to a claim."""

    subject = models.ForeignKey("funding.Claim", on_delete=models.PROTECT, related_name="log")


class Claim(fsm.Machine):
    """A provider's claim for a booking, in cents; its lines say how much of it each source pays.

    A reimbursement is the learner's own claim: it names the account that it is to be paid to. So does a refund of the
    learner's own money, which the platform draws up itself: its money is `refund_due` until the bank has paid it.
    """

    log_model: ClassVar[type[fsm.TransitionLog]] = ClaimLog

    booking = models.ForeignKey("funding.Booking", on_delete=models.PROTECT, related_name="claims")
    provider = models.ForeignKey("catalogue.Provider", on_delete=models.PROTECT, related_name="claims")
    kind = models.CharField(max_length=10, choices=ClaimKind)
    state = FSMField(default=S.DRAFT, choices=ClaimState, protected=True)
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    payee_iban = models.CharField(max_length=34, blank=True)
    payee_name = models.CharField(max_length=140, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now)
    submitted_at = models.DateTimeField(null=True, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    due_on = models.DateField(null=True, blank=True, help_text="Last day of the term of payment (F-31).")
    paid_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers: ClassVar[list[Any]] = [fsm.state_guard("funding_claimlog")]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(state__in=ClaimState.values), name="claim_state_known"),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="claim_positive"),
            models.CheckConstraint(
                condition=Q(approver__isnull=True) | ~Q(approver=F("author")),
                name="claim_approved_by_another_person",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[S.APPROVED, S.IN_BATCH, S.PAID, S.RETURNED])
                | Q(approver__isnull=False, approved_at__isnull=False),
                name="claim_approved_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(state=S.PAID) | Q(paid_at__isnull=False), name="claim_paid_has_its_time"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["reimburse", "refund"]) & ~Q(payee_iban="")
                | ~Q(kind__in=["reimburse", "refund"]) & Q(payee_iban=""),
                name="claim_of_the_learner_names_its_account",
            ),
            models.UniqueConstraint(
                # Own money may come back more than once: a part, and later the rest.
                fields=["booking", "kind"],
                condition=~Q(state=S.REJECTED) & ~Q(kind="refund"),
                name="claim_one_of_a_kind",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["provider", "state"], name="claim_of_provider"),
            models.Index(
                fields=["state"], condition=Q(state__in=["submitted", "approved"]), name="claim_waiting"
            ),
        ]

    def __str__(self) -> str:
        return f"claim {self.pk}"

    @transition(field=state, source=S.DRAFT, target=S.SUBMITTED)
    def submit(self) -> None:
        self.submitted_at = clock.now()

    @transition(field=state, source=S.SUBMITTED, target=S.APPROVED, permission=may_pay)
    def approve(self, *, approver: Any) -> None:
        self.approver = approver
        self.approved_at = clock.now()

    @transition(field=state, source=[S.SUBMITTED, S.APPROVED], target=S.REJECTED, permission=may_pay)
    def reject(self) -> None:
        """Not owed: the reason is in the log."""

    @transition(field=state, source=[S.DRAFT, S.SUBMITTED, S.APPROVED], target=S.REJECTED)
    def call_back(self) -> None:
        """The booking it was for has ended or is settled otherwise; the walk that ends it decides."""

    @transition(field=state, source=S.APPROVED, target=S.IN_BATCH, permission=may_pay)
    def include(self) -> None:
        """Put into a payment batch."""

    @transition(field=state, source=S.IN_BATCH, target=S.PAID, permission=may_settle)
    def pay(self) -> None:
        self.paid_at = clock.now()

    @transition(field=state, source=[S.IN_BATCH, S.PAID], target=S.RETURNED, permission=may_settle)
    def return_payment(self) -> None:
        self.paid_at = None

    @transition(field=state, source=[S.RETURNED, S.IN_BATCH], target=S.APPROVED, permission=may_settle)
    def approve_again(self) -> None:
        """Payable again: the bank rejected or returned the payment, or the batch was dropped."""


class ClaimApproval(AppendOnlyModel):
    """The first of two approvals, as a claim needs above its scheme's limit; who gives the second is its approver."""

    claim = models.OneToOneField(Claim, on_delete=models.PROTECT, related_name="first_approval")
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"first approval of claim {self.claim_id}"


class ClaimLine(models.Model):
    """What one allocation pays of a claim, in cents."""

    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="lines")
    allocation = models.ForeignKey("funding.Allocation", on_delete=models.PROTECT, related_name="claim_lines")
    amount_cents = models.BigIntegerField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["claim", "allocation"], name="claimline_one_per_source"),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="claimline_positive"),
        ]

    def __str__(self) -> str:
        return f"line {self.amount_cents} of claim {self.claim_id}"
