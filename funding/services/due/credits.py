"""Credits that come with the calendar: at an age, and with a new year where the scheme gives it flat."""

from collections.abc import Callable
from datetime import date, timedelta

import structlog

from accounts.models import User
from accounts.services import service_users
from funding.models import Scheme, version_on
from funding.schemes.rules import SchemeRules
from funding.services import accruals, age_credits
from funding.services.bookings.context import today
from funding.services.due.marks import BEGINNING, move_mark, read_marks
from funding.services.schemes import first_budget
from ila.core.calendars import calendar_for
from ila.core.errors import DomainError

log = structlog.get_logger(__name__)

AGES = "age_credits"
YEARS = "yearly_credit"
# Rights that come each year by hours worked wait for the year's hours: `manage.py accrue` brings them in.
BY_THEMSELVES = ("yearly", "once")

ONE_DAY = timedelta(days=1)


class CreditsFailed(RuntimeError):  # noqa: N818 - reads as what it is
    """Some schemes could not give what was due; all others have. The message names them and why."""


def credit_due(*, actor: User | None = None) -> dict[str, int]:
    """Give what learners are due by today in every scheme: credits at an age, and a new year's on 1 January.

    Each is given once, however often it is called; after a stop, what fell due meanwhile is given. Days are
    those of the scheme's time zone. Returns how many credits were given, by kind.
    Raises: CreditsFailed when a scheme could not, such as `budget_exhausted`; the others are done all the same.
    """
    actor = actor or service_users.get("clock")
    given = {AGES: 0, YEARS: 0}
    failed = []
    for scheme in Scheme.objects.order_by("pk"):
        for kind, give in ((AGES, _credit_ages), (YEARS, _credit_year)):
            try:
                given[kind] += give(scheme, actor)
            except DomainError as refusal:
                log.warning("credit_not_given", scheme=scheme.code, kind=kind, error=refusal.code)
                failed.append(f"{scheme.code} {kind}: {refusal.code}")
    if failed:
        raise CreditsFailed("; ".join(failed))
    return given


def _credit_ages(scheme: Scheme, actor: User) -> int:
    rules = _rules(scheme)
    if rules is None or not rules.age_credits:
        return 0

    def give(after: date, until: date) -> int:
        result = age_credits.credit_ages(
            scheme=scheme, after=after, until=until, actor=actor, budget=first_budget(scheme)
        )
        return result.credited

    return _since_mark(AGES, scheme, today(scheme), give)


def _credit_year(scheme: Scheme, actor: User) -> int:
    rules = _rules(scheme)
    if rules is None or rules.accrual not in BY_THEMSELVES:
        return 0
    year = today(scheme).year

    def give(_after: date, until: date) -> int:
        result = accruals.accrue_year(
            scheme=scheme, year=until.year, actor=actor, budget=first_budget(scheme)
        )
        return result.credited

    return _since_mark(YEARS, scheme, date(year, 1, 1), give)


def _since_mark(kind: str, scheme: Scheme, until: date, give: Callable[[date, date], int]) -> int:
    """What is due after the day of the mark and until another; the mark moves when all of it was given.

    The credits themselves are each given once: workers that meet here, or a killed one, do no harm.
    """
    calendar = calendar_for(scheme.country, scheme.timezone)
    mark = read_marks(scheme).get((kind, scheme.pk), BEGINNING)
    # The mark is the end of the last day that was dealt with.
    after = calendar.local_date(mark) - ONE_DAY
    if until <= after:
        return 0
    given = give(after, until)
    move_mark(kind, scheme.pk, calendar.end_of_day(until))
    return given


def _rules(scheme: Scheme) -> SchemeRules | None:
    try:
        return version_on(scheme, today(scheme)).parsed
    except DomainError:
        # Written down, not yet in force: nobody is due anything.
        return None
