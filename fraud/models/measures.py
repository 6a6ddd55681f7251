"""Measures: what is done about a case, with notice and hearing, until it ends or an appeal undoes it."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from fraud.permissions import is_clock, may_decide_appeal, may_enforce, may_let_go, may_sort
from ila.core import clock
from ila.core.fsm import Machine, TransitionLog, state_guard
from ila.core.models import AppendOnlyModel, never_removed_triggers


class MeasureKind(models.TextChoices):
    """What may be done about a provider; there is no measure against a learner."""

    HOLD = "hold", "Payments held"
    SUSPENSION = "suspension", "Accreditation suspended"
    RESTITUTION = "restitution", "What learners got back is demanded"
    CLAWBACK = "clawback", "Public money taken back"
    TERMINATION = "termination", "Accreditation withdrawn"
    BLACKLIST_ENTITY = "blacklist_entity", "Firm on the blacklist"
    BLACKLIST_PERSON = "blacklist_person", "Person on the blacklist"
    BLACKLIST_RELATED = "blacklist_related", "Related firm on the blacklist"
    REFERRAL = "referral", "Handed to the prosecution"


class MeasureState(models.TextChoices):
    """States of a measure (FRAUD)."""

    PROPOSED = "proposed", "Proposed"
    NOTIFIED = "notified", "Announced, time to answer"
    REBUTTAL = "rebuttal", "Heard"
    IN_FORCE = "in_force", "In force"
    LIFTED = "lifted", "Lifted"
    EXPIRED = "expired", "Expired"
    UNDER_APPEAL = "under_appeal", "Under appeal"
    UPHELD = "upheld", "Upheld on appeal"
    VARIED = "varied", "Changed on appeal"
    OVERTURNED = "overturned", "Overturned on appeal"


S = MeasureState
K = MeasureKind
BLACKLISTS = (K.BLACKLIST_ENTITY, K.BLACKLIST_PERSON, K.BLACKLIST_RELATED)
# These stop something for a time; everything else follows a decision on the case.
PRECAUTIONS = (K.HOLD, K.SUSPENSION)
WITH_AN_END = (K.HOLD, *BLACKLISTS)
STANDING = (S.IN_FORCE, S.UNDER_APPEAL, S.UPHELD, S.VARIED)
_WAS_IN_FORCE = (*STANDING, S.OVERTURNED)
OPEN_STATES = (S.PROPOSED, S.NOTIFIED, S.REBUTTAL, *STANDING)
_HEARD = Q(
    notified_at__isnull=False,
    answer_due_at__isnull=False,
    heard_at__isnull=False,
    in_force_at__gte=F("answer_due_at"),
)
_URGENT = (
    Q(
        urgent_by__isnull=False,
        signed_by__isnull=False,
        hearing_due_at__isnull=False,
        notified_at__isnull=False,
    )
    & ~Q(urgency="")
    & ~Q(urgent_by=F("signed_by"))
)


class MeasureLog(TransitionLog):
    """What happened to a measure, by whom, why."""

    subject = models.ForeignKey("fraud.Measure", on_delete=models.PROTECT, related_name="log")


class Measure(Machine):
    """One thing that is done about the provider of a case, or about a firm or person behind it.

    In force only after a notice and 10 days to answer; or at once, for a recorded urgency with a second signature,
    with a notice and a hearing afterwards. expires_at: when it ends by itself. person_name, birth_date, entity_name,
    related_provider: whom a blacklisting is about; link: how a related firm is connected, as it was explained.
    """

    log_model: ClassVar[type[TransitionLog]] = MeasureLog
    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    case = models.ForeignKey("fraud.Case", on_delete=models.PROTECT, related_name="measures")
    kind = models.CharField(max_length=20, choices=MeasureKind)
    state = FSMField(default=S.PROPOSED, choices=MeasureState, protected=True, max_length=20)
    reason = models.TextField()
    scope = models.CharField(max_length=10, blank=True, help_text="Of a hold: booking or provider.")
    person_name = models.CharField(max_length=300, blank=True)
    birth_date = models.DateField(null=True, blank=True)
    entity_name = models.CharField(max_length=300, blank=True)
    related_provider = models.ForeignKey(
        "catalogue.Provider", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    link = models.JSONField(default=dict, blank=True)
    authority = models.CharField(max_length=200, blank=True, help_text="To whom a case is referred.")
    expires_at = models.DateTimeField(null=True, blank=True)
    review_at = models.DateTimeField(null=True, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(default=clock.now)
    notified_at = models.DateTimeField(null=True, blank=True)
    answer_due_at = models.DateTimeField(null=True, blank=True)
    heard_at = models.DateTimeField(null=True, blank=True)
    answer = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    urgency = models.TextField(blank=True)
    urgent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    signed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    hearing_due_at = models.DateTimeField(null=True, blank=True)
    hearing_held_at = models.DateTimeField(null=True, blank=True)
    in_force_at = models.DateTimeField(null=True, blank=True)
    in_force_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    appeal = models.TextField(blank=True)
    appealed_at = models.DateTimeField(null=True, blank=True)
    appeal_decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Lifted, expired or overturned.")

    class Meta:
        triggers: ClassVar[list[Any]] = [state_guard("fraud_measurelog"), *never_removed_triggers()]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(state__in=MeasureState.values), name="measure_state_known"),
            models.CheckConstraint(condition=Q(kind__in=MeasureKind.values), name="measure_kind_known"),
            models.CheckConstraint(condition=~Q(reason=""), name="measure_has_a_reason"),
            models.CheckConstraint(
                condition=Q(in_force_at__isnull=True) | _HEARD | _URGENT, name="measure_heard_or_urgent"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=_WAS_IN_FORCE)
                | Q(in_force_at__isnull=False, in_force_by__isnull=False),
                name="measure_in_force_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(in_force_by__isnull=True) | ~Q(in_force_by=F("proposed_by")),
                name="measure_four_eyes",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=WITH_AN_END) | Q(expires_at__isnull=False), name="measure_has_an_end"
            ),
            models.CheckConstraint(
                condition=~Q(kind=K.HOLD) | Q(scope__in=["booking", "provider"]),
                name="measure_hold_has_a_scope",
            ),
            models.CheckConstraint(
                condition=Q(notified_at__isnull=True) | Q(answer_due_at__gt=F("notified_at")),
                name="measure_notice_gives_time",
            ),
            models.CheckConstraint(
                condition=~Q(kind=K.BLACKLIST_PERSON) | ~Q(person_name=""), name="measure_person_is_named"
            ),
            models.CheckConstraint(
                condition=~Q(kind=K.BLACKLIST_ENTITY) | ~Q(entity_name=""), name="measure_firm_is_named"
            ),
            models.CheckConstraint(
                condition=~Q(kind=K.BLACKLIST_RELATED) | (Q(related_provider__isnull=False) & ~Q(link={})),
                name="measure_related_firm_is_explained",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[S.UNDER_APPEAL, S.UPHELD, S.VARIED, S.OVERTURNED])
                | (Q(appealed_at__isnull=False) & ~Q(appeal="")),
                name="measure_appeal_says_why",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[S.UPHELD, S.VARIED, S.OVERTURNED])
                | Q(appeal_decided_by__isnull=False),
                name="measure_appeal_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[S.LIFTED, S.EXPIRED, S.OVERTURNED]) | Q(ended_at__isnull=False),
                name="measure_ended_has_its_time",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["case", "proposed_at"], name="measure_of_case"),
            models.Index(
                fields=["answer_due_at"], condition=Q(state=S.NOTIFIED), name="measure_waiting_for_answer"
            ),
            models.Index(fields=["expires_at"], condition=Q(state__in=OPEN_STATES), name="measure_ending"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.public_id}"

    @property
    def stands(self) -> bool:
        """Whether it is in force now."""
        return self.state in STANDING

    @transition(field=state, source=S.PROPOSED, target=S.NOTIFIED, permission=may_sort)
    def notify(self, *, at: datetime, answer_due_at: datetime) -> None:
        """Its subject is told the reason, the end and how to answer, and until when."""
        self.notified_at, self.answer_due_at = at, answer_due_at

    @transition(field=state, source=S.NOTIFIED, target=S.REBUTTAL)
    def hear(self, *, at: datetime) -> None:
        """Its subject has answered, or let the time pass."""
        self.heard_at = at

    @transition(field=state, source=S.REBUTTAL, target=S.IN_FORCE, permission=may_enforce)
    def put_in_force(self, *, by: Any, at: datetime) -> None:
        """Another person than who proposed it has read the answer, and decides that it holds."""
        self.in_force_by, self.in_force_at = by, at

    @transition(field=state, source=[S.PROPOSED, S.NOTIFIED], target=S.IN_FORCE, permission=may_enforce)
    def impose(
        self,
        *,
        by: Any,
        at: datetime,
        urgency: str,
        urgent_by: Any,
        answer_due_at: datetime,
        hearing_due_at: datetime,
    ) -> None:
        """It cannot wait: one person says why, another signs. Notice goes out now, the hearing follows."""
        self.urgency, self.urgent_by, self.signed_by = urgency, urgent_by, by
        self.in_force_by, self.in_force_at = by, at
        self.notified_at = self.notified_at or at
        self.answer_due_at = self.answer_due_at or answer_due_at
        self.hearing_due_at = hearing_due_at

    @transition(
        field=state,
        source=[S.PROPOSED, S.NOTIFIED, S.REBUTTAL, S.IN_FORCE, S.UNDER_APPEAL, S.UPHELD, S.VARIED],
        target=S.LIFTED,
        permission=may_let_go,
    )
    def lift(self, *, at: datetime) -> None:
        """It is given up, before it was in force or afterwards."""
        self.ended_at = at

    @transition(
        field=state,
        source=[S.NOTIFIED, S.REBUTTAL, S.IN_FORCE, S.UPHELD, S.VARIED],
        target=S.EXPIRED,
        permission=is_clock,
    )
    def expire(self, *, at: datetime) -> None:
        """Its time is over."""
        self.ended_at = at

    @transition(field=state, source=S.IN_FORCE, target=S.UNDER_APPEAL)
    def lodge_appeal(self, *, at: datetime, appeal: str) -> None:
        """Its subject asks another person to look at it."""
        self.appealed_at, self.appeal = at, appeal

    @transition(field=state, source=S.UNDER_APPEAL, target=S.UPHELD, permission=may_decide_appeal)
    def uphold(self, *, by: Any) -> None:
        """It was right."""
        self.appeal_decided_by = by

    @transition(field=state, source=S.UNDER_APPEAL, target=S.VARIED, permission=may_decide_appeal)
    def vary(self, *, by: Any) -> None:
        """A part of it was right."""
        self.appeal_decided_by = by

    @transition(field=state, source=S.UNDER_APPEAL, target=S.OVERTURNED, permission=may_decide_appeal)
    def overturn(self, *, by: Any, at: datetime) -> None:
        """It was wrong: all of it is undone."""
        self.appeal_decided_by, self.ended_at = by, at


Measure.log_model = MeasureLog


class MeasureLine(AppendOnlyModel):
    """A booking that a measure is about: of a hold what is held, of a clawback how much is taken back, in cents."""

    measure = models.ForeignKey(Measure, on_delete=models.PROTECT, related_name="lines")
    booking = models.ForeignKey("funding.Booking", on_delete=models.PROTECT, related_name="+")
    amount_cents = models.BigIntegerField(null=True, blank=True)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["measure", "booking"], name="measureline_once"),
            models.CheckConstraint(
                condition=Q(amount_cents__isnull=True) | Q(amount_cents__gt=0), name="measureline_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"booking {self.booking_id} of measure {self.measure_id}"


class MeasureEffect(AppendOnlyModel):
    """Something that a measure did elsewhere, or undid; nothing is done without its row, and each is undone once."""

    class Kind(models.TextChoices):
        HELD = "held", "Money held"
        DEMANDED = "demanded", "Debt demanded"
        TAKEN_BACK = "taken_back", "Money taken back"
        NOT_PAID = "not_paid", "Booking ended unpaid"
        SUSPENDED = "suspended", "Accreditation suspended"
        WITHDRAWN = "withdrawn", "Accreditation withdrawn"
        LISTED = "listed", "Put on the blacklist"
        REFERRED = "referred", "Handed on"

    measure = models.ForeignKey(Measure, on_delete=models.PROTECT, related_name="effects")
    kind = models.CharField(max_length=20, choices=Kind)
    undoes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="undone_by"
    )
    hold = models.ForeignKey(
        "funding.Hold", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    booking = models.ForeignKey(
        "funding.Booking", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    receivable = models.ForeignKey(
        "funding.Receivable", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    accreditation = models.ForeignKey(
        "catalogue.Accreditation", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    entry = models.ForeignKey(
        "fraud.BlacklistEntry", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    amount_cents = models.BigIntegerField(null=True, blank=True)
    said = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField(default=clock.now)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=~Q(kind="held") | Q(hold__isnull=False), name="measureeffect_held_has_its_hold"
            ),
            models.CheckConstraint(
                condition=~Q(kind="listed") | Q(entry__isnull=False),
                name="measureeffect_listed_has_its_entry",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by measure {self.measure_id}"
