"""Running the checks on one snapshot of the database."""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from funding.audit import (
    accreditation,
    balances,
    bookings,
    cards,
    further,
    grants,
    guards,
    journal,
    machines,
    own_transfers,
    payments,
    top_ups,
)
from funding.audit.chain import chain_check
from funding.audit.checks import Check, Count, PythonCheck
from funding.audit.report import INVARIANTS, AuditReport, Finding, InvariantReport
from funding.models import Posting
from funding.services import seals

GROUPS = (
    guards.GROUP,
    journal.GROUP,
    balances.GROUP,
    bookings.GROUP,
    grants.GROUP,
    payments.GROUP,
    top_ups.GROUP,
    cards.GROUP,
    own_transfers.GROUP,
    accreditation.GROUP,
    machines.GROUP,
)

# Room for the sums of a million entries, and no time limit: a report is not a request.
_SETTINGS = {"work_mem": "128MB", "jit": "off", "statement_timeout": "0"}
# From so many postings on, a second connection takes a share of the checks, on the same snapshot.
SHARED_FROM = 200_000

Progress = Callable[[str, int, int], None]
"""Called with what is being checked, how much of it is done, and how much there is."""

_Found = list[list[tuple[int, Finding, int]]]


def run(
    *,
    only: set[int] | None = None,
    anchors: dict[int, str] | None = None,
    progress: Progress | None = None,
    beyond_the_books: bool = True,
) -> AuditReport:
    """Check the invariants of HOUSE and name the rows at fault; nothing is changed, nothing is locked.

    only: numbers of invariants, or of rules that other apps add (all). anchors: chain hashes kept elsewhere, by seal
    number. beyond_the_books: check the other apps' rules too.
    Outside a transaction it reads one snapshot (repeatable read), large books over two connections; inside
    the caller's it sees what the caller has written and not committed, each check at one moment.
    Raises: ValueError for an invariant that there is not.
    """
    names = INVARIANTS | (further.rules() if beyond_the_books else {})
    wanted = set(names) if only is None else set(only)
    if unknown := wanted - set(names):
        raise ValueError(f"no invariant {', '.join(map(str, sorted(unknown)))}")
    tell = progress or (lambda _name, _done, _total: None)
    reports = {number: InvariantReport(number, names[number]) for number in sorted(wanted)}
    with _snapshot() as snapshot, connection.cursor() as cursor:
        verification = seals.Verification.start(anchors=anchors)
        checks: list[Check] = [chain_check(verification, lambda done, total: tell("seals", done, total))]
        groups = [*GROUPS, *(further.groups() if beyond_the_books else [])]
        checks += [check for group in groups for check in group.checks]
        counts = [count for group in groups for count in group.counts]
        for found in _look([each for each in checks if each.invariants & wanted], snapshot, tell):
            _note(found, reports)
        for count in counts:
            if count.invariant in wanted:
                reports[count.invariant].checked += count.run(cursor)
        _count_rest(cursor, reports, verification)
    return AuditReport(
        [each for each in reports.values() if each.id in INVARIANTS],
        [each for each in reports.values() if each.id not in INVARIANTS],
    )


def _look(checks: list[Check], snapshot: str | None, tell: Progress) -> _Found:
    """Run the checks; with a snapshot to share, a second connection takes from the same queue."""
    waiting = deque(checks)
    if snapshot is None:
        return _take(waiting, len(checks), tell)
    with ThreadPoolExecutor(max_workers=1) as pool:
        # Chains are read through models, on this thread's connection.
        chain: deque[Check] = deque(
            each for each in waiting if isinstance(each, PythonCheck) and each.by_models
        )
        for each in chain:
            waiting.remove(each)
        helper = pool.submit(_help, waiting, len(checks), tell, snapshot)
        found = _take(chain, len(checks), tell) + _take(waiting, len(checks), tell)
        return found + helper.result()


def _take(waiting: "deque[Check]", total: int, tell: Progress) -> _Found:
    found: _Found = []
    with connection.cursor() as cursor:
        while True:
            try:
                check = waiting.popleft()
            except IndexError:
                return found
            tell(check.name, total - len(waiting) - 1, total)
            found.append(list(check.run(cursor)))


def _help(waiting: "deque[Check]", total: int, tell: Progress, snapshot: str) -> _Found:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET TRANSACTION SNAPSHOT %s", [snapshot])
            _set(cursor)
            return _take(waiting, total, tell)
    finally:
        connection.close()


def _note(found: list[tuple[int, Finding, int]], reports: dict[int, InvariantReport]) -> None:
    named: Counter[tuple[int, str, int]] = Counter()
    for invariant, finding, total in found:
        if invariant in reports:
            reports[invariant].findings.append(finding)
            named[invariant, finding.code, total] += 1
    for (invariant, _code, total), count in named.items():
        reports[invariant].left_out += max(0, total - count)


def _count_rest(cursor: Any, reports: dict[int, InvariantReport], verification: seals.Verification) -> None:
    if 2 in reports:
        reports[2].checked = Count(2, "SELECT count(*) FROM funding_posting").run(cursor)
    if 11 in reports:
        reports[11].checked = verification.entries
        reports[11].notes = {"seals": verification.seals, "unsealed": seals.count_unsealed()}


@contextmanager
def _snapshot() -> Iterator[str | None]:
    """One moment of the database; yields a name by which a second connection may see the same, if that pays."""
    own = not connection.in_atomic_block
    with transaction.atomic():
        shared = None
        with connection.cursor() as cursor:
            if own:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            before = _set(cursor)
            if own and _is_large(cursor):
                cursor.execute("SELECT pg_export_snapshot()")
                (shared,) = cursor.fetchone()
        yield shared
        if not own:
            with connection.cursor() as cursor:
                for name, value in before.items():
                    cursor.execute("SELECT set_config(%s, %s, true)", [name, value])


def _set(cursor: Any) -> dict[str, str]:
    before: dict[str, str] = {}
    for name, value in _SETTINGS.items():
        cursor.execute("SELECT current_setting(%s), set_config(%s, %s, true)", [name, name, value])
        before[name] = cursor.fetchone()[0]
    return before


def _is_large(cursor: Any) -> bool:
    cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [Posting._meta.db_table])
    return bool(cursor.fetchone()[0] >= SHARED_FROM)
