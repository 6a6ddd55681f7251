"""Running the checks on one snapshot of the database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from funding.audit import accreditation, bookings, grants, guards, journal, machines, payments
from funding.audit.chain import chain_check
from funding.audit.checks import Check, Count
from funding.audit.report import INVARIANTS, AuditReport, InvariantReport
from funding.services import seals

GROUPS = (
    guards.GROUP,
    journal.GROUP,
    bookings.GROUP,
    grants.GROUP,
    payments.GROUP,
    accreditation.GROUP,
    machines.GROUP,
)

# Room for the sums of a million entries, and no time limit: a report is not a request.
_SETTINGS = {"work_mem": "128MB", "jit": "off", "statement_timeout": "0"}

Progress = Callable[[str, int, int], None]
"""Called with what is being checked, how much of it is done, and how much there is."""


def run(
    *,
    only: set[int] | None = None,
    anchors: dict[int, str] | None = None,
    progress: Progress | None = None,
) -> AuditReport:
    """Check the invariants of HOUSE and name the rows at fault; nothing is changed, nothing is locked.

    only: numbers of invariants (all). anchors: chain hashes kept elsewhere, by seal number.
    Outside a transaction it reads one snapshot (repeatable read); inside the caller's it sees what the caller
    has written and not committed, each check at one moment.
    Raises: ValueError for an invariant that there is not.
    """
    wanted = set(INVARIANTS) if only is None else set(only)
    if unknown := wanted - set(INVARIANTS):
        raise ValueError(f"no invariant {', '.join(map(str, sorted(unknown)))}")
    tell = progress or (lambda _name, _done, _total: None)
    with _snapshot(), connection.cursor() as cursor:
        verification = seals.Verification.start(anchors=anchors)
        checks: list[Check] = [check for group in GROUPS for check in group.checks]
        checks.append(chain_check(verification, lambda done, total: tell("seals", done, total)))
        checks = [check for check in checks if check.invariants & wanted]
        reports = {number: InvariantReport(number, INVARIANTS[number]) for number in sorted(wanted)}
        for place, check in enumerate(checks):
            tell(check.name, place, len(checks))
            _run(check, cursor, reports)
        for count in (count for group in GROUPS for count in group.counts):
            if count.invariant in wanted:
                reports[count.invariant].checked += count.run(cursor)
        _count_rest(cursor, reports, verification)
    return AuditReport(list(reports.values()))


def _run(check: Check, cursor: Any, reports: dict[int, InvariantReport]) -> None:
    totals: dict[str, tuple[int, int, int]] = {}
    for invariant, finding, total in check.run(cursor):
        if invariant not in reports:
            continue
        reports[invariant].findings.append(finding)
        named = totals.get(finding.code, (invariant, total, 0))[2] + 1
        totals[finding.code] = (invariant, total, named)
    for invariant, total, named in totals.values():
        reports[invariant].left_out += max(0, total - named)


def _count_rest(cursor: Any, reports: dict[int, InvariantReport], verification: seals.Verification) -> None:
    if 2 in reports:
        reports[2].checked = Count(2, "SELECT count(*) FROM funding_posting").run(cursor)
    if 11 in reports:
        reports[11].checked = verification.entries
        reports[11].notes = {"seals": verification.seals, "unsealed": seals.count_unsealed()}


@contextmanager
def _snapshot() -> Iterator[None]:
    own = not connection.in_atomic_block
    with transaction.atomic():
        with connection.cursor() as cursor:
            if own:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            before = {}
            for name, value in _SETTINGS.items():
                cursor.execute("SELECT current_setting(%s), set_config(%s, %s, true)", [name, name, value])
                before[name] = cursor.fetchone()[0]
        yield
        if not own:
            with connection.cursor() as cursor:
                for name, value in before.items():
                    cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
