"""Working days, local days and the instants that bound them."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ila.core.calendars import WorkingCalendar, calendar_for

FR = calendar_for("FR", "Europe/Paris")
PARIS = ZoneInfo("Europe/Paris")
days = st.dates(min_value=date(2019, 1, 1), max_value=date(2032, 12, 31))


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


@pytest.mark.parametrize(
    ("day", "working"),
    [
        (date(2026, 5, 4), True),
        (date(2026, 5, 2), False),  # Saturday
        (date(2026, 5, 3), False),  # Sunday
        (date(2026, 5, 1), False),  # Labour Day
        (date(2026, 5, 8), False),  # 1945
        (date(2026, 4, 6), False),  # Easter Monday
        (date(2026, 5, 14), False),  # Ascension
        (date(2026, 5, 25), False),  # Whit Monday
        (date(2026, 7, 14), False),
        (date(2026, 4, 3), True),  # Good Friday: a holiday in Alsace only
        (date(2025, 12, 26), True),  # St Stephen: a holiday in Alsace only
    ],
)
def test_working_days_of_metropolitan_france(day: date, working: bool) -> None:
    assert FR.is_working_day(day) is working


def test_the_day_itself_is_not_counted() -> None:
    monday = date(2026, 6, 1)
    assert FR.add_working_days(monday, 1) == date(2026, 6, 2)
    assert FR.add_working_days(monday, 5) == date(2026, 6, 8)
    assert FR.add_working_days(monday, 0) == monday
    assert FR.add_working_days(monday, -1) == date(2026, 5, 29)
    assert FR.add_working_days(date(2026, 5, 30), 1) == monday  # from a Saturday


def test_holidays_and_weekends_are_skipped() -> None:
    assert FR.add_working_days(date(2026, 4, 30), 1) == date(2026, 5, 4)  # over 1 May and a weekend
    assert FR.add_working_days(date(2026, 5, 4), 11) == date(2026, 5, 21)  # over 8 and 14 May
    assert FR.add_working_days(date(2025, 12, 31), 1) == date(2026, 1, 2)  # over the year's end
    assert FR.add_working_days(date(2024, 2, 28), 1) == date(2024, 2, 29)


def test_countries_differ() -> None:
    netherlands = calendar_for("NL", "Europe/Amsterdam")
    assert not netherlands.is_working_day(date(2022, 4, 27))  # King's Day
    assert FR.is_working_day(date(2022, 4, 27))
    assert not calendar_for("SG", "Asia/Singapore").is_working_day(date(2026, 8, 10))


def test_working_days_until() -> None:
    monday = date(2026, 6, 1)
    assert FR.working_days_until(monday, monday) == 0
    assert FR.working_days_until(monday, date(2026, 6, 5)) == 4
    assert FR.working_days_until(monday, date(2026, 6, 7)) == 4  # Sunday
    assert FR.working_days_until(monday, date(2026, 5, 29)) == -1
    assert FR.working_days_until(monday, date(2026, 5, 30)) == -1  # Friday is on or before Saturday
    assert FR.working_days_until(date(2026, 5, 30), date(2026, 5, 31)) == 0


@given(days, days)
def test_working_days_until_is_the_largest_n(from_day: date, to_day: date) -> None:
    to_day = from_day + (to_day - from_day) % timedelta(days=200) - timedelta(days=100)
    n = FR.working_days_until(from_day, to_day)
    assert n < 0 or to_day >= from_day
    assert FR.add_working_days(from_day, n) <= to_day
    assert FR.add_working_days(from_day, n + 1) > to_day


@given(days, st.integers(min_value=1, max_value=60))
def test_adding_is_one_day_at_a_time(day: date, n: int) -> None:
    last = FR.add_working_days(day, n)
    assert FR.is_working_day(last)
    assert last == FR.add_working_days(FR.add_working_days(day, n - 1), 1)
    assert FR.working_days_until(day, last) == n


def test_local_date_changes_at_local_midnight() -> None:
    assert FR.local_date(paris("2026-05-04T23:59:59")) == date(2026, 5, 4)
    assert FR.local_date(paris("2026-05-05T00:00:00")) == date(2026, 5, 5)
    assert FR.local_date(datetime(2026, 5, 4, 22, 0, tzinfo=UTC)) == date(2026, 5, 5)
    with pytest.raises(ValueError, match="time zone"):
        FR.local_date(datetime(2026, 5, 4))  # noqa: DTZ001 - the naive one


def test_a_day_ends_with_the_first_instant_of_the_next() -> None:
    end = FR.end_of_day(date(2026, 5, 4))
    assert end == datetime(2026, 5, 4, 22, 0, tzinfo=UTC)
    assert end.tzinfo is UTC
    assert paris("2026-05-04T23:59:59.999999") < end <= paris("2026-05-05T00:00:00")
    assert end == FR.start_of_day(date(2026, 5, 5))


def test_days_of_23_and_25_hours() -> None:
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 10, 26), 24)):
        assert FR.end_of_day(day) - FR.start_of_day(day) == timedelta(hours=hours)


def test_a_midnight_that_the_clocks_skip() -> None:
    cairo = calendar_for("EG", "Africa/Cairo")  # 26 April 2024: 00:00 became 01:00
    start = cairo.start_of_day(date(2024, 4, 26))
    assert start == datetime(2024, 4, 25, 22, 0, tzinfo=UTC)
    assert cairo.local_date(start) == date(2024, 4, 26)
    assert cairo.local_date(start - timedelta(seconds=1)) == date(2024, 4, 25)


@given(days)
def test_every_day_is_bounded_by_its_own_instants(day: date) -> None:
    for calendar in (FR, calendar_for("SG", "Asia/Singapore"), calendar_for("US", "America/New_York")):
        start, end = calendar.start_of_day(day), calendar.end_of_day(day)
        assert calendar.last_day_before(end) == day
        assert calendar.local_date(start) == day == calendar.local_date(end - timedelta(microseconds=1))
        assert calendar.local_date(end) == day + timedelta(days=1)


def test_calendars_are_made_once_and_equal_by_value() -> None:
    assert calendar_for("FR", "Europe/Paris") is FR
    assert WorkingCalendar("FR", "Europe/Paris") == FR


@pytest.mark.parametrize(
    ("country", "timezone"),
    [
        ("XX", "Europe/Paris"),
        ("", "Europe/Paris"),
        ("FR", "Europe/Pari"),
        ("FR", ""),
        ("FR", "../etc"),
        ("FR", "Europe"),
    ],
)
def test_a_missing_calendar_is_named(country: str, timezone: str) -> None:
    with pytest.raises(ValueError, match=r"no holiday calendar|unknown time zone"):
        calendar_for(country, timezone)
