"""Row locks, taken in one order and in one call, so that two services can never wait for each other.

The order is that of `LOCK_ORDER` below, then by primary key. All locks of a call travel in one
round trip: several statements in one message, each of which sees what was committed before it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from django.db import connections, models
from django.db.models import QuerySet

from ila.core.errors import DomainError

# From what many share seldom to what one walk owns. Counters that everybody wants (seats, budgets)
# are not here: they are updated conditionally, as the last statement of a walk.
LOCK_ORDER = (
    "catalogue.Provider",
    "funding.Scheme",
    "funding.LearningAccount",
    "catalogue.MicroCredential",
    "catalogue.Accreditation",
    "catalogue.Session",
    "funding.Booking",
    "accounts.Consent",
    "funding.PaymentBatch",
    "funding.Claim",
    "funding.Payment",
    "funding.Receivable",
    "funding.Hold",
)


@dataclass(frozen=True)
class RowLock:
    """One row to lock: exclusively, or shared so that its state cannot move meanwhile."""

    model: type[models.Model]
    pk: Any
    share: bool = False

    @property
    def rank(self) -> tuple[int, Any]:
        return LOCK_ORDER.index(self.model._meta.label), self.pk


def lock(model: type[models.Model], pk: Any, *, share: bool = False) -> RowLock:
    """Name a row for `acquire`."""
    return RowLock(model, pk, share)


def acquire(*wanted: RowLock, using: str = "default") -> tuple[Any, ...]:
    """Lock the rows in the house's order and return them freshly read, in the order asked for.

    Raises: RuntimeError outside a transaction; DomainError `not_found` (404) for a missing row;
    OperationalError when a lock is not had within the connection's lock_timeout.
    """
    connection = connections[using]
    if not connection.in_atomic_block:
        raise RuntimeError("locks are taken inside a transaction only")
    if not wanted:
        return ()
    ordered = sorted(set(wanted), key=lambda one: one.rank)
    statements: list[str] = []
    params: list[Any] = []
    columns: list[list[str]] = []
    for one in ordered:
        query = one.model._base_manager.using(using).filter(pk=one.pk).query
        sql, values = query.get_compiler(using=using).as_sql()
        # FOR NO KEY UPDATE lets rows that merely refer to this one be inserted meanwhile.
        statements.append(f"{sql} {'FOR SHARE' if one.share else 'FOR NO KEY UPDATE'}")
        params.extend(values)
        columns.append([field.attname for field in one.model._meta.concrete_fields])
    found: dict[RowLock, models.Model] = {}
    with connection.cursor() as cursor:
        cursor.execute("; ".join(statements), params)
        for position, one in enumerate(ordered):
            if position:
                cursor.nextset()
            row = cursor.fetchone()
            if row is None:
                raise DomainError("not_found", status=404, kind=one.model._meta.model_name)
            found[one] = mark_locked(_instance(one.model, columns[position], row, using))
    return tuple(found[one] for one in wanted)


def acquire_set(queryset: "QuerySet[Any]") -> list[Any]:
    """Lock all rows of one model that a queryset names, by primary key, for bulk work.

    Call it once per model, in LOCK_ORDER. Raises: RuntimeError outside a transaction.
    """
    if not connections[queryset.db].in_atomic_block:
        raise RuntimeError("locks are taken inside a transaction only")
    return [mark_locked(row) for row in queryset.order_by("pk").select_for_update(of=("self",), no_key=True)]


def mark_locked(row: Any) -> Any:
    """Remember that `row` is locked (or was created) in the transaction that is open now."""
    row.__dict__["_locked_in"] = _transaction_of(row._state.db or "default")
    return row


def is_locked(row: models.Model) -> bool:
    """Whether `row` was locked or created in the transaction that is open now."""
    using = row._state.db or "default"
    return connections[using].in_atomic_block and row.__dict__.get("_locked_in") == _transaction_of(using)


def require(rows: Iterable[models.Model]) -> None:
    """Raise RuntimeError unless every row is locked in the open transaction."""
    for row in rows:
        if not is_locked(row):
            raise RuntimeError(f"{row._meta.label} {row.pk} is not locked in this transaction")


def _transaction_of(using: str) -> int:
    # ila.core.db.backend counts transactions: a lock ends with the transaction it was taken in.
    return cast("Any", connections[using]).transaction_serial  # type: ignore[no-any-return]


def _instance(model: type[models.Model], names: list[str], row: tuple[Any, ...], using: str) -> models.Model:
    values = [
        _converted(field, value, using) for field, value in zip(model._meta.concrete_fields, row, strict=True)
    ]
    return model.from_db(using, names, values)


def _converted(field: Any, value: Any, using: str) -> Any:
    for convert in field.get_db_converters(connections[using]):
        value = convert(value, None, connections[using])
    return value
