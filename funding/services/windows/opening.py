"""The agency opens a window: its time, its budget, and how fast people are let through."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.models import User
from funding import permissions
from funding.models import Budget, BudgetSlice, Scheme, WaitingRoom, Window, version_on
from funding.services import schemes
from funding.services.bookings.context import calendar_of
from ila.core.errors import DomainError

# More parts than that bring nothing: fewer than so many applications are written at the same moment.
MOST_SLICES = 64
FASTEST_PER_S = 1000


@transaction.atomic
def open_window(
    *,
    actor: User,
    scheme: Scheme,
    name: str,
    budget_cents: int,
    opens_at: datetime,
    closes_at: datetime,
    admissions_per_s: Decimal | None = None,
    slices: int = 1,
    idempotency_key: str = "",
) -> Window:
    """The agency sets a time in which grants may be applied for, and appropriates its budget (N-03).

    closes_at is the first instant after the window. admissions_per_s: a waiting room lets so many people a
    second through; without it everybody may apply at once. slices: how many rows the budget is kept in.
    Raises: DomainError `not_allowed` for who may not, a scheme without windows, or a name that is taken;
    `invalid` for a window that closes before it opens, or numbers that make no sense.
    """
    if not permissions.may_open_windows(actor, scheme):
        raise DomainError("not_allowed", status=403, what="open_window")
    if version_on(scheme, calendar_of(scheme).local_date(opens_at)).parsed.funding != "window":
        raise DomainError("not_allowed", reason="no_windows", scheme=scheme.code)
    _check_numbers(opens_at, closes_at, budget_cents, admissions_per_s, slices)
    if scheme.windows.filter(name=name).exists():
        raise DomainError("not_allowed", reason="window_exists", window=name)
    key = idempotency_key or f"window:{name}"
    budgets = [
        _appropriate(scheme, _title(name, position), cents, actor, f"{key}:{position}" if position else key)
        for position, cents in enumerate(_parts(budget_cents, slices))
    ]
    window = Window.objects.create(
        scheme=scheme,
        name=name,
        budget=budgets[0],
        opens_at=opens_at,
        closes_at=closes_at,
        admissions_per_s=admissions_per_s,
        opened_by=actor,
    )
    BudgetSlice.objects.bulk_create(
        BudgetSlice(window=window, position=position, budget=budget)
        for position, budget in enumerate(budgets)
        if position
    )
    if admissions_per_s is not None:
        WaitingRoom.objects.create(window=window, next_turn_at=opens_at)
    return window


def _check_numbers(
    opens_at: datetime, closes_at: datetime, budget_cents: int, per_s: Decimal | None, slices: int
) -> None:
    if closes_at <= opens_at:
        raise DomainError("invalid", faults="closes_at: the window closes before it opens")
    if budget_cents < 0:
        raise DomainError("invalid", faults="budget_cents: must be 0 or more")
    if per_s is not None and not 0 < per_s <= FASTEST_PER_S:
        raise DomainError("invalid", faults=f"admissions_per_s: above 0, at most {FASTEST_PER_S}")
    if not 1 <= slices <= MOST_SLICES:
        raise DomainError("invalid", faults=f"slices: from 1 to {MOST_SLICES}")


def _title(name: str, position: int) -> str:
    return f"Window {name}, part {position + 1}" if position else f"Window {name}"


def _parts(cents: int, slices: int) -> list[int]:
    """The budget in parts that differ by a cent at most."""
    each, rest = divmod(cents, slices)
    return [each + (position < rest) for position in range(slices)]


def _appropriate(scheme: Scheme, title: str, cents: int, actor: User, key: str) -> Budget:
    if not cents:
        return Budget.objects.create(scheme=scheme, name=title, currency=scheme.currency)
    return schemes.appropriate(
        scheme=scheme, budget_name=title, amount_cents=cents, actor=actor, idempotency_key=key
    )
