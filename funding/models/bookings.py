"""Bookings: a citizen's place in a session, from the request to the settled payment."""

import uuid
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django_fsm import GET_STATE, FSMField, transition

from funding.models.accounts import Fund, LearningAccount, Lot, Source
from funding.permissions import acts_for_funder, acts_for_provider, is_clock, is_learner, may_end_dispute
from ila.core import clock, fsm


class BookingState(models.TextChoices):
    """States of a booking (HOUSE)."""

    REQUESTED = "requested", "Requested"
    PROPOSED = "proposed", "Proposed"
    ACCEPTED = "accepted", "Accepted"
    IN_TRAINING = "in_training", "In training"
    LEFT = "left", "Training ended"
    SERVICE_DECLARED = "service_declared", "Service declared"
    SERVICE_VALIDATED = "service_validated", "Service validated"
    SETTLED = "settled", "Settled"
    REFUSED_BY_PROVIDER = "refused_by_provider", "Refused by the provider"
    REFUSED_BY_LEARNER = "refused_by_learner", "Refused by the learner"
    LAPSED = "lapsed", "Lapsed"
    WITHDRAWN = "withdrawn", "Withdrawn"
    CANCELLED_BY_LEARNER = "cancelled_by_learner", "Cancelled by the learner"
    CANCELLED_BY_PROVIDER = "cancelled_by_provider", "Cancelled by the provider"
    CANCELLED_BY_FUNDER = "cancelled_by_funder", "Cancelled by the funder"
    NO_SHOW = "no_show", "No-show"
    DISPUTED = "disputed", "Disputed"


S = BookingState
OPEN_STATES = (
    S.REQUESTED,
    S.PROPOSED,
    S.ACCEPTED,
    S.IN_TRAINING,
    S.LEFT,
    S.SERVICE_DECLARED,
    S.SERVICE_VALIDATED,
)
CONSENTED_STATES = (
    S.ACCEPTED,
    S.IN_TRAINING,
    S.LEFT,
    S.SERVICE_DECLARED,
    S.SERVICE_VALIDATED,
    S.SETTLED,
    S.WITHDRAWN,
    S.NO_SHOW,
    S.DISPUTED,
)
# A booking in one of these states takes a seat of its session; a disputed one as in the state before.
SEATED_STATES = (
    S.ACCEPTED,
    S.IN_TRAINING,
    S.LEFT,
    S.SERVICE_DECLARED,
    S.SERVICE_VALIDATED,
    S.SETTLED,
)
DISPUTABLE_STATES = (
    S.ACCEPTED,
    S.IN_TRAINING,
    S.LEFT,
    S.SERVICE_DECLARED,
    S.SERVICE_VALIDATED,
    S.SETTLED,
    S.NO_SHOW,
    S.CANCELLED_BY_LEARNER,
)


# However these end, all that the booking held or had paid goes back; the two below only where nothing is owed.
ALL_BACK_STATES = (S.WITHDRAWN, S.CANCELLED_BY_PROVIDER, S.CANCELLED_BY_FUNDER)
PERHAPS_OWED_STATES = (S.CANCELLED_BY_LEARNER, S.NO_SHOW)
# What was cancelled by a decision that turned out wrong stands again from the entry on: before it nothing was earned,
# and a place is the learner's to ask for anew.
REINSTATABLE_STATES = (
    S.IN_TRAINING,
    S.LEFT,
    S.SERVICE_DECLARED,
    S.SERVICE_VALIDATED,
    S.SETTLED,
    *PERHAPS_OWED_STATES,
)
REINSTATED = "reinstated"


class ExitReason(models.TextChoices):
    """Why a learner left the training (F-29)."""

    COMPLETE = "complete", "Complete"
    LEARNER = "learner", "The learner's decision"
    PROVIDER_POSTPONED = "provider_postponed", "Postponed by the provider"
    PROVIDER = "provider", "Ended by the provider"
    FORCE_MAJEURE = "force_majeure", "Force majeure"


class BookingLog(fsm.TransitionLog):
    """What happened to a booking. A request's idempotency key and payload are kept with what it did."""

    subject = models.ForeignKey("funding.Booking", on_delete=models.PROTECT, related_name="log")
    idempotency_key = models.CharField(max_length=120, null=True, blank=True)
    payload_hash = models.CharField(max_length=64, blank=True)

    class Meta(fsm.TransitionLog.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["actor", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="bookinglog_key_once",
            )
        ]


class Booking(fsm.Machine):
    """A learner's booking of a session. Amounts in cents of `currency`; times in UTC.

    `realised_percent` is the provider's part of the price in whole percent, known from the validation of
    the service, or 100 when a late cancellation or an unjustified no-show makes the price owed.
    `next_due_at` is when something falls due by itself; `next_due` says what.
    """

    log_model: ClassVar[type[fsm.TransitionLog]] = BookingLog
    state_after_dispute: str

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(LearningAccount, on_delete=models.PROTECT, related_name="bookings")
    session = models.ForeignKey("catalogue.Session", on_delete=models.PROTECT, related_name="bookings")
    credential = models.ForeignKey("catalogue.MicroCredential", on_delete=models.PROTECT, related_name="+")
    provider = models.ForeignKey("catalogue.Provider", on_delete=models.PROTECT, related_name="bookings")
    scheme_version = models.ForeignKey(
        "funding.SchemeVersion", on_delete=models.PROTECT, null=True, related_name="+"
    )
    consent = models.OneToOneField(
        "accounts.Consent", on_delete=models.PROTECT, null=True, related_name="booking"
    )
    state = FSMField(default=S.REQUESTED, choices=BookingState, protected=True)
    flags = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    price_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    requested_at = models.DateTimeField(default=clock.now)
    proposed_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    entered_at = models.DateTimeField(null=True, blank=True)
    left_at = models.DateTimeField(null=True, blank=True)
    exit_reason = models.CharField(max_length=20, choices=ExitReason, blank=True)
    declared_percent = models.PositiveSmallIntegerField(null=True, blank=True)
    service_declared_at = models.DateTimeField(null=True, blank=True)
    service_validated_at = models.DateTimeField(null=True, blank=True)
    realised_percent = models.PositiveSmallIntegerField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When a side exit ended it.")
    disputed_at = models.DateTimeField(null=True, blank=True)
    state_before_dispute = models.CharField(max_length=50, blank=True)
    next_due_at = models.DateTimeField(null=True, blank=True)
    next_due = models.CharField(max_length=20, blank=True)

    class Meta:
        triggers: ClassVar[list[Any]] = [fsm.state_guard("funding_bookinglog")]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(state__in=BookingState.values), name="booking_state_known"),
            models.CheckConstraint(condition=Q(price_cents__gt=0), name="booking_price_positive"),
            models.CheckConstraint(
                condition=~Q(state__in=[S.PROPOSED, S.LAPSED]) | Q(proposed_at__isnull=False),
                name="booking_proposed_has_its_time",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=CONSENTED_STATES)
                | Q(accepted_at__isnull=False, consent__isnull=False, scheme_version__isnull=False),
                name="booking_accepted_has_consent",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[S.IN_TRAINING, S.LEFT, S.SERVICE_DECLARED, S.SERVICE_VALIDATED])
                | Q(entered_at__isnull=False),
                name="booking_training_has_its_entry",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[S.LEFT, S.SERVICE_DECLARED, S.SERVICE_VALIDATED])
                | (Q(left_at__isnull=False) & ~Q(exit_reason="")),
                name="booking_left_has_its_exit",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[S.SERVICE_DECLARED, S.SERVICE_VALIDATED])
                | Q(service_declared_at__isnull=False, declared_percent__isnull=False),
                name="booking_declared_has_its_percent",
            ),
            models.CheckConstraint(
                condition=~Q(state=S.SERVICE_VALIDATED)
                | Q(service_validated_at__isnull=False, realised_percent__isnull=False),
                name="booking_validated_has_its_percent",
            ),
            models.CheckConstraint(
                condition=~Q(state=S.SETTLED) | Q(settled_at__isnull=False),
                name="booking_settled_has_its_time",
            ),
            models.CheckConstraint(
                condition=(Q(state=S.DISPUTED) & ~Q(state_before_dispute="") & Q(disputed_at__isnull=False))
                | (~Q(state=S.DISPUTED) & Q(state_before_dispute="")),
                name="booking_dispute_knows_where_it_came_from",
            ),
            models.CheckConstraint(
                condition=Q(declared_percent__isnull=True) | Q(declared_percent__lte=100),
                name="booking_declared_at_most_100",
            ),
            models.CheckConstraint(
                condition=Q(realised_percent__isnull=True) | Q(realised_percent__lte=100),
                name="booking_realised_at_most_100",
            ),
            models.CheckConstraint(
                condition=(Q(next_due_at__isnull=True) & Q(next_due=""))
                | (Q(next_due_at__isnull=False) & ~Q(next_due="")),
                name="booking_due_says_what",
            ),
            models.UniqueConstraint(
                fields=["account", "session"],
                condition=Q(state__in=OPEN_STATES),
                name="booking_one_open_per_session",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["next_due_at"], condition=Q(next_due_at__isnull=False), name="booking_due"),
            models.Index(fields=["provider", "-requested_at"], name="booking_of_provider"),
            models.Index(
                fields=["service_validated_at"],
                condition=Q(service_validated_at__isnull=False),
                name="booking_validated",
            ),
        ]

    def __str__(self) -> str:
        return f"booking {self.public_id}"

    @property
    def is_all_back(self) -> bool:
        """Whether it ended without owing the provider anything."""
        owed = self.state in PERHAPS_OWED_STATES and self.realised_percent is not None
        return self.state in (*ALL_BACK_STATES, *PERHAPS_OWED_STATES) and not owed

    def _due(self, what: str = "", at: Any = None) -> None:
        self.next_due, self.next_due_at = (what, at) if at is not None else ("", None)

    def _flag(self, flag: str, *, when: bool) -> None:
        if when and flag not in self.flags:
            self.flags = [*self.flags, flag]

    def _end(self) -> None:
        self._due()
        self.ended_at = clock.now()

    @transition(field=state, source=S.REQUESTED, target=S.PROPOSED, permission=acts_for_provider)
    def propose(self, *, price_cents: int, accept_due: Any, late: bool) -> None:
        self.price_cents = price_cents
        self.proposed_at = clock.now()
        self._flag("late_answer", when=late)
        self._due("lapse", accept_due)

    @transition(field=state, source=S.PROPOSED, target=S.ACCEPTED, permission=is_learner)
    def accept(self, *, scheme_version: Any, due: tuple[str, Any] = ("", None)) -> None:
        self.scheme_version = scheme_version
        self.accepted_at = clock.now()
        self._due(*due)

    @transition(field=state, source=S.REQUESTED, target=S.PROPOSED, permission=is_learner)
    def apply(self, *, scheme_version: Any) -> None:
        """An application whose learner pays a part first: the provider's proof came with it (N-04)."""
        self.scheme_version = scheme_version
        self.proposed_at = clock.now()

    @transition(field=state, source=[S.REQUESTED, S.PROPOSED], target=S.ACCEPTED, permission=is_learner)
    def grant(self, *, scheme_version: Any, due: tuple[str, Any] = ("", None)) -> None:
        """An application from a window: the provider's proof and the learner's consent came with it (N-04)."""
        self.scheme_version = scheme_version
        self.accepted_at = clock.now()
        self._due(*due)

    @transition(field=state, source=S.REQUESTED, target=S.REFUSED_BY_PROVIDER, permission=acts_for_provider)
    def refuse_by_provider(self, *, late: bool) -> None:
        self._flag("late_answer", when=late)
        self._end()

    @transition(
        field=state, source=[S.REQUESTED, S.PROPOSED], target=S.REFUSED_BY_LEARNER, permission=is_learner
    )
    def refuse_by_learner(self) -> None:
        self._end()

    @transition(field=state, source=S.PROPOSED, target=S.LAPSED, permission=is_clock)
    def lapse(self) -> None:
        self._end()

    @transition(field=state, source=S.ACCEPTED, target=S.WITHDRAWN, permission=is_learner)
    def withdraw(self) -> None:
        self._end()

    @transition(
        field=state,
        source=[S.REQUESTED, S.PROPOSED, S.ACCEPTED],
        target=S.CANCELLED_BY_LEARNER,
        permission=is_learner,
    )
    def cancel_by_learner(self, *, price_owed: bool) -> None:
        if price_owed:
            self.realised_percent = 100
        self._end()

    @transition(
        field=state,
        source=[S.REQUESTED, S.PROPOSED, S.ACCEPTED, S.IN_TRAINING],
        target=S.CANCELLED_BY_PROVIDER,
        permission=acts_for_provider,
    )
    def cancel_by_provider(self) -> None:
        self._end()

    @transition(
        field=state,
        source=[
            S.REQUESTED,
            S.PROPOSED,
            S.ACCEPTED,
            S.IN_TRAINING,
            S.LEFT,
            S.SERVICE_DECLARED,
            S.SERVICE_VALIDATED,
        ],
        target=S.CANCELLED_BY_FUNDER,
        permission=acts_for_funder,
    )
    def cancel_by_funder(self) -> None:
        self._end()

    @transition(field=state, source=S.ACCEPTED, target=S.NO_SHOW, permission=acts_for_provider)
    def declare_no_show(self, *, price_owed: bool) -> None:
        if price_owed:
            self.realised_percent = 100
        self._end()

    @transition(field=state, source=S.ACCEPTED, target=S.IN_TRAINING, permission=acts_for_provider)
    def enter(self, *, late: bool, due: tuple[str, Any] = ("", None)) -> None:
        self.entered_at = clock.now()
        self._flag("late_entry", when=late)
        self._due(*due)

    @transition(field=state, source=S.IN_TRAINING, target=S.LEFT, permission=acts_for_provider)
    def leave(self, *, exit_reason: str, late: bool, due: tuple[str, Any] = ("", None)) -> None:
        self.left_at = clock.now()
        self.exit_reason = exit_reason
        self._flag("late_exit", when=late)
        self._due(*due)

    @transition(field=state, source=S.LEFT, target=S.SERVICE_DECLARED, permission=acts_for_provider)
    def declare_service(self, *, percent: int, validation_due: Any, late_proof: bool = False) -> None:
        self.service_declared_at = clock.now()
        self.declared_percent = percent
        self._flag("late_proof", when=late_proof)
        self._due("validate", validation_due)

    @transition(
        field=state, source=S.SERVICE_DECLARED, target=S.SERVICE_VALIDATED, permission=acts_for_funder
    )
    def validate_service(self) -> None:
        self.service_validated_at = clock.now()
        self.realised_percent = self.declared_percent
        self._due()

    @transition(field=state, source=S.SERVICE_VALIDATED, target=S.SETTLED, permission=acts_for_funder)
    def settle(self) -> None:
        self.settled_at = clock.now()
        self._due()

    @transition(field=state, source=list(DISPUTABLE_STATES), target=S.DISPUTED, permission=is_learner)
    def dispute(self, *, state_before: str) -> None:
        self.state_before_dispute = state_before
        self.disputed_at = clock.now()
        self._due()

    @transition(
        field=state,
        source=S.DISPUTED,
        target=GET_STATE(lambda booking, **_: booking.state_after_dispute, states=[*DISPUTABLE_STATES]),
        permission=may_end_dispute,
    )
    def reject_dispute(self) -> None:
        self.state_after_dispute, self.state_before_dispute = self.state_before_dispute, ""

    @transition(field=state, source=S.DISPUTED, target=S.CANCELLED_BY_FUNDER, permission=may_end_dispute)
    def uphold_dispute(self) -> None:
        self.state_before_dispute = ""
        self._end()

    @transition(
        field=state,
        source=S.CANCELLED_BY_FUNDER,
        target=GET_STATE(lambda _booking, *, state, **_: state, states=[*REINSTATABLE_STATES]),
        permission=may_end_dispute,
    )
    def reinstate(self, *, state: str) -> None:
        if state not in PERHAPS_OWED_STATES:
            self.ended_at = None
        self._flag(REINSTATED, when=True)


class Allocation(models.Model):
    """What one source pays of a booking. Money goes back to the source it came from.

    amount = still outstanding + returned + paid; the three move with the postings of the same transaction.
    """

    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="allocations")
    source = models.CharField(max_length=20, choices=Source)
    fund = models.CharField(max_length=10, choices=Fund)
    position = models.PositiveSmallIntegerField(help_text="Place in the draw-down order.")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, null=True, blank=True, related_name="allocations")
    budget = models.ForeignKey(
        "funding.Budget", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    amount_cents = models.BigIntegerField()
    returned_cents = models.BigIntegerField(default=0)
    paid_cents = models.BigIntegerField(default=0)
    reimburses = models.BooleanField(
        default=False, help_text="Not a part of the price: kept for what the learner is given back of it."
    )
    direct = models.BooleanField(
        default=False,
        help_text="The learner pays it to the provider: it never comes in here, and no claim has it.",
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["booking_id", "position"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["booking", "position"], name="allocation_position_once"),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="allocation_positive"),
            models.CheckConstraint(
                condition=Q(returned_cents__gte=0, paid_cents__gte=0)
                & Q(amount_cents__gte=F("returned_cents") + F("paid_cents")),
                name="allocation_spent_once",
            ),
            models.CheckConstraint(
                condition=Q(source="learner", lot__isnull=True, budget__isnull=True)
                | (~Q(source="learner") & (Q(lot__isnull=False) | Q(budget__isnull=False))),
                name="allocation_names_its_source",
            ),
            models.CheckConstraint(
                condition=Q(direct=False) | Q(source="learner", reimburses=False),
                name="allocation_direct_is_own_money",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.amount_cents}"

    @property
    def outstanding_cents(self) -> int:
        """What is still held, payable or on its way, in cents."""
        return self.amount_cents - self.returned_cents - self.paid_cents


class BookingReview(models.Model):
    """A booking that a person must look at: its session's dates changed, or its accreditation ended."""

    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="reviews")
    reason = models.CharField(max_length=40)
    detail = models.JSONField(default=dict, blank=True)
    opened_at = models.DateTimeField(default=clock.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["booking", "reason"],
                condition=Q(closed_at__isnull=True),
                name="bookingreview_one_open",
            )
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["opened_at"], condition=Q(closed_at__isnull=True), name="bookingreview_open")
        ]

    def __str__(self) -> str:
        return f"review of booking {self.booking_id}: {self.reason}"
