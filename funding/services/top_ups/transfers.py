"""Refunds of employers' money on their way through the bank, and what it says of each."""

from collections.abc import Iterable
from datetime import datetime

from accounts.models import User
from accounts.services import messages
from funding.models import PaymentOutcome, TopUp, TopUpRefund
from funding.services.top_ups.refunds import post_refund, undo_refund
from ila.core import fsm, locks


class RefundTransfers:
    """The refunds that one message names, locked with their orders; written as they are told.

    Locks: the top-ups, the refunds. The caller has locked their batches.
    """

    def __init__(self, refund_ids: Iterable[int], *, actor: User) -> None:
        self._actor = actor
        wanted = list(refund_ids)
        self.refunds: dict[int, TopUpRefund] = {}
        if not wanted:
            return
        theirs = TopUpRefund.objects.filter(pk__in=wanted).values("top_up_id")
        orders: dict[int, TopUp] = {
            each.pk: each
            for each in locks.acquire_set(TopUp.objects.filter(pk__in=theirs).select_related("scheme"))
        }
        for refund in locks.acquire_set(TopUpRefund.objects.filter(pk__in=wanted)):
            refund.top_up = orders[refund.top_up_id]
            self.refunds[refund.pk] = refund

    def execute(self, refund: TopUpRefund, *, at: datetime) -> None:
        """The money left our account. Logs: refund `execute`; top-up `refund` when nothing of it is left."""
        fsm.apply(refund, "execute", actor=self._actor, at=at)
        post_refund(refund.top_up, refund, actor=self._actor)

    def reject(self, refund: TopUpRefund, *, reason_code: str) -> None:
        """The bank does not execute it: the employer is told, and asks again with another account. Logs: `fail`."""
        self._fail(refund, PaymentOutcome.REJECTED, reason_code)

    def give_back(self, refund: TopUpRefund, *, reason_code: str, at: datetime) -> None:
        """The money came back: it is due to the employer again. Before the word of its execution it stands for both."""
        if refund.outcome == PaymentOutcome.PENDING:
            post_refund(refund.top_up, refund, actor=self._actor)
        undo_refund(refund.top_up, refund, actor=self._actor)
        self._fail(refund, PaymentOutcome.RETURNED, reason_code, at=at)

    def _fail(
        self, refund: TopUpRefund, outcome: PaymentOutcome, reason_code: str, *, at: datetime | None = None
    ) -> None:
        fsm.apply(
            refund,
            "fail",
            actor=self._actor,
            reason=reason_code,
            outcome=outcome,
            reason_code=reason_code,
            at=at,
        )
        messages.queue(
            recipient=refund.requested_by,
            template="top_up_refund_failed",
            top_up=str(refund.top_up.public_id),
            amount_cents=refund.amount_cents,
            currency=refund.top_up.currency,
        )
