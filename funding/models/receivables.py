"""Money owed back by a provider."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from funding.permissions import acts_for_funder, may_pay
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


class ReceivableLog(fsm.TransitionLog):
    """What happened to a receivable."""

    subject = models.ForeignKey("funding.Receivable", on_delete=models.PROTECT, related_name="log")


class Receivable(fsm.Machine):
    """What a provider owes back for a booking, in cents; the learner's rights were restored first."""

    log_model: ClassVar[type[fsm.TransitionLog]] = ReceivableLog

    booking = models.ForeignKey("funding.Booking", on_delete=models.PROTECT, related_name="receivables")
    provider = models.ForeignKey("catalogue.Provider", on_delete=models.PROTECT, related_name="receivables")
    state = FSMField(default=S.OPENED, choices=ReceivableState, protected=True)
    amount_cents = models.BigIntegerField()
    recovered_cents = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=200)
    opened_at = models.DateTimeField(default=clock.now)
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
                condition=~Q(state=S.RECOVERED)
                | Q(recovered_cents=F("amount_cents"), closed_at__isnull=False),
                name="receivable_recovered_in_full",
            ),
        ]

    def __str__(self) -> str:
        return f"receivable {self.pk}"

    @property
    def owed_cents(self) -> int:
        """What is still owed, in cents."""
        return self.amount_cents - self.recovered_cents

    @transition(field=state, source=S.OPENED, target=S.DEMANDED, permission=acts_for_funder)
    def demand(self) -> None:
        """A demand letter went out."""

    @transition(field=state, source=UNSETTLED, target=S.PARTLY_RECOVERED, permission=may_pay)
    def recover_part(self, *, amount_cents: int) -> None:
        self.recovered_cents += amount_cents

    @transition(field=state, source=UNSETTLED, target=S.RECOVERED, permission=may_pay)
    def recover_rest(self) -> None:
        self.recovered_cents = self.amount_cents
        self.closed_at = clock.now()

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
        self.closed_at = clock.now()

    @transition(field=state, source=UNSETTLED, target=S.WRITTEN_OFF)
    def drop(self) -> None:
        """What it was owed for has fallen away: the dispute behind it was rejected."""
        self.closed_at = clock.now()
