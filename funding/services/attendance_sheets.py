"""The attendance sheet of a session's day: the hours of all its learners, recorded at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.models import User
from catalogue.models import Session
from funding.models import Attendance, Booking
from funding.permissions import acts_for_provider
from funding.schemes import planning
from funding.services import gates
from funding.services.attendance_codes import today_of
from funding.services.bookings.training import IN_COURSE
from ila.core import clock, locks
from ila.core.errors import DomainError

HOURS_OF_A_DAY = Decimal(24)
MOST_USUAL = Decimal(12)  # planned hours over days that come to more say nothing of a day
LONGEST = 732  # days of one session that are listed: two years


def days_of(session: Session) -> list[date]:
    """The days of a session at the provider's place, weekends too; none while it has no dates."""
    if session.starts_at is None:
        return []
    zone = ZoneInfo(session.micro_credential.provider.time_zone)
    first = session.starts_at.astimezone(zone).date()
    last = (session.ends_at or session.starts_at).astimezone(zone).date()
    return [first + timedelta(days=n) for n in range(min((last - first).days + 1, LONGEST))]


def usual_hours(session: Session) -> Decimal | None:
    """Hours planned a day: those of the credential over the session's weekdays, in quarters of an hour; or None."""
    hours = session.micro_credential.hours
    weekdays = sum(day.weekday() < 5 for day in days_of(session)) or len(days_of(session))
    if not hours or not weekdays:
        return None
    usual = Decimal(round(Decimal(hours) * 4 / weekdays)) / 4
    return usual if usual <= MOST_USUAL else None


@transaction.atomic
def record_day(*, actor: User, session_id: int, day: date, hours: Mapping[int, Decimal]) -> int:
    """The provider records the hours of a day, by booking id: 0 for who was absent. Returns how many rows changed.

    What says the same as before is not written again; a correction is a new row, and the latest of a day counts.
    Locks: the bookings. Raises: DomainError `not_found` (404) for a booking that is not of the session,
    `not_allowed` for another's session or a learner who is not in training, `too_early` before the day,
    `incomplete` for hours that no day has or a day that is none of the session's, `too_many_hours` where a learner
    would have been taught for more than a day in a day (D13).
    """
    session = Session.objects.select_related("micro_credential__provider").filter(pk=session_id).first()
    if session is None:
        raise DomainError("not_found", status=404, kind="session")
    if not acts_for_provider(session.micro_credential, actor):
        raise DomainError("not_allowed", status=403, what="attendance")
    if day not in days_of(session):
        raise DomainError("incomplete", what="day")
    if day > today_of(session):
        raise DomainError("too_early", reason="day_to_come")
    if any(not each.is_finite() or not 0 <= each <= HOURS_OF_A_DAY for each in hours.values()):
        raise DomainError("incomplete", what="hours")
    found = Booking.objects.filter(session=session, pk__in=list(hours))
    bookings = {each.pk: each for each in locks.acquire_set(found)}
    if set(bookings) != set(hours):
        raise DomainError("not_found", status=404, kind="booking")
    if any(each.state not in IN_COURSE for each in bookings.values()):
        raise DomainError("not_allowed", transition="attendance")
    gates.check_hours(day=day, hours=hours)
    before = {pk: rows.get(day) for pk, rows in sheets_of(bookings).items()}
    changed = [pk for pk, each in hours.items() if before.get(pk) != each]
    now = clock.now()
    Attendance.objects.bulk_create(
        Attendance(booking_id=pk, day=day, hours=hours[pk], recorded_by=actor, recorded_at=now)
        for pk in changed
    )
    return len(changed)


def sheets_of(booking_ids: Collection[int]) -> dict[int, dict[date, Decimal]]:
    """The hours of each booking by day, as the sheets say it now. One query."""
    rows = Attendance.objects.filter(booking__in=list(booking_ids), day__isnull=False).order_by("pk")
    made: dict[int, dict[date, Decimal]] = defaultdict(dict)
    for booking_id, day, hours in rows.values_list("booking_id", "day", "hours"):
        if day is not None and hours is not None:
            made[booking_id][day] = hours
    return dict(made)


@dataclass(frozen=True, slots=True)
class Attended:
    """What attendance says of a booking: percent (F-28), and what it was reckoned from.

    percent: None where the planned hours are unknown. stated: the provider gave a percentage itself.
    """

    percent: int | None
    hours: Decimal
    planned: Decimal | None
    days: int
    stated: bool = False


def attended_of(bookings: Collection[Booking]) -> dict[int, Attended]:
    """What attendance says of each booking, as `attended_percent` has it, for many at once. One query.

    The bookings come with their credentials.
    """
    rows = Attendance.objects.filter(booking__in=[each.pk for each in bookings]).order_by("pk")
    kept: dict[int, list[Attendance]] = defaultdict(list)
    for row in rows:
        kept[row.booking_id].append(row)
    return {each.pk: _attended(kept[each.pk], each.credential.hours) for each in bookings}


def _attended(rows: list[Attendance], planned: Decimal | int | None) -> Attended:
    dated = {row.day: row.hours or Decimal(0) for row in rows if row.day is not None}
    hours = sum(_undated(rows), sum(dated.values(), Decimal(0)))
    days = sum(each > 0 for each in dated.values())
    known = None if not planned else Decimal(planned)
    if rows and rows[-1].percent is not None:
        return Attended(rows[-1].percent, hours, known, days, stated=True)
    percent = 0 if not hours else None if known is None else planning.realised_percent(hours, known)
    return Attended(percent, hours, known, days)


def _undated(rows: list[Attendance]) -> Iterator[Decimal]:
    for row in rows:
        if row.hours is not None and row.day is None:
            yield row.hours
