"""Payments by card and direct debit (Stripe Checkout): asked for, paid, refunded, disputed, and owed after that."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition
from stdnum import iso11649
from stdnum.iso7064 import mod_97_10

from funding.models.accounts import Fund
from funding.permissions import is_clock, may_settle
from ila.core import clock, fsm


class CardPaymentState(models.TextChoices):
    """What is known of a payment."""

    OPENED = "opened", "Waiting for whoever pays"
    PROCESSING = "processing", "Under way"
    SUCCEEDED = "succeeded", "Paid"
    FAILED = "failed", "Not paid"
    EXPIRED = "expired", "Not paid in time"


S = CardPaymentState
WAITING = (S.OPENED, S.PROCESSING)


class CardPaymentLog(fsm.TransitionLog):
    """What happened to a payment."""

    subject = models.ForeignKey("funding.CardPayment", on_delete=models.PROTECT, related_name="log")


class CardPayment(fsm.Machine):
    """Money asked for through Stripe Checkout: for an employer's order, or a learner's own part of a booking, or to
    repay what a payer owes.

    amount, in cents, never changes. applied: what of it a booking took. deposit: what of a learner's money lies on no
    booking, to be given back. refunded: what was sent back to the payer
    on our word, or in Stripe's own pages. taken_back: what the payer's bank took back. expires_at: until when it may
    be paid; the seat and the rights of a booking are kept as long.
    Session, intent: Stripe's ids. For a booking the consent, its sign-in and text wait here with the money.
    """

    log_model: ClassVar[type[fsm.TransitionLog]] = CardPaymentLog

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    scheme = models.ForeignKey("funding.Scheme", on_delete=models.PROTECT, related_name="+")
    top_up = models.ForeignKey(
        "funding.TopUp", on_delete=models.PROTECT, null=True, blank=True, related_name="card_payments"
    )
    booking = models.ForeignKey(
        "funding.Booking", on_delete=models.PROTECT, null=True, blank=True, related_name="card_payments"
    )
    repays = models.ForeignKey(
        "funding.PayerDebt", on_delete=models.PROTECT, null=True, blank=True, related_name="repayments"
    )
    payer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    fund = models.CharField(max_length=10, choices=Fund)
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    state = FSMField(default=S.OPENED, choices=CardPaymentState, protected=True)
    language = models.CharField(max_length=5, default="en")
    session_id = models.CharField(max_length=100, null=True, blank=True, unique=True)
    intent_id = models.CharField(max_length=100, null=True, blank=True, unique=True)
    address = models.URLField(max_length=2000, blank=True)
    method = models.CharField(max_length=20, blank=True)
    failure = models.CharField(max_length=60, blank=True)
    finding = models.CharField(max_length=40, blank=True)
    opened_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    succeeded_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    applied_cents = models.BigIntegerField(default=0)
    deposit_cents = models.BigIntegerField(default=0)
    refunded_cents = models.BigIntegerField(default=0)
    taken_back_cents = models.BigIntegerField(default=0)
    sign_in = models.ForeignKey(
        "accounts.SignIn", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    text = models.TextField(blank=True)
    text_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        triggers: ClassVar[list[Any]] = [fsm.state_guard("funding_cardpaymentlog")]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(state__in=CardPaymentState.values), name="cardpayment_state_known"
            ),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="cardpayment_positive"),
            models.CheckConstraint(
                condition=Q(top_up__isnull=False, booking__isnull=True, repays__isnull=True)
                & Q(fund=Fund.EMPLOYER)
                | Q(top_up__isnull=True, booking__isnull=False, repays__isnull=True)
                & Q(sign_in__isnull=False, fund=Fund.OWN)
                | Q(top_up__isnull=True, booking__isnull=True, repays__isnull=False),
                name="cardpayment_for_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(applied_cents__gte=0, refunded_cents__gte=0, taken_back_cents__gte=0)
                & Q(deposit_cents__gte=0, deposit_cents__lte=F("amount_cents"))
                & Q(applied_cents__lte=F("amount_cents")),
                name="cardpayment_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(state=S.SUCCEEDED, succeeded_at__isnull=False)
                | (~Q(state=S.SUCCEEDED) & Q(applied_cents=0, refunded_cents=0, taken_back_cents=0)),
                name="cardpayment_moves_when_paid",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[S.FAILED, S.EXPIRED]) | Q(closed_at__isnull=False),
                name="cardpayment_closed_has_its_time",
            ),
            models.UniqueConstraint(
                fields=["top_up"], condition=Q(state__in=WAITING), name="cardpayment_one_waits_for_top_up"
            ),
            models.UniqueConstraint(
                fields=["booking"], condition=Q(state__in=WAITING), name="cardpayment_one_waits_for_booking"
            ),
            models.UniqueConstraint(
                fields=["repays"], condition=Q(state__in=WAITING), name="cardpayment_one_waits_for_debt"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["expires_at"], condition=Q(state__in=WAITING), name="cardpayment_waiting")
        ]

    def __str__(self) -> str:
        return f"card payment {self.public_id}"

    @property
    def returnable_cents(self) -> int:
        """What may still go back to the payer, in cents."""
        left = self.amount_cents - self.refunded_cents - self.taken_back_cents
        return max(0, left) if self.succeeded_at else 0

    @transition(field=state, source=S.OPENED, target=S.PROCESSING, permission=may_settle)
    def process(self, *, paid_by: str) -> None:
        """The payer has agreed; their bank takes its days. Nothing is credited."""
        self.method = paid_by

    @transition(
        field=state,
        source=[S.OPENED, S.PROCESSING, S.FAILED, S.EXPIRED],
        target=S.SUCCEEDED,
        permission=may_settle,
    )
    def succeed(self, *, paid_by: str, intent_id: str) -> None:
        """The money is there, whatever was told before."""
        self.method, self.intent_id = paid_by, intent_id
        self.succeeded_at, self.failure = clock.now(), ""

    @transition(field=state, source=[S.OPENED, S.PROCESSING], target=S.FAILED, permission=may_settle)
    def fail(self, *, failure: str) -> None:
        """The payer's bank said no, and nothing more can come of it."""
        self.failure, self.closed_at = failure, clock.now()

    @transition(field=state, source=S.OPENED, target=S.EXPIRED, permission=is_clock)
    def expire(self) -> None:
        """Nobody paid in time, or it may not be paid any more."""
        self.closed_at = clock.now()


class Reservation(models.Model):
    """A seat and rights kept while a learner pays their own part, by card (`payment`) or by bank transfer.

    It stands until it is ended, by whatever.

    For an application to a window also the programme's count of a year, and the grant out of the window's budget.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (ended_at)")

    payment = models.OneToOneField(
        CardPayment, on_delete=models.PROTECT, null=True, blank=True, related_name="reservation"
    )
    transfer = models.OneToOneField(
        "funding.OwnTransfer", on_delete=models.PROTECT, null=True, blank=True, related_name="reservation"
    )
    session = models.ForeignKey("catalogue.Session", on_delete=models.PROTECT, related_name="+")
    reserved_cents = models.BigIntegerField()
    window = models.ForeignKey(
        "funding.Window", on_delete=models.PROTECT, null=True, blank=True, related_name="reservations"
    )
    year = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="In which the grant would count."
    )
    made_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(reserved_cents__gte=0), name="reservation_not_negative"),
            models.CheckConstraint(
                condition=Q(payment__isnull=False, transfer__isnull=True)
                | Q(payment__isnull=True, transfer__isnull=False, window__isnull=True),
                name="reservation_for_one_payment",
            ),
            models.CheckConstraint(
                condition=Q(window__isnull=True, year__isnull=True)
                | Q(window__isnull=False, year__isnull=False, reserved_cents__gt=0),
                name="reservation_of_a_grant_is_whole",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["session"], condition=Q(ended_at__isnull=True), name="reservation_of_session"
            )
        ]

    def __str__(self) -> str:
        return f"reservation {self.pk}"


class CardRefund(models.Model):
    """Money on its way back to the payer, in cents: a mirror of Stripe's refund, and the key it is asked by.

    status: `wanted` until Stripe has heard of it, then Stripe's own word; `failed`, `canceled` and `refused` put the
    money back where it was. from_due: what of it was owed to the learner for a booking that ended.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    payment = models.ForeignKey(CardPayment, on_delete=models.PROTECT, related_name="refunds")
    refund_id = models.CharField(max_length=100, null=True, blank=True, unique=True)
    amount_cents = models.BigIntegerField()
    from_due_cents = models.BigIntegerField(default=0)
    from_deposit_cents = models.BigIntegerField(default=0)
    status = models.CharField(max_length=20, default="wanted")
    reason = models.CharField(max_length=100, blank=True)
    made_here = models.BooleanField(default=True)
    wanted_at = models.DateTimeField(default=clock.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(amount_cents__gt=0, from_due_cents__gte=0, from_deposit_cents__gte=0)
                & Q(amount_cents__gte=F("from_due_cents") + F("from_deposit_cents")),
                name="cardrefund_positive",
            ),
            models.CheckConstraint(
                condition=Q(refund_id__isnull=False) | Q(status__in=["wanted", "refused"]),
                name="cardrefund_known_to_stripe",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["wanted_at"], condition=Q(status="wanted"), name="cardrefund_to_send")
        ]

    def __str__(self) -> str:
        return f"card refund {self.public_id}"


class CardDispute(models.Model):
    """A payer's dispute: a mirror of Stripe's. taken_cents: withdrawn from us by it and not given back, in cents.

    moves: how often money moved for it; what knows of fewer is older and changes nothing.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE")

    payment = models.ForeignKey(CardPayment, on_delete=models.PROTECT, related_name="disputes")
    dispute_id = models.CharField(max_length=100, unique=True)
    status = models.CharField(max_length=30)
    reason = models.CharField(max_length=60, blank=True)
    amount_cents = models.BigIntegerField()
    taken_cents = models.BigIntegerField(default=0)
    moves = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField(default=clock.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(taken_cents__gte=0), name="carddispute_not_negative")
        ]

    def __str__(self) -> str:
        return f"dispute {self.dispute_id}"


class PayerDebtState(models.TextChoices):
    """States of what a payer owes after a charge-back of money that was spent."""

    OPENED = "opened", "Opened"
    PARTLY_RECOVERED = "partly_recovered", "Partly recovered"
    RECOVERED = "recovered", "Recovered"


D = PayerDebtState
DEBT_PREFIX = "DEB"


class PayerDebtLog(fsm.TransitionLog):
    """What happened to a debt."""

    subject = models.ForeignKey("funding.PayerDebt", on_delete=models.PROTECT, related_name="log")


class PayerDebt(fsm.Machine):
    """What an employer or a learner owes: their bank took back money that had been spent. In cents.

    One for a payment; more is added where more is taken back. recovered: paid again, come back from accounts, or
    given back by the bank.
    """

    log_model: ClassVar[type[fsm.TransitionLog]] = PayerDebtLog

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    payment = models.OneToOneField(CardPayment, on_delete=models.PROTECT, related_name="debt")
    amount_cents = models.BigIntegerField()
    recovered_cents = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    state = FSMField(default=D.OPENED, choices=PayerDebtState, protected=True)
    opened_at = models.DateTimeField(default=clock.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers: ClassVar[list[Any]] = [fsm.state_guard("funding_payerdebtlog")]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(state__in=PayerDebtState.values), name="payerdebt_state_known"
            ),
            models.CheckConstraint(
                condition=Q(amount_cents__gt=0, recovered_cents__gte=0)
                & Q(recovered_cents__lte=F("amount_cents")),
                name="payerdebt_recovered_at_most_owed",
            ),
            models.CheckConstraint(
                condition=~Q(state=D.RECOVERED)
                | Q(recovered_cents=F("amount_cents"), closed_at__isnull=False),
                name="payerdebt_recovered_in_full",
            ),
        ]

    def __str__(self) -> str:
        return f"debt {self.public_id}"

    @property
    def owed_cents(self) -> int:
        """What is still owed, in cents."""
        return self.amount_cents - self.recovered_cents

    @property
    def reference(self) -> str:
        """The ISO 11649 reference by which a transfer for it is known."""
        body = f"{DEBT_PREFIX}{self.pk:012d}"
        return str(iso11649.validate(f"RF{mod_97_10.calc_check_digits(body + 'RF')}{body}"))

    @property
    def shown_reference(self) -> str:
        """The same in groups of four, as it is copied."""
        return str(iso11649.format(self.reference))

    @transition(
        field=state, source=[D.OPENED, D.PARTLY_RECOVERED], target=D.PARTLY_RECOVERED, permission=may_settle
    )
    def recover_part(self, *, amount_cents: int) -> None:
        self.recovered_cents += amount_cents

    @transition(field=state, source=[D.OPENED, D.PARTLY_RECOVERED], target=D.RECOVERED, permission=may_settle)
    def recover_rest(self) -> None:
        self.recovered_cents = self.amount_cents
        self.closed_at = clock.now()

    @transition(field=state, source=D.OPENED, target=D.OPENED, permission=may_settle)
    def owe_more(self, *, amount_cents: int) -> None:
        self.amount_cents += amount_cents

    @transition(
        field=state,
        source=[D.PARTLY_RECOVERED, D.RECOVERED],
        target=D.PARTLY_RECOVERED,
        permission=may_settle,
    )
    def owe_again(self, *, amount_cents: int) -> None:
        """More was taken back after something had been recovered."""
        self.amount_cents += amount_cents
        self.closed_at = None


class StripeEvent(models.Model):
    """An event that Stripe told of, by webhook or in its list, kept once. Its object is fetched afresh, never read.

    finding: `unknown_type`, `not_ours` (it is about no payment of this platform).
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (done_at, finding, payment_id)")

    event_id = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=100)
    object_id = models.CharField(max_length=100)
    intent_id = models.CharField(max_length=100, blank=True)
    account = models.CharField(max_length=100, blank=True, help_text="The connected account that it is of.")
    created_at = models.DateTimeField()
    told_by = models.CharField(max_length=10)
    told_at = models.DateTimeField(default=clock.now)
    done_at = models.DateTimeField(null=True, blank=True)
    finding = models.CharField(max_length=40, blank=True)
    payment = models.ForeignKey(
        CardPayment, on_delete=models.PROTECT, null=True, blank=True, related_name="events"
    )

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["told_at"], condition=Q(done_at__isnull=True), name="stripeevent_waiting")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"


class RefusedWebhook(models.Model):
    """A message at the webhook's address that was not believed, and why; a few of a day are kept one by one."""

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (times, last_at)")

    day = models.DateField()
    reason = models.CharField(max_length=30)
    digest = models.CharField(max_length=64, blank=True)
    event_id = models.CharField(max_length=100, blank=True)
    times = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField(default=clock.now)
    last_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["day", "reason", "digest"], name="refusedwebhook_counted_by_day")
        ]

    def __str__(self) -> str:
        return f"{self.reason} {self.day}"


class StripeCursor(models.Model):
    """How far Stripe's list of events was read."""

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE")

    account = models.CharField(max_length=100, unique=True)
    read_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"events of {self.account} until {self.read_until}"
