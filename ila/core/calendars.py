"""Days and deadlines of one country: working days, local days, and the instants that bound them.

A working day is Monday to Friday without the country's public holidays (France: the metropolitan
ones, not those of Alsace). The n-th working day after a day does not count that day; a term runs to
the end of its last day. Instants are aware UTC datetimes; the end of a day is the first instant of
the next one, so that every term is half-open: `moment < end_of_day(last_day)`.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

_ONE_DAY = timedelta(days=1)
_ONE_INSTANT = timedelta(microseconds=1)


@lru_cache(maxsize=512)
def _public_holidays(country: str, year: int) -> frozenset[date]:
    # One frozen set per year: the library's own object fills itself while it is read, unsafe among threads.
    return frozenset(holidays.country_holidays(country, years=year))


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """The calendar of `country` (ISO 3166 alpha-2) with days counted in `timezone` (IANA name).

    Raises: ValueError for a country without a holiday calendar or an unknown time zone.
    """

    country: str
    timezone: str

    def __post_init__(self) -> None:
        try:
            holidays.country_holidays(self.country)
        except (NotImplementedError, TypeError) as error:
            raise ValueError(f"no holiday calendar for country {self.country!r}") from error
        try:
            ZoneInfo(self.timezone)
        except (OSError, ValueError, LookupError) as error:
            raise ValueError(f"unknown time zone {self.timezone!r}") from error

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which this calendar's days begin and end."""
        return ZoneInfo(self.timezone)

    def is_working_day(self, day: date) -> bool:
        """Whether offices are open: Monday to Friday and no public holiday."""
        return day.weekday() < 5 and day not in _public_holidays(self.country, day.year)

    def add_working_days(self, day: date, n: int) -> date:
        """The n-th working day after `day` (before it, when n is negative); `day` itself is not counted.

        With n = 0 it is `day`, a working day or not.
        """
        step = _ONE_DAY if n > 0 else -_ONE_DAY
        for _ in range(abs(n)):
            day += step
            while not self.is_working_day(day):
                day += step
        return day

    def working_days_until(self, from_day: date, to_day: date) -> int:
        """The largest n for which the n-th working day after `from_day` is on or before `to_day`.

        Negative when `to_day` comes before `from_day`: from Monday to the Friday before it is -1.
        """
        if to_day >= from_day:
            return self._working_days_between(from_day, to_day + _ONE_DAY)
        return -(self._working_days_between(to_day, from_day) + 1)

    def _working_days_between(self, after: date, before: date) -> int:
        return sum(
            self.is_working_day(after + timedelta(days=offset)) for offset in range(1, (before - after).days)
        )

    def local_date(self, moment: datetime) -> date:
        """The day it is here at that instant.

        Raises: ValueError for a naive datetime, whose day nobody can know.
        """
        if moment.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return moment.astimezone(self.zone).date()

    def start_of_day(self, day: date) -> datetime:
        """The first instant of that local day, in UTC; where clocks skip midnight, that of the skip."""
        return datetime.combine(day, time.min, tzinfo=self.zone).astimezone(UTC)

    def end_of_day(self, day: date) -> datetime:
        """The first instant of the next local day, in UTC: what happens before it happened in time."""
        return self.start_of_day(day + _ONE_DAY)

    def last_day_before(self, moment: datetime) -> date:
        """The last local day of what ends with that instant, such as that of `end_of_day`."""
        return self.local_date(moment - _ONE_INSTANT)


@lru_cache(maxsize=128)
def calendar_for(country: str, timezone: str) -> WorkingCalendar:
    """The calendar of a scheme, made once.

    Raises: ValueError for a country without a holiday calendar or an unknown time zone.
    """
    return WorkingCalendar(country, timezone)
