"""Where somebody stands in a window's waiting room, told from their own place and the budget alone."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil

from django.db import transaction
from django.db.models import Sum

from accounts.models import User
from funding.models import LearningAccount, Place, Reservation, WaitingRoom, Window, version_on
from funding.services.bookings.context import calendar_of
from funding.services.windows.places import (
    Arrival,
    interval_of,
    place_of,
    read_arrival,
    version_among,
)
from ila.core import clock


@dataclass(frozen=True, slots=True)
class Budgeted:
    """What a window's budget still has. full_grants: for how many grants of the scheme's highest amount, if it has one.

    grant_cents: that amount.
    """

    left_cents: int
    grant_cents: int | None
    full_grants: int | None

    @property
    def gone(self) -> bool:
        """Nothing is left to apply for; only what is kept for who pays can come back."""
        return self.left_cents <= 0


@dataclass(frozen=True, slots=True)
class Standing:
    """A place as it stands now.

    ahead: turns between now and one's own, which is how many people are before one, or fewer if some have left.
    wait: until the turn, 0 once it has come.
    """

    number: int
    turn_at: datetime
    ahead: int
    wait: timedelta
    budget: Budgeted

    @property
    def is_turn(self) -> bool:
        """Whether the turn has come; it does not go again."""
        return not self.wait

    @property
    def left_cents(self) -> int:
        return self.budget.left_cents

    @property
    def full_grants(self) -> int | None:
        return self.budget.full_grants

    @property
    def beyond_budget(self) -> bool:
        """Whether the budget has no full grant left once everybody before has had one."""
        return self.full_grants is not None and self.ahead >= self.full_grants


def standing_in(window: Window, account: LearningAccount) -> Standing | None:
    """The account's place in the window's waiting room; None without one. A fixed number of reads."""
    place = place_of(window, account)
    return None if place is None else standing_of(window, place)


def look(actor: User, window_id: int) -> tuple[Arrival, Standing | None]:
    """Who comes to a window, and where they stand: one message to the database, whoever else waits.

    Raises: DomainError `not_found` (404) without the window, or an account in its scheme.
    """
    with transaction.atomic():
        arrival = read_arrival(actor, window_id)
    if arrival.place is None:
        return arrival, None
    version = version_among(arrival.versions, _day(arrival.window))
    grant = None if version is None else version.parsed.grant_cents
    return arrival, standing_of(arrival.window, arrival.place, _budgeted(arrival.left_cents, grant))


def standing_of(window: Window, place: Place, budget: Budgeted | None = None) -> Standing:
    """As `standing_in`, for a place that was read."""
    wait = max(place.turn_at - clock.now(), timedelta(0))
    # Turns follow each other without a gap as long as somebody waits.
    ahead = min(max(0, ceil(wait / interval_of(window)) - 1), place.number - 1)
    return Standing(place.number, place.turn_at, ahead, wait, budget or budgeted(window))


def budgeted(window: Window) -> Budgeted:
    """What the window's budget still has, and for how many full grants."""
    return _budgeted(window.left_cents, version_on(window.scheme, _day(window)).parsed.grant_cents)


def kept_cents(window: Window) -> int:
    """What of the window's budget is kept for people who are paying their own part; it may come back."""
    kept = Reservation.objects.filter(window=window, ended_at__isnull=True)
    return int(kept.aggregate(cents=Sum("reserved_cents", default=0))["cents"])


def _budgeted(left: int, grant: int | None) -> Budgeted:
    return Budgeted(left, grant, None if not grant else left // grant)


def _day(window: Window) -> date:
    """Whose rules a page shows: today's, within the window's time."""
    return calendar_of(window.scheme).local_date(max(window.opens_at, min(clock.now(), window.closes_at)))


@dataclass(frozen=True, slots=True)
class Queue:
    """A waiting room as a whole. waiting: turns given that have not come; next_turn_at: of who comes now."""

    taken: int
    waiting: int
    next_turn_at: datetime


def queue_of(window: Window) -> Queue | None:
    """How many have a place and how many of them still wait; None for a window without a waiting room."""
    if window.admissions_per_s is None:
        return None
    now = clock.now()
    room = WaitingRoom.objects.get(window=window)
    waiting = max(0, ceil((room.next_turn_at - now) / interval_of(window)) - 1)
    return Queue(room.last_number, min(waiting, room.last_number), max(now, room.next_turn_at))
