"""Thresholds that people change: versions of parameters, what each would have found, who put it in force."""

import uuid
from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from fraud.permissions import may_decide_rule, may_investigate, proposed_it
from ila.core import clock
from ila.core.fsm import Machine, TransitionLog, state_guard
from ila.core.models import AppendOnlyModel, never_removed_triggers


class RuleState(models.TextChoices):
    """States of a version of a detector's parameters."""

    PROPOSED = "proposed", "Proposed"
    SHADOW = "shadow", "In shadow"
    IN_FORCE = "in_force", "In force"
    REPLACED = "replaced", "Replaced"
    REFUSED = "refused", "Refused"
    WITHDRAWN = "withdrawn", "Withdrawn"


S = RuleState
# Waits for somebody's decision.
UNDECIDED = (S.PROPOSED, S.SHADOW)
_WAS_IN_FORCE = (S.IN_FORCE, S.REPLACED)
_DECIDED = (*_WAS_IN_FORCE, S.REFUSED)
_FROZEN = (
    "public_id",
    "detector",
    "number",
    "code_version",
    "parameters",
    "reason",
    "proposed_by_id",
    "proposed_at",
)
_CHANGED = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in _FROZEN)


class ParameterVersionLog(TransitionLog):
    """What became of a version, by whom, why."""

    subject = models.ForeignKey("fraud.ParameterVersion", on_delete=models.PROTECT, related_name="log")


class ParameterVersion(Machine):
    """Changed parameters of one detector: proposed by one person, put in force or refused by another.

    number: from 2 on for each detector; 1 is what is built in and has no row. code_version: the detector's when it was
    proposed. back_test: what the decision was taken on. decision: why it was put in force or refused.
    """

    log_model: ClassVar[type[TransitionLog]] = ParameterVersionLog
    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    detector = models.CharField(max_length=10)
    number = models.PositiveIntegerField()
    code_version = models.PositiveIntegerField()
    parameters = models.JSONField()
    reason = models.TextField()
    state = FSMField(default=S.PROPOSED, choices=RuleState, protected=True, max_length=20)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(default=clock.now)
    shadow_since = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision = models.TextField(blank=True)
    back_test = models.ForeignKey(
        "fraud.BackTest", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers: ClassVar[list[Any]] = [
            state_guard("fraud_parameterversionlog"),
            pgtrigger.Trigger(
                name="what_was_proposed_is_frozen",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func=f"""
                IF {_CHANGED} THEN
                    RAISE EXCEPTION 'version % is frozen', NEW.id USING ERRCODE = 'integrity_constraint_violation';
                END IF;
                RETURN NEW;
                """,
            ),
            *never_removed_triggers(),
        ]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(state__in=RuleState.values), name="rule_state_known"),
            models.CheckConstraint(condition=Q(number__gte=2), name="rule_number_after_the_built_in"),
            models.CheckConstraint(condition=~Q(reason=""), name="rule_says_why"),
            models.UniqueConstraint(fields=["detector", "number"], name="rule_one_of_a_number"),
            models.UniqueConstraint(
                fields=["detector"], condition=Q(state=S.IN_FORCE), name="rule_one_in_force"
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("proposed_by")),
                name="rule_decided_by_another_person",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=_DECIDED)
                | (Q(decided_by__isnull=False, decided_at__isnull=False) & ~Q(decision="")),
                name="rule_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=_WAS_IN_FORCE) | Q(back_test__isnull=False),
                name="rule_in_force_was_back_tested",
            ),
            models.CheckConstraint(
                condition=~Q(state=S.SHADOW) | Q(shadow_since__isnull=False), name="rule_shadow_has_its_time"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[*UNDECIDED, S.IN_FORCE], ended_at__isnull=True)
                | Q(state__in=[S.REPLACED, S.REFUSED, S.WITHDRAWN], ended_at__isnull=False),
                name="rule_ended_has_its_time",
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["state", "detector"], name="rule_by_state")]

    def __str__(self) -> str:
        return f"{self.detector}, parameters {self.number}"

    @property
    def is_undecided(self) -> bool:
        """Whether it waits for a decision."""
        return self.state in UNDECIDED

    @property
    def authors(self) -> frozenset[int]:
        """Who answers for it: who proposed it, and who put it in force."""
        return frozenset(each for each in (self.proposed_by_id, self.decided_by_id) if each is not None)

    @transition(field=state, source=S.PROPOSED, target=S.SHADOW, permission=may_investigate)
    def observe(self) -> None:
        """It runs daily beside the one in force; nothing that it finds is an alert."""
        self.shadow_since = clock.now()

    @transition(field=state, source=S.SHADOW, target=S.PROPOSED, permission=may_investigate)
    def rest(self) -> None:
        """It does not run daily any more."""
        self.shadow_since = None

    @transition(field=state, source=[S.PROPOSED, S.SHADOW], target=S.IN_FORCE, permission=may_decide_rule)
    def put_in_force(self, *, by: Any, back_test: Any, decision: str) -> None:
        """Another person lets it find: on what a back-test said."""
        self.decided_by, self.decided_at = by, clock.now()
        self.decision, self.back_test = decision, back_test

    @transition(field=state, source=[S.PROPOSED, S.SHADOW], target=S.REFUSED, permission=may_decide_rule)
    def refuse(self, *, by: Any, decision: str) -> None:
        """Another person is not convinced."""
        self.decided_by, self.decided_at, self.decision = by, clock.now(), decision
        self.ended_at = clock.now()

    @transition(field=state, source=[S.PROPOSED, S.SHADOW], target=S.WITHDRAWN, permission=proposed_it)
    def withdraw(self) -> None:
        """Who proposed it thinks better of it."""
        self.ended_at = clock.now()

    @transition(field=state, source=S.IN_FORCE, target=S.REPLACED, permission=may_investigate)
    def replace(self) -> None:
        """A later one is in force instead."""
        self.ended_at = clock.now()


ParameterVersion.log_model = ParameterVersionLog


class BackTestOutcome(models.TextChoices):
    """How a back-test stands."""

    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


UNFINISHED = (BackTestOutcome.WAITING, BackTestOutcome.RUNNING)


class BackTest(models.Model):
    """One detector asked about past days with the parameters in force and with a proposed version's.

    present, present_number: what was in force when it was asked for. last_day and a day every week before it, `weeks`
    days in all. done: days asked about so far. Nothing in it is an alert. error: why there is no result.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    version = models.ForeignKey(ParameterVersion, on_delete=models.PROTECT, related_name="back_tests")
    present = models.JSONField()
    present_number = models.PositiveIntegerField()
    last_day = models.DateField()
    weeks = models.PositiveSmallIntegerField()
    done = models.PositiveSmallIntegerField(default=0)
    outcome = models.CharField(max_length=20, choices=BackTestOutcome, default=BackTestOutcome.WAITING)
    error = models.CharField(max_length=200, blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers: ClassVar[list[Any]] = [
            # What a decision was taken on stays as it was.
            pgtrigger.Protect(
                name="finished_is_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__finished_at__isnull=False),
            ),
            *never_removed_triggers(),
        ]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(outcome__in=UNFINISHED, finished_at__isnull=True)
                | (~Q(outcome__in=UNFINISHED) & Q(finished_at__isnull=False)),
                name="backtest_finished_has_its_time",
            ),
            models.UniqueConstraint(
                fields=["version"], condition=Q(outcome__in=UNFINISHED), name="backtest_one_under_way"
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["version", "-id"], name="backtest_latest")]

    def __str__(self) -> str:
        return f"back-test {self.public_id}"

    @property
    def is_unfinished(self) -> bool:
        """Whether it waits or runs."""
        return self.outcome in UNFINISHED


class BackTestDay(AppendOnlyModel):
    """One past day of a back-test: how many subjects each of the two named, and both."""

    back_test = models.ForeignKey(BackTest, on_delete=models.PROTECT, related_name="days")
    day = models.DateField()
    present = models.PositiveIntegerField()
    proposed = models.PositiveIntegerField()
    both = models.PositiveIntegerField()

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["back_test", "day"], name="backtestday_once")
        ]

    def __str__(self) -> str:
        return f"{self.day} of back-test {self.back_test_id}"


class Became(models.TextChoices):
    """What had become of the detector's alert of a subject when a back-test named it."""

    CONFIRMED = "confirmed", "Confirmed"
    REFUTED = "refuted", "Refuted"
    DISMISSED = "dismissed", "Dismissed"
    UNDECIDED = "undecided", "Undecided"
    NEVER = "never", "Never an alert"


class BackTestFinding(AppendOnlyModel):
    """A subject that the parameters in force, the proposed ones, or both would have named on one of the days.

    present_days, proposed_days: on how many of the days. became: of the detector's own alerts of it at that time.
    provider_became: of the provider's decided cases, whatever led to them; "" without any. amount_cents: public money.
    """

    back_test = models.ForeignKey(BackTest, on_delete=models.PROTECT, related_name="findings")
    provider_ref = models.TextField()
    provider = models.ForeignKey(
        "catalogue.Provider", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    subject_kind = models.CharField(max_length=20)
    subject_id = models.TextField()
    present_days = models.PositiveSmallIntegerField()
    proposed_days = models.PositiveSmallIntegerField()
    first_on = models.DateField()
    last_on = models.DateField()
    score = models.FloatField()
    amount_cents = models.BigIntegerField()
    became = models.CharField(max_length=20, choices=Became)
    provider_became = models.CharField(max_length=20, choices=Became, blank=True)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["back_test", "provider_ref", "subject_kind", "subject_id"],
                name="backtestfinding_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject_kind} {self.subject_id} in back-test {self.back_test_id}"


class ShadowDay(AppendOnlyModel):
    """A day on which a version ran in shadow beside the one in force; error: why it could not."""

    version = models.ForeignKey(ParameterVersion, on_delete=models.PROTECT, related_name="shadow_days")
    day = models.DateField()
    present = models.PositiveIntegerField(default=0)
    proposed = models.PositiveIntegerField(default=0)
    both = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=200, blank=True)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["version", "day"], name="shadowday_once")
        ]

    def __str__(self) -> str:
        return f"{self.day} of version {self.version_id} in shadow"


class ShadowFinding(AppendOnlyModel):
    """What a version in shadow would have named, when it did so first; never an alert, never a hold.

    also_present: the parameters in force named it on that day too.
    """

    version = models.ForeignKey(ParameterVersion, on_delete=models.PROTECT, related_name="shadow_findings")
    day = models.DateField()
    provider_ref = models.TextField()
    provider = models.ForeignKey(
        "catalogue.Provider", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    subject_kind = models.CharField(max_length=20)
    subject_id = models.TextField()
    score = models.FloatField()
    action = models.CharField(max_length=1)
    amount_cents = models.BigIntegerField()
    evidence = ArrayField(models.TextField(), default=list, blank=True)
    also_present = models.BooleanField()

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["version", "provider_ref", "subject_kind", "subject_id"], name="shadowfinding_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject_kind} {self.subject_id} in the shadow of version {self.version_id}"
