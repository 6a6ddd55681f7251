"""A provider's money: claims, payments by batch, what may be claimed and what is owed back. Only its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Count, F, Min, Q, QuerySet, Sum

from funding.models import (
    Allocation,
    BatchState,
    Booking,
    Claim,
    ClaimKind,
    ClaimLine,
    ClaimState,
    Netting,
    Payment,
    PaymentBatch,
    Receivable,
    Remittance,
)
from funding.models.receivables import UNSETTLED
from funding.selectors.provider_work import Desk
from funding.services.claims import OPEN_CLAIMS
from ila.core.money import share_floor

# A batch is a provider's to see once it has left for the bank.
SENT = (
    BatchState.EXPORTED,
    BatchState.ACKNOWLEDGED,
    BatchState.EXECUTED,
    BatchState.PARTLY_REJECTED,
    BatchState.REJECTED,
)


def claims_of(desk: Desk) -> QuerySet[Claim]:
    """The claims of the providers that somebody manages; what learners claim back is not theirs."""
    return (
        Claim.objects.filter(provider__organisation__in=desk.managed)
        .exclude(kind__in=[ClaimKind.REIMBURSEMENT, ClaimKind.REFUND])
        .select_related("booking__account__citizen", "booking__account__scheme", "booking__credential")
    )


@dataclass(frozen=True, slots=True)
class StateSum:
    """The claims of a state in a currency: how many, and how much in cents."""

    state: str
    currency: str
    count: int
    cents: int


def sums_of(claims: QuerySet[Claim]) -> dict[str, list[StateSum]]:
    """Claims by currency and state, in the order of the states. One query."""
    rows = (
        claims.order_by()
        .select_related(None)
        .values_list("currency", "state")
        .annotate(n=Count("pk"), cents=Sum("amount_cents"))
    )
    order = [str(state) for state in ClaimState.values]
    made: dict[str, list[StateSum]] = defaultdict(list)
    for currency, state, n, cents in sorted(rows, key=lambda row: (row[0], order.index(row[1]))):
        made[currency].append(StateSum(state, currency, n, cents))
    return dict(made)


def claimable_cents(bookings: Collection[Booking], kinds: dict[int, str]) -> dict[int, int]:
    """What a claim of each booking would be for, in cents: what is not given back, paid or claimed. Two queries.

    The bookings come with their versions of the rules.
    """
    ids = [each.pk for each in bookings]
    left: dict[int, int] = defaultdict(int)
    direct: dict[int, int] = defaultdict(int)
    for one in Allocation.objects.filter(booking__in=ids, reimburses=False).order_by():
        # What the learner pays the provider themselves is in no claim (decision 204).
        if one.direct:
            direct[one.booking_id] += one.amount_cents
        else:
            left[one.booking_id] += one.outstanding_cents
    lines = ClaimLine.objects.filter(claim__booking__in=ids, claim__state__in=OPEN_CLAIMS).exclude(
        claim__state=ClaimState.DRAFT
    )
    for booking_id, cents in lines.values_list("claim__booking_id", "amount_cents"):
        left[booking_id] -= cents
    for each in bookings:
        if kinds.get(each.pk) == ClaimKind.ADVANCE and each.scheme_version is not None:
            percent = each.scheme_version.parsed.advance_percent or 0
            left[each.pk] = min(left[each.pk], share_floor(each.price_cents - direct[each.pk], percent))
    return {pk: max(0, left[pk]) for pk in ids}


def payments_of(desk: Desk) -> QuerySet[Payment]:
    """The payments to the providers that somebody manages, of batches that have left."""
    return Payment.objects.filter(
        claim__provider__organisation__in=desk.managed, batch__state__in=SENT
    ).exclude(claim__kind__in=[ClaimKind.REIMBURSEMENT, ClaimKind.REFUND])


def kept_by(payments: Collection[Payment]) -> dict[int, list[Netting]]:
    """What each of these payments keeps of its claim for debts, with the debts. One query."""
    found: dict[int, list[Netting]] = defaultdict(list)
    for one in Netting.objects.filter(payment__in=payments).select_related("receivable").order_by("pk"):
        found[one.payment_id].append(one)
    return found


def advices_of(payments: Collection[Payment]) -> dict[int, Remittance]:
    """The numbered advice of each of these payments that was executed, by payment. One query."""
    return {each.payment_id: each for each in Remittance.objects.filter(payment__in=payments)}


def remittances_of(desk: Desk) -> QuerySet[PaymentBatch]:
    """The batches in which there are own payments, the latest first, each with the number and sums of these alone."""
    own = Q(payments__claim__provider__organisation__in=desk.managed) & ~Q(
        payments__claim__kind__in=[ClaimKind.REIMBURSEMENT, ClaimKind.REFUND]
    )
    came = own & Q(payments__outcome="executed")
    return (
        PaymentBatch.objects.filter(state__in=SENT)
        .annotate(
            own_count=Count("payments", filter=own),
            own_cents=Sum("payments__amount_cents", filter=own, default=0),
            came_cents=Sum("payments__amount_cents", filter=came, default=0),
            own_kept=Sum("payments__netted_cents", filter=own, default=0),
            came_at=Min("payments__executed_at", filter=came),
        )
        .filter(own_count__gt=0)
        .select_related("scheme")
        .order_by("-value_date", "-pk")
    )


def owed_by(desk: Desk) -> QuerySet[Receivable]:
    """What the providers that somebody manages owe back, or owed, the latest first."""
    return (
        Receivable.objects.filter(provider__organisation__in=desk.managed)
        .select_related("booking__account__citizen", "booking__account__scheme", "booking__credential")
        .order_by("-opened_at", "-pk")
    )


def still_owed(desk: Desk) -> dict[str, int]:
    """What is owed back now, in cents by currency. One query."""
    rows = (
        Receivable.objects.filter(provider__organisation__in=desk.managed, state__in=UNSETTLED)
        .values_list("currency")
        .annotate(owed=Sum(F("amount_cents") - F("recovered_cents") - F("written_off_cents")))
        .order_by("currency")
    )
    return {currency: owed for currency, owed in rows if owed}
