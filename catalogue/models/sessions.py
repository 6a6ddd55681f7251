"""When it is taught: what learners book."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from catalogue.models.micro_credentials import MicroCredential
from catalogue.models.offers import Offer
from catalogue.models.outdated import filled_or_freed, listing_triggers
from catalogue.permissions import acts_for_provider, provider_or_authority
from ila.core import clock
from ila.core.fsm import Machine, TransitionLog, state_guard
from ila.core.models import AppendOnlyModel


class SessionState(models.TextChoices):
    """The states of a session."""

    PLANNED = "planned", "Planned"
    OPEN = "open", "Open"
    GUARANTEED = "guaranteed", "Guaranteed"
    RUNNING = "running", "Running"
    HELD = "held", "Held"
    CANCELLED = "cancelled", "Cancelled"
    NEVER_HELD = "never_held", "Never held"


S = SessionState
BOOKABLE_STATES = (S.OPEN, S.GUARANTEED)


class Session(Machine):
    """One running of a micro-credential at given times and price.

    starts_at, ends_at: null when not known. whole_days: the file gave days, not hours: then they are the
    first moment of the first day and the last second of the last day at the provider's place.
    price_cents: what a new proposal costs, all taxes included. recruitment_closed: the provider takes
    nobody new. removed_at: no longer in the provider's file, so closed to new bookings.
    """

    micro_credential = models.ForeignKey(MicroCredential, on_delete=models.PROTECT, related_name="sessions")
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, null=True, blank=True, related_name="sessions")
    external_id = models.CharField(max_length=500, db_collation="C")
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    whole_days = models.BooleanField(default=False)
    currency = models.CharField(max_length=3)
    price_cents = models.BigIntegerField()
    recruitment_closed = models.BooleanField(default=False)
    removed_at = models.DateTimeField(null=True, blank=True)
    details = models.JSONField(default=dict, blank=True)
    state = FSMField(default=S.PLANNED, choices=S.choices, protected=True, max_length=20)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)
    opened_at = models.DateTimeField(null=True, blank=True)
    guaranteed_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    held_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    never_held_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["offer", "external_id"], name="session_once_per_offer"),
            models.UniqueConstraint(
                fields=["micro_credential", "external_id"],
                condition=Q(offer__isnull=True),
                name="session_once_per_credential",
            ),
            models.CheckConstraint(condition=Q(price_cents__gte=0), name="session_price_not_negative"),
            models.CheckConstraint(
                condition=Q(starts_at__isnull=True)
                | Q(ends_at__isnull=True)
                | Q(starts_at__lte=F("ends_at")),
                name="session_period_in_order",
            ),
            *(
                models.CheckConstraint(
                    condition=~Q(state=state) | Q(**{f"{stamp}__isnull": False}),
                    name=f"session_{state.value}_has_its_time",
                )
                for state, stamp in (
                    (S.OPEN, "opened_at"),
                    (S.GUARANTEED, "guaranteed_at"),
                    (S.RUNNING, "started_at"),
                    (S.HELD, "held_at"),
                    (S.CANCELLED, "cancelled_at"),
                    (S.NEVER_HELD, "never_held_at"),
                )
            ),
            models.CheckConstraint(
                condition=~Q(state=S.OPEN) | Q(guaranteed_at__isnull=True),
                name="session_open_is_not_guaranteed",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["starts_at"], condition=Q(state__in=BOOKABLE_STATES), name="session_bookable_start"
            ),
            models.Index(
                fields=["cancelled_at"], condition=Q(cancelled_at__isnull=False), name="session_cancelled"
            ),
        ]
        triggers: ClassVar[list[Any]] = [
            state_guard("catalogue_sessionlog"),
            *listing_triggers("SELECT DISTINCT micro_credential_id FROM {rows}"),
        ]

    def __str__(self) -> str:
        return f"session {self.external_id}"

    @property
    def period(self) -> dict[str, str | None]:
        """When it is, as its changes keep it."""
        return {
            "starts_at": self.starts_at.isoformat() if self.starts_at else None,
            "ends_at": self.ends_at.isoformat() if self.ends_at else None,
        }

    @transition(field=state, source=S.PLANNED, target=S.OPEN, permission=acts_for_provider)
    def open(self, *, at: datetime) -> None:
        """Learners may book it."""
        self.opened_at = at

    @transition(field=state, source=S.OPEN, target=S.GUARANTEED, permission=acts_for_provider)
    def guarantee(self, *, at: datetime) -> None:
        """The provider promises to hold it however few come; a promise is not taken back."""
        self.guaranteed_at = at

    @transition(field=state, source=S.GUARANTEED, target=S.RUNNING, permission=acts_for_provider)
    def start(self, *, at: datetime) -> None:
        """Teaching has begun."""
        self.started_at = at

    @transition(field=state, source=S.RUNNING, target=S.HELD, permission=acts_for_provider)
    def hold(self, *, at: datetime) -> None:
        """Teaching has ended as it should."""
        self.held_at = at

    @transition(
        field=state,
        source=[S.PLANNED, S.OPEN, S.GUARANTEED],
        target=S.CANCELLED,
        permission=provider_or_authority,
    )
    def cancel(self, *, at: datetime) -> None:
        """It will not take place."""
        self.cancelled_at = at

    @transition(field=state, source=S.RUNNING, target=S.NEVER_HELD, permission=provider_or_authority)
    def mark_never_held(self, *, at: datetime) -> None:
        """It was said to run, and never did."""
        self.never_held_at = at


class SessionLog(TransitionLog):
    """Who moved a session, when and why."""

    subject = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="log")

    class Meta(TransitionLog.Meta):
        indexes: ClassVar[list[Any]] = [models.Index(fields=["subject", "at", "id"], name="sessionlog_at")]


Session.log_model = SessionLog


class SessionSeats(models.Model):
    """Seats of a session and how many live bookings take one; seats null: no limit.

    A table of its own because every acceptance updates it, last of all, while the session's row stays
    still. `taken` counts live bookings of unlimited sessions too: imports read it.
    """

    APP_RIGHTS: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (seats, taken)")

    session = models.OneToOneField(Session, on_delete=models.PROTECT, primary_key=True, related_name="seats")
    seats = models.IntegerField(null=True, blank=True)
    taken = models.IntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(taken__gte=0), name="sessionseats_taken_not_negative"),
            models.CheckConstraint(
                condition=Q(seats__isnull=True) | Q(taken__lte=F("seats")), name="sessionseats_not_overbooked"
            ),
        ]
        triggers: ClassVar[list[Any]] = [
            *listing_triggers(
                "SELECT DISTINCT session.micro_credential_id FROM {rows} AS seats"
                " JOIN catalogue_session AS session ON session.id = seats.session_id",
                on=("insert",),
            ),
            filled_or_freed(),
        ]

    def __str__(self) -> str:
        return f"{self.taken} of {self.seats if self.seats is not None else 'any number'}"


class ChangeKind(models.TextChoices):
    """What changed on a session that learners may have booked."""

    DATES = "dates", "Dates"
    PRICE = "price", "Price"
    CLOSED = "closed", "Closed to new bookings"
    REOPENED = "reopened", "Open to new bookings again"


class SessionChange(AppendOnlyModel):
    """An event for whoever holds bookings: a session's dates or price changed, or it was closed or reopened.

    bookings: live ones at that moment. A change of dates with bookings opens a review of each.
    before, after: the values, as text.
    """

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="changes")
    kind = models.CharField(max_length=20, choices=ChangeKind)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    bookings = models.IntegerField(default=0)
    actor = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta(AppendOnlyModel.Meta):
        indexes: ClassVar[list[Any]] = [models.Index(fields=["session", "at"], name="sessionchange_session")]

    def __str__(self) -> str:
        return f"{self.kind} of session {self.session_id}"
