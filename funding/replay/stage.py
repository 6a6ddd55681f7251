"""The time of a scenario: the virtual clock, and whatever falls due between two events."""

from datetime import date, datetime, timedelta

from accounts.services import service_users
from funding.models import Hold, Lot
from funding.replay.cast import Cast
from funding.services import due, schemes
from ila.core.calendars import WorkingCalendar, calendar_for
from ila.core.clock import VirtualClock

INSTANT = timedelta(microseconds=1)


class Stage:
    """Moves the clock of a scenario; what falls due on the way is done at its own moment, in order.

    Two acts never share an instant, so that the order in which they were done can be read from the records.
    """

    def __init__(self, cast: Cast, hand: VirtualClock) -> None:
        self._cast = cast
        self._hand = hand
        self._calendar: WorkingCalendar = calendar_for(cast.scheme.country, cast.scheme.timezone)
        self._service = service_users.get("clock")
        self._last = hand.moment

    @property
    def now(self) -> datetime:
        """The present moment of the scenario."""
        return self._hand.moment

    @property
    def today(self) -> date:
        """The day it is where the scheme is."""
        return self._calendar.local_date(self.now)

    def move_to(self, moment: datetime | None) -> None:
        """Let the time pass until a moment (None: an instant), doing what falls due up to it."""
        self._do_due()
        target = self.now if moment is None else max(self.now, moment)
        while (following := self._next_due(target)) is not None:
            self._hand.move(following)
            self._last = following
            self._do_due()
        self._hand.move(max(target, self.now))

    def begin_act(self) -> datetime:
        """The moment of the next act: now, or an instant later when something has happened now already."""
        if self.now <= self._last:
            self._hand.move(self._last + INSTANT)
        self._last = self.now
        return self.now

    def _do_due(self) -> None:
        due.run_due(scheme=self._cast.scheme)
        schemes.expire_lots(on=self.today, actor=self._service, scheme=self._cast.scheme)

    def _next_due(self, target: datetime) -> datetime | None:
        """The first moment after now, and not after the target, at which something may fall due."""
        moments = [
            due.next_due_at(after=self.now, scheme=self._cast.scheme),
            self._hold_end(),
            self._expiry(),
        ]
        return min((each for each in moments if each is not None and each <= target), default=None)

    def _hold_end(self) -> datetime | None:
        """A declared service that waits for the end of a hold validates itself then (F-27)."""
        holds = Hold.objects.filter(
            owner=self._cast.case_worker, released_at__isnull=True, expires_at__gt=self.now
        )
        return holds.order_by("expires_at").values_list("expires_at", flat=True).first()

    def _expiry(self) -> datetime | None:
        lots = Lot.objects.filter(
            account__scheme=self._cast.scheme, available_cents__gt=0, expires_on__gte=self.today
        )
        last = lots.order_by("expires_on").values_list("expires_on", flat=True).first()
        return None if last is None else self._calendar.end_of_day(last)
