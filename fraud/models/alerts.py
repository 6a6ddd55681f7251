"""What detectors found, frozen as it was found, and what became of it."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django_fsm import FSMField, transition

from fraud.permissions import is_clock, may_settle, may_sort
from ila.core import clock
from ila.core.fsm import Machine, TransitionLog, state_guard
from ila.core.models import AppendOnlyModel, never_removed_triggers


class AlertState(models.TextChoices):
    """States of an alert (FRAUD)."""

    OPEN = "open", "Open"
    MERGED = "merged", "Merged into a case"
    DISMISSED = "dismissed", "Dismissed"
    SNOOZED = "snoozed", "Snoozed"


class AlertAction(models.TextChoices):
    """What a detector asks for."""

    NOTE = "N", "Note"
    REVIEW = "R", "Review"
    HOLD = "H", "Hold"
    REJECT = "B", "Reject at entry"


S = AlertState
FROZEN = [
    "detector",
    "version",
    "parameters",
    "family",
    "typology",
    "provider_ref",
    "provider_id",
    "subject_kind",
    "subject_id",
    "score",
    "action",
    "amount_cents",
    "evidence",
    "evidence_rows",
    "evidence_hash",
    "found_on",
    "found_at",
    "rule",
    "rule_author_ids",
]
_NEW = ", ".join(f"NEW.{name}" for name in FROZEN)
_OLD = ", ".join(f"OLD.{name}" for name in FROZEN)


class AlertLog(TransitionLog):
    """What became of an alert, by whom, why."""

    subject = models.ForeignKey("fraud.Alert", on_delete=models.PROTECT, related_name="log")


class Alert(Machine):
    """What one detector says of one subject of a provider.

    Everything but its state, its case and `last_seen_on` is frozen: detector, version, parameters, evidence, and the
    rows behind the evidence as they were. What later days add is in its sightings. provider_ref, subject_id: ids of
    the facts. rule: which version of its parameters; rule_author_ids: who proposed that and put it in force, where
    it is not the one built in. amount_cents: public money it is about.
    standing: the one that further findings of the same are added to.
    """

    log_model: ClassVar[type[TransitionLog]] = AlertLog
    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = FSMField(default=S.OPEN, choices=AlertState, protected=True)
    case = models.ForeignKey(
        "fraud.Case", on_delete=models.PROTECT, null=True, blank=True, related_name="alerts"
    )
    provider = models.ForeignKey(
        "catalogue.Provider", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    detector = models.CharField(max_length=10)
    version = models.PositiveIntegerField()
    parameters = models.JSONField(default=dict, blank=True)
    rule = models.PositiveIntegerField(default=1)
    rule_author_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    family = models.CharField(max_length=20)
    typology = models.CharField(max_length=30)
    provider_ref = models.TextField()
    subject_kind = models.CharField(max_length=20)
    subject_id = models.TextField()
    score = models.FloatField()
    action = models.CharField(max_length=1, choices=AlertAction)
    amount_cents = models.BigIntegerField()
    evidence = ArrayField(models.TextField(), default=list, blank=True)
    evidence_rows = models.JSONField(default=list, blank=True)
    evidence_hash = models.CharField(max_length=64)
    found_on = models.DateField()
    found_at = models.DateTimeField(default=clock.now)
    last_seen_on = models.DateField()
    snoozed_until = models.DateTimeField(null=True, blank=True)
    standing = models.BooleanField(default=True)

    class Meta:
        triggers: ClassVar[list[Any]] = [
            state_guard("fraud_alertlog"),
            # What was found is what can be explained later: nobody can change a letter of it.
            pgtrigger.Trigger(
                name="what_was_found_is_frozen",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func=f"""
                IF ({_NEW}) IS DISTINCT FROM ({_OLD}) THEN
                    RAISE EXCEPTION 'alert % is frozen', NEW.id USING ERRCODE = 'integrity_constraint_violation';
                END IF;
                RETURN NEW;
                """,
            ),
            *never_removed_triggers(),
        ]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(state__in=AlertState.values), name="alert_state_known"),
            models.CheckConstraint(condition=Q(action__in=AlertAction.values), name="alert_action_known"),
            models.CheckConstraint(condition=Q(score__range=(0, 1)), name="alert_score_0_to_1"),
            models.CheckConstraint(
                condition=Q(state=S.MERGED, case__isnull=False) | (~Q(state=S.MERGED) & Q(case__isnull=True)),
                name="alert_merged_has_its_case",
            ),
            models.CheckConstraint(
                condition=~Q(state=S.SNOOZED) | Q(snoozed_until__isnull=False),
                name="alert_snoozed_has_its_end",
            ),
            models.UniqueConstraint(
                fields=["detector", "provider_ref", "subject_kind", "subject_id"],
                condition=Q(standing=True),
                name="alert_one_standing",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["state", "-score"], name="alert_by_state"),
            models.Index(fields=["provider", "-found_at"], name="alert_of_provider"),
        ]

    def __str__(self) -> str:
        return f"alert {self.public_id}"

    @transition(field=state, source=[S.OPEN, S.SNOOZED], target=S.MERGED, permission=may_sort)
    def merge(self, *, case: Any) -> None:
        """It is looked into as part of a case."""
        self.case, self.snoozed_until = case, None

    @transition(field=state, source=[S.OPEN, S.SNOOZED], target=S.DISMISSED, permission=may_settle)
    def dismiss(self) -> None:
        """A person says, with a reason, that nothing is wrong."""
        self.snoozed_until = None

    @transition(field=state, source=S.OPEN, target=S.SNOOZED, permission=may_settle)
    def snooze(self, *, until: datetime) -> None:
        """What this detector says of this entity is not asked about before that moment."""
        self.snoozed_until = until

    @transition(field=state, source=S.SNOOZED, target=S.OPEN, permission=is_clock)
    def wake(self) -> None:
        """The time of the snooze is over."""
        self.snoozed_until = None


Alert.log_model = AlertLog


class AlertSighting(AppendOnlyModel):
    """What a later day found that the alert did not say yet: its score, amount, action and evidence, frozen again."""

    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="sightings")
    on = models.DateField()
    at = models.DateTimeField(default=clock.now)
    version = models.PositiveIntegerField()
    rule = models.PositiveIntegerField(default=1)
    parameters = models.JSONField(default=dict, blank=True)
    score = models.FloatField()
    action = models.CharField(max_length=1, choices=AlertAction)
    amount_cents = models.BigIntegerField()
    evidence = ArrayField(models.TextField(), default=list, blank=True)
    evidence_rows = models.JSONField(default=list, blank=True)
    evidence_hash = models.CharField(max_length=64)

    class Meta(AppendOnlyModel.Meta):
        indexes: ClassVar[list[Any]] = [models.Index(fields=["alert", "-id"], name="alertsighting_latest")]

    def __str__(self) -> str:
        return f"sighting of alert {self.alert_id} on {self.on}"


class Snooze(models.Model):
    """What one detector says of one entity is not asked about until a moment: for a reason, by a person.

    entity_kind: `provider`, or a kind of subject of alerts.
    """

    detector = models.CharField(max_length=10)
    entity_kind = models.CharField(max_length=20)
    entity_id = models.TextField()
    until = models.DateTimeField()
    reason = models.CharField(max_length=500)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=~Q(reason=""), name="snooze_has_a_reason"),
            models.CheckConstraint(condition=Q(until__gt=models.F("at")), name="snooze_has_an_end"),
            models.UniqueConstraint(
                fields=["detector", "entity_kind", "entity_id"],
                condition=Q(ended_at__isnull=True),
                name="snooze_one_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.detector} of {self.entity_kind} {self.entity_id} until {self.until:%Y-%m-%d}"
