"""Payments by card and through Stripe for the agency: what is owed, disputed, found wrong, or was not believed."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Max, Q, QuerySet, Sum

from funding.cards.port import DISPUTE_OVER
from funding.models import (
    CardDispute,
    CardPayment,
    CardRefund,
    FailedPayout,
    PayerDebt,
    PayerDebtState,
    RefusedWebhook,
    StripeEvent,
)
from ila.core import clock

OWED = (PayerDebtState.OPENED, PayerDebtState.PARTLY_RECOVERED)
SHOWN_BACK = timedelta(days=30)
_RELATED = ("payment__payer", "payment__top_up__organisation", "payment__booking__credential")


def open_debts() -> QuerySet[PayerDebt]:
    """What payers owe, the oldest first."""
    return PayerDebt.objects.filter(state__in=OWED).select_related(*_RELATED).order_by("opened_at", "pk")


def owed_by_currency() -> list[tuple[str, int]]:
    """What is owed in all, in cents, by currency."""
    rows = PayerDebt.objects.filter(state__in=OWED).order_by("currency").values_list("currency")
    sums = rows.annotate(owed=Sum("amount_cents") - Sum("recovered_cents"))
    return [(currency, int(cents)) for currency, cents in sums]


def open_disputes() -> QuerySet[CardDispute]:
    """Disputes that are not decided, the oldest first."""
    found = CardDispute.objects.exclude(status__in=DISPUTE_OVER).select_related(*_RELATED)
    return found.order_by("opened_at", "pk")


def found_payments() -> QuerySet[CardPayment]:
    """Payments of which something was found, the newest first."""
    found = CardPayment.objects.exclude(finding="")
    related = found.select_related("payer", "top_up__organisation", "booking__credential", "repays")
    return related.order_by("-opened_at", "-pk")


def stuck_refunds() -> QuerySet[CardRefund]:
    """Refunds that the payer's bank or Stripe would not have: a person pays them by transfer."""
    found = CardRefund.objects.filter(status__in=["failed", "canceled", "refused"], made_here=True)
    return found.select_related(*_RELATED).order_by("-wanted_at", "-pk")


def stuck_payouts() -> QuerySet[FailedPayout]:
    """Payouts to providers that failed and whose transfers could not all be taken back."""
    return FailedPayout.objects.filter(~Q(finding="") | Q(done_at__isnull=True)).order_by("-found_at", "-pk")


@dataclass(frozen=True, slots=True)
class Refused:
    """Messages of the last 30 days that were not believed, by why."""

    reason: str
    times: int
    last_at: object


def refused_webhooks() -> list[Refused]:
    """What came to the webhook's address and was not believed, by reason. One query."""
    since = clock.now() - SHOWN_BACK
    rows = RefusedWebhook.objects.filter(last_at__gte=since).order_by("reason").values("reason")
    return [
        Refused(row["reason"], row["number"], row["last"])
        for row in rows.annotate(number=Sum("times"), last=Max("last_at"), rows=Count("pk"))
    ]


@dataclass(frozen=True, slots=True)
class Unused:
    """Events of the last 30 days that were kept and changed nothing, by why and by what Stripe calls them."""

    finding: str
    kind: str
    times: int
    last_at: object


def unused_events() -> list[Unused]:
    """What Stripe told that is about nothing of ours, or of a kind that nothing is done with. One query."""
    found = StripeEvent.objects.filter(told_at__gte=clock.now() - SHOWN_BACK).exclude(finding="")
    rows = found.order_by("finding", "kind").values("finding", "kind")
    return [
        Unused(row["finding"], row["kind"], row["number"], row["last"])
        for row in rows.annotate(number=Count("pk"), last=Max("told_at"))
    ]


def payments() -> QuerySet[CardPayment]:
    """Every payment, with what its page shows."""
    return CardPayment.objects.select_related(
        "payer", "top_up__organisation", "booking__credential", "scheme", "debt", "repays__payment"
    )


def matters() -> QuerySet[CardPayment]:
    """Payments that wait for a person: something was found, or is owed, or a refund is stuck."""
    stuck = Q(refunds__status__in=["failed", "canceled", "refused"], refunds__made_here=True)
    return CardPayment.objects.filter(Q(debt__state__in=OWED) | Q(finding="not_at_stripe") | stuck).distinct()
