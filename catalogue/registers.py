"""The registers that providers are known by: whose ids, which country, which time, what notice."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from ila.core.calendars import WorkingCalendar, calendar_for


@dataclass(frozen=True)
class Register:
    """A namespace of provider ids, and what holds for everything listed under it.

    notice_wd: working days that a session must lie ahead of the day of booking (F-22 for EDOF); 0: it
    must not have begun on an earlier day.
    """

    code: str
    name: str
    country: str
    time_zone: str
    currency: str
    notice_wd: int
    authority: str

    @property
    def calendar(self) -> WorkingCalendar:
        """The working days of the register's country."""
        return calendar_for(self.country, self.time_zone)


SIRET = Register("siret", "SIRET (Mon compte formation)", "FR", "Europe/Paris", "EUR", 11, "Qualiopi")
ETPL_NJ = Register(
    "etpl-nj",
    "New Jersey Eligible Training Provider List",
    "US",
    "America/New_York",
    "USD",
    0,
    "New Jersey Department of Labor",
)
OWN = Register("ila", "This platform", "FR", "Europe/Paris", "EUR", 0, "Platform")

REGISTERS = {register.code: register for register in (SIRET, ETPL_NJ, OWN)}


def register_of(code: str) -> Register:
    """The register of that code. Raises: KeyError for one nobody declared."""
    return REGISTERS[code]


def start_of_day(day: date, time_zone: str) -> datetime:
    """The first moment of a day at the provider's place, in UTC."""
    return datetime.combine(day, time.min, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def last_second_of_day(day: date, time_zone: str) -> datetime:
    """The last second of a day at the provider's place, in UTC: an end without an hour."""
    return datetime.combine(day, time(23, 59, 59), tzinfo=ZoneInfo(time_zone)).astimezone(UTC)
