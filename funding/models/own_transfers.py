"""A learner's own part of a price, awaited as a bank transfer before their acceptance binds (decision 252)."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition
from stdnum import iso11649

from funding.models.accounts import Fund
from funding.permissions import is_clock, may_settle
from ila.core import clock, fsm


class OwnTransferState(models.TextChoices):
    """What became of a transfer that a learner was asked for."""

    OPENED = "opened", "Waiting for the transfer"
    PAID = "paid", "Paid"
    LAPSED = "lapsed", "Not paid in time"
    LEFT = "left", "Given up"


S = OwnTransferState


class OwnTransferLog(fsm.TransitionLog):
    """What happened to a transfer."""

    subject = models.ForeignKey("funding.OwnTransfer", on_delete=models.PROTECT, related_name="log")


class OwnTransfer(fsm.Machine):
    """A learner's own part of a booking, asked for by bank transfer, in cents.

    amount never changes. received: what came with its reference, in time or not. applied: what of it the booking took;
    due: what goes back to the learner; what is left of both lies with us until it is decided: `deposit_cents`.
    reference: ISO 11649. expires_at: until when seat and rights are kept; answer_until: when the proposal lapses by
    itself without it (F-21). The consent, its sign-in and text wait here with the money.
    """

    log_model: ClassVar[type[fsm.TransitionLog]] = OwnTransferLog
    fund: ClassVar[str] = Fund.OWN

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    scheme = models.ForeignKey("funding.Scheme", on_delete=models.PROTECT, related_name="+")
    booking = models.ForeignKey("funding.Booking", on_delete=models.PROTECT, related_name="own_transfers")
    payer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reference = models.CharField(max_length=25, unique=True)
    state = FSMField(default=S.OPENED, choices=OwnTransferState, protected=True)
    language = models.CharField(max_length=5, default="en")
    finding = models.CharField(max_length=40, blank=True)
    opened_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    answer_until = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    received_cents = models.BigIntegerField(default=0)
    applied_cents = models.BigIntegerField(default=0)
    due_cents = models.BigIntegerField(default=0)
    sign_in = models.ForeignKey("accounts.SignIn", on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    text_hash = models.CharField(max_length=64)

    class Meta:
        triggers: ClassVar[list[Any]] = [fsm.state_guard("funding_owntransferlog")]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(state__in=OwnTransferState.values), name="owntransfer_state_known"
            ),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="owntransfer_positive"),
            models.CheckConstraint(
                condition=Q(received_cents__gte=F("applied_cents") + F("due_cents"))
                & Q(applied_cents__gte=0, due_cents__gte=0, applied_cents__lte=F("amount_cents")),
                name="owntransfer_gives_no_more_than_came",
            ),
            models.CheckConstraint(
                condition=Q(state=S.PAID, paid_at__isnull=False, received_cents__gte=F("amount_cents"))
                | (~Q(state=S.PAID) & Q(applied_cents=0)),
                name="owntransfer_paid_in_full",
            ),
            models.CheckConstraint(
                condition=Q(state=S.OPENED, closed_at__isnull=True, due_cents=0)
                | (~Q(state=S.OPENED) & Q(closed_at__isnull=False)),
                name="owntransfer_closed_has_its_time",
            ),
            models.UniqueConstraint(
                fields=["booking"], condition=Q(state=S.OPENED), name="owntransfer_one_waits_for_booking"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["expires_at"], condition=Q(state=S.OPENED), name="owntransfer_waiting"),
            models.Index(
                fields=["id"],
                condition=Q(received_cents__gt=F("applied_cents") + F("due_cents")),
                name="owntransfer_undecided",
            ),
        ]

    def __str__(self) -> str:
        return f"own part {self.reference}"

    @property
    def shown_reference(self) -> str:
        """The reference in groups of four, as it is copied."""
        return str(iso11649.format(self.reference))

    @property
    def missing_cents(self) -> int:
        """What has not come yet, in cents."""
        return max(0, self.amount_cents - self.received_cents) if self.state == S.OPENED else 0

    @property
    def deposit_cents(self) -> int:
        """What lies with us of it and is not decided, in cents."""
        return self.received_cents - self.applied_cents - self.due_cents

    @transition(field=state, source=S.OPENED, target=S.PAID, permission=may_settle)
    def pay(self) -> None:
        """All of it is there; the acceptance follows in the same transaction, or its refusal."""
        self.paid_at = self.closed_at = clock.now()

    @transition(field=state, source=S.OPENED, target=S.LAPSED, permission=is_clock)
    def lapse(self) -> None:
        """It did not come in time."""
        self.closed_at = clock.now()

    @transition(field=state, source=S.OPENED, target=S.LEFT, permission=is_clock)
    def leave(self) -> None:
        """The learner does not want to any more, or the booking ended otherwise; the log's reason says which."""
        self.closed_at = clock.now()


class OwnTransferReceipt(models.Model):
    """One bank transfer for a learner's own part, in cents; counted once however often the bank tells of it.

    key: what tells it from every other.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT")

    key = models.CharField(max_length=64, unique=True)
    transfer = models.ForeignKey(OwnTransfer, on_delete=models.PROTECT, related_name="receipts")
    amount_cents = models.BigIntegerField()
    reference = models.CharField(max_length=140, blank=True)
    payer_name = models.CharField(max_length=140, blank=True)
    payer_iban = models.CharField(max_length=34, blank=True)
    booked_on = models.DateField(null=True, blank=True)
    told_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="owntransferreceipt_positive")
        ]

    def __str__(self) -> str:
        return f"receipt {self.pk} of own part {self.transfer_id}"
