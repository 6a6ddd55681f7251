"""What falls due of the money on accounts: its last day, and the notices before it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from accounts.services import service_users
from funding.models import Scheme
from funding.services import notices, schemes
from funding.services.bookings.context import calendar_of
from funding.services.due.marks import BEGINNING, Key, move_mark
from funding.services.due.results import DueResult

ONE_DAY = timedelta(days=1)
EXPIRY = "expire_lots"
NOTICE = "notice_{}"


@dataclass(frozen=True, slots=True)
class _Due:
    at: datetime
    scheme: Scheme
    day: date
    days_before: int = 0


class ExpiryStream:
    """Money whose last day is over in its scheme's time zone, day by day.

    Money that comes back to a lot of an earlier day is taken by the nightly sweep (`schemes.expire_lots`).
    """

    def __init__(
        self, of: list[Scheme], now: datetime, marks: dict[Key, datetime], result: DueResult
    ) -> None:
        self._schemes = of
        self._now = now
        self._marks = marks
        self._result = result
        self._actor = service_users.get("clock")

    def head(self) -> datetime | None:
        first = self._first()
        return None if first is None else first.at

    def execute(self, _until: datetime) -> int:
        first = self._first()
        if first is None:
            return 0
        expired = schemes.expire_lots(
            on=first.day + ONE_DAY, since=first.day, scheme=first.scheme, actor=self._actor
        )
        self._result.expired += expired
        self._move(first.scheme, first.at)
        return max(expired, 1)

    def _first(self) -> _Due | None:
        found = [due for scheme in self._schemes if (due := self._first_of(scheme)) is not None]
        return min(found, key=lambda due: (due.at, due.scheme.pk), default=None)

    def _first_of(self, scheme: Scheme) -> _Due | None:
        calendar = calendar_of(scheme)
        today = calendar.local_date(self._now)
        done = self._marks.get((EXPIRY, scheme.pk), BEGINNING)
        # The mark is the end of the last day executed: it lies in the first day that is not.
        first = calendar.local_date(done)
        if first >= today:
            return None
        day = notices.next_expiry(scheme, first, today - ONE_DAY)
        if day is None:
            self._move(scheme, calendar.start_of_day(today))
            return None
        return _Due(calendar.end_of_day(day), scheme, day)

    def _move(self, scheme: Scheme, until: datetime) -> None:
        move_mark(EXPIRY, scheme.pk, until)
        self._marks[EXPIRY, scheme.pk] = until


class NoticeStream:
    """Learners to be told 90, 30 and 7 days before money expires.

    After a stop only the latest of the notices that were missed goes out: nobody is told three times at once.
    """

    def __init__(
        self, of: list[Scheme], now: datetime, marks: dict[Key, datetime], result: DueResult
    ) -> None:
        self._schemes = of
        self._now = now
        self._marks = marks
        self._result = result

    def head(self) -> datetime | None:
        first = self._first()
        return None if first is None else first.at

    def execute(self, _until: datetime) -> int:
        first = self._first()
        if first is None:
            return 0
        told = notices.tell_before_expiry(
            scheme=first.scheme, expires_on=first.day, days_before=first.days_before
        )
        self._result.noticed += told
        calendar = calendar_of(first.scheme)
        done = calendar.end_of_day(notices.first_notice_day(first.day, first.days_before))
        self._move(first.scheme, first.days_before, done)
        return max(told, 1)

    def _first(self) -> _Due | None:
        found = [
            due
            for scheme in self._schemes
            for days, nearer in zip(notices.DAYS_BEFORE, (*notices.DAYS_BEFORE[1:], -1), strict=True)
            if (due := self._first_of(scheme, days, nearer)) is not None
        ]
        return min(found, key=lambda due: (due.at, due.scheme.pk, due.day), default=None)

    def _first_of(self, scheme: Scheme, days: int, nearer: int) -> _Due | None:
        calendar = calendar_of(scheme)
        today = calendar.local_date(self._now)
        # The mark lies in the first day whose notices have not gone out.
        first = calendar.local_date(self._marks.get((NOTICE.format(days), scheme.pk), BEGINNING))
        if first > today:
            return None
        # What is nearer than the next notice is that one's.
        day = notices.next_expiry(
            scheme,
            max(first + timedelta(days=days), today + timedelta(days=nearer + 1)),
            today + timedelta(days=days),
        )
        if day is None:
            self._move(scheme, days, calendar.end_of_day(today))
            return None
        return _Due(calendar.start_of_day(notices.first_notice_day(day, days)), scheme, day, days)

    def _move(self, scheme: Scheme, days: int, until: datetime) -> None:
        move_mark(NOTICE.format(days), scheme.pk, until)
        self._marks[NOTICE.format(days), scheme.pk] = until
