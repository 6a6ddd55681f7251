"""Credits that come with an age: by themselves on the day, or with the year they belong to (S-01 to S-03).

Each learner receives each credit once: a row of its own says so, written with the money. What an absorbing
credit finds of its source with an expiry is merged into it and no longer expires (S-03); so is what comes back
from a booking later.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import User
from funding import permissions
from funding.models import AgeCreditGiven, Bucket, Budget, LearningAccount, Lot, Scheme, fund_of, version_on
from funding.schemes import ages
from funding.schemes.parameters import AgeCredit
from funding.schemes.rules import SchemeRules
from funding.services import ledger
from funding.services.bookings.context import calendar_of
from funding.services.ledger import Line
from ila.core import clock, locks
from ila.core.errors import DomainError

CHUNK = 1000
"""Accounts in a transaction: a few thousand postings, and locks for some milliseconds."""


@dataclass(frozen=True, slots=True)
class AgeCreditResult:
    """What one call did: credits given, cents of them together, and lots that were merged."""

    credited: int = 0
    cents: int = 0
    merged: int = 0


@dataclass(frozen=True, slots=True)
class _Due:
    account: LearningAccount
    credit: AgeCredit
    on: date


def credit_ages(
    *, scheme: Scheme, after: date, until: date, actor: User, budget: Budget, newcomers: bool = False
) -> AgeCreditResult:
    """Give every learner of the scheme the credits that were due after one day and until another, each once.

    Nothing is given before its day, nor what has expired already. newcomers: also to accounts opened since
    the day on which the credit was due; by itself a credit comes only to who had an account by then.
    Works in chunks, each in its own transaction unless the caller has one; what was given is not given again.
    Locks: the learning accounts of a chunk, then the lots, then the budget.
    Raises: DomainError `budget_exhausted`, `not_allowed`; `not_bookable` where the scheme has no rules.
    """
    if not permissions.acts_for_funder(scheme, actor):
        raise DomainError("not_allowed", status=403)
    today = calendar_of(scheme).local_date(clock.now())
    until = min(until, today)
    rules = version_on(scheme, today).parsed
    result = AgeCreditResult()
    for credit in rules.age_credits:
        if credit.expires is not None and credit.expires < today:
            continue
        for chunk in _chunks(scheme, rules, credit, after, until):
            given = _give(scheme, credit, chunk, after, until, newcomers, actor=actor, budget=budget)
            result = AgeCreditResult(result.credited + len(given), result.cents + credit.cents * len(given))
    return AgeCreditResult(result.credited, result.cents, merge_expiring(scheme=scheme, actor=actor))


def credit_year(*, scheme: Scheme, year: int, actor: User, budget: Budget) -> AgeCreditResult:
    """The age credits that belong to a year, as far as their days have come; each once. As `credit_ages`."""
    return credit_ages(
        scheme=scheme,
        after=date(year - 1, 12, 31),
        until=date(year, 12, 31),
        actor=actor,
        budget=budget,
        newcomers=True,
    )


def due_days(scheme: Scheme, *, after: date) -> list[date]:
    """The days after that one on which some learner of the scheme is due a credit, by the rules of that day."""
    try:
        rules = version_on(scheme, after).parsed
    except DomainError:
        return []
    found: set[date] = set()
    births = LearningAccount.objects.filter(scheme=scheme).values_list("citizen__birth_date", flat=True)
    for birth_date in set(births) if rules.age_credits else ():
        days = (ages.due_day(credit, birth_date) for credit in rules.age_credits)
        found |= {day for day in days if day is not None and day > after}
    return sorted(found)


def merge_expiring(*, scheme: Scheme, actor: User) -> int:
    """Merge what is left with an expiry into the source's credit that absorbs it (S-03). Returns the lots merged.

    Only for learners who were due that credit before the money's last day; what had expired by then is gone.
    Locks: the learning accounts of a chunk, then the lots.
    """
    today = calendar_of(scheme).local_date(clock.now())
    merged = 0
    for credit in version_on(scheme, today).parsed.age_credits:
        if not credit.absorbs_expiring:
            continue
        while chunk := list(_absorbable(scheme, credit)[:CHUNK]):
            merged += _merge(scheme, credit, chunk, actor=actor)
    return merged


def _chunks(
    scheme: Scheme, rules: SchemeRules, credit: AgeCredit, after: date, until: date
) -> Iterator[list[int]]:
    """Ids of accounts whose learners may be due, by their birth dates."""
    earliest, latest = ages.born_between(credit, after, until)
    accounts = LearningAccount.objects.filter(
        scheme=scheme, citizen__birth_date__gte=earliest, citizen__birth_date__lte=latest
    )
    if rules.citizens_only:
        accounts = accounts.filter(citizen__citizenship=rules.country)
    if rules.residents_only:
        accounts = accounts.filter(citizen__residence=rules.country)
    last = 0
    while ids := list(accounts.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        last = ids[-1]
        yield ids


@transaction.atomic
def _give(
    scheme: Scheme,
    credit: AgeCredit,
    ids: list[int],
    after: date,
    until: date,
    newcomers: bool,
    *,
    actor: User,
    budget: Budget,
) -> list[_Due]:
    locked = {each.pk: each for each in locks.acquire_set(LearningAccount.objects.filter(pk__in=ids))}
    given = set(
        AgeCreditGiven.objects.filter(account__in=ids, name=credit.name).values_list("account", flat=True)
    )
    calendar = calendar_of(scheme)
    due = []
    for account in LearningAccount.objects.filter(pk__in=set(locked) - given).select_related("citizen"):
        day = ages.due_day(credit, account.citizen.birth_date)
        if day is None or not after < day <= until:
            continue
        if newcomers or calendar.local_date(account.opened_at) <= day:
            due.append(_Due(locked[account.pk], credit, day))
    due.sort(key=lambda each: each.account.pk)
    if not due:
        return due
    lots = _lots_for([each.account for each in due], scheme, credit)
    lines = [Line(Bucket.BUDGET, "public", -credit.cents * len(due), budget_id=budget.pk)]
    lines += [Line(Bucket.AVAILABLE, "public", credit.cents, lot_id=lots[each.account.pk].pk) for each in due]
    ledger.post(
        scheme=scheme,
        kind="age_credit",
        key=f"age:{credit.name}:{due[0].account.pk}",
        actor=actor,
        lines=lines,
    )
    AgeCreditGiven.objects.bulk_create(
        AgeCreditGiven(account=each.account, name=credit.name, due_on=each.on, amount_cents=credit.cents)
        for each in due
    )
    return due


def _lots_for(accounts: list[LearningAccount], scheme: Scheme, credit: AgeCredit) -> dict[int, Lot]:
    """The lot of each account that the credit belongs to, opened where there is none."""
    same = {"source": credit.source, "expires_on": credit.expires, "earmark": ""}
    Lot.objects.bulk_create(
        [
            Lot(account=account, fund=fund_of(credit.source), currency=scheme.currency, **same)
            for account in accounts
        ],
        ignore_conflicts=True,
    )
    return {lot.account_id: lot for lot in Lot.objects.filter(account__in=accounts, **same)}


def _absorbable(scheme: Scheme, credit: AgeCredit) -> QuerySet[Lot]:
    received = AgeCreditGiven.objects.filter(
        account=OuterRef("account"), name=credit.name, due_on__lte=OuterRef("expires_on")
    )
    return Lot.objects.filter(
        Exists(received),
        account__scheme=scheme,
        source=credit.source,
        available_cents__gt=0,
        expires_on__isnull=False,
        earmark="",
    ).order_by("pk")


@transaction.atomic
def _merge(scheme: Scheme, credit: AgeCredit, chunk: list[Lot], *, actor: User) -> int:
    accounts = locks.acquire_set(LearningAccount.objects.filter(pk__in={lot.account_id for lot in chunk}))
    lots = list(_absorbable(scheme, credit).filter(pk__in=[lot.pk for lot in chunk]))
    into = _lots_for(accounts, scheme, credit)
    lines = [
        line
        for lot in lots
        for line in (
            Line(Bucket.AVAILABLE, lot.fund, -lot.available_cents, lot_id=lot.pk),
            Line(Bucket.AVAILABLE, lot.fund, lot.available_cents, lot_id=into[lot.account_id].pk),
        )
    ]
    if lines:
        number = AgeCreditGiven.objects.filter(name=credit.name).count()
        # A lot's own balance, read under the lock, lets this happen once: the key need only be new.
        key = f"merge:{credit.name}:{lots[0].pk}:{number}:{clock.now().isoformat()}"
        ledger.post(scheme=scheme, kind="merge_credit", key=key, actor=actor, lines=lines)
    return len(lots)
