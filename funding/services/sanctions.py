"""Closing an account to new bookings for a time: a person's decision, for a rule's reason and within its limits."""

from datetime import date, timedelta

from django.db import transaction

from accounts.models import User
from accounts.services import messages
from funding import permissions
from funding.models import Claim, ClaimState, LearningAccount, Suspension, SuspensionEnd, version_on
from funding.schemes.deadlines import add_months
from funding.schemes.rules import SchemeRules
from funding.services.bookings.context import read_booking, today
from funding.services.bookings.money import call_back_claims
from ila.core import locks
from ila.core.errors import DomainError

OPEN_CLAIMS = (ClaimState.DRAFT, ClaimState.SUBMITTED, ClaimState.APPROVED)


@transaction.atomic
def suspend_account(
    *, actor: User, account_id: int, rule: str, last_day: date, reason: str, at_fault: bool = True
) -> Suspension:
    """Close an account to new bookings until a day, that day included; what is booked already goes on.

    rule: F-25 (no-show: between the scheme's shortest and longest suspension), N-09 (breach: only of who is at
    fault, at most the scheme's months) or S-10 (false information: the learner's claims that have not left for
    the bank are rejected too). Locks: the account, then bookings' claims. The learner is told.
    Raises: DomainError `not_allowed` for who may not decide, a rule the scheme does not have, or a length
    outside its limits; `incomplete` without a reason.
    """
    if not permissions.may_suspend(None, actor):
        raise DomainError("not_allowed", status=403, what="suspend_account")
    if not reason.strip():
        raise DomainError("incomplete", rule=rule, what="reason")
    (account,) = locks.acquire(locks.lock(LearningAccount, account_id))
    if not permissions.may_suspend(account, actor):
        raise DomainError("not_found", status=404, kind="learningaccount")
    first_day = today(account.scheme)
    _check_length(version_on(account.scheme, first_day).parsed, rule, first_day, last_day, at_fault=at_fault)
    suspension = Suspension.objects.create(
        account=account, rule=rule, reason=reason, first_day=first_day, last_day=last_day, decided_by=actor
    )
    if account.suspended_until is None or account.suspended_until < last_day:
        account.suspended_until = last_day
        account.save(update_fields=["suspended_until"])
    if rule == "S-10":
        _reject_claims(account, actor=actor)
    messages.queue(recipient=account.citizen.user, template="account_suspended", until=last_day.isoformat())
    return suspension


@transaction.atomic
def end_suspension(*, actor: User, account_id: int, reason: str) -> LearningAccount:
    """Open an account to new bookings again before its suspension is over. The learner is told.

    Locks: the account. Raises: DomainError `not_allowed` for who may not decide, or an account that is open;
    `incomplete` without a reason; `not_found` (404).
    """
    if not permissions.may_suspend(None, actor):
        raise DomainError("not_allowed", status=403, what="end_suspension")
    if not reason.strip():
        raise DomainError("incomplete", what="reason")
    account: LearningAccount
    (account,) = locks.acquire(locks.lock(LearningAccount, account_id))
    if not permissions.may_suspend(account, actor):
        raise DomainError("not_found", status=404, kind="learningaccount")
    until = account.suspended_until
    if until is None or until < today(account.scheme):
        raise DomainError("not_allowed", reason="not_suspended", account=account.pk)
    SuspensionEnd.objects.create(account=account, would_have_ended=until, reason=reason, ended_by=actor)
    account.suspended_until = None
    account.save(update_fields=["suspended_until"])
    messages.queue(recipient=account.citizen.user, template="account_reopened", scheme=account.scheme.name)
    return account


def limits_of(account: LearningAccount) -> dict[str, tuple[date, date]]:
    """By rule, the earliest and the latest last day of a suspension decided today; only rules the scheme has."""
    first_day = today(account.scheme)
    return _limits(version_on(account.scheme, first_day).parsed, first_day)


def _limits(rules: SchemeRules, first: date) -> dict[str, tuple[date, date]]:
    every = {
        "F-25": _no_show_limits(rules, first),
        "N-09": _breach_limits(rules, first),
        "S-10": (first, date.max) if rules.suspended_for_false_information else None,
    }
    return {rule: limits for rule, limits in every.items() if limits is not None}


def _check_length(rules: SchemeRules, rule: str, first: date, last: date, *, at_fault: bool) -> None:
    limits = _limits(rules, first).get(rule)
    if limits is None or not at_fault:
        raise DomainError("not_allowed", rule=rule, reason="no_fault" if limits else "no_such_sanction")
    if not limits[0] <= last <= limits[1]:
        raise DomainError("not_allowed", rule=rule, reason="length", until=last.isoformat())


def _no_show_limits(rules: SchemeRules, first: date) -> tuple[date, date] | None:
    least, most = rules.no_show_suspension_min_days, rules.no_show_suspension_max_days
    if least is None or most is None:
        return None
    return first + timedelta(days=least), first + timedelta(days=most)


def _breach_limits(rules: SchemeRules, first: date) -> tuple[date, date] | None:
    return (
        None if rules.exclusion_max_months is None else (first, add_months(first, rules.exclusion_max_months))
    )


def _reject_claims(account: LearningAccount, *, actor: User) -> None:
    """S-10: the other claims fall away; what they were for is held again, and a person decides what is repaid."""
    bookings = Claim.objects.filter(booking__account=account, state__in=OPEN_CLAIMS)
    for booking_id in sorted(set(bookings.values_list("booking_id", flat=True))):
        call_back_claims(read_booking(booking_id), actor=actor, reason="false information (S-10)")
