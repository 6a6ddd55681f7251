"""A provider's sessions with their seats, and what cancelling one would mean."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count, F, Q, QuerySet, Sum

from catalogue.models import Session, SessionState
from funding.models import Allocation, Attendance, Booking, BookingState, Presence
from funding.selectors.provider_work import Desk, sessions_of
from funding.services.bookings.endings import ENDED_WITH_SESSION, OWING

# What a provider may do with a session in a state.
ACTS: dict[str, tuple[str, ...]] = {
    SessionState.PLANNED: ("open", "cancel"),
    SessionState.OPEN: ("guarantee", "start", "cancel"),
    SessionState.GUARANTEED: ("start", "cancel"),
    SessionState.RUNNING: ("end",),
}
_LIVE = [
    BookingState.REQUESTED,
    BookingState.PROPOSED,
    BookingState.ACCEPTED,
    BookingState.IN_TRAINING,
    BookingState.LEFT,
]
LIVE_STATES, LIVE = Q(state__in=_LIVE), Q(bookings__state__in=_LIVE)


def listed_sessions(desk: Desk, *, state: str = "", entry: int | None = None) -> QuerySet[Session]:
    """The sessions of somebody's providers with how many learners each has, the latest start first."""
    found = sessions_of(desk).select_related("micro_credential__provider", "offer", "seats")
    if state:
        found = found.filter(state=state)
    if entry is not None:
        found = found.filter(micro_credential=entry)
    return found.annotate(
        requests=Count("bookings", filter=Q(bookings__state=BookingState.REQUESTED)),
        learners=Count("bookings", filter=LIVE),
    ).order_by(F("starts_at").desc(nulls_first=True), "-pk")


@dataclass(frozen=True, slots=True)
class Cancelling:
    """What cancelling a session would do. learners: open bookings that would end, by state.

    back_cents: held for them, given back; paid_cents: paid already, which the provider would owe; owed: late
    cancellations and absences of it that cost nothing any more.
    """

    learners: Counter[str]
    back_cents: int
    paid_cents: int
    owed: int

    @property
    def in_all(self) -> int:
        """How many learners lose their place."""
        return self.learners.total()


def cancelling_of(session: Session) -> Cancelling:
    """What cancelling the session would do now. Two queries."""
    ended = Q(session=session, state__in=ENDED_WITH_SESSION)
    owing = Q(session=session) & OWING
    rows = list(Booking.objects.filter(ended | owing).values_list("pk", "state"))
    gone = Counter(state for _pk, state in rows if state in ENDED_WITH_SESSION)
    sums = Allocation.objects.filter(booking__in=[pk for pk, _state in rows]).aggregate(
        held=Sum(F("amount_cents") - F("returned_cents") - F("paid_cents"), default=0),
        paid=Sum("paid_cents", filter=Q(direct=False), default=0),
    )
    return Cancelling(
        learners=gone,
        back_cents=sums["held"],
        paid_cents=sums["paid"],
        owed=len(rows) - gone.total(),
    )


def concerned_by_move(session: Session) -> int:
    """How many learners asked for, were proposed or have a place in it. One query."""
    return Booking.objects.filter(LIVE_STATES, session=session).count()


def recorded_days(session: Session) -> tuple[dict[object, int], dict[object, int]]:
    """Of each day: for how many learners the sheet says something, and how many confirmed being there. Two queries."""
    sheets = (
        Attendance.objects.filter(booking__session=session, day__isnull=False)
        .values("day")
        .annotate(learners=Count("booking", distinct=True))
    )
    codes = Presence.objects.filter(booking__session=session).values("day").annotate(learners=Count("pk"))
    return (
        {row["day"]: row["learners"] for row in sheets},
        {row["day"]: row["learners"] for row in codes},
    )
