"""Drafts of scheme rules: what one manager writes and another puts into force, and what withdraws it again."""

import hashlib
import json
import uuid
from datetime import date, datetime
from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from funding.permissions import is_draft_author, may_decide_draft
from ila.core import clock, fsm


class DraftState(models.TextChoices):
    """States of a draft of scheme rules."""

    DRAFT = "draft", "Draft"
    PROPOSED = "proposed", "Proposed"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    DISCARDED = "discarded", "Discarded"


class DraftKind(models.TextChoices):
    """What an approval does: put rules into force, or take back rules that have not begun."""

    VERSION = "version", "New rules"
    WITHDRAWAL = "withdrawal", "Withdrawal"


S = DraftState


class SchemeDraftLog(fsm.TransitionLog):
    """What happened to a draft of scheme rules."""

    subject = models.ForeignKey("funding.SchemeDraft", on_delete=models.PROTECT, related_name="log")


class SchemeDraft(fsm.Machine):
    """Rules that are to hold from a day on, as their author typed them: faults may be in them until they are proposed.

    content: code, name, country, timezone, currency, valid_from (text) and rules (parameter → JSON value, or
    the text that could not be read). It changes in the state draft alone; a trigger sees to it.
    scheme: none until a new scheme is put into force. replaces: a version that has not begun and that this
    one takes the place of. withdraws: the version that a withdrawal takes back. version: what it became.
    """

    log_model: ClassVar[type[fsm.TransitionLog]] = SchemeDraftLog
    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=10, choices=DraftKind, default=DraftKind.VERSION)
    scheme = models.ForeignKey(
        "funding.Scheme", on_delete=models.PROTECT, null=True, blank=True, related_name="drafts"
    )
    content = models.JSONField(default=dict)
    replaces = models.ForeignKey(
        "funding.SchemeVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    withdraws = models.ForeignKey(
        "funding.SchemeVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    version = models.OneToOneField(
        "funding.SchemeVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="draft"
    )
    state = FSMField(default=S.DRAFT, choices=DraftState, protected=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now)
    proposed_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers: ClassVar[list[Any]] = [
            fsm.state_guard("funding_schemedraftlog"),
            # What is approved is what was proposed: between the two nobody can change a letter.
            pgtrigger.Trigger(
                name="content_is_fixed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func=f"""
                IF OLD.state <> '{S.DRAFT}' AND (
                    (NEW.content, NEW.kind, NEW.author_id, NEW.replaces_id, NEW.withdraws_id)
                    IS DISTINCT FROM (OLD.content, OLD.kind, OLD.author_id, OLD.replaces_id, OLD.withdraws_id)
                ) THEN
                    RAISE EXCEPTION 'draft % is %: its content is fixed', NEW.id, OLD.state
                        USING ERRCODE = 'integrity_constraint_violation';
                END IF;
                RETURN NEW;
                """,
            ),
        ]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(state__in=DraftState.values), name="schemedraft_state_known"),
            models.CheckConstraint(
                condition=Q(approver__isnull=True) | ~Q(approver=F("author")),
                name="schemedraft_decided_by_another_person",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[S.PROPOSED, S.APPROVED, S.REJECTED]) | Q(proposed_at__isnull=False),
                name="schemedraft_proposed_has_its_time",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[S.APPROVED, S.REJECTED])
                | Q(approver__isnull=False, decided_at__isnull=False),
                name="schemedraft_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(kind=DraftKind.VERSION, withdraws__isnull=True)
                | Q(kind=DraftKind.WITHDRAWAL, withdraws__isnull=False, replaces__isnull=True),
                name="schemedraft_withdrawal_names_its_version",
            ),
            models.CheckConstraint(
                condition=~Q(state=S.APPROVED)
                | Q(kind=DraftKind.WITHDRAWAL)
                | Q(version__isnull=False, scheme__isnull=False),
                name="schemedraft_approved_became_a_version",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["state", "-created_at"], name="schemedraft_by_state")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.code} from {self.valid_from_text}"

    @property
    def code(self) -> str:
        """The scheme's code, as far as it is known."""
        return str(self.content.get("code", ""))

    @property
    def name(self) -> str:
        """The scheme's name, as far as it is known."""
        return str(self.content.get("name", ""))

    @property
    def valid_from_text(self) -> str:
        """The first day, as it was typed."""
        return str(self.content.get("valid_from", ""))

    @property
    def valid_from(self) -> date | None:
        """The first day; None for what is no day."""
        try:
            return date.fromisoformat(self.valid_from_text)
        except ValueError:
            return None

    @property
    def content_hash(self) -> str:
        """SHA-256 of all that an approval puts into force: whoever approves says which content they saw."""
        whole = {
            "kind": self.kind,
            "content": self.content,
            "replaces": self.replaces_id,
            "withdraws": self.withdraws_id,
        }
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()

    @transition(field=state, source=S.DRAFT, target=S.PROPOSED, permission=is_draft_author)
    def propose(self, *, at: datetime) -> None:
        self.proposed_at = at

    @transition(field=state, source=S.PROPOSED, target=S.DRAFT, permission=is_draft_author)
    def take_back(self) -> None:
        """Its author changes it again, or thinks again."""

    @transition(field=state, source=S.PROPOSED, target=S.APPROVED, permission=may_decide_draft)
    def approve(self, *, approver: Any, at: datetime, scheme: Any = None, version: Any = None) -> None:
        self.approver, self.decided_at = approver, at
        if scheme is not None:
            self.scheme, self.version = scheme, version

    @transition(field=state, source=S.PROPOSED, target=S.REJECTED, permission=may_decide_draft)
    def reject(self, *, approver: Any, at: datetime) -> None:
        self.approver, self.decided_at = approver, at

    @transition(field=state, source=S.REJECTED, target=S.DRAFT, permission=is_draft_author)
    def revise(self) -> None:
        self.approver = self.decided_at = None

    @transition(field=state, source=[S.DRAFT, S.REJECTED], target=S.DISCARDED, permission=is_draft_author)
    def discard(self) -> None:
        """Its author gives it up."""
