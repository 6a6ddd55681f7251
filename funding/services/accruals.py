"""The yearly credit of rights (F-01 to F-04; flat or once in other schemes), for one or a whole population alike.

The rules are those of funding/schemes/accrual.py, reckoned by `ledger_accrue` in the database for a chunk
of accounts at a time: one transaction and one journal entry each. A learner's lot carries the years it
was credited, so a call that was killed, or is made again, goes on with whoever is left.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import IntegrityError, OperationalError, connection, transaction

from accounts.models import User
from funding import permissions
from funding.models import Budget, LearningAccount, Scheme, version_on
from funding.schemes.deadlines import add_months
from funding.schemes.rules import SchemeRules
from funding.schemes.vocabulary import STATUSES
from funding.services import ledger
from ila.core import clock
from ila.core.errors import DomainError

CHUNK = 10_000
"""Accounts in a transaction: a booking waits for about a tenth of a second at most."""

SMALLER = 10
"""A chunk that met a lock is tried again in so many parts: one account never delays the others for long."""

PATIENCE_S = 60.0
PAUSE_S = 0.05

RANGES = f"""
SELECT min(id), max(id), count(*)
  FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / %s AS part
          FROM {LearningAccount._meta.db_table} WHERE scheme_id = %s) AS numbered
 GROUP BY part ORDER BY part
"""
ACCRUE = "SELECT credited, cents FROM ledger_accrue(%s, %s::smallint, %s, %s, %s, %s, %s, %s, %s::jsonb)"

# What another transaction at the same accounts causes; the chunk is undone and done again.
LOCK_NOT_AVAILABLE, DEADLOCK = "55P03", "40P01"
RACES = {"lot_one_per_source_and_expiry", "journalentry_key_once"}


@dataclass(frozen=True, slots=True)
class AccrualResult:
    """What one call did: learners credited, learners left as they were, cents credited together."""

    credited: int
    skipped: int
    cents: int


@dataclass(frozen=True, slots=True)
class AccrualProgress:
    """How far a call has come: accounts looked at, of how many, and what they received."""

    done: int
    total: int
    credited: int
    cents: int


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A range of account ids (both included), with how many of the scheme's accounts are in it."""

    first: int
    last: int
    accounts: int

    def parts(self) -> list["_Chunk"]:
        """The same range in smaller pieces; a single account is its own piece."""
        width = max(1, (self.last - self.first + 1) // SMALLER)
        starts = range(self.first, self.last + 1, width)
        pieces = [(start, min(start + width - 1, self.last)) for start in starts]
        counts = [self.accounts // len(pieces)] * len(pieces)
        counts[-1] += self.accounts - sum(counts)
        return [_Chunk(first, last, count) for (first, last), count in zip(pieces, counts, strict=True)]


@dataclass(frozen=True, slots=True)
class _Year:
    """What every chunk of a call has in common."""

    scheme: Scheme
    year: int
    budget: Budget
    actor: User
    at: datetime
    expires_on: date | None
    rules: str


def accrue_year(
    *,
    scheme: Scheme,
    year: int,
    actor: User,
    budget: Budget,
    progress: Callable[[AccrualProgress], None] | None = None,
    workers: int = 1,
    chunk: int = CHUNK,
) -> AccrualResult:
    """Credit every learner of the scheme with a year's rights out of a budget, once however often called.

    A year that brings nothing, because of the cap, counts as credited too. Who has none of the scheme's
    statuses is passed over and looked at again by the next call, as are learners who join later. The rules
    are those of the year's last day. workers: connections that work side by side (one inside a transaction).
    Locks: per chunk, in a transaction of its own, the lots, then the budget; it gives way to whoever books.
    Raises: DomainError `budget_exhausted` (the chunk is undone, earlier ones stay), `not_allowed`,
    `not_bookable` when the scheme has no rules for the year, `busy` when another transaction keeps a
    learner's lot locked for a minute.
    """
    if not permissions.acts_for_funder(scheme, actor):
        raise DomainError("not_allowed", status=403)
    if budget.scheme_id != scheme.pk or budget.currency != scheme.currency:
        raise ValueError(f"{budget} is no budget of {scheme}")
    rules = version_on(scheme, date(year, 12, 31)).parsed
    chunks = _chunks(scheme, chunk)
    total = sum(one.accounts for one in chunks)
    if rules.accrual == "none" or not total:
        return AccrualResult(0, total, 0)
    now = clock.now()
    today = now.astimezone(ZoneInfo(scheme.timezone)).date()
    # A year that has not begun yet is credited as on its first day.
    as_of = max(today, date(year, 1, 1))
    work = _Year(
        scheme, year, budget, actor, now, _last_day(rules, today), json.dumps(_parameters(rules, as_of))
    )
    run = _Run(work, chunks, total, progress)
    run.go(1 if connection.in_atomic_block else max(1, workers))
    return AccrualResult(run.credited, total - run.credited, run.cents)


class _Run:
    """One call at work: the chunks left to do, and the sums so far, shared by its workers."""

    def __init__(
        self,
        work: _Year,
        chunks: list[_Chunk],
        total: int,
        progress: Callable[[AccrualProgress], None] | None,
    ) -> None:
        self.credited = self.cents = 0
        self._work, self._progress = work, progress
        self._waiting, self._total, self._done = deque(chunks), total, 0
        self._moved_at = time.monotonic()
        self._failure: BaseException | None = None
        self._lock = threading.Lock()

    def go(self, workers: int) -> None:
        """Do all chunks. Raises: what the first chunk to fail raised."""
        if workers == 1:
            self._work_through()
        else:
            threads = [threading.Thread(target=self._work_apart, daemon=True) for _ in range(workers)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        if self._failure is not None:
            raise self._failure

    def _work_apart(self) -> None:
        try:
            self._work_through()
        finally:
            connection.close()

    def _work_through(self) -> None:
        while (chunk := self._next()) is not None:
            try:
                found = _credit(self._work, chunk)
            except BaseException as error:  # noqa: BLE001 - handed to the caller by `go`
                self._fail(error)
            else:
                self._note(chunk, found)

    def _next(self) -> _Chunk | None:
        """The next chunk; None when there is nothing left that this worker could do."""
        with self._lock:
            if self._failure is not None or not self._waiting:
                return None
            return self._waiting.popleft()

    def _note(self, chunk: _Chunk, found: tuple[int, int] | None) -> None:
        with self._lock:
            if found is None:
                self._put_back(chunk)
            else:
                self.credited += found[0]
                self.cents += found[1]
                self._done += chunk.accounts
                self._moved_at = time.monotonic()
            report = AccrualProgress(self._done, self._total, self.credited, self.cents)
            if found is not None and self._progress is not None:
                self._progress(report)
        if found is None:
            time.sleep(PAUSE_S)

    def _put_back(self, chunk: _Chunk) -> None:
        if time.monotonic() - self._moved_at > PATIENCE_S:
            self._failure = DomainError("busy", accounts=f"{chunk.first}-{chunk.last}")
        self._waiting.extend(chunk.parts())

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            self._failure = self._failure or error


def _credit(work: _Year, chunk: _Chunk) -> tuple[int, int] | None:
    """Credit one chunk: (learners, cents); None when another transaction was at work on it."""
    params: list[Any] = [
        work.scheme.pk,
        work.year,
        chunk.first,
        chunk.last,
        work.budget.pk,
        work.actor.pk,
        work.at,
        work.expires_on,
        work.rules,
    ]
    try:
        with ledger.refusals_named(), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(ACCRUE, params)
            credited, cents = cursor.fetchone()
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) in {LOCK_NOT_AVAILABLE, DEADLOCK}:
            return None
        raise
    except IntegrityError as error:
        if getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) in RACES:
            return None
        raise
    return int(credited), int(cents)


def _chunks(scheme: Scheme, size: int) -> list[_Chunk]:
    with connection.cursor() as cursor:
        cursor.execute(RANGES, [size, scheme.pk])
        return [_Chunk(*row) for row in cursor.fetchall()]


def _parameters(rules: SchemeRules, as_of: date) -> dict[str, object]:
    """The rules as `ledger_accrue` names them. A credit that asks for no hours is given whole for none."""
    by_hours = rules.accrual == "yearly_by_hours"
    return {
        "statuses": list(rules.accrual_statuses) or ([] if by_hours else list(STATUSES)),
        "credit_cents": rules.yearly_credit_cents or 0,
        "cap_cents": rules.cap_cents,
        "low_credit_cents": rules.yearly_credit_low_qualified_cents,
        "low_cap_cents": rules.cap_low_qualified_cents,
        "low_below_level": rules.low_qualified_below_level,
        "low_if_disabled": rules.low_qualified_if_disabled,
        "cap_sources": list(rules.cap_sources),
        "full_year_hours": (rules.full_year_hours or 0) if by_hours else 1,
        "full_credit_percent": rules.full_credit_percent if by_hours else 0,
        "citizens_of": rules.country if rules.citizens_only else None,
        "residents_of": rules.country if rules.residents_only else None,
        "lifetime_cents": rules.lifetime_credit_cents,
        "once": rules.accrual == "once",
        "wait_years": rules.wait_years_when_used,
        "zone": rules.timezone,
        "as_of": as_of.isoformat(),
    }


def _last_day(rules: SchemeRules, today: date) -> date | None:
    """The last day of a credit given today."""
    return None if rules.validity_months is None else add_months(today, rules.validity_months)
