"""On which day the bank can execute: working days of the scheme's calendar, and until which hour it takes today's."""

from datetime import date, datetime, time

from django.conf import settings

from funding.models import Scheme
from ila.core.calendars import calendar_for


def cut_off() -> time:
    """Until this hour, in the scheme's time zone, the bank takes a file that it executes on the same day."""
    return time.fromisoformat(settings.BANK_CUT_OFF)


def first_value_date(scheme: Scheme, now: datetime) -> date:
    """The first day on which the bank can execute a file that is sent now."""
    calendar = calendar_for(scheme.country, scheme.timezone)
    day = calendar.local_date(now)
    if calendar.is_working_day(day) and now.astimezone(calendar.zone).time() < cut_off():
        return day
    return calendar.add_working_days(day, 1)


def is_value_date(scheme: Scheme, day: date, now: datetime) -> bool:
    """Whether the bank can execute on that day: a working day, and not too soon."""
    calendar = calendar_for(scheme.country, scheme.timezone)
    return calendar.is_working_day(day) and day >= first_value_date(scheme, now)
