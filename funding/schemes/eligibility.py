"""Who may book what, whatever money there is: facts about the learner, and about the training.

What is not known does not count as fulfilled: a condition that asks for a fact refuses without it.
"""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from funding.schemes.deadlines import add_months
from funding.schemes.facts import CredentialFacts, LearnerFacts
from funding.schemes.rules import SchemeRules
from ila.core.errors import DomainError

SUNDAY = 6


def check_bookable(rules: SchemeRules, learner: LearnerFacts, credential: CredentialFacts) -> None:
    """Refuse what this learner can never book under these rules.

    Raises: DomainError `not_bookable` for a kind the scheme does not pay (F-17) or hours outside its limits;
    `not_eligible` for a light licence asked by the holder of a licence of the light group (F-15).
    """
    if credential.kind not in rules.bookable_kinds:
        raise DomainError("not_bookable", rule="F-17", kind=credential.kind)
    _check_hours(rules, credential)
    if credential.kind == "light_licence":
        held = {licence.strip().upper() for licence in learner.driving_licences}
        if refused := sorted(held.intersection(rules.light_licence_refused_holding)):
            raise DomainError("not_eligible", rule="F-15", held=",".join(refused))


def check_eligible(rules: SchemeRules, learner: LearnerFacts, on: date) -> None:
    """Refuse a learner who does not fulfil the scheme's conditions on that day.

    Raises: DomainError `not_eligible`: age, insurance or student finance (N-02), citizenship (S-01),
    residence, income.
    """
    _check_age(rules, learner, on)
    least = rules.min_insured_months
    if least is not None and (learner.insured_months is None or learner.insured_months < least):
        raise _not_eligible("N-02", "insured_months", least=least)
    if rules.student_finance_excludes and learner.student_finance:
        raise _not_eligible("N-02", "student_finance")
    if rules.citizens_only and learner.citizen != rules.country:
        raise _not_eligible("S-01", "citizens_only", country=rules.country)
    if rules.residents_only and learner.residence != rules.country:
        raise _not_eligible(None, "residents_only", country=rules.country)
    limit = rules.income_limit_cents
    if limit is not None and (learner.income_cents is None or learner.income_cents > limit):
        raise _not_eligible(None, "income", limit_cents=limit)


def check_once(rules: SchemeRules, granted_years: Collection[int], year: int) -> None:
    """Refuse who was granted before, where a person is granted once a year or once ever (N-01).

    granted_years: of the earlier acceptances that count. year: of the application, where the scheme is.

    Raises: DomainError `already_granted`.
    """
    if rules.once is not None and granted_years and (rules.once == "ever" or year in granted_years):
        raise DomainError("already_granted", rule="N-01", once=rules.once, year=year)


def check_day_plan(
    rules: SchemeRules, credential: CredentialFacts, first: date | None, last: date | None
) -> None:
    """Refuse a session whose days cannot hold its hours: so many on one day at most, none on Sundays.

    first, last: the session's local days. A session that begins or ends on a Sunday is taught on it.

    Raises: DomainError `not_bookable`.
    """
    if first is None:
        return
    if rules.no_sundays and SUNDAY in {first.weekday(), (last or first).weekday()}:
        raise DomainError("not_bookable", reason="sunday")
    if rules.max_hours_per_day is None or credential.hours is None or last is None:
        return
    days = sum(
        not (rules.no_sundays and (first + timedelta(days=offset)).weekday() == SUNDAY)
        for offset in range((last - first).days + 1)
    )
    if credential.hours > days * rules.max_hours_per_day:
        raise DomainError("not_bookable", reason="hours_per_day", hours=str(credential.hours), days=days)


def pension_age_months(rules: SchemeRules, year: int) -> int | None:
    """The pension age of that year in months: of the nearest year that the rules name; None: there is none (N-02)."""
    if not rules.max_age_months:
        return None
    earlier = [named for named in rules.max_age_months if named <= year]
    return rules.max_age_months[max(earlier) if earlier else min(rules.max_age_months)]


def _check_age(rules: SchemeRules, learner: LearnerFacts, on: date) -> None:
    """From the birthday on that makes the youngest age; until the day before pension age is reached (N-02)."""
    pension = pension_age_months(rules, on.year)
    if rules.min_age_years is None and pension is None:
        return
    if learner.birth_date is None:
        raise _not_eligible("N-02", "age_unknown")
    if rules.min_age_years is not None and on < add_months(learner.birth_date, 12 * rules.min_age_years):
        raise _not_eligible("N-02", "too_young", least_years=rules.min_age_years)
    if pension is not None and on >= add_months(learner.birth_date, pension):
        raise _not_eligible("N-02", "pension_age", months=pension)


def _check_hours(rules: SchemeRules, credential: CredentialFacts) -> None:
    least, most = rules.min_hours, rules.max_hours
    if least is None and most is None and rules.public_cents_per_hour is None:
        return
    if credential.hours is None:
        raise DomainError("not_bookable", reason="hours_missing")
    if least is not None and credential.hours < least:
        raise DomainError("not_bookable", reason="too_few_hours", hours=str(credential.hours), least=least)
    if most is not None and credential.hours > most:
        raise DomainError("not_bookable", reason="too_many_hours", hours=str(credential.hours), most=most)


def _not_eligible(rule: str | None, reason: str, **values: Any) -> DomainError:
    return DomainError("not_eligible", rule=rule, reason=reason, **values)
