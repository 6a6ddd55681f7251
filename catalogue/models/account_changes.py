"""Another bank account for a provider: asked, confirmed by somebody else, approved, in force after a time to object."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from accounts.models import User
from catalogue.models.applications import PayeeAnswer
from catalogue.models.providers import Provider
from catalogue.permissions import acts_for_provider, is_authority, provider_or_authority
from ila.core import clock
from ila.core.fsm import Machine, TransitionLog, state_guard


class AccountChangeState(models.TextChoices):
    """The states of a change of account."""

    ASKED = "asked", "Asked"
    CONFIRMED = "confirmed", "Confirmed"
    APPROVED = "approved", "Approved"
    IN_FORCE = "in_force", "In force"
    STOPPED = "stopped", "Stopped by an objection"
    REFUSED = "refused", "Refused"
    TAKEN_BACK = "taken_back", "Taken back"


S = AccountChangeState
OPEN_CHANGES = (S.ASKED, S.CONFIRMED, S.APPROVED)


class AccountChange(Machine):
    """A provider wants to be paid into another account. Until it is in force the one before is paid into.

    iban_before: the account that was in force when it was asked. call_back_note: how the provider was called, where a
    case worker confirmed it because it has one person only. cooling_until: it is not in force before then.
    told: the addresses that the notice went to, as they were known before it was asked.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="account_changes")
    iban_before = models.CharField(max_length=34, blank=True)
    iban = models.CharField(max_length=34)
    holder = models.CharField(max_length=140)
    payee_answer = models.CharField(max_length=20, choices=PayeeAnswer)
    payee_name = models.CharField(max_length=140, blank=True)
    payee_asked_at = models.DateTimeField()
    reason = models.CharField(max_length=500, blank=True)
    state = FSMField(default=S.ASKED, choices=S.choices, protected=True, max_length=20)
    asked_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=clock.now)
    confirmed_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    confirmed_at = models.DateTimeField(null=True, blank=True)
    call_back_note = models.CharField(max_length=500, blank=True)
    cooling_until = models.DateTimeField(null=True, blank=True)
    approved_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    approval_note = models.CharField(max_length=500, blank=True)
    in_force_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=500, blank=True)
    told = ArrayField(models.EmailField(), default=list, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["provider"], condition=Q(state__in=OPEN_CHANGES), name="accountchange_one_open"
            ),
            models.CheckConstraint(condition=~Q(iban=""), name="accountchange_iban_present"),
            models.CheckConstraint(condition=~Q(iban=F("iban_before")), name="accountchange_is_another"),
            models.CheckConstraint(
                condition=~Q(payee_answer="no_match"), name="accountchange_never_in_another_name"
            ),
            models.CheckConstraint(
                condition=Q(state__in=(S.ASKED, S.STOPPED, S.REFUSED, S.TAKEN_BACK))
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False, cooling_until__isnull=False),
                name="accountchange_confirmed_has_its_times",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True) | ~Q(confirmed_by=F("asked_by")),
                name="accountchange_confirmed_by_another",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=(S.APPROVED, S.IN_FORCE))
                | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="accountchange_approved_has_its_time",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True)
                | (~Q(approved_by=F("asked_by")) & ~Q(approved_by=F("confirmed_by"))),
                name="accountchange_approved_by_another",
            ),
            models.CheckConstraint(
                condition=~Q(state=S.IN_FORCE) | Q(in_force_at__gte=F("cooling_until")),
                name="accountchange_in_force_after_the_time_to_object",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=(S.STOPPED, S.REFUSED, S.TAKEN_BACK)) | Q(ended_at__isnull=False),
                name="accountchange_ended_has_its_time",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["provider", "-asked_at"], name="accountchange_history"),
            models.Index(fields=["cooling_until"], condition=Q(state=S.APPROVED), name="accountchange_due"),
            models.Index(
                fields=["asked_at"], condition=Q(state__in=OPEN_CHANGES), name="accountchange_waiting"
            ),
        ]
        triggers: ClassVar[list[Any]] = [state_guard("catalogue_accountchangelog")]

    def __str__(self) -> str:
        return f"change of account {self.public_id}"

    @property
    def is_open(self) -> bool:
        """Whether it may still come into force."""
        return self.state in OPEN_CHANGES

    @transition(field=state, source=S.ASKED, target=S.CONFIRMED, permission=provider_or_authority)
    def confirm(self, *, by: User, at: datetime, cooling_until: datetime, note: str = "") -> None:
        """A second person of the provider says the same, or a case worker who has called it back."""
        self.confirmed_by, self.confirmed_at = by, at
        self.cooling_until, self.call_back_note = cooling_until, note

    @transition(field=state, source=S.CONFIRMED, target=S.APPROVED, permission=is_authority)
    def approve(self, *, by: User, at: datetime, note: str = "") -> None:
        """The authority finds nothing against it."""
        self.approved_by, self.approved_at, self.approval_note = by, at, note

    @transition(field=state, source=S.APPROVED, target=S.IN_FORCE, permission=is_authority)
    def take_effect(self, *, at: datetime) -> None:
        """The time to object is over: from now on it is paid into."""
        self.in_force_at = at

    @transition(
        field=state, source=[S.ASKED, S.CONFIRMED, S.APPROVED], target=S.STOPPED, permission=acts_for_provider
    )
    def stop(self, *, at: datetime, why: str = "") -> None:
        """Somebody of the provider objects, or whoever received the notice."""
        self.ended_at, self.end_reason = at, why

    @transition(
        field=state, source=[S.ASKED, S.CONFIRMED, S.APPROVED], target=S.REFUSED, permission=is_authority
    )
    def refuse(self, *, at: datetime, why: str = "") -> None:
        """The authority says no."""
        self.ended_at, self.end_reason = at, why

    @transition(field=state, source=[S.ASKED, S.CONFIRMED], target=S.TAKEN_BACK, permission=acts_for_provider)
    def take_back(self, *, at: datetime) -> None:
        """The provider does not want it any more."""
        self.ended_at = at


class AccountChangeLog(TransitionLog):
    """Who moved a change of account, when and why."""

    subject = models.ForeignKey(AccountChange, on_delete=models.PROTECT, related_name="log")

    class Meta(TransitionLog.Meta):
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["subject", "at", "id"], name="accountchangelog_at")
        ]


AccountChange.log_model = AccountChangeLog
