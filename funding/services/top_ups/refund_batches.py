"""Batches of refunds to employers: drawn up by one person, released by another, to the accounts that they named."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import transaction

from accounts.models import User
from funding import permissions
from funding.banking.identifiers import new_reference
from funding.banking.pain001 import MAX_TRANSFERS, CreditTransfer, Party
from funding.models import PaymentBatch, Scheme, TopUp, TopUpReceipt, TopUpRefund, TopUpRefundState
from funding.services.bookings.context import today
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError


@dataclass(frozen=True, slots=True)
class RefundPlan:
    """Refunds that a batch would hold, each with whether its account is one that the money came from.

    total_cents: of all. more: beyond what one file holds. seen: what was shown, in short.
    """

    refunds: list[tuple[TopUpRefund, bool]]
    total_cents: int
    more: int
    seen: str


def plan_refunds(scheme: Scheme) -> RefundPlan:
    """What a batch of refunds would hold now. Nothing is written. Three queries, however many refunds."""
    wanted = TopUpRefund.objects.filter(top_up__scheme=scheme, state=TopUpRefundState.REQUESTED)
    found = list(wanted.select_related("top_up", "organisation").order_by("pk")[:MAX_TRANSFERS])
    payers = set(
        TopUpReceipt.objects.filter(top_up__in=[each.top_up_id for each in found]).values_list(
            "top_up_id", "payer_iban"
        )
    )
    facts = [(each.pk, each.amount_cents, each.iban) for each in found]
    return RefundPlan(
        refunds=[(each, (each.top_up_id, each.iban) in payers) for each in found],
        total_cents=sum(each.amount_cents for each in found),
        more=max(0, wanted.count() - len(found)),
        seen=hashlib.sha256(repr(facts).encode()).hexdigest()[:32],
    )


@transaction.atomic
def create_refund_batch(
    *, actor: User, scheme: Scheme, seen: str = "", value_date: date | None = None
) -> PaymentBatch:
    """Put the refunds that employers of a scheme ask for together, as the plan showed them; one transfer for each.

    Their money stays due to the employers until the bank has paid it (decision 199).
    Locks: the refunds. Logs: PaymentBatchLog, refund `include`.
    Raises: DomainError `not_allowed` (403), `plan_changed` where others would go in now, `incomplete` without any.
    """
    if not permissions.may_pay(scheme, actor):
        raise DomainError("not_allowed", status=403)
    asked = TopUpRefund.objects.filter(top_up__scheme=scheme, state=TopUpRefundState.REQUESTED)
    chosen = list(asked.order_by("pk").values_list("pk", flat=True)[:MAX_TRANSFERS])
    refunds: list[TopUpRefund] = locks.acquire_set(
        TopUpRefund.objects.filter(pk__in=chosen, state=TopUpRefundState.REQUESTED)
    )
    if seen and plan_refunds(scheme).seen != seen:
        raise DomainError("plan_changed")
    if not refunds:
        raise DomainError("incomplete", what="no refund", scheme=scheme.code)
    batch = PaymentBatch(
        scheme=scheme,
        msg_id=new_reference("ILA"),
        currency=scheme.currency,
        value_date=value_date or today(scheme),
        author=actor,
        created_at=clock.now(),
    )
    fsm.start(batch, actor=actor)
    names = dict(
        TopUpRefund.objects.filter(pk__in=[each.pk for each in refunds]).values_list(
            "pk", "organisation__name"
        )
    )
    for refund in refunds:
        fsm.apply(
            refund,
            "include",
            actor=actor,
            batch=batch,
            end_to_end_id=new_reference("E"),
            creditor_name=names[refund.pk][:140],
        )
    return batch


def lock_refunds(batch_id: int) -> list[TopUpRefund]:
    """The refunds of a batch, locked, with their orders."""
    seen = TopUpRefund.objects.filter(batch=batch_id)
    orders = {each.pk: each for each in TopUp.objects.filter(refunds__batch=batch_id)}
    refunds: list[TopUpRefund] = locks.acquire_set(seen)
    for refund in refunds:
        refund.top_up = orders[refund.top_up_id]
    return refunds


def transfers_of(batch: PaymentBatch, refunds: Sequence[TopUpRefund]) -> list[CreditTransfer]:
    """What the file says of each: the order by the reference that its employer knows."""
    return [
        CreditTransfer(
            end_to_end_id=refund.end_to_end_id,
            amount_cents=refund.amount_cents,
            currency=batch.currency,
            creditor=Party(refund.creditor_name, refund.iban),
            remittance=f"{batch.scheme.code} refund of {refund.top_up.reference}",
        )
        for refund in refunds
    ]


def take_out(refunds: Sequence[TopUpRefund], *, actor: User, reason: str) -> None:
    """Refunds of a batch that never left are asked for again. Logs: refund `take_out`."""
    for refund in refunds:
        fsm.apply(refund, "take_out", actor=actor, reason=reason)
