"""Putting schemes into force, and the money that enters and leaves learning accounts outside of bookings."""

import uuid
from collections import defaultdict
from datetime import date
from itertools import zip_longest
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from funding.models import (
    Bucket,
    Budget,
    Fund,
    JournalEntry,
    LearningAccount,
    Lot,
    Scheme,
    Source,
    fund_of,
    version_on,
)
from funding.schemes.deadlines import add_months
from funding.schemes.presets import Preset, load_preset
from funding.services import ledger
from funding.services.ledger import Line
from ila.core import clock, locks
from ila.core.errors import DomainError
from ila.core.locks import lock

# Lots of one transaction when they expire: a few thousand postings, and locks for some milliseconds.
EXPIRY_CHUNK = 1000
# Money that never lies on an account: a window's grant stays in its budget, one's own money is the learner's.
NOT_CREDITED = (Source.GRANT, Source.LEARNER)


def load_preset_scheme(*, code: str, author: User, approver: User) -> Scheme:
    """Put a shipped scheme into force: the scheme and its dated rules; what is there already stays.

    Raises: LookupError for a code that does not ship; else as `put_into_force`.
    """
    return put_into_force(preset=load_preset(code), author=author, approver=approver)


def put_into_force(*, preset: Preset, author: User, approver: User) -> Scheme:
    """Put a scheme's dated rules into force under its code; what is there already stays.

    Raises: DomainError `scheme_differs` when a stored version has other rules than given; DomainError
    `invalid` when author and approver are one person.
    """
    if author.pk == approver.pk:
        raise DomainError("invalid", faults="rules are put into force by another person than their author")
    with transaction.atomic():
        scheme, _ = Scheme.objects.get_or_create(
            code=preset.code,
            defaults={
                "name": preset.name,
                "country": preset.country,
                "timezone": preset.timezone,
                "currency": preset.currency,
            },
        )
        # Two loaders at once: the second finds what the first has stored.
        locks.acquire_set(Scheme.objects.filter(pk=scheme.pk))
        stored = {version.valid_from: version for version in scheme.versions.all()}
        ends = [valid_from for valid_from, _ in preset.versions[1:]]
        for (valid_from, rules), until in zip_longest(preset.versions, ends):
            version = stored.get(valid_from)
            if version is None:
                scheme.versions.create(
                    valid_from=valid_from,
                    valid_until=until,
                    rules=rules.model_dump(mode="json"),
                    author=author,
                    approver=approver,
                )
                continue
            if version.parsed != rules:
                raise DomainError("scheme_differs", scheme=preset.code, valid_from=valid_from.isoformat())
            if version.valid_until is None and until is not None:
                version.valid_until = until
                version.save(update_fields=["valid_until"])
    return scheme


def appropriate(
    *, scheme: Scheme, budget_name: str, amount_cents: int, actor: User, idempotency_key: str
) -> Budget:
    """Appropriate public money to a scheme's budget, which is created when there is none of that name.

    Returns the budget with its new balance. A repeated key changes nothing.
    Raises: DomainError `invalid` for an amount that is not above 0; `idempotency_mismatch`.
    """
    _require_positive(amount_cents)
    with transaction.atomic():
        budget, _ = Budget.objects.get_or_create(
            scheme=scheme, name=budget_name, defaults={"currency": scheme.currency}
        )
        ledger.post(
            scheme=scheme,
            kind="appropriate",
            key=idempotency_key,
            actor=actor,
            lines=[
                Line(Bucket.APPROPRIATION, Fund.PUBLIC, -amount_cents, budget_id=budget.pk),
                Line(Bucket.BUDGET, Fund.PUBLIC, amount_cents, budget_id=budget.pk),
            ],
        )
    budget.refresh_from_db(fields=["available_cents"])
    return budget


def credit(
    *,
    account: LearningAccount,
    source: str,
    amount_cents: int,
    actor: User,
    idempotency_key: str,
    budget: Budget | None = None,
    expires_on: date | None = None,
    earmark: str = "",
) -> Lot:
    """Credit an account's lot of that source, created when there is none; public money comes out of a budget.

    expires_on: the last day of use; without it the scheme's validity counts from today: the same day that
    many months later, included (the month's last day where it has no such day). budget: the scheme's
    first one unless told; an employer's money comes from outside. Returns the lot with its new balances.
    A repeated key changes nothing, on a later day either.
    Locks: the learning account, then as `ledger.post`.
    Raises: DomainError `invalid` for an amount that is not above 0 or a source that no account holds;
    `budget_exhausted`; `idempotency_mismatch`; `not_bookable` where the scheme has no rules yet.
    """
    _require_positive(amount_cents)
    if source not in Source.values or source in NOT_CREDITED:
        raise DomainError("invalid", source=source)
    with transaction.atomic():
        (account,) = locks.acquire(lock(LearningAccount, account.pk))
        scheme = account.scheme
        earlier = _credited_before(account, source, amount_cents, idempotency_key, expires_on, earmark)
        if earlier is not None:
            return earlier
        lot = _lot(account, source, expires_on or _end_of_validity(scheme), earmark)
        if lot.fund == Fund.PUBLIC:
            source_line = Line(
                Bucket.BUDGET, lot.fund, -amount_cents, budget_id=(budget or first_budget(scheme)).pk
            )
        else:
            source_line = Line(Bucket.APPROPRIATION, lot.fund, -amount_cents)
        ledger.post(
            scheme=scheme,
            kind="credit",
            key=idempotency_key,
            actor=actor,
            lines=[source_line, Line(Bucket.AVAILABLE, lot.fund, amount_cents, lot_id=lot.pk)],
        )
    lot.refresh_from_db(fields=["available_cents", "held_cents", "spent_cents"])
    return lot


def expire_lots(*, on: date, actor: User, scheme: Scheme | None = None, since: date | None = None) -> int:
    """Take back what is still available on lots whose last day lies before `on`; returns how many lots.

    scheme: only lots of its accounts. since: only lots whose last day is not before it. What bookings hold
    stays held. Works in chunks, each in its own transaction unless the caller has one: killed half-way and
    started again, it ends in the same result.
    Locks: the learning accounts of a chunk, then their lots by id.
    """
    expired = after = 0
    while True:
        expirable = _expirable(on, scheme, since).filter(pk__gt=after).order_by("pk")
        chunk = list(expirable.values_list("pk", "account_id")[:EXPIRY_CHUNK])
        if not chunk:
            return expired
        after = chunk[-1][0]
        with transaction.atomic():
            locks.acquire_set(LearningAccount.objects.filter(pk__in={account for _, account in chunk}))
            lots = list(
                _expirable(on, scheme, since)
                .filter(pk__in=[pk for pk, _ in chunk])
                .select_related("account__scheme")
                .order_by("pk")
            )
            by_scheme: dict[Scheme, list[Lot]] = defaultdict(list)
            for lot in lots:
                by_scheme[lot.account.scheme].append(lot)
            for each, its_lots in by_scheme.items():
                _expire(each, its_lots, on=on, actor=actor)
        expired += len(lots)


def _expire(scheme: Scheme, lots: list[Lot], *, on: date, actor: User) -> None:
    lines = [
        line
        for lot in lots
        for line in ledger.transfer(
            Line(Bucket.AVAILABLE, lot.fund, lot.available_cents, lot_id=lot.pk),
            Bucket.AVAILABLE,
            Bucket.EXPIRED,
        )
    ]
    # The lots' own balances, read under their locks, let this happen once: the key need only be new,
    # because money that comes back to an expired lot expires again on the same day.
    key = f"expire:{on}:{uuid.uuid4()}"
    ledger.post(scheme=scheme, kind="expire", key=key, actor=actor, lines=lines)


def _expirable(on: date, scheme: Scheme | None, since: date | None) -> QuerySet[Lot]:
    # What is unspent of an employer's order is the employer's again: `top_ups.end_top_ups` returns it.
    lots = Lot.objects.filter(expires_on__lt=on, available_cents__gt=0, top_up__isnull=True)
    if since is not None:
        lots = lots.filter(expires_on__gte=since)
    return lots if scheme is None else lots.filter(account__scheme=scheme)


def _require_positive(amount_cents: int) -> None:
    if amount_cents <= 0:
        raise DomainError("invalid", amount_cents=amount_cents)


def _credited_before(
    account: LearningAccount, source: str, amount_cents: int, key: str, expires_on: date | None, earmark: str
) -> Lot | None:
    # Looked up before the lot is chosen: on a later day the validity would name another lot.
    entry = JournalEntry.objects.filter(scheme=account.scheme_id, idempotency_key=key).first()
    if entry is None:
        return None
    lots = Lot.objects.filter(
        postings__entry=entry,
        postings__bucket=Bucket.AVAILABLE,
        postings__amount_cents=amount_cents,
        account=account,
        source=source,
        earmark=earmark,
        top_up=None,
    )
    if expires_on is not None:
        lots = lots.filter(expires_on=expires_on)
    lot = lots.first() if entry.kind == "credit" else None
    if lot is None:
        raise DomainError("idempotency_mismatch", key=key)
    return lot


def _lot(account: LearningAccount, source: str, expires_on: date | None, earmark: str) -> Lot:
    which = {
        "account": account,
        "source": source,
        "expires_on": expires_on,
        "earmark": earmark,
        "top_up": None,
    }
    rest = {"fund": fund_of(source), "currency": account.scheme.currency}
    # The yearly accrual adds lots without the account's lock: whoever comes second uses the first one's.
    Lot.objects.bulk_create([Lot(**which, **rest)], ignore_conflicts=True)
    return Lot.objects.get(**which)


def _end_of_validity(scheme: Scheme) -> date | None:
    today = clock.now().astimezone(ZoneInfo(scheme.timezone)).date()
    months = version_on(scheme, today).parsed.validity_months
    return None if months is None else add_months(today, months)


def first_budget(scheme: Scheme) -> Budget:
    """The budget that public money of a scheme comes from unless told. Raises: DomainError `budget_exhausted`."""
    budget = scheme.budgets.order_by("pk").first()
    if budget is None:
        raise DomainError("budget_exhausted", scheme=scheme.code)
    return budget
