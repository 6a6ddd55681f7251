"""Where each scheme's public money stands, and what was appropriated when, by whom and under which act."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db.models import QuerySet, Sum

from funding.models import Appropriation, Bucket, Budget, Fund, JournalEntry, Posting, Scheme
from ila.core import clock

# The sums run over the whole journal: they are kept so long, and counted again when somebody asks.
KEPT_SECONDS = 300
KEY = "funding.agency_budgets"
# Of what was appropriated, in percent, still available: from here on the page warns.
LOW_PERCENT, VERY_LOW_PERCENT = 20, 5

# Invariant 6: appropriated = available + held + payable + in transit + paid + expired + returned. What lies in
# budgets, on accounts or is kept for who pays is available; what providers owe and is to be refunded is told apart.
PLACES = (
    "budget",
    "available",
    "reserved",
    "held",
    "payable",
    "in_transit",
    "paid",
    "owed",
    "expired",
    "refund_due",
    "returned",
)


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """One budget of a scheme, in cents. percent: what is left of what was appropriated."""

    name: str
    appropriated_cents: int
    available_cents: int

    @property
    def percent(self) -> int:
        """What is left, in whole percent rounded down; 0 where nothing was appropriated."""
        return self.available_cents * 100 // self.appropriated_cents if self.appropriated_cents > 0 else 0

    @property
    def warning(self) -> str:
        """`very_low`, `low`, or empty."""
        if self.appropriated_cents <= 0 or self.percent >= LOW_PERCENT:
            return ""
        return "very_low" if self.percent < VERY_LOW_PERCENT else "low"


@dataclass(frozen=True, slots=True)
class SchemeMoney:
    """A scheme's public money, in cents: what was appropriated, by place, and its budgets."""

    scheme: Scheme
    appropriated_cents: int
    places: list[tuple[str, int]]
    budgets: list[BudgetRow]

    @property
    def adds_up(self) -> bool:
        """Invariant 6."""
        return self.appropriated_cents == sum(cents for _, cents in self.places)

    @property
    def bar(self) -> list[tuple[str, float, float]]:
        """Each place with its beginning and its width in percent of the whole."""
        whole = sum(cents for _, cents in self.places if cents > 0)
        made, at = [], 0.0
        for place, cents in self.places:
            if cents > 0:
                width = cents * 100 / whole
                made.append((place, at, width))
                at += width
        return made


@dataclass(frozen=True, slots=True)
class Counted:
    """Every scheme's money, and when it was counted."""

    at: datetime
    schemes: dict[int, tuple[int, dict[str, int], list[tuple[str, int, int]]]]


def count_again() -> Counted:
    """Sum the journal up, and keep the result for a while. Two queries, each over the whole journal."""
    sums: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    rows = (
        Posting.objects.filter(fund=Fund.PUBLIC)
        .order_by()
        .values_list("entry__scheme_id", "bucket")
        .annotate(cents=Sum("amount_cents"))
    )
    for scheme_id, bucket, cents in rows:
        sums[scheme_id][bucket] = int(cents)
    given = dict(
        Posting.objects.filter(bucket=Bucket.APPROPRIATION, budget__isnull=False)
        .order_by()
        .values_list("budget_id")
        .annotate(cents=Sum("amount_cents"))
    )
    budgets: dict[int, list[tuple[str, int, int]]] = defaultdict(list)
    for budget in Budget.objects.order_by("name", "pk"):
        budgets[budget.scheme_id].append((budget.name, -given.get(budget.pk, 0), budget.available_cents))
    counted = Counted(
        clock.now(),
        {pk: (-sums[pk][Bucket.APPROPRIATION], dict(sums[pk]), budgets[pk]) for pk in {*sums, *budgets}},
    )
    cache.set(KEY, counted, KEPT_SECONDS)
    return counted


def money_by_scheme(schemes: QuerySet[Scheme]) -> tuple[datetime, list[SchemeMoney]]:
    """Where the public money of these schemes stands, as counted in the last minutes."""
    counted: Any = cache.get(KEY)
    if not isinstance(counted, Counted):
        counted = count_again()
    made = []
    for scheme in schemes:
        appropriated, sums, budgets = counted.schemes.get(scheme.pk, (0, {}, []))
        made.append(
            SchemeMoney(
                scheme,
                appropriated,
                [(place, sums.get(place, 0)) for place in PLACES],
                [BudgetRow(*row) for row in budgets],
            )
        )
    return counted.at, made


def proposals_for(schemes: Collection[int] | None) -> QuerySet[Appropriation]:
    """Appropriations that were proposed for these schemes (None: for every scheme), newest first."""
    found = Appropriation.objects.select_related("scheme", "author", "approver").order_by(
        "-created_at", "-pk"
    )
    return found if schemes is None else found.filter(scheme__in=schemes)


def history_of(scheme: Scheme) -> QuerySet[JournalEntry]:
    """Every entry that appropriated money to a scheme, newest first, with its sum in cents and its budget's name."""
    return (
        JournalEntry.objects.filter(scheme=scheme, kind="appropriate", postings__bucket=Bucket.BUDGET)
        .select_related("actor")
        .annotate(cents=Sum("postings__amount_cents"))
        .order_by("-occurred_at", "-pk")
    )
