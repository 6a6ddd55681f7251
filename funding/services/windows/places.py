"""The waiting room: a numbered place for each person, and the moment of its turn, given once (decision 0080).

Turns follow each other at the window's rate: when a place is taken, its turn is the next free one. So a page
needs no more than its own place to say how long it will take, and nobody is ever moved behind anybody.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction

from accounts.models import User
from funding.models import LearningAccount, Place, WaitingRoom, Window, version_on
from funding.schemes import planning, windows
from funding.services.bookings import guards, history
from funding.services.bookings.context import calendar_of, facts_of_learner
from ila.core import clock
from ila.core.errors import DomainError

# Number, turn and place in one statement: whoever is refused by a constraint leaves no gap behind.
TAKE = f"""
WITH turn AS (
    UPDATE {WaitingRoom._meta.db_table}
       SET last_number = last_number + 1, next_turn_at = greatest(next_turn_at, %(now)s) + %(interval)s
     WHERE window_id = %(window)s
    RETURNING last_number, next_turn_at
)
INSERT INTO {Place._meta.db_table} (window_id, account_id, number, taken_at, turn_at)
SELECT %(window)s, %(account)s, last_number, %(now)s, next_turn_at - %(interval)s FROM turn
RETURNING id, number, turn_at
"""


def take_place(*, actor: User, window_id: int) -> Place:
    """A learner takes a place in the waiting room; a second time it is the same place (N-03).

    Who could not be granted anything is told now, and does not wait for nothing. The last statement moves the
    window's counter: who comes at the same moment is numbered in the order in which the database takes them.
    Raises: DomainError `not_found` for somebody without an account in the scheme; `not_allowed` where there is
    no waiting room; `too_early`, `window_closed`, `budget_exhausted` (N-03); `not_eligible` (N-02, F-25);
    `already_granted` (N-01).
    """
    window, account = window_and_account(actor, window_id)
    place = place_of(window, account)
    if place is not None:
        return place
    if window.admissions_per_s is None:
        raise DomainError("not_allowed", reason="no_waiting_room", window=window.name)
    now = clock.now()
    windows.check_window_open(window.opens_at, window.closes_at, now)
    if window.left_cents <= 0:
        raise DomainError("budget_exhausted", rule="N-03", window=window.name)
    check_learner(window, account, now)
    try:
        with transaction.atomic():
            return _take(window, account, now)
    except IntegrityError:
        # From another tab or device at the same moment: that one's place is this one's.
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


def check_learner(window: Window, account: LearningAccount, now: datetime) -> None:
    """Who could be granted nothing at all. Raises: DomainError `not_eligible` (N-02, F-25), `already_granted`."""
    day = calendar_of(window.scheme).local_date(now)
    rules = version_on(window.scheme, day).parsed
    guards.check_account_active(account)
    planning.check_eligible(rules, facts_of_learner(account.citizen), day)
    history.check_once(rules, account, None, day.year)


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


def interval_of(window: Window) -> timedelta:
    """How long one turn comes after another. Raises: ValueError for a window without a waiting room."""
    if window.admissions_per_s is None:
        raise ValueError("a window without a waiting room has no turns")
    return timedelta(microseconds=round(1_000_000 / window.admissions_per_s))


def _take(window: Window, account: LearningAccount, now: datetime) -> Place:
    values = {"now": now, "interval": interval_of(window), "window": window.pk, "account": account.pk}
    with connection.cursor() as cursor:
        cursor.execute(TAKE, values)
        pk, number, turn_at = cursor.fetchone()
    return Place(pk=pk, window=window, account=account, number=number, taken_at=now, turn_at=turn_at)
