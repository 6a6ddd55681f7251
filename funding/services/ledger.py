"""Writing the journal. Every cent that moves goes through `post`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction

from accounts.models import User
from funding.models import Bucket, Fund, JournalEntry, Scheme
from ila.core import clock
from ila.core.errors import DomainError

POST = (
    "SELECT entry_id, created FROM ledger_post(%s, %s, %s, %s, %s, %s, %s, %s::text[], %s::text[], %s::bigint[],"
    " %s::bigint[], %s::bigint[], %s::bigint[])"
)

# What a refused balance means to the person who asked.
REFUSALS = {
    "lot_available_not_negative": "insufficient_rights",
    "budget_not_negative": "budget_exhausted",
    "journalentry_key_payload": "idempotency_mismatch",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One posting to write: a signed amount in cents. Zero amounts are left out by `post`."""

    bucket: Bucket
    fund: Fund | str
    amount_cents: int
    lot_id: int | None = None
    budget_id: int | None = None
    booking_id: int | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """The entry, and whether this call wrote it (False: the key was seen before, nothing changed)."""

    entry_id: int
    created: bool


def post(
    *,
    scheme: Scheme,
    kind: str,
    key: str,
    actor: User,
    lines: Sequence[Line],
    reverses_id: int | None = None,
    occurred_at: datetime | None = None,
) -> Posted:
    """Write one balanced entry and move the balances with it; once for a key, however often it is called.

    Locks: the lots, by id, then the budgets named in the lines.
    Raises: DomainError `insufficient_rights` or `budget_exhausted` when a balance would go below zero,
    `idempotency_mismatch` when the key stands for other postings.
    """
    sql, params = statement(
        scheme=scheme,
        kind=kind,
        key=key,
        actor=actor,
        lines=lines,
        reverses_id=reverses_id,
        occurred_at=occurred_at,
    )
    with refusals_named(), transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(sql, params)
        entry_id, created = cursor.fetchone()
    return Posted(entry_id, created)


def statement(
    *,
    scheme: Scheme,
    kind: str,
    key: str,
    actor: User,
    lines: Sequence[Line],
    reverses_id: int | None = None,
    occurred_at: datetime | None = None,
) -> tuple[str, list[Any]]:
    """The statement behind `post`, for walks that send all their writes at once (inside `refusals_named`)."""
    moved = [line for line in lines if line.amount_cents]
    return POST, [
        scheme.pk,
        kind,
        scheme.currency,
        key,
        actor.pk,
        occurred_at or clock.now(),
        reverses_id,
        [str(line.bucket) for line in moved],
        [str(line.fund) for line in moved],
        [line.amount_cents for line in moved],
        [line.lot_id for line in moved],
        [line.budget_id for line in moved],
        [line.booking_id for line in moved],
    ]


def transfer(line: Line, source: Bucket, target: Bucket) -> list[Line]:
    """Two lines that carry `line.amount_cents` from one bucket to another with the same dimensions."""
    dimensions = (line.lot_id, line.budget_id, line.booking_id)
    return [
        Line(source, line.fund, -line.amount_cents, *dimensions),
        Line(target, line.fund, line.amount_cents, *dimensions),
    ]


def reverse(*, entry: JournalEntry, actor: User, key: str | None = None) -> Posted:
    """Undo an entry by an entry of the opposite amounts. An entry is reversed at most once."""
    lines = [
        Line(Bucket(row.bucket), row.fund, -row.amount_cents, row.lot_id, row.budget_id, row.booking_id)
        for row in entry.postings.order_by("pk")
    ]
    return post(
        scheme=entry.scheme,
        kind=f"reverse_{entry.kind}"[:40],
        key=key or f"reverse:{entry.pk}",
        actor=actor,
        lines=lines,
        reverses_id=entry.pk,
    )


class refusals_named:  # noqa: N801 - reads as a statement: `with refusals_named():`
    """Turns the database's refusal of a balance into the DomainError a person understands."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, IntegrityError):
            return
        diagnosis = getattr(error.__cause__, "diag", None)
        code = REFUSALS.get(getattr(diagnosis, "constraint_name", None) or "")
        if code is not None:
            raise DomainError(code) from error
