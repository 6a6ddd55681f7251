"""The time of a scenario: the virtual clock, and whatever falls due between two events."""

from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db import connection

from accounts.services import service_users
from funding.models import Booking, Hold, LearningAccount, Lot
from funding.replay.cast import Cast
from funding.services import age_credits, due, schemes
from ila.core.calendars import calendar_for
from ila.core.clock import VirtualClock

INSTANT = timedelta(microseconds=1)
ONE_DAY = timedelta(days=1)

# One question instead of five, because it is asked before every event.
DIARY = f"""
SELECT min(booking.next_due_at) FILTER (WHERE booking.next_due_at <= %(now)s),
       min(booking.next_due_at) FILTER (WHERE booking.next_due_at > %(now)s),
       (SELECT min(expires_at) FROM {Hold._meta.db_table}
         WHERE owner_id = %(owner)s AND released_at IS NULL AND expires_at > %(now)s),
       (SELECT min(lot.expires_on) FROM {Lot._meta.db_table} AS lot
          JOIN {LearningAccount._meta.db_table} AS account ON account.id = lot.account_id
         WHERE account.scheme_id = %(scheme)s AND lot.available_cents > 0)
  FROM {Booking._meta.db_table} AS booking
  JOIN {LearningAccount._meta.db_table} AS account ON account.id = booking.account_id
 WHERE account.scheme_id = %(scheme)s AND booking.next_due_at IS NOT NULL
"""


class Diary(NamedTuple):
    """What is waiting: bookings overdue and to come, the end of a hold, the last day of money."""

    overdue: datetime | None
    next_due: datetime | None
    hold_ends: datetime | None
    last_day: date | None


class Stage:
    """Moves the clock of a scenario; what falls due on the way is done at its own moment, in order.

    Two acts never share an instant, so that the order in which they were done can be read from the records.
    """

    def __init__(self, cast: Cast, hand: VirtualClock) -> None:
        self._cast = cast
        self._hand = hand
        self._calendar = calendar_for(cast.scheme.country, cast.scheme.timezone)
        self._service = service_users.get("clock")
        self._last = hand.moment
        self._aged = self.today - ONE_DAY
        self._ages = age_credits.due_days(cast.scheme, after=self._aged)

    @property
    def now(self) -> datetime:
        """The present moment of the scenario."""
        return self._hand.moment

    @property
    def today(self) -> date:
        """The day it is where the scheme is."""
        return self._calendar.local_date(self.now)

    def move_to(self, moment: datetime) -> None:
        """Let the time pass until a moment, doing what falls due up to it; a moment that is over changes nothing."""
        target = max(self.now, moment)
        while True:
            diary = self._read_diary()
            self._do_overdue(diary)
            following = self._following(diary)
            if following is None or following > target:
                break
            self._hand.move(following)
            self._last = following
        self._hand.move(target)

    def begin_act(self) -> datetime:
        """The moment of the next act: now, or an instant later when something has happened now already."""
        if self.now <= self._last:
            self._hand.move(self._last + INSTANT)
        self._last = self.now
        return self.now

    def _read_diary(self) -> Diary:
        values: dict[str, datetime | int] = {
            "now": self.now,
            "owner": self._cast.case_worker.pk,
            "scheme": self._cast.scheme.pk,
        }
        with connection.cursor() as cursor:
            cursor.execute(DIARY, values)
            return Diary(*cursor.fetchone())

    def _do_overdue(self, diary: Diary) -> None:
        self._credit_ages()
        if diary.overdue is not None:
            due.run_due(scheme=self._cast.scheme)
        if diary.last_day is not None and diary.last_day < self.today:
            if self._cast.plan.has_age_credits:
                age_credits.merge_expiring(scheme=self._cast.scheme, actor=self._service)
            schemes.expire_lots(on=self.today, actor=self._service, scheme=self._cast.scheme)

    def _credit_ages(self) -> None:
        """Credits at an age come by themselves on the birthday (S-01, S-03)."""
        if any(self._aged < day <= self.today for day in self._ages):
            age_credits.credit_ages(
                scheme=self._cast.scheme,
                after=self._aged,
                until=self.today,
                actor=self._service,
                budget=self._cast.budget,
            )
        self._aged = self.today

    def _following(self, diary: Diary) -> datetime | None:
        """The first moment after now at which something may fall due.

        A declared service that waits for the end of a hold validates itself then (F-27).
        """
        moments = [diary.next_due, diary.hold_ends]
        moments += [self._calendar.start_of_day(day) for day in self._ages if day > self._aged][:1]
        if diary.last_day is not None:
            # Money whose last day is over has just expired; what comes after it is found the next time.
            moments.append(self._calendar.end_of_day(max(diary.last_day, self.today)))
        return min((each for each in moments if each is not None), default=None)
