"""When things fall due: the deadlines of one booking.

Every term is returned as the first instant after it, in UTC: done in time when `moment < due`. Days are
counted in the scheme's calendar: the n-th working day after a day does not count that day, and a term
runs to the end of its last day. None: the scheme has no such deadline.
"""

from calendar import monthrange
from datetime import date, datetime, timedelta
from typing import Literal

from funding.schemes.rules import SchemeRules
from ila.core.calendars import WorkingCalendar

CancellationOutcome = Literal["withdraw", "free", "full_price"]


def add_months(day: date, months: int) -> date:
    """The same day of the month that many months later; the month's last day where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def acknowledge_due(
    rules: SchemeRules, cal: WorkingCalendar, requested_at: datetime, *, prerequisites: bool = False
) -> datetime | None:
    """Until when the provider acknowledges a request for a training with prerequisites (F-20)."""
    return _end_of_working_days(cal, requested_at, rules.prerequisites_ack_wd) if prerequisites else None


def answer_due(
    rules: SchemeRules, cal: WorkingCalendar, requested_at: datetime, *, prerequisites: bool = False
) -> datetime | None:
    """Until when the provider answers a request; with prerequisites, in calendar days (F-20)."""
    if prerequisites and rules.prerequisites_decision_days is not None:
        return _end_of_days(cal, requested_at, rules.prerequisites_decision_days)
    return _end_of_working_days(cal, requested_at, rules.provider_answer_wd)


def accept_due(rules: SchemeRules, cal: WorkingCalendar, proposed_at: datetime) -> datetime | None:
    """Until when the learner accepts a proposal before it lapses (F-21)."""
    return _end_of_working_days(cal, proposed_at, rules.learner_accept_wd)


def earliest_start(rules: SchemeRules, cal: WorkingCalendar, proposed_at: datetime) -> date | None:
    """The first day on which a training proposed at that moment may start (F-22)."""
    if rules.min_notice_wd is None:
        return None
    return cal.add_working_days(cal.local_date(proposed_at), rules.min_notice_wd)


def earliest_start_ok(
    rules: SchemeRules, cal: WorkingCalendar, proposed_at: datetime, start: datetime
) -> bool:
    """Whether the start leaves the notice that a proposal sent then needs (F-22): else `too_late`."""
    first = earliest_start(rules, cal, proposed_at)
    return first is None or cal.local_date(start) >= first


def withdrawal_until(
    rules: SchemeRules, cal: WorkingCalendar, accepted_at: datetime, start: datetime
) -> datetime | None:
    """Until when the learner withdraws without a reason: the term's end or the start, if earlier (F-23)."""
    term = _end_of_working_days(cal, accepted_at, rules.withdrawal_wd)
    return None if term is None else min(term, start)


def withdrawal_ok(
    rules: SchemeRules, cal: WorkingCalendar, accepted_at: datetime, now: datetime, start: datetime
) -> bool:
    """Whether the learner may still withdraw without a reason (F-23): else `too_late`."""
    until = withdrawal_until(rules, cal, accepted_at, start)
    return until is not None and now < until


def cancellation_outcome(
    rules: SchemeRules,
    cal: WorkingCalendar,
    accepted_at: datetime,
    now: datetime,
    start: datetime,
    *,
    reason: str | None = None,
) -> CancellationOutcome:
    """What a learner's cancellation of an accepted booking means.

    `withdraw` inside the withdrawal term (F-23 comes before F-24); `free` for force majeure before the
    start, or when the start is far enough away (F-24, S-08); else `full_price`: the price stays owed.
    """
    if withdrawal_ok(rules, cal, accepted_at, now, start):
        return "withdraw"
    if now >= start:
        return "full_price"
    if reason == "force_majeure" or _far_enough(rules, cal, now, start):
        return "free"
    return "full_price"


def leaving_ok(
    rules: SchemeRules, cal: WorkingCalendar, accepted_at: datetime, now: datetime, start: datetime
) -> bool:
    """Whether a learner may withdraw: inside the term (F-23), or, where there is none, while cancelling is free."""
    if rules.withdrawal_wd is not None:
        return withdrawal_ok(rules, cal, accepted_at, now, start)
    return now < start and _far_enough(rules, cal, now, start)


def leaving_rule(rules: SchemeRules) -> str | None:
    """The id of the rule that ends the time in which a learner may withdraw."""
    if rules.withdrawal_wd is not None:
        return "F-23"
    if rules.cancel_free_days is not None:
        return "S-08"
    return None if rules.cancel_free_wd is None else "F-24"


def own_refund_due(rules: SchemeRules, cal: WorkingCalendar, withdrawn_at: datetime) -> datetime | None:
    """Until when a learner who withdrew has their own money back (F-23)."""
    return _end_of_days(cal, withdrawn_at, rules.own_refund_days)


def entry_due(rules: SchemeRules, cal: WorkingCalendar, start: datetime) -> datetime | None:
    """Until when the provider declares the entry; later it is recorded and flagged late (F-26)."""
    return _end_of_working_days(cal, start, rules.entry_wd)


def exit_due(rules: SchemeRules, cal: WorkingCalendar, left_at: datetime) -> datetime | None:
    """Until when the provider declares an exit of that moment; later it is flagged late (F-26)."""
    return _end_of_working_days(cal, left_at, rules.exit_wd)


def auto_validation_due(rules: SchemeRules, cal: WorkingCalendar, declared_at: datetime) -> datetime | None:
    """When a declared service validates itself, unless it is under control (F-27)."""
    return _end_of_working_days(cal, declared_at, rules.auto_validate_wd)


def payment_due(rules: SchemeRules, cal: WorkingCalendar, claimed_at: datetime) -> datetime | None:
    """Until when the provider is paid (F-31)."""
    return _end_of_days(cal, claimed_at, rules.payment_days)


def advance_due(
    rules: SchemeRules, cal: WorkingCalendar, entered_at: datetime, starts: datetime, ends: datetime
) -> datetime | None:
    """From when an advance may be claimed; None when the training is too short, or no advance is paid (F-31).

    Longer than n months: the last day comes after the day n months from the first. An earlier claim is
    `too_early`.
    """
    if not rules.advance_percent or rules.advance_min_months is None or rules.advance_after_days is None:
        return None
    if cal.local_date(ends) <= add_months(cal.local_date(starts), rules.advance_min_months):
        return None
    return cal.start_of_day(cal.local_date(entered_at) + timedelta(days=rules.advance_after_days))


def proof_due(rules: SchemeRules, cal: WorkingCalendar, ends: datetime) -> datetime | None:
    """Until when completion is proved, counted from the end of the training (N-10)."""
    if rules.proof_months is None:
        return None
    return cal.end_of_day(add_months(cal.local_date(ends), rules.proof_months))


def _end_of_working_days(cal: WorkingCalendar, moment: datetime, n: int | None) -> datetime | None:
    return None if n is None else cal.end_of_day(cal.add_working_days(cal.local_date(moment), n))


def _end_of_days(cal: WorkingCalendar, moment: datetime, n: int | None) -> datetime | None:
    return None if n is None else cal.end_of_day(cal.local_date(moment) + timedelta(days=n))


def _far_enough(rules: SchemeRules, cal: WorkingCalendar, now: datetime, start: datetime) -> bool:
    """Whether the start is as far away as a free cancellation asks: in working days (F-24), in days (S-08)."""
    today, first = cal.local_date(now), cal.local_date(start)
    if rules.cancel_free_wd is not None and cal.add_working_days(today, rules.cancel_free_wd) > first:
        return False
    return rules.cancel_free_days is None or today + timedelta(days=rules.cancel_free_days) <= first
