"""Deadlines of a booking: the last instant in time, the first one too late, and clocks that change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.schemes.planning import (
    accept_due,
    acknowledge_due,
    add_months,
    advance_cents,
    advance_due,
    answer_due,
    auto_validation_due,
    cancellation_outcome,
    earliest_start,
    earliest_start_ok,
    entry_due,
    exit_due,
    own_refund_due,
    payment_due,
    withdrawal_ok,
    withdrawal_until,
)
from funding.schemes.presets import load_preset, override

RULES = load_preset("cpf").rules_on(date(2026, 5, 4))
CAL = RULES.calendar
PARIS = ZoneInfo("Europe/Paris")
MONDAY = datetime(2026, 6, 1, 10, 0, tzinfo=PARIS)
moments = st.datetimes(
    min_value=datetime(2024, 1, 1),  # noqa: DTZ001 - the zone comes from the next line but one
    max_value=datetime(2030, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def midnight_after(day: str) -> datetime:
    """The instant at which that Paris day is over."""
    return paris(f"{date.fromisoformat(day) + timedelta(days=1)}T00:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("due", "last_day"),
    [
        (answer_due(RULES, CAL, MONDAY), "2026-06-03"),  # F-20: 2 wd
        (acknowledge_due(RULES, CAL, MONDAY, prerequisites=True), "2026-06-03"),
        (answer_due(RULES, CAL, MONDAY, prerequisites=True), "2026-07-01"),  # 30 days
        (accept_due(RULES, CAL, MONDAY), "2026-06-05"),  # F-21: 4 wd
        (entry_due(RULES, CAL, MONDAY), "2026-06-04"),  # F-26: 3 wd
        (exit_due(RULES, CAL, MONDAY), "2026-06-04"),
        (auto_validation_due(RULES, CAL, MONDAY), "2026-06-08"),  # F-27: 5 wd
        (own_refund_due(RULES, CAL, MONDAY), "2026-07-01"),  # F-23: 30 days
        (payment_due(RULES, CAL, MONDAY), "2026-07-01"),  # F-31: 30 days
    ],
)
def test_a_term_runs_to_the_end_of_its_last_day_f20_f21_f23_f26_f27_f31(
    due: datetime | None, last_day: str
) -> None:
    assert due == midnight_after(last_day)
    assert due.tzinfo is UTC


def test_a_term_counts_from_the_local_day_not_the_utc_one() -> None:
    late = paris("2026-06-01T23:59:59")
    early = paris("2026-06-02T00:00:00")  # 22:00 UTC on 1 June
    assert accept_due(RULES, CAL, late) == midnight_after("2026-06-05")
    assert accept_due(RULES, CAL, early) == midnight_after("2026-06-08")


def test_terms_skip_holidays_and_weekends() -> None:
    assert answer_due(RULES, CAL, paris("2026-05-07T09:00")) == midnight_after(
        "2026-05-12"
    )  # 8 May, a weekend
    assert accept_due(RULES, CAL, paris("2026-04-02T09:00")) == midnight_after("2026-04-09")  # Easter Monday


def test_no_acknowledgement_without_prerequisites_f20() -> None:
    assert acknowledge_due(RULES, CAL, MONDAY) is None


def test_a_scheme_without_the_rule_has_no_deadline() -> None:
    names = [
        "provider_answer_wd",
        "learner_accept_wd",
        "min_notice_wd",
        "withdrawal_wd",
        "own_refund_days",
        "cancel_free_wd",
        "entry_wd",
        "exit_wd",
        "auto_validate_wd",
        "payment_days",
        "advance_percent",
    ]
    bare = override(RULES, dict.fromkeys(names))
    start = paris("2026-06-15T09:00")
    for due in (
        answer_due,
        accept_due,
        entry_due,
        exit_due,
        auto_validation_due,
        payment_due,
        own_refund_due,
    ):
        assert due(bare, CAL, MONDAY) is None
    assert earliest_start(bare, CAL, MONDAY) is None
    assert earliest_start_ok(bare, CAL, MONDAY, MONDAY)
    assert withdrawal_until(bare, CAL, MONDAY, start) is None
    assert not withdrawal_ok(bare, CAL, MONDAY, MONDAY, start)
    assert cancellation_outcome(bare, CAL, MONDAY, MONDAY, start) == "free"
    assert advance_due(bare, CAL, MONDAY, start, paris("2026-12-15T09:00")) is None


# F-22


def test_the_start_is_on_the_eleventh_working_day_or_later_f22() -> None:
    sent = paris("2026-05-04T23:59")
    assert earliest_start(RULES, CAL, sent) == date(2026, 5, 21)  # over 8 May and Ascension
    assert earliest_start_ok(RULES, CAL, sent, paris("2026-05-21T00:00"))
    assert not earliest_start_ok(RULES, CAL, sent, paris("2026-05-20T23:59"))


# F-23, F-24


def test_withdrawal_until_the_end_of_the_fourteenth_working_day_f23() -> None:
    start = paris("2026-09-01T09:00")
    until = withdrawal_until(RULES, CAL, MONDAY, start)
    assert until == midnight_after("2026-06-19")
    assert withdrawal_ok(RULES, CAL, MONDAY, paris("2026-06-19T23:59:59"), start)
    assert not withdrawal_ok(RULES, CAL, MONDAY, paris("2026-06-20T00:00"), start)


def test_withdrawal_ends_at_the_very_start_f23() -> None:
    start = paris("2026-06-05T09:00")
    assert withdrawal_ok(RULES, CAL, MONDAY, start - timedelta(microseconds=1), start)
    assert not withdrawal_ok(RULES, CAL, MONDAY, start, start)


@pytest.mark.parametrize(
    ("now", "outcome"),
    [
        ("2026-06-02T09:00", "withdraw"),
        ("2026-06-19T23:59", "withdraw"),
        ("2026-06-20T00:00", "free"),
        ("2026-08-21T23:59", "free"),  # the start is the 7th working day after
        ("2026-08-23T23:59", "free"),  # so it is on the Sunday
        ("2026-08-24T00:00", "full_price"),
        ("2026-08-31T12:00", "full_price"),
        ("2026-09-01T09:00", "full_price"),  # started
        ("2026-09-02T09:00", "full_price"),
    ],
)
def test_a_learners_cancellation_f23_f24(now: str, outcome: str) -> None:
    start = paris("2026-09-01T09:00")
    assert cancellation_outcome(RULES, CAL, MONDAY, paris(now), start) == outcome


def test_a_late_cancellation_inside_the_withdrawal_term_is_a_withdrawal_f23_before_f24() -> None:
    start = paris("2026-06-10T09:00")
    assert cancellation_outcome(RULES, CAL, MONDAY, paris("2026-06-09T18:00"), start) == "withdraw"


def test_force_majeure_before_the_start_is_free_f24() -> None:
    start = paris("2026-09-01T09:00")
    for now, outcome in (("2026-08-31T23:00", "free"), ("2026-09-01T09:00", "full_price")):
        result = cancellation_outcome(RULES, CAL, MONDAY, paris(now), start, reason="force_majeure")
        assert result == outcome


@given(moments, st.integers(0, 200), st.integers(0, 200))
def test_cancelling_later_is_never_better(accepted: datetime, one: int, other: int) -> None:
    start = accepted + timedelta(days=100)
    rank = ("withdraw", "free", "full_price")
    early, late = (
        rank.index(cancellation_outcome(RULES, CAL, accepted, accepted + timedelta(hours=12 * n), start))
        for n in sorted((one, other))
    )
    assert early <= late


# F-26, F-31


def test_an_entry_across_the_change_of_clocks_f26() -> None:
    assert entry_due(RULES, CAL, paris("2026-03-27T09:00")) == datetime(2026, 4, 1, 22, 0, tzinfo=UTC)
    assert entry_due(RULES, CAL, paris("2026-10-23T09:00")) == datetime(2026, 10, 28, 23, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ends", "advance"),
    [("2026-09-14T17:00", False), ("2026-09-15T17:00", False), ("2026-09-16T17:00", True)],
)
def test_an_advance_when_longer_than_three_months_f31(ends: str, advance: bool) -> None:
    starts = paris("2026-06-15T09:00")
    due = advance_due(RULES, CAL, starts, starts, paris(ends))
    assert (due is not None) is advance


def test_the_advance_comes_30_days_after_the_entry_f31() -> None:
    starts, ends = paris("2026-06-15T09:00"), paris("2026-12-15T17:00")
    assert advance_due(RULES, CAL, paris("2026-06-16T09:00"), starts, ends) == midnight_after("2026-07-15")
    assert advance_cents(RULES, 100003) == 25000
    assert advance_cents(override(RULES, {"advance_percent": None}), 100003) == 0


def test_months() -> None:
    assert add_months(date(2024, 1, 31), 1) == date(2024, 2, 29)
    assert add_months(date(2026, 11, 30), 3) == date(2027, 2, 28)
    assert add_months(date(2024, 2, 29), 12) == date(2025, 2, 28)
    assert add_months(date(2026, 12, 1), -12) == date(2025, 12, 1)


@given(moments)
def test_no_term_ends_before_it_begins(moment: datetime) -> None:
    for due in (
        answer_due,
        accept_due,
        entry_due,
        exit_due,
        auto_validation_due,
        payment_due,
        own_refund_due,
    ):
        end = due(RULES, CAL, moment)
        assert end is not None
        assert end > moment
        assert end == CAL.start_of_day(CAL.local_date(end))
