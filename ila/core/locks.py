"""Row locks, taken in one order and in one call, so that two services can never wait for each other.

The order is that of `LOCK_ORDER` below, then by primary key. All locks of a call travel in one
round trip: several statements in one message, each of which sees what was committed before it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from django.db import connections, models
from django.db.models import QuerySet

from ila.core.errors import DomainError

# From what many share seldom to what one walk owns. Counters that everybody wants (seats, budgets)
# are not here: they are updated conditionally, as the last statement of a walk.
LOCK_ORDER = (
    "accounts.IdentityClaim",
    "accounts.Membership",
    "accounts.Citizen",
    "catalogue.Application",
    "catalogue.Provider",
    "fraud.Case",
    "fraud.Alert",
    "fraud.Measure",
    "fraud.KnownPlace",
    "fraud.ParameterVersion",
    "catalogue.ListingClaim",
    "catalogue.AccountChange",
    "funding.Scheme",
    "funding.SchemeDraft",
    "funding.Appropriation",
    "funding.LearningAccount",
    "catalogue.MicroCredential",
    "catalogue.Accreditation",
    "catalogue.Session",
    "catalogue.Award",
    "catalogue.ImportRun",
    "accounts.Preregistration",
    "catalogue.SurveyInvitation",
    "funding.Booking",
    "accounts.Consent",
    "funding.PaymentBatch",
    "funding.Claim",
    "funding.Payment",
    "funding.Receivable",
    "funding.Hold",
    "accounts.Organisation",
    "accounts.Employer",
    "funding.TopUp",
    "funding.TopUpRefund",
    "funding.TopUpDraft",
    "funding.CardPayment",
    "funding.PayerDebt",
    "funding.OwnTransfer",
)


@dataclass(frozen=True)
class RowLock:
    """One row to lock: exclusively, or shared so that its state cannot move meanwhile."""

    model: type[models.Model]
    pk: Any
    share: bool = False
    through: "tuple[type[models.Model], str] | None" = None

    @property
    def rank(self) -> tuple[int, Any]:
        return LOCK_ORDER.index(self.model._meta.label), self.pk

    @property
    def kind(self) -> str:
        """The model's name, as errors say it."""
        return str(self.model._meta.model_name)


def lock(model: type[models.Model], pk: Any, *, share: bool = False) -> RowLock:
    """Name a row for `acquire`."""
    return RowLock(model, pk, share)


def lock_through(model: type[models.Model], pk: Any, name: str, *, share: bool = False) -> RowLock:
    """Name the row that the foreign key `name` of another row (of `model`, with `pk`) leads to."""
    field = cast("models.ForeignKey[Any, Any]", model._meta.get_field(name))
    return RowLock(field.related_model, pk, share, (model, field.column))


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
    ordered = in_order(wanted)
    statements = [statement(one) for one in ordered]
    found: dict[RowLock, models.Model] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "; ".join(sql for sql, _ in statements), [value for _, values in statements for value in values]
        )
        for position, one in enumerate(ordered):
            if position:
                cursor.nextset()
            row = cursor.fetchone()
            if row is None:
                raise DomainError("not_found", status=404, kind=one.kind)
            found[one] = mark_locked(_instance(one.model, row, using))
    return tuple(found[one] for one in wanted)


def in_order(wanted: Iterable[RowLock]) -> list[RowLock]:
    """Each lock once, in the house's order."""
    return sorted(set(wanted), key=lambda one: one.rank)


def statement(one: RowLock, *, columns: bool = True) -> tuple[str, list[Any]]:
    """The statement that locks a row, with its parameters; it returns the row's columns, or none."""
    # FOR NO KEY UPDATE lets rows that merely refer to this one be inserted meanwhile.
    strength = "FOR SHARE" if one.share else "FOR NO KEY UPDATE"
    return f"{_select(one.model, one.through, columns=columns)} {strength}", [one.pk]


@cache
def _select(
    model: type[models.Model], through: "tuple[type[models.Model], str] | None", *, columns: bool
) -> str:
    names = ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields) if columns else "1"
    wanted = "%s"
    if through is not None:
        other, column = through
        wanted = f'(SELECT "{column}" FROM "{other._meta.db_table}" WHERE "{_key(other)}" = %s)'
    return f'SELECT {names} FROM "{model._meta.db_table}" WHERE "{_key(model)}" = {wanted}'


def _key(model: type[models.Model]) -> str:
    return str(model._meta.pk.column)


def acquire_set(queryset: "QuerySet[Any]") -> list[Any]:
    """Lock all rows of one model that a queryset names, by primary key, for bulk work.

    Call it once per model, in LOCK_ORDER. Raises: RuntimeError outside a transaction.
    """
    if not connections[queryset.db].in_atomic_block:
        raise RuntimeError("locks are taken inside a transaction only")
    return [mark_locked(row) for row in queryset.order_by("pk").select_for_update(of=("self",), no_key=True)]


def mark_locked(row: Any) -> Any:
    """Remember that `row` is locked (or was created) in the transaction that is open now."""
    row.__dict__["_lock"] = _connection_of(row).next_lock()
    return row


def is_locked(row: models.Model) -> bool:
    """Whether `row` was locked or created in the transaction that is open now."""
    connection = _connection_of(row)
    return bool(connection.in_atomic_block and connection.holds_lock(row.__dict__.get("_lock")))


def require(rows: Iterable[models.Model]) -> None:
    """Raise RuntimeError unless every row is locked in the open transaction."""
    for row in rows:
        if not is_locked(row):
            raise RuntimeError(f"{row._meta.label} {row.pk} is not locked in this transaction")


def _connection_of(row: models.Model) -> Any:
    # ila.core.db.backend counts transactions and locks: a lock ends with the transaction, or the savepoint
    # rolled back, that it was taken in.
    return connections[row._state.db or "default"]


def _instance(model: type[models.Model], row: tuple[Any, ...], using: str) -> models.Model:
    values = [
        _converted(field, value, using) for field, value in zip(model._meta.concrete_fields, row, strict=True)
    ]
    return model.from_db(using, [field.attname for field in model._meta.concrete_fields], values)


def _converted(field: Any, value: Any, using: str) -> Any:
    for convert in field.get_db_converters(connections[using]):
        value = convert(value, None, connections[using])
    return value
