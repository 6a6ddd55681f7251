"""Payment batches with their payments and what the bank said about them."""

from __future__ import annotations

from django.db.models import Count, Q, QuerySet, Sum

from funding.models import BankMessage, PaymentBatch


def batches() -> QuerySet[PaymentBatch]:
    """All batches, newest first, with the number and the sum of their payments in cents."""
    return (
        PaymentBatch.objects.select_related("scheme")
        # A batch holds payments or refunds, never both: neither join multiplies the other.
        .annotate(
            payment_count=Count("payments") + Count("refunds"),
            total_cents=Sum("payments__amount_cents", default=0) + Sum("refunds__amount_cents", default=0),
        )
        .order_by("-created_at", "-pk")
    )


def messages_about(batch: PaymentBatch) -> QuerySet[BankMessage]:
    """The bank's messages that concern a batch, by name or by a payment, oldest first, without content."""
    named = BankMessage.objects.filter(Q(lines__payment__batch=batch) | Q(lines__refund__batch=batch))
    return (
        BankMessage.objects.filter(Q(batch=batch) | Q(pk__in=named.values("pk")))
        .defer("content")
        .order_by("received_at", "pk")
    )
