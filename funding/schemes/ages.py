"""Credits that come with an age (S-01 to S-03): on which day each is due."""

from datetime import date

from funding.schemes.deadlines import add_months
from funding.schemes.parameters import AgeCredit


def birthday(birth_date: date, years: int) -> date:
    """The day on which somebody reaches an age; who was born on 29 February has it on the 28th in other years."""
    return add_months(birth_date, 12 * years)


def due_day(credit: AgeCredit, birth_date: date) -> date | None:
    """The day on which this person receives the credit; None: never.

    The birthday, or the credit's first day for whoever has reached the age by then (S-03: everybody of 40 or
    more on 1 May 2024); nobody after its last day.
    """
    due = birthday(birth_date, credit.years)
    if credit.first_day is not None:
        due = max(due, credit.first_day)
    return None if credit.last_day is not None and due > credit.last_day else due


def born_between(credit: AgeCredit, after: date, until: date) -> tuple[date, date]:
    """Who could be due in (after, until] was born between these days, both included: a first, wide choice."""
    latest = birthday_before(until, credit.years)
    if credit.first_day is not None and after < credit.first_day <= until:
        return date.min, latest
    return birthday_before(after, credit.years, wide=-1), latest


def birthday_before(day: date, years: int, *, wide: int = 1) -> date:
    """A birth date of somebody who reaches that age about that day, a day or two wide."""
    born = add_months(day, -12 * years)
    return date.fromordinal(max(1, born.toordinal() + 2 * wide))
