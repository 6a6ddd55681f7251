"""Money owed back by a provider."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition
from stdnum import iso11649
from stdnum.iso7064 import mod_97_10

from funding.permissions import acts_for_funder, may_pay, may_settle
from ila.core import clock, fsm


class ReceivableState(models.TextChoices):
    """States of money owed back (HOUSE)."""

    OPENED = "opened", "Opened"
    DEMANDED = "demanded", "Demanded"
    PARTLY_RECOVERED = "partly_recovered", "Partly recovered"
    RECOVERED = "recovered", "Recovered"
    WRITTEN_OFF = "written_off", "Written off"
    REFERRED = "referred", "Referred"


S = ReceivableState
UNSETTLED = [S.OPENED, S.DEMANDED, S.PARTLY_RECOVERED, S.REFERRED]
# How the reference of a debt begins, after RF and its check digits; its number follows, in twelve digits.
REFERENCE_PREFIX = "RCV"


class ReceivableLog(fsm.TransitionLog):
    """What happened to a receivable."""

    subject = models.ForeignKey("funding.Receivable", on_delete=models.PROTECT, related_name="log")


class Receivable(fsm.Machine):
    """What a provider owes back for a booking, in cents; the booking's sources were restored first.

    recovered: came back, by transfer or out of payments. reserved: to be kept from payments that are on their way.
    written_off: given up. cent_days: what was owed after the demand's term times the days, until `cent_days_until`,
    for interest. due_on: the last day of the demand's term.
    """

    log_model: ClassVar[type[fsm.TransitionLog]] = ReceivableLog

    booking = models.ForeignKey("funding.Booking", on_delete=models.PROTECT, related_name="receivables")
    provider = models.ForeignKey("catalogue.Provider", on_delete=models.PROTECT, related_name="receivables")
    state = FSMField(default=S.OPENED, choices=ReceivableState, protected=True)
    amount_cents = models.BigIntegerField()
    recovered_cents = models.BigIntegerField(default=0)
    reserved_cents = models.BigIntegerField(default=0)
    written_off_cents = models.BigIntegerField(default=0)
    cent_days = models.BigIntegerField(default=0)
    cent_days_until = models.DateField(null=True, blank=True)
    interest_paid_cents = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=200)
    opened_at = models.DateTimeField(default=clock.now)
    demanded_at = models.DateTimeField(null=True, blank=True)
    due_on = models.DateField(null=True, blank=True, help_text="Last day of the term of the demand.")
    reminders = models.PositiveSmallIntegerField(default=0)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers: ClassVar[list[Any]] = [fsm.state_guard("funding_receivablelog")]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(state__in=ReceivableState.values), name="receivable_state_known"
            ),
            models.CheckConstraint(
                condition=Q(
                    amount_cents__gt=0, recovered_cents__gte=0, recovered_cents__lte=F("amount_cents")
                ),
                name="receivable_recovered_at_most_owed",
            ),
            models.CheckConstraint(
                condition=Q(reserved_cents__gte=0, written_off_cents__gte=0)
                & Q(amount_cents__gte=F("recovered_cents") + F("reserved_cents") + F("written_off_cents")),
                name="receivable_reserved_at_most_owed",
            ),
            models.CheckConstraint(
                condition=~Q(state=S.DEMANDED) | Q(due_on__isnull=False) | Q(demanded_at__isnull=True),
                name="receivable_demanded_has_its_day",
            ),
            models.CheckConstraint(
                condition=~Q(state=S.RECOVERED)
                | Q(recovered_cents=F("amount_cents") - F("written_off_cents"), closed_at__isnull=False),
                name="receivable_recovered_in_full",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["provider", "opened_at"],
                condition=Q(state__in=UNSETTLED),
                name="receivable_open_of_provider",
            )
        ]

    def __str__(self) -> str:
        return f"receivable {self.pk}"

    @property
    def owed_cents(self) -> int:
        """What is still owed, in cents."""
        return self.amount_cents - self.recovered_cents - self.written_off_cents

    @property
    def free_cents(self) -> int:
        """What is still owed and kept from no payment that is on its way, in cents."""
        return self.owed_cents - self.reserved_cents

    @property
    def reference(self) -> str:
        """The ISO 11649 reference by which a transfer for it is known."""
        body = f"{REFERENCE_PREFIX}{self.pk:012d}"
        return str(iso11649.validate(f"RF{mod_97_10.calc_check_digits(body + 'RF')}{body}"))

    @transition(
        field=state, source=[S.OPENED, S.PARTLY_RECOVERED], target=S.DEMANDED, permission=acts_for_funder
    )
    def demand(self, *, due_on: Any = None) -> None:
        """A demand letter goes out: it is to be paid until the end of that day."""
        self.demanded_at = clock.now()
        self.due_on = due_on
        self.reminders = 0

    @transition(field=state, source=UNSETTLED, target=S.PARTLY_RECOVERED, permission=may_settle)
    def recover_part(self, *, amount_cents: int) -> None:
        self.recovered_cents += amount_cents

    @transition(field=state, source=UNSETTLED, target=S.RECOVERED, permission=may_settle)
    def recover_rest(self) -> None:
        self.recovered_cents = self.amount_cents - self.written_off_cents
        self.closed_at = clock.now()

    @transition(
        field=state,
        source=[S.PARTLY_RECOVERED, S.RECOVERED, S.WRITTEN_OFF, S.REFERRED],
        target=S.DEMANDED,
        permission=may_settle,
    )
    def reopen(self, *, amount_cents: int) -> None:
        """What was kept from a payment is owed again: the bank sent that payment back."""
        self.recovered_cents -= amount_cents
        self.closed_at = None

    @transition(
        field=state,
        source=[S.OPENED, S.DEMANDED, S.PARTLY_RECOVERED],
        target=S.REFERRED,
        permission=acts_for_funder,
    )
    def refer(self) -> None:
        """Handed to the authority that collects or prosecutes."""

    @transition(field=state, source=UNSETTLED, target=S.WRITTEN_OFF, permission=may_pay)
    def write_off(self) -> None:
        self.written_off_cents = self.amount_cents - self.recovered_cents
        self.closed_at = clock.now()

    @transition(field=state, source=UNSETTLED, target=S.WRITTEN_OFF)
    def drop(self) -> None:
        """What it was owed for has fallen away: the dispute behind it was rejected."""
        self.closed_at = clock.now()
