"""A provider's account with the agency over a time: what stood, what happened and what stands, by the ledger."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import QuerySet, Sum

from funding.models import Bucket, Claim, ClaimKind, Posting

# What the agency is to pay, less what the provider is to give back.
BETWEEN = (Bucket.PAYABLE, Bucket.IN_TRANSIT, Bucket.OWED)


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One thing that happened: the kind of its journal entry, its booking, cents in the provider's favour."""

    at: datetime
    kind: str
    booking: str
    cents: int


@dataclass(frozen=True, slots=True)
class ProviderStatement:
    """Cents in the provider's favour before the first day and after the last, and what lies between."""

    currency: str
    first: date
    last: date
    opening_cents: int
    lines: tuple[StatementLine, ...]

    @property
    def closing_cents(self) -> int:
        """What stands at the end of the last day."""
        return self.opening_cents + sum(line.cents for line in self.lines)

    @property
    def totals(self) -> dict[str, int]:
        """The sum of each kind of line."""
        sums: dict[str, int] = {}
        for line in self.lines:
            sums[line.kind] = sums.get(line.kind, 0) + line.cents
        return sums


def statement_of(
    *, organisations: Collection[int], currency: str, first: date, last: date, zone: str
) -> ProviderStatement:
    """The statement of providers of these organisations in one currency, from the first day to the last, inclusive.

    Days are counted in the zone. Two queries, however long the time. What learners are given back is not in it.
    """
    begins = datetime.combine(first, datetime.min.time(), tzinfo=ZoneInfo(zone))
    ends = datetime.combine(last + timedelta(days=1), datetime.min.time(), tzinfo=ZoneInfo(zone))
    theirs = _postings(organisations, currency)
    opening = theirs.filter(entry__occurred_at__lt=begins).aggregate(cents=Sum("amount_cents"))["cents"] or 0
    rows = (
        theirs.filter(entry__occurred_at__gte=begins, entry__occurred_at__lt=ends)
        .order_by("entry__occurred_at", "entry_id")
        .values_list("entry_id", "entry__occurred_at", "entry__kind", "booking__public_id")
        .annotate(cents=Sum("amount_cents"))
    )
    lines = tuple(
        StatementLine(at, kind, str(booking), cents) for _, at, kind, booking, cents in rows if cents
    )
    return ProviderStatement(currency, first, last, opening, lines)


def currencies_of(organisations: Collection[int]) -> list[str]:
    """The currencies that there is a statement in."""
    found = Claim.objects.filter(provider__organisation__in=organisations)
    return sorted(set(found.order_by().values_list("currency", flat=True).distinct()))


def _postings(organisations: Collection[int], currency: str) -> QuerySet[Posting]:
    # Where the scheme gives the learner a part back, no public money is the provider's.
    others = Claim.objects.filter(
        kind=ClaimKind.REIMBURSEMENT, provider__organisation__in=organisations
    ).values("booking")
    return Posting.objects.filter(
        bucket__in=BETWEEN,
        booking__provider__organisation__in=organisations,
        booking__currency=currency,
    ).exclude(booking__in=others)
