"""What schemes ask of providers: answers to their applications, subcontracting, quality, grades."""

from datetime import date, datetime

from funding.schemes.deadlines import add_months
from funding.schemes.rules import SchemeRules
from ila.core.calendars import WorkingCalendar
from ila.core.errors import DomainError


def admissibility_due(rules: SchemeRules, cal: WorkingCalendar, applied_at: datetime) -> datetime | None:
    """Until when a provider is told whether its application is complete (F-34)."""
    if rules.listing_admissibility_wd is None:
        return None
    day = cal.add_working_days(cal.local_date(applied_at), rules.listing_admissibility_wd)
    return cal.end_of_day(day)


def listing_due(rules: SchemeRules, cal: WorkingCalendar, applied_at: datetime) -> datetime | None:
    """Until when a provider's application is decided (F-34)."""
    if rules.listing_decision_months is None:
        return None
    return cal.end_of_day(add_months(cal.local_date(applied_at), rules.listing_decision_months))


def check_subcontracting(
    rules: SchemeRules, *, turnover_cents: int, subcontracted_cents: int, delisted: bool, cascade: bool
) -> None:
    """Raise DomainError `not_allowed` for subcontracting that the scheme forbids (F-35).

    turnover_cents: of the year. delisted: the subcontractor was; cascade: it passes the work on.
    """
    most = rules.subcontract_max_percent
    if most is None:
        return
    if delisted or cascade:
        raise DomainError("not_allowed", rule="F-35", reason="delisted" if delisted else "cascade")
    if subcontracted_cents * 100 > turnover_cents * most:
        raise DomainError("not_allowed", rule="F-35", reason="share", most_percent=most)


def renewal_ok(rules: SchemeRules, *, attendance_percent: int, survey_percent: int) -> bool:
    """Whether a course may be renewed: enough attended, and enough answered the survey (S-16)."""
    return attendance_percent >= (rules.renewal_min_attendance_percent or 0) and survey_percent >= (
        rules.renewal_min_survey_percent or 0
    )


def low_rated_until(rules: SchemeRules, since: date) -> date | None:
    """The last day of the suspension of a course among the lowest rated (S-16)."""
    months = rules.low_rated_suspension_months
    return None if months is None else add_months(since, months)


def survey_days(rules: SchemeRules, last_day: date) -> tuple[date, ...]:
    """When learners are asked: about the quality on the last day, about the outcome months later (S-15)."""
    months = rules.outcome_survey_months
    return () if months is None else (last_day, add_months(last_day, months))


def is_deregistered(rules: SchemeRules, grade: int) -> bool:
    """Whether a provider of that grade is deregistered: 1 is the best (S-17)."""
    return rules.deregistered_grade is not None and grade >= rules.deregistered_grade


def may_apply_again(rules: SchemeRules, deregistered_on: date) -> date | None:
    """The first day on which a deregistered provider may apply again (S-17); None: it never has to wait."""
    months = rules.reapply_months
    return None if months is None else add_months(deregistered_on, months)
