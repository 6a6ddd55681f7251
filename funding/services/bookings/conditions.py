"""Until which day an accepted booking can be undone, and from when its price is owed: said before the click."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from catalogue.models import ChangeKind, SessionChange
from funding.models import Booking
from funding.schemes import deadlines
from funding.schemes.rules import SchemeRules
from ila.core.calendars import WorkingCalendar


@dataclass(frozen=True, slots=True)
class Conditions:
    """What going back would cost after accepting now.

    withdrawal_until: last day of withdrawal without a reason (F-23); until_start: that is any time before the
    training; free_until: last day on which cancelling is free (F-24, S-08), when that is later; owed_from: the
    day from which the full price is owed.
    """

    withdrawal_until: date | None = None
    until_start: bool = False
    free_until: date | None = None
    owed_from: date | None = None


def conditions_for(
    rules: SchemeRules, calendar: WorkingCalendar, *, accepted_at: datetime, starts_at: datetime | None
) -> Conditions:
    """What accepting at that moment would mean for who changes their mind later."""
    if starts_at is None:
        return Conditions()
    term = deadlines.withdrawal_until(rules, calendar, accepted_at, starts_at)
    until_start = term is not None and term == starts_at
    withdrawal = None if term is None else calendar.last_day_before(term)
    free = _cancel_free_until(rules, calendar, starts_at)
    today = calendar.local_date(accepted_at)
    if free is not None and (free < today or (withdrawal is not None and free <= withdrawal)):
        free = None
    owed = None
    if not until_start and (rules.cancel_free_wd is not None or rules.cancel_free_days is not None):
        last_free = max((day for day in (withdrawal, free) if day is not None), default=None)
        owed = today if last_free is None else last_free + timedelta(days=1)
    return Conditions(withdrawal, until_start, free, owed)


def moved_since(booking: Booking) -> SessionChange | None:
    """The latest change of the session's dates that came after the booking was accepted, whoever told it."""
    changes = SessionChange.objects.filter(
        session=booking.session_id, kind=ChangeKind.DATES, at__gte=booking.accepted_at
    )
    return changes.order_by("-at", "-pk").first()


def outcome_of_leaving(
    booking: Booking, rules: SchemeRules, calendar: WorkingCalendar, now: datetime, *, reason: str = ""
) -> str:
    """What a learner's cancellation of an accepted booking means now: `withdraw`, `free` or `full_price` (F-23, F-24).

    Free too until the start where it is not what was booked any more: its dates were moved (decision 177).
    """
    starts_at = booking.session.starts_at
    assert booking.accepted_at is not None
    assert starts_at is not None
    outcome = deadlines.cancellation_outcome(
        rules, calendar, booking.accepted_at, now, starts_at, reason=reason
    )
    if outcome == "full_price" and now < starts_at and moved_since(booking) is not None:
        return "free"
    return outcome


def _cancel_free_until(rules: SchemeRules, calendar: WorkingCalendar, starts_at: datetime) -> date | None:
    """The last day on which cancelling is free: the start is its n-th working day, or so many days, or later."""
    if rules.cancel_free_wd is None and rules.cancel_free_days is None:
        return None
    start = calendar.local_date(starts_at)
    day = start - timedelta(days=rules.cancel_free_days or 0)
    while rules.cancel_free_wd is not None and calendar.add_working_days(day, rules.cancel_free_wd) > start:
        day -= timedelta(days=1)
    return day
