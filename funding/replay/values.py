"""The kinds of values that a scenario is written with."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

# Calendars, terms and pensions reach some decades beyond any scenario.
FIRST_YEAR, LAST_YEAR = 1990, 2150
MAX_CENTS = 10**12

Id = Annotated[str, Field(strict=True, min_length=1, max_length=100)]
Text = Annotated[str, Field(strict=True, max_length=500)]
Flag = Annotated[bool, Field(strict=True)]
Cents = Annotated[int, Field(strict=True, ge=0, le=MAX_CENTS)]
Percent = Annotated[int, Field(strict=True, ge=0, le=100)]
# What a provider may write into a declaration; whether it is a percentage is for the platform to say.
DeclaredPercent = Annotated[int, Field(strict=True, ge=0, le=1000)]
Year = Annotated[int, Field(strict=True, ge=FIRST_YEAR, le=LAST_YEAR)]


def _moment(value: Any) -> date | datetime:
    if not isinstance(value, str):
        raise ValueError("must be a time such as 2026-05-04T09:00")  # noqa: TRY004 - pydantic reads ValueError
    try:
        found = (
            date.fromisoformat(value)
            if "T" not in value and " " not in value
            else datetime.fromisoformat(value)
        )
    except ValueError:
        raise ValueError(f"no time such as 2026-05-04T09:00: {value[:40]!r}") from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError(f"the year {found.year} is out of range ({FIRST_YEAR} to {LAST_YEAR})")
    return found


def _day(value: Any) -> date:
    if not isinstance(value, str):
        raise ValueError("must be a day such as 2026-05-04")  # noqa: TRY004 - pydantic reads ValueError
    try:
        found = date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"no day such as 2026-05-04: {value[:40]!r}") from None
    if not 1850 <= found.year <= LAST_YEAR:
        raise ValueError(f"the year {found.year} is out of range (1850 to {LAST_YEAR})")
    return found


def _number(value: Any) -> Decimal:
    # JSON numbers arrive as int or Decimal; a bool is an int to Python.
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic reads ValueError
    return Decimal(value)


def _decimals(places: int) -> AfterValidator:
    def check(value: Decimal) -> Decimal:
        try:
            exact = value == value.quantize(Decimal(1).scaleb(-places))
        except InvalidOperation:
            exact = False
        if not exact:
            raise ValueError(f"must be a number with at most {places} decimals")
        return value

    return AfterValidator(check)


Moment = Annotated[date | datetime, BeforeValidator(_moment)]
"""A day or a time; without an offset it is the scheme's."""
Day = Annotated[date, BeforeValidator(_day)]
Hours = Annotated[Decimal, Field(ge=0, le=99_999), BeforeValidator(_number), _decimals(2)]
Ratio = Annotated[Decimal, Field(ge=0, lt=10), BeforeValidator(_number), _decimals(4)]


def instant(value: date | datetime, zone: ZoneInfo, *, end_of_day: bool = False) -> datetime:
    """The moment in UTC that a time of the file means; a day is its first instant, or the first after it."""
    if not isinstance(value, datetime):
        value = datetime.combine(value + timedelta(days=end_of_day), time.min)
    if value.tzinfo is None:
        value = value.replace(tzinfo=zone)
    return value.astimezone(UTC)
