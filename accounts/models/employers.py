"""Employers: organisations that say who they are, and whom the agency has verified before their money counts."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django_fsm import FSMField, transition

from accounts.models.organisations import Organisation
from accounts.permissions import manages_organisation, may_verify_employers
from ila.core import clock, fsm


class EmployerState(models.TextChoices):
    """How far the agency knows an employer."""

    APPLIED = "applied", "To be verified"
    VERIFIED = "verified", "Verified"
    REFUSED = "refused", "Refused"
    CLOSED = "closed", "Closed"


S = EmployerState


class EmployerLog(fsm.TransitionLog):
    """What happened to an employer's registration."""

    subject = models.ForeignKey("accounts.Employer", on_delete=models.PROTECT, related_name="log")


class Employer(fsm.Machine):
    """What an organisation says of itself as an employer, and whether the agency has verified it.

    number: the national number of the register (SIRET in France), without spaces; held by one employer of a
    country at a time that is not refused or closed.
    """

    log_model: ClassVar[type[fsm.TransitionLog]] = EmployerLog

    organisation = models.OneToOneField(Organisation, on_delete=models.PROTECT, related_name="employer")
    country = models.CharField(max_length=2)
    number = models.CharField(max_length=20)
    contact_name = models.CharField(max_length=150)
    contact_email = models.EmailField()
    state = FSMField(default=S.APPLIED, choices=EmployerState, protected=True)
    reason = models.CharField(max_length=500, blank=True, help_text="Why it was refused or closed.")
    applied_at = models.DateTimeField(default=clock.now)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers: ClassVar[list[Any]] = [fsm.state_guard("accounts_employerlog")]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(state__in=EmployerState.values), name="employer_state_known"),
            models.CheckConstraint(
                condition=Q(state=S.APPLIED) | Q(decided_at__isnull=False),
                name="employer_decided_has_its_time",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[S.REFUSED, S.CLOSED]) | ~Q(reason=""),
                name="employer_refused_has_its_reason",
            ),
            models.UniqueConstraint(
                fields=["country", "number"],
                condition=Q(state__in=[S.APPLIED, S.VERIFIED]),
                name="employer_number_once",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["applied_at"], condition=Q(state="applied"), name="employer_waiting")
        ]

    def __str__(self) -> str:
        return f"employer {self.country} {self.number}"

    @transition(field=state, source=S.APPLIED, target=S.VERIFIED, permission=may_verify_employers)
    def verify(self) -> None:
        self.reason, self.decided_at = "", clock.now()

    @transition(field=state, source=S.APPLIED, target=S.REFUSED, permission=may_verify_employers)
    def refuse(self, *, why: str) -> None:
        self.reason, self.decided_at = why, clock.now()

    @transition(field=state, source=S.REFUSED, target=S.APPLIED, permission=manages_organisation)
    def apply_again(self) -> None:
        self.reason, self.decided_at, self.applied_at = "", None, clock.now()

    @transition(field=state, source=S.VERIFIED, target=S.CLOSED, permission=may_verify_employers)
    def close(self, *, why: str) -> None:
        """It gives no more money; what it has given stays with its employees."""
        self.reason, self.decided_at = why, clock.now()
