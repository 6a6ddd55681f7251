"""Employers' money: orders to add to employees' accounts, what arrived for them, and what goes back."""

import uuid
from datetime import date
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from accounts.permissions import manages_organisation
from funding.models.accounts import Source
from funding.models.batches import PaymentOutcome
from funding.permissions import is_clock, may_confirm_refund, may_note_refund, may_pay, may_settle
from funding.schemes.vocabulary import ENDOWMENTS
from ila.core import clock, fsm


class TopUpState(models.TextChoices):
    """States of a top-up (HOUSE)."""

    PENDING = "pending", "Waiting for the money"
    PAID = "paid", "Paid"
    ALLOCATED = "allocated", "On the accounts"
    FAILED = "failed", "Not paid"
    REFUNDED = "refunded", "Refunded"
    DISPUTED = "disputed", "Disputed"
    CHARGED_BACK = "charged_back", "Charged back"


S = TopUpState


class TopUpLog(fsm.TransitionLog):
    """What happened to a top-up."""

    subject = models.ForeignKey("funding.TopUp", on_delete=models.PROTECT, related_name="log")


class TopUp(fsm.Machine):
    """An employer's order: a pledge until its money has come, then money on employees' accounts (in cents).

    kind: why (F-05). earmark: what alone it may pay: empty for anything. ends_on: the last day on which it may be
    used; what is unspent then is the employer's again. reference: ISO 11649, by which its transfer is known.
    received: came from outside. allocated: put on accounts. ended: came back from accounts. refunded: given back
    to the employer. What is left of them lies with the platform and is owed to the employer, or waits to be
    allocated: `deposit_cents`.
    """

    log_model: ClassVar[type[fsm.TransitionLog]] = TopUpLog

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="top_ups"
    )
    scheme = models.ForeignKey("funding.Scheme", on_delete=models.PROTECT, related_name="top_ups")
    kind = models.CharField(max_length=20, choices=[(each, each) for each in ENDOWMENTS])
    source = models.CharField(max_length=20, choices=Source)
    earmark = models.CharField(max_length=60, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    currency = models.CharField(max_length=3)
    reference = models.CharField(max_length=25, unique=True)
    total_cents = models.BigIntegerField()
    line_count = models.PositiveIntegerField()
    received_cents = models.BigIntegerField(default=0)
    allocated_cents = models.BigIntegerField(default=0)
    ended_cents = models.BigIntegerField(default=0)
    refunded_cents = models.BigIntegerField(default=0)
    state = FSMField(default=S.PENDING, choices=TopUpState, protected=True)
    ordered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    ordered_at = models.DateTimeField(default=clock.now)
    paid_at = models.DateTimeField(null=True, blank=True)
    allocated_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers: ClassVar[list[Any]] = [fsm.state_guard("funding_topuplog")]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(state__in=TopUpState.values), name="topup_state_known"),
            models.CheckConstraint(
                condition=Q(total_cents__gt=0, line_count__gt=0), name="topup_orders_something"
            ),
            models.CheckConstraint(
                condition=Q(received_cents__gte=0, refunded_cents__gte=0, allocated_cents__gte=0)
                & Q(ended_cents__gte=0, allocated_cents__gte=F("ended_cents"))
                & Q(allocated_cents__lte=F("total_cents"))
                & Q(received_cents__gte=F("allocated_cents") - F("ended_cents") + F("refunded_cents")),
                name="topup_gives_no_more_than_came",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[S.PAID, S.ALLOCATED])
                | Q(paid_at__isnull=False, received_cents__gte=F("total_cents")),
                name="topup_paid_in_full",
            ),
            models.CheckConstraint(
                condition=~Q(state=S.ALLOCATED)
                | Q(allocated_at__isnull=False, allocated_cents=F("total_cents")),
                name="topup_allocated_in_full",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[S.PENDING, S.FAILED]) | Q(allocated_cents=0),
                name="topup_pledge_credits_nobody",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[S.FAILED, S.REFUNDED, S.CHARGED_BACK]) | Q(closed_at__isnull=False),
                name="topup_closed_has_its_time",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["organisation", "-ordered_at"], name="topup_of_organisation"),
            models.Index(fields=["paid_at"], condition=Q(state="paid"), name="topup_to_allocate"),
        ]

    def __str__(self) -> str:
        return f"top-up {self.reference}"

    @property
    def deposit_cents(self) -> int:
        """What lies with the platform of it, in cents: to be allocated, or owed to the employer."""
        return self.received_cents - self.allocated_cents + self.ended_cents - self.refunded_cents

    @property
    def missing_cents(self) -> int:
        """What has not come yet, in cents."""
        return max(0, self.total_cents - self.received_cents) if self.state == S.PENDING else 0

    @property
    def refundable_cents(self) -> int:
        """What the employer may have back, in cents: all that waits for no allocation."""
        if self.state in (S.PENDING, S.DISPUTED):
            return 0
        unallocated = self.total_cents - self.allocated_cents if self.state == S.PAID else 0
        return self.deposit_cents - unallocated

    def is_over(self, on: date) -> bool:
        """Whether its last day lies before that day."""
        return self.ends_on is not None and self.ends_on < on

    @transition(field=state, source=S.PENDING, target=S.PAID, permission=may_settle)
    def pay(self) -> None:
        self.paid_at = clock.now()

    @transition(field=state, source=S.PAID, target=S.ALLOCATED, permission=is_clock)
    def allocate(self) -> None:
        self.allocated_at = clock.now()

    @transition(field=state, source=S.PENDING, target=S.FAILED, permission=manages_organisation)
    def cancel(self) -> None:
        """The employer takes the pledge back; what came for it already is to be returned."""
        self.closed_at = clock.now()

    @transition(field=state, source=S.PENDING, target=S.FAILED, permission=is_clock)
    def fail(self) -> None:
        """The money will not come: the payment failed, or its last day is over."""
        self.closed_at = clock.now()

    @transition(field=state, source=[S.PAID, S.ALLOCATED, S.FAILED], target=S.REFUNDED, permission=may_settle)
    def refund(self) -> None:
        """All of it that came is back with the employer."""
        self.closed_at = clock.now()

    @transition(field=state, source=[S.PAID, S.ALLOCATED], target=S.DISPUTED, permission=may_settle)
    def dispute(self) -> None:
        """Whoever paid says that they did not mean to: nothing more is allocated of it."""

    @transition(field=state, source=S.DISPUTED, target=S.PAID, permission=may_settle)
    def restore(self) -> None:
        """The dispute fell away: what was not allocated yet is."""

    @transition(field=state, source=S.DISPUTED, target=S.CHARGED_BACK, permission=may_settle)
    def charge_back(self) -> None:
        """The money went back to whoever paid it."""
        self.closed_at = clock.now()


class TopUpLine(models.Model):
    """What an order gives to one employee, in cents. lot: where it lies since it was allocated.

    number: its place in the order, from 1. matched_by: `reference`, or the payroll's identity.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (lot_id)")

    top_up = models.ForeignKey(TopUp, on_delete=models.PROTECT, db_index=False, related_name="lines")
    number = models.PositiveIntegerField()
    account = models.ForeignKey(
        "funding.LearningAccount", on_delete=models.PROTECT, related_name="top_up_lines"
    )
    matched_by = models.CharField(max_length=10, default="reference")
    amount_cents = models.BigIntegerField()
    lot = models.OneToOneField(
        "funding.Lot", on_delete=models.PROTECT, null=True, blank=True, related_name="top_up_line"
    )

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["top_up", "account"], name="topupline_employee_once"),
            models.UniqueConstraint(fields=["top_up", "number"], name="topupline_number_once"),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="topupline_positive"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["top_up", "number"], condition=Q(lot__isnull=True), name="topupline_to_allocate"
            )
        ]

    def __str__(self) -> str:
        return f"line {self.number} of top-up {self.top_up_id}"


class TopUpReceipt(models.Model):
    """One transfer that came in from outside, counted once however often the bank tells of it.

    key: what tells it from every other. top_up: the order it was taken for; without one, `finding` says why it is
    kept aside, and it changes no balance until a person of the agency settles it.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = (
        "SELECT",
        "INSERT",
        "UPDATE (top_up_id, finding, settled_at, settled_by_id, settlement)",
    )

    key = models.CharField(max_length=64, unique=True)
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reference = models.CharField(max_length=140, blank=True)
    payer_name = models.CharField(max_length=140, blank=True)
    payer_iban = models.CharField(max_length=34, blank=True)
    booked_on = models.DateField(null=True, blank=True)
    top_up = models.ForeignKey(
        TopUp, on_delete=models.PROTECT, null=True, blank=True, related_name="receipts"
    )
    finding = models.CharField(max_length=40, blank=True)
    told_at = models.DateTimeField(default=clock.now)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    settlement = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="topupreceipt_positive"),
            models.CheckConstraint(
                condition=Q(top_up__isnull=False, finding="") | (Q(top_up__isnull=True) & ~Q(finding="")),
                name="topupreceipt_taken_or_found_wrong",
            ),
            models.CheckConstraint(
                condition=Q(settled_at__isnull=True, settled_by__isnull=True, settlement="")
                | (Q(settled_at__isnull=False, settled_by__isnull=False) & ~Q(settlement="")),
                name="topupreceipt_settled_by_somebody",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["told_at"],
                condition=Q(top_up__isnull=True, settled_at__isnull=True),
                name="topupreceipt_unmatched",
            ),
            models.Index(fields=["payer_iban"], name="topupreceipt_payer"),
        ]

    def __str__(self) -> str:
        return f"receipt {self.pk}"


class TopUpRefundState(models.TextChoices):
    """What became of an employer's wish to have money back."""

    REQUESTED = "requested", "Asked for"
    NOTED = "noted", "Noted as paid, to be confirmed"
    IN_BATCH = "in_batch", "On its way"
    PAID = "paid", "Paid back"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Came back"


R = TopUpRefundState
# Promised to the employer, and not paid yet.
OPEN_REFUNDS = (R.REQUESTED, R.NOTED, R.IN_BATCH)


class TopUpRefundLog(fsm.TransitionLog):
    """What happened to a refund."""

    subject = models.ForeignKey("funding.TopUpRefund", on_delete=models.PROTECT, related_name="log")


class TopUpRefund(fsm.Machine):
    """Money of one order that an employer asks to have back, in cents, and the account it goes to.

    bank_reference: of the transfer that was made outside of the platform (noted_by one person, confirmed_by another:
    decision 213), or that its batch made. outcome: what the bank said of the latter; executed_at: when the money left.
    """

    log_model: ClassVar[type[fsm.TransitionLog]] = TopUpRefundLog

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    top_up = models.ForeignKey(TopUp, on_delete=models.PROTECT, related_name="refunds")
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    amount_cents = models.BigIntegerField()
    iban = models.CharField(max_length=34)
    state = FSMField(default=R.REQUESTED, choices=TopUpRefundState, protected=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(default=clock.now)
    bank_reference = models.CharField(max_length=35, blank=True)
    noted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    noted_at = models.DateTimeField(null=True, blank=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    batch = models.ForeignKey(
        "funding.PaymentBatch", on_delete=models.PROTECT, null=True, blank=True, related_name="refunds"
    )
    end_to_end_id = models.CharField(max_length=35, blank=True)
    creditor_name = models.CharField(max_length=140, blank=True)
    outcome = models.CharField(max_length=10, choices=PaymentOutcome, blank=True)
    reason_code = models.CharField(max_length=35, blank=True)
    executed_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers: ClassVar[list[Any]] = [fsm.state_guard("funding_topuprefundlog")]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(state__in=TopUpRefundState.values), name="topuprefund_state_known"
            ),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="topuprefund_positive"),
            models.CheckConstraint(
                condition=Q(state__in=OPEN_REFUNDS) | Q(closed_at__isnull=False),
                name="topuprefund_closed_has_its_time",
            ),
            models.CheckConstraint(
                condition=~Q(state=R.PAID) | ~Q(bank_reference=""), name="topuprefund_paid_has_its_transfer"
            ),
            models.CheckConstraint(
                condition=~Q(state=R.NOTED)
                | (Q(noted_by__isnull=False, noted_at__isnull=False) & ~Q(bank_reference="")),
                name="topuprefund_noted_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True)
                | (Q(noted_by__isnull=False) & ~Q(confirmed_by=F("noted_by"))),
                name="topuprefund_confirmed_by_another_person",
            ),
            models.CheckConstraint(
                condition=~Q(state=R.PAID) | Q(noted_at__isnull=True) | Q(confirmed_by__isnull=False),
                name="topuprefund_noted_is_paid_confirmed",
            ),
            models.CheckConstraint(
                condition=~Q(state=R.IN_BATCH)
                | (Q(batch__isnull=False, outcome="pending") & ~Q(end_to_end_id="")),
                name="topuprefund_in_batch_has_its_reference",
            ),
            models.UniqueConstraint(
                fields=["top_up"], condition=Q(state__in=OPEN_REFUNDS), name="topuprefund_one_open"
            ),
            models.UniqueConstraint(
                fields=["end_to_end_id"], condition=~Q(end_to_end_id=""), name="topuprefund_reference_once"
            ),
        ]

    def __str__(self) -> str:
        return f"refund {self.public_id}"

    @transition(field=state, source=R.REQUESTED, target=R.NOTED, permission=may_note_refund)
    def note(self, *, bank_reference: str, by: Any) -> None:
        """One person says that the transfer was made outside of the platform."""
        self.bank_reference, self.noted_by, self.noted_at = bank_reference, by, clock.now()

    @transition(field=state, source=R.NOTED, target=R.REQUESTED, permission=may_pay)
    def drop_note(self) -> None:
        """There was no such transfer: it waits to be paid again."""
        self.bank_reference, self.noted_by, self.noted_at = "", None, None

    @transition(field=state, source=R.NOTED, target=R.PAID, permission=may_confirm_refund)
    def pay(self, *, by: Any) -> None:
        """Another person has seen the transfer on the bank's account."""
        self.confirmed_by, self.closed_at = by, clock.now()

    @transition(field=state, source=R.REQUESTED, target=R.REFUSED, permission=may_pay)
    def refuse(self) -> None:
        self.closed_at = clock.now()

    @transition(field=state, source=R.REQUESTED, target=R.IN_BATCH, permission=may_pay)
    def include(self, *, batch: Any, end_to_end_id: str, creditor_name: str) -> None:
        self.batch, self.end_to_end_id, self.creditor_name = batch, end_to_end_id, creditor_name
        self.outcome = PaymentOutcome.PENDING

    @transition(field=state, source=R.IN_BATCH, target=R.REQUESTED, permission=may_pay)
    def take_out(self) -> None:
        """Its batch was dropped before it left."""
        self.batch, self.end_to_end_id, self.outcome = None, "", ""

    @transition(field=state, source=R.IN_BATCH, target=R.PAID, permission=may_settle)
    def execute(self, *, at: Any) -> None:
        """The bank has paid it."""
        self.outcome, self.executed_at = PaymentOutcome.EXECUTED, at
        self.bank_reference, self.closed_at = self.end_to_end_id, clock.now()

    @transition(field=state, source=[R.IN_BATCH, R.PAID], target=R.FAILED, permission=may_settle)
    def fail(self, *, outcome: str, reason_code: str, at: Any = None) -> None:
        """The bank did not pay it, or the money came back: it may be asked for again, to another account."""
        self.outcome, self.reason_code = outcome, reason_code[:35]
        self.executed_at = self.executed_at or at
        self.closed_at = clock.now()


class DraftStage(models.TextChoices):
    """How far an order in the making is: tried without ordering anything, then ordered when a person says so."""

    CHECKING = "checking", "Being checked"
    CHECKED = "checked", "Checked"
    ORDERING = "ordering", "Being ordered"
    ORDERED = "ordered", "Ordered"
    DISCARDED = "discarded", "Discarded"
    FAILED = "failed", "Failed"


class TopUpDraft(models.Model):
    """A list of employees and amounts as an employer handed it in, and what it would order.

    done: rows so far. faults: CSV of the rows that are not ordered and why. refusal: why nothing of it can be.
    error: the kind of what broke the job, without values.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    scheme = models.ForeignKey("funding.Scheme", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20)
    earmark = models.CharField(max_length=60, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    name = models.CharField(max_length=200)
    content = models.BinaryField()
    stage = models.CharField(max_length=10, choices=DraftStage, default=DraftStage.CHECKING)
    done = models.PositiveIntegerField(default=0)
    rows = models.PositiveIntegerField(default=0)
    matched = models.PositiveIntegerField(default=0)
    unmatched = models.PositiveIntegerField(default=0)
    faulty = models.PositiveIntegerField(default=0)
    total_cents = models.BigIntegerField(default=0)
    faults = models.TextField(blank=True)
    refusal = models.CharField(max_length=40, blank=True)
    error = models.CharField(max_length=200, blank=True)
    top_up = models.OneToOneField(
        TopUp, on_delete=models.PROTECT, null=True, blank=True, related_name="draft"
    )
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(default=clock.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=~Q(stage="ordered") | Q(top_up__isnull=False),
                name="topupdraft_ordered_has_its_order",
            ),
            models.CheckConstraint(
                condition=~Q(stage__in=["ordering", "ordered", "discarded"]) | Q(decided_by__isnull=False),
                name="topupdraft_decided_by_somebody",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["organisation", "-requested_at"], name="topupdraft_of_organisation")
        ]

    def __str__(self) -> str:
        return f"draft {self.public_id}"
