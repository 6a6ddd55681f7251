"""Debts and dues by age, and one debt with everything about it. Fixed numbers of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import F, QuerySet

from funding import recovery_words
from funding.models import Claim, ClaimKind, ClaimState, Receivable, RecoveryReceipt
from funding.models.receivables import UNSETTLED

# Days after the day on which it was due: the last day of each band. What is not due yet comes before them.
BANDS = (0, 30, 60, 90)
PAYABLE_STATES = (ClaimState.APPROVED, ClaimState.IN_BATCH, ClaimState.RETURNED)


@dataclass(slots=True)
class AgedRow:
    """One provider's cents by band: not due, 1–30, 31–60, 61–90 days, longer."""

    name: str
    currency: str
    cents: list[int]

    @property
    def banded(self) -> list[tuple[Any, int]]:
        """Each band's words with its cents."""
        return list(zip(recovery_words.BANDS, self.cents, strict=True))

    @property
    def total(self) -> int:
        """All bands together."""
        return sum(self.cents)


def receivables() -> QuerySet[Receivable]:
    """All debts with what a list shows, oldest first."""
    return Receivable.objects.select_related("provider", "booking__account__scheme").order_by(
        "opened_at", "pk"
    )


def receivables_for(schemes: frozenset[int] | None) -> QuerySet[Receivable]:
    """The debts of these schemes; None: of every one."""
    found = receivables()
    return found if schemes is None else found.filter(booking__account__scheme__in=schemes)


def waiting_receipts(schemes: frozenset[int] | None = None) -> QuerySet[RecoveryReceipt]:
    """Transfers for debts of these schemes (None: for any, or for none that is known) of which too much came."""
    known = RecoveryReceipt.objects.exclude(finding="")
    if schemes is not None:
        known = known.filter(receivable__booking__account__scheme__in=schemes)
    return known.filter(settled_at__isnull=True).select_related("receivable__provider").order_by("pk")


def aged_receivables(on: date, schemes: frozenset[int] | None = None) -> list[AgedRow]:
    """What providers owe, by how long it has been due: from the demand's last day, or undemanded from its opening."""
    found = receivables_for(schemes).order_by()
    rows = found.filter(state__in=UNSETTLED).values_list(
        "provider__name",
        "currency",
        "due_on",
        F("amount_cents") - F("recovered_cents") - F("written_off_cents"),
    )
    return _aged(rows, on)


def aged_payables(on: date, schemes: frozenset[int] | None = None) -> list[AgedRow]:
    """What providers are to be paid, by how long it has been due: from the last day of the term of payment (F-31)."""
    claims = Claim.objects.all()
    if schemes is not None:
        claims = claims.filter(booking__account__scheme__in=schemes)
    rows = (
        claims.filter(state__in=PAYABLE_STATES)
        .exclude(kind__in=[ClaimKind.REFUND, ClaimKind.REIMBURSEMENT])
        .values_list("provider__name", "currency", "due_on", "amount_cents")
    )
    return _aged(rows, on)


def _aged(rows: Iterable[Any], on: date) -> list[AgedRow]:
    made: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * (len(BANDS) + 1))
    for name, currency, due_on, cents in rows:
        late = 0 if due_on is None else (on - due_on) // timedelta(days=1)
        band = next((place for place, last in enumerate(BANDS) if late <= last), len(BANDS))
        made[name, currency][band] += cents
    return [AgedRow(name, currency, cents) for (name, currency), cents in sorted(made.items())]
