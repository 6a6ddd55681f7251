"""What is refused as it is entered, because it cannot be: two places at once, days of more hours than a day has.

Each asks one question of the database, however much is entered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from catalogue.models import Session
from fraud.detectors.hard_facts import EarlyCertificate, ImpossibleHours
from fraud.detectors.time_and_place import Overlap
from funding.models import Attendance, Booking, BookingState, LearningAccount, Presence
from funding.models.bookings import SEATED_STATES
from ila.core import clock
from ila.core.errors import DomainError

# A longer training is not taught on every day between its first and its last.
TAUGHT_DAILY = timedelta(days=5)
LIVE_STATES = (BookingState.REQUESTED, BookingState.PROPOSED, *SEATED_STATES)

Span = tuple[datetime, datetime]


def check_booking(*, account: LearningAccount, session: Session) -> None:
    """Refuse a place in a session while the learner has one in another at the same hours (D12).

    Only where both are known to be taught then: not where days alone were told, nor over weeks.
    Raises: DomainError `overlapping`.
    """
    mine = _hours(session, session.micro_credential.provider.time_zone)
    if not mine:
        return
    others = (
        Booking.objects.filter(
            account__citizen=account.citizen_id,
            state__in=LIVE_STATES,
            session__starts_at__lt=session.ends_at,
            session__ends_at__gt=session.starts_at,
        )
        .exclude(session=session.pk)
        .select_related("session", "provider")
        .order_by("pk")
    )
    for other in others:
        if _overlap(mine, _hours(other.session, other.provider.time_zone)):
            raise DomainError("overlapping", detector="D12", booking=str(other.public_id))


def check_presence(*, booking: Booking, day: date) -> None:
    """Refuse a learner's word of being there when they said so of another room at the same hours (D12).

    Raises: DomainError `overlapping`.
    """
    mine = _hours(booking.session, booking.provider.time_zone)
    others = (
        Presence.objects.filter(booking__account__citizen=booking.account.citizen_id, day=day)
        .exclude(booking=booking.pk)
        .select_related("booking__session", "booking__provider")
        .order_by("pk")
    )
    for other in others:
        if _overlap(mine, _hours(other.booking.session, other.booking.provider.time_zone)):
            raise DomainError("overlapping", detector="D12", booking=str(other.booking.public_id))


def check_hours(*, day: date, hours: Mapping[int, Decimal]) -> None:
    """Refuse a sheet by which a learner was taught for more than 24 hours of a day, wherever (D13).

    hours: by booking. Raises: DomainError `too_many_hours` naming the booking.
    """
    learners = dict(Booking.objects.filter(pk__in=list(hours)).values_list("pk", "account__citizen"))
    rows = (
        Attendance.objects.filter(
            booking__account__citizen__in=set(learners.values()), day=day, hours__isnull=False
        )
        .order_by("booking_id", "-pk")
        .distinct("booking_id")
    )
    known = {
        booking: (citizen, each)
        for booking, citizen, each in rows.values_list("booking_id", "booking__account__citizen", "hours")
    }
    known.update(
        {booking: (learners[booking], each) for booking, each in hours.items() if booking in learners}
    )
    total: dict[int, Decimal] = defaultdict(Decimal)
    for citizen, each in known.values():
        total[citizen] += each or 0
    for booking in hours:
        if booking in learners and total[learners[booking]] > ImpossibleHours().hard_hours:
            raise DomainError("too_many_hours", detector="D13", booking=booking, day=day.isoformat())


def check_certificate(*, booking: Booking) -> None:
    """Refuse a certificate before the training has ended, but for the last hour, or the last day where days were told.

    Of a session that is known by its days alone, the whole last day counts.
    Raises: DomainError `too_early` with the moment from which it is taken.
    """
    ends = booking.session.ends_at
    if ends is None:
        return
    whole = timedelta(days=1) if booking.session.whole_days else timedelta(0)
    first = ends - max(whole, timedelta(minutes=EarlyCertificate().grace_minutes))
    if clock.now() < first:
        raise DomainError("too_early", detector="D16", first=first.isoformat(), booking=booking.pk)


def _hours(session: Session, zone: str) -> list[Span]:
    """When the session is taught, day by day; nothing where that is not known."""
    if session.starts_at is None or session.ends_at is None or session.whole_days:
        return []
    first, last = (moment.astimezone(ZoneInfo(zone)) for moment in (session.starts_at, session.ends_at))
    if last - first > TAUGHT_DAILY:
        return []
    if first.date() == last.date() or last.time() <= first.time():
        return [(first, last)] if last - first < timedelta(days=1) else []
    days = (last.date() - first.date()).days + 1
    return [(first + timedelta(days=n), last - timedelta(days=days - 1 - n)) for n in range(days)]


def _overlap(one: Iterable[Span], two: Iterable[Span]) -> bool:
    least = timedelta(minutes=Overlap().minutes)
    theirs = list(two)
    return any(min(a[1], b[1]) - max(a[0], b[0]) >= least for a in one for b in theirs)
