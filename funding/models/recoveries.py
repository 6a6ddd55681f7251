"""How debts come back: kept from payments, by transfer, in instalments, or given up by two persons."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from ila.core import clock


class NettingOutcome(models.TextChoices):
    """What became of a sum that is to be kept from a payment."""

    PLANNED = "planned", "With the payment, on its way"
    KEPT = "kept", "Kept: the payment was executed"
    RELEASED = "released", "Released: the payment was not executed"
    UNDONE = "undone", "Undone: the payment came back"


class Netting(models.Model):
    """What a payment keeps of its claim for a debt of the same payee, in cents; it counts once the bank has paid."""

    payment = models.ForeignKey("funding.Payment", on_delete=models.PROTECT, related_name="nettings")
    receivable = models.ForeignKey("funding.Receivable", on_delete=models.PROTECT, related_name="nettings")
    amount_cents = models.BigIntegerField()
    outcome = models.CharField(max_length=10, choices=NettingOutcome, default=NettingOutcome.PLANNED)
    planned_at = models.DateTimeField(default=clock.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["payment", "receivable"], name="netting_once_per_payment"),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="netting_positive"),
            models.CheckConstraint(
                condition=Q(outcome__in=NettingOutcome.values), name="netting_outcome_known"
            ),
            models.CheckConstraint(
                condition=Q(outcome="planned", closed_at__isnull=True)
                | (~Q(outcome="planned") & Q(closed_at__isnull=False)),
                name="netting_closed_has_its_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount_cents} of payment {self.payment_id} for receivable {self.receivable_id}"


class RecoveryReceipt(models.Model):
    """One transfer that came in for a debt, counted once however often the bank tells of it.

    The debt is a provider's (`receivable`) or a payer's after a charge-back (`payer_debt`).
    applied: what of it paid the debt. interest: what of it paid interest. What is left was too much, and waits with
    `finding` until a person of the agency has sent it back.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = (
        "SELECT",
        "INSERT",
        "UPDATE (settled_at, settled_by_id, settlement)",
    )

    key = models.CharField(max_length=64, unique=True)
    receivable = models.ForeignKey(
        "funding.Receivable", on_delete=models.PROTECT, null=True, blank=True, related_name="receipts"
    )
    payer_debt = models.ForeignKey(
        "funding.PayerDebt", on_delete=models.PROTECT, null=True, blank=True, related_name="receipts"
    )
    amount_cents = models.BigIntegerField()
    applied_cents = models.BigIntegerField(default=0)
    interest_cents = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    reference = models.CharField(max_length=140, blank=True)
    payer_name = models.CharField(max_length=140, blank=True)
    payer_iban = models.CharField(max_length=34, blank=True)
    booked_on = models.DateField(null=True, blank=True)
    finding = models.CharField(max_length=40, blank=True)
    told_at = models.DateTimeField(default=clock.now)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    settlement = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(amount_cents__gt=0, applied_cents__gte=0, interest_cents__gte=0)
                & Q(amount_cents__gte=F("applied_cents") + F("interest_cents")),
                name="recoveryreceipt_no_more_than_came",
            ),
            models.CheckConstraint(
                condition=~Q(finding="") | Q(amount_cents=F("applied_cents") + F("interest_cents")),
                name="recoveryreceipt_rest_has_its_finding",
            ),
            models.CheckConstraint(
                condition=Q(settled_at__isnull=True, settled_by__isnull=True, settlement="")
                | (Q(settled_at__isnull=False, settled_by__isnull=False) & ~Q(settlement="")),
                name="recoveryreceipt_settled_by_somebody",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["told_at"],
                condition=~Q(finding="") & Q(settled_at__isnull=True),
                name="recoveryreceipt_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"recovery receipt {self.pk}"

    @property
    def excess_cents(self) -> int:
        """What of it paid nothing, in cents."""
        return self.amount_cents - self.applied_cents - self.interest_cents


class PlanState(models.TextChoices):
    """How a plan of instalments stands."""

    PROPOSED = "proposed", "Proposed, to be agreed by another person"
    AGREED = "agreed", "Agreed"
    BROKEN = "broken", "Broken: an instalment is late"
    FULFILLED = "fulfilled", "Fulfilled"
    REFUSED = "refused", "Refused"


class InstalmentPlan(models.Model):
    """A debt may be paid in parts, each until its day: proposed by one person of the agency, agreed by another."""

    receivable = models.ForeignKey("funding.Receivable", on_delete=models.PROTECT, related_name="plans")
    state = models.CharField(max_length=10, choices=PlanState, default=PlanState.PROPOSED)
    recovered_before_cents = models.BigIntegerField(
        default=0, help_text="What had come back when it was agreed."
    )
    reason = models.CharField(max_length=500)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(default=clock.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(state__in=PlanState.values) & ~Q(reason=""), name="instalmentplan_state_known"
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("proposed_by")),
                name="instalmentplan_agreed_by_another_person",
            ),
            models.CheckConstraint(
                condition=Q(state="proposed") | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="instalmentplan_decided_by_somebody",
            ),
            models.UniqueConstraint(
                fields=["receivable"],
                condition=Q(state__in=["proposed", "agreed"]),
                name="instalmentplan_one_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"instalments of receivable {self.receivable_id}"


class Instalment(models.Model):
    """One part of a plan: so many cents until the end of a day."""

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT")

    plan = models.ForeignKey(InstalmentPlan, on_delete=models.PROTECT, related_name="instalments")
    number = models.PositiveSmallIntegerField()
    due_on = models.DateField()
    amount_cents = models.BigIntegerField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["plan", "number"], name="instalment_number_once"),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="instalment_positive"),
        ]

    def __str__(self) -> str:
        return f"instalment {self.number} of plan {self.plan_id}"


class WriteOffRequest(models.Model):
    """One person asks to give a debt up, and why; another decides."""

    receivable = models.ForeignKey(
        "funding.Receivable", on_delete=models.PROTECT, related_name="write_off_requests"
    )
    reason = models.CharField(max_length=500)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=clock.now)
    agreed = models.BooleanField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=~Q(reason=""), name="writeoffrequest_has_a_reason"),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("asked_by")),
                name="writeoffrequest_decided_by_another_person",
            ),
            models.CheckConstraint(
                condition=Q(agreed__isnull=True, decided_by__isnull=True, decided_at__isnull=True)
                | Q(agreed__isnull=False, decided_by__isnull=False, decided_at__isnull=False),
                name="writeoffrequest_decided_by_somebody",
            ),
            models.UniqueConstraint(
                fields=["receivable"], condition=Q(agreed__isnull=True), name="writeoffrequest_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"write-off of receivable {self.receivable_id}"
