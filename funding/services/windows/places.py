"""The waiting room: a numbered place for each person, and the moment of its turn, given once (decision 0080).

Turns follow each other at the window's rate: when a place is taken, its turn is the next free one. So a page
needs no more than its own place to say how long it will take, and nobody is ever moved behind anybody.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case, QuerySet, Value, When
from django.db.models.functions import Coalesce

from accounts.models import User
from funding.models import (
    Application,
    Booking,
    Budget,
    LearningAccount,
    Place,
    SchemeVersion,
    WaitingRoom,
    Window,
)
from funding.schemes import planning, windows
from funding.services.bookings import guards, history
from funding.services.bookings.context import calendar_of, facts_of_learner
from ila.core import clock
from ila.core.batch import Batch
from ila.core.errors import DomainError
from ila.core.pipeline import Result
from ila.core.prepared import Param, Prepared

# Number, turn and place in one statement: whoever is refused by a constraint leaves no gap behind.
TAKE = f"""
WITH turn AS (
    UPDATE {WaitingRoom._meta.db_table}
       SET last_number = last_number + 1, next_turn_at = greatest(next_turn_at, %s::timestamptz) + %s::interval
     WHERE window_id = %s
    RETURNING last_number, next_turn_at
)
INSERT INTO {Place._meta.db_table} (window_id, account_id, number, taken_at, turn_at)
SELECT %s::bigint, %s::bigint, last_number, %s::timestamptz, next_turn_at - %s::interval FROM turn
RETURNING id, number, turn_at
"""

WINDOW = Prepared(lambda: Window.objects.select_related("scheme", "budget").filter(pk=Param("window")))
ACCOUNT = Prepared(
    lambda: LearningAccount.objects.select_related("citizen").filter(
        citizen__user=Param("user"), scheme__windows=Param("window")
    )
)
PLACE = Prepared(
    lambda: Place.objects.filter(
        window=Param("window"), account__citizen__user=Param("user"), left_at__isnull=True
    )
)
PARTS: Prepared[tuple[int]] = Prepared(
    lambda: Budget.objects.filter(slice__window=Param("window")).values_list("available_cents")
)
VERSIONS = Prepared(lambda: SchemeVersion.objects.filter(scheme__windows=Param("window")))


def _granted() -> QuerySet[Booking, Any]:
    """When the person was granted something in the window's scheme, and whether all of it went back."""
    bookings = Booking.objects.filter(
        account__citizen__user=Param("user"),
        account__scheme__windows=Param("window"),
        accepted_at__isnull=False,
    )
    all_back = Case(When(history.ALL_BACK, then=Value(1)), default=Value(0))
    return bookings.values_list(Coalesce("application__applied_at", "accepted_at"), all_back)


APPLIED: Prepared[tuple[int]] = Prepared(
    lambda: Application.objects.filter(
        window=Param("window"), account__citizen__user=Param("user")
    ).values_list("pk")[:1]
)
GRANTED: Prepared[tuple[datetime | None, int]] = Prepared(_granted)


def take_place(*, actor: User, window_id: int) -> Place:
    """A learner takes a place in the waiting room; a second time it is the same place (N-03).

    Who could not be granted anything is told now, and does not wait for nothing. The last statement moves the
    window's counter: who comes at the same moment is numbered in the order in which the database takes them.
    Raises: DomainError `not_found` for somebody without an account in the scheme; `not_allowed` where there is
    no waiting room; `too_early`, `window_closed`, `budget_exhausted` (N-03); `not_eligible` (N-02, F-25);
    `already_granted` (N-01).
    """
    try:
        with transaction.atomic():
            arrival = read_arrival(actor, window_id)
            return arrival.place or _take(arrival)
    except IntegrityError:
        # From another tab or device at the same moment: that one's place is this one's.
        window, account = window_and_account(actor, window_id)
        place = place_of(window, account)
        if place is None:
            raise
        return place


def leave_place(*, actor: User, window_id: int) -> None:
    """A learner gives their place back. Nobody's turn moves by it; to come back is to come last.

    Raises: DomainError `not_found` for who has no place.
    """
    window, account = window_and_account(actor, window_id)
    left = Place.objects.filter(window=window, account=account, left_at__isnull=True).update(
        left_at=clock.now()
    )
    if not left:
        raise DomainError("not_found", status=404, kind="place")


def place_of(window: Window, account: LearningAccount) -> Place | None:
    """The place that somebody has now."""
    return Place.objects.filter(window=window, account=account, left_at__isnull=True).first()


def check_turn(window: Window, place: Place | None, now: datetime) -> None:
    """Raise DomainError `too_early` for who has no place or whose turn has not come: nobody jumps the queue.

    A turn that has come stays: whoever comes later than they could have still applies, while there is money.
    """
    if window.admissions_per_s is None:
        return
    if place is None:
        raise DomainError("too_early", rule="N-03", reason="not_your_turn", number=None, turn_at=None)
    if now < place.turn_at:
        raise DomainError(
            "too_early",
            rule="N-03",
            reason="not_your_turn",
            number=place.number,
            turn_at=place.turn_at.isoformat(),
        )


def window_and_account(actor: User, window_id: int) -> tuple[Window, LearningAccount]:
    """The window, and the actor's own account in its scheme. Raises: DomainError `not_found` (404)."""
    window = Window.objects.select_related("scheme", "budget").filter(pk=window_id).first()
    if window is None:
        raise DomainError("not_found", status=404, kind="window")
    account = None
    if actor.is_active and not actor.is_service:
        own = LearningAccount.objects.select_related("citizen__user")
        account = own.filter(citizen__user=actor, scheme=window.scheme_id).first()
    if account is None:
        raise DomainError("not_found", status=404, kind="learningaccount")
    account.scheme = window.scheme
    return window, account


def version_among(versions: Iterable[SchemeVersion], day: date) -> SchemeVersion | None:
    """The rules in force on a day, of a scheme's versions."""
    standing = [
        each
        for each in versions
        if each.valid_from <= day and (each.valid_until is None or day < each.valid_until)
    ]
    return max(standing, key=lambda each: each.valid_from, default=None)


def interval_of(window: Window) -> timedelta:
    """How long one turn comes after another. Raises: ValueError for a window without a waiting room."""
    if window.admissions_per_s is None:
        raise ValueError("a window without a waiting room has no turns")
    return timedelta(microseconds=round(1_000_000 / window.admissions_per_s))


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who comes to which window, as one message to the database found it.

    left_cents: of the window's budget in all its parts. granted: when, and whether all of it went back (0, 1).
    applied: whether the person was granted something from this very window.
    """

    window: Window
    account: LearningAccount
    place: Place | None
    left_cents: int
    versions: tuple[SchemeVersion, ...]
    granted: tuple[tuple[datetime | None, int], ...]
    applied: bool


def read_arrival(actor: User, window_id: int) -> Arrival:
    """What there is to know of somebody who comes to a window, whoever else waits: one message.

    Raises: DomainError `not_found` (404) without the window, or an account in its scheme; RuntimeError outside
    a transaction.
    """
    batch = Batch()
    windows_found = batch.fetch(WINDOW, window=window_id)
    accounts = batch.fetch(ACCOUNT, user=actor.pk, window=window_id)
    places = batch.fetch(PLACE, user=actor.pk, window=window_id)
    parts = batch.fetch(PARTS, window=window_id)
    versions = batch.fetch(VERSIONS, window=window_id)
    granted = batch.fetch(GRANTED, user=actor.pk, window=window_id)
    applied = batch.fetch(APPLIED, user=actor.pk, window=window_id)
    batch.send()
    window, account = windows_found.first, accounts.first
    if window is None:
        raise DomainError("not_found", status=404, kind="window")
    if account is None or actor.is_service or not actor.is_active:
        raise DomainError("not_found", status=404, kind="learningaccount")
    account.scheme = window.scheme
    left = window.budget.available_cents + sum(cents for (cents,) in parts.rows)
    return Arrival(
        window,
        account,
        places.first,
        left,
        tuple(versions.rows),
        tuple(granted.rows),
        bool(applied.rows),
    )


def _take(arrival: Arrival) -> Place:
    window, account, now = arrival.window, arrival.account, clock.now()
    if window.admissions_per_s is None:
        raise DomainError("not_allowed", reason="no_waiting_room", window=window.name)
    windows.check_window_open(window.opens_at, window.closes_at, now)
    if arrival.left_cents <= 0:
        raise DomainError("budget_exhausted", rule="N-03", window=window.name)
    _check_learner(arrival, now)
    rows: list[tuple[int, int, datetime]] = []

    def keep(result: Result) -> None:
        rows.extend(result.rows)

    interval = interval_of(window)
    batch = Batch()
    batch.add(TAKE, [now, interval, window.pk, window.pk, account.pk, now, interval], keep)
    batch.send()
    ((pk, number, turn_at),) = rows
    return Place(pk=pk, window=window, account=account, number=number, taken_at=now, turn_at=turn_at)


def _check_learner(arrival: Arrival, now: datetime) -> None:
    """Who could be granted nothing at all. Raises: DomainError `not_eligible` (N-02, F-25), `already_granted`."""
    scheme, account = arrival.window.scheme, arrival.account
    day = calendar_of(scheme).local_date(now)
    version = version_among(arrival.versions, day)
    if version is None:
        raise DomainError("not_bookable", scheme=scheme.code, day=day.isoformat())
    rules = version.parsed
    guards.check_account_active(account)
    planning.check_eligible(rules, facts_of_learner(account.citizen), day)
    granted = [at for at, all_back in arrival.granted if rules.withdrawn_grant_counts or not all_back]
    history.refuse_once_granted(rules, account, granted, day.year)
