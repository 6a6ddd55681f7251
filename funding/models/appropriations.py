"""Appropriations: public money that one person proposes to give a scheme's budget and another one gives."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from funding.permissions import is_proposer, may_decide_appropriation
from ila.core import clock, fsm


class AppropriationState(models.TextChoices):
    """States of a proposed appropriation."""

    PROPOSED = "proposed", "Proposed"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    TAKEN_BACK = "taken_back", "Taken back"


S = AppropriationState


class AppropriationLog(fsm.TransitionLog):
    """What happened to a proposed appropriation."""

    subject = models.ForeignKey("funding.Appropriation", on_delete=models.PROTECT, related_name="log")


class Appropriation(fsm.Machine):
    """So many cents of public money for a budget of a scheme, under the number of the act that grants it.

    What was proposed is what is approved: a trigger sees to it. budget_name: of a budget that is there, or that
    the approval creates.
    """

    log_model: ClassVar[type[fsm.TransitionLog]] = AppropriationLog
    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    scheme = models.ForeignKey("funding.Scheme", on_delete=models.PROTECT, related_name="appropriations")
    budget_name = models.CharField(max_length=200)
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=500)
    document = models.CharField(max_length=100, help_text="Number of the act that grants the money.")
    state = FSMField(default=S.PROPOSED, choices=AppropriationState, protected=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers: ClassVar[list[Any]] = [
            fsm.state_guard("funding_appropriationlog"),
            pgtrigger.Trigger(
                name="proposal_is_fixed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func="""
                IF (NEW.scheme_id, NEW.budget_name, NEW.amount_cents, NEW.currency, NEW.document, NEW.author_id)
                    IS DISTINCT FROM
                   (OLD.scheme_id, OLD.budget_name, OLD.amount_cents, OLD.currency, OLD.document, OLD.author_id)
                THEN
                    RAISE EXCEPTION 'appropriation %: what was proposed is fixed', NEW.id
                        USING ERRCODE = 'integrity_constraint_violation';
                END IF;
                RETURN NEW;
                """,
            ),
        ]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(state__in=AppropriationState.values), name="appropriation_state_known"
            ),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="appropriation_positive"),
            models.CheckConstraint(
                condition=~Q(reason="") & ~Q(document="") & ~Q(budget_name=""),
                name="appropriation_says_why",
            ),
            models.CheckConstraint(
                condition=Q(approver__isnull=True) | ~Q(approver=F("author")),
                name="appropriation_decided_by_another_person",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[S.APPROVED, S.REJECTED])
                | Q(approver__isnull=False, decided_at__isnull=False),
                name="appropriation_decided_by_somebody",
            ),
            # One act is not granted twice to a budget by mistake.
            models.UniqueConstraint(
                fields=["scheme", "budget_name", "document"],
                condition=Q(state__in=[S.PROPOSED, S.APPROVED]),
                name="appropriation_document_once",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["created_at"], condition=Q(state="proposed"), name="appropriation_waiting")
        ]

    def __str__(self) -> str:
        return f"appropriation {self.public_id}"

    @transition(field=state, source=S.PROPOSED, target=S.APPROVED, permission=may_decide_appropriation)
    def approve(self, *, approver: Any, at: datetime) -> None:
        self.approver, self.decided_at = approver, at

    @transition(field=state, source=S.PROPOSED, target=S.REJECTED, permission=may_decide_appropriation)
    def reject(self, *, approver: Any, at: datetime) -> None:
        self.approver, self.decided_at = approver, at

    @transition(field=state, source=S.PROPOSED, target=S.TAKEN_BACK, permission=is_proposer)
    def take_back(self) -> None:
        """Its author thinks again."""
