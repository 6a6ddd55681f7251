"""Giving a debt up: one person asks and says why, another decides; the funder makes good what is lost."""

from django.db import transaction

from accounts.models import User
from funding.models import InstalmentPlan, PlanState, WriteOffRequest
from funding.models.receivables import UNSETTLED
from funding.permissions import may_pay
from funding.services import receivables
from funding.services.bookings.context import today
from funding.services.recoveries import demands
from ila.core import clock, fsm
from ila.core.errors import DomainError


def ask_write_off(*, actor: User, receivable_id: int, reason: str) -> WriteOffRequest:
    """Ask to give up what is still owed. Nothing changes before another person agrees.

    Locks: the receivable. Raises: DomainError `incomplete` without a reason, `not_allowed` (403), `already_waiting`.
    """
    if not reason.strip():
        raise DomainError("incomplete", status=422, what="reason")
    with transaction.atomic():
        receivable = demands.lock_receivable(receivable_id)
        if not may_pay(receivable.booking, actor):
            raise DomainError("not_allowed", status=403)
        if receivable.state not in UNSETTLED:
            raise DomainError("not_allowed", state=receivable.state)
        if receivable.write_off_requests.filter(agreed__isnull=True).exists():
            raise DomainError("already_waiting")
        return WriteOffRequest.objects.create(
            receivable=receivable, reason=reason.strip()[:500], asked_by=actor
        )


def decide_write_off(*, actor: User, request_id: int, agreed: bool) -> WriteOffRequest:
    """Another person gives the debt up, or says no. What is given up leaves the books as the funder's loss.

    Locks: booking, receivable. Logs: receivable `write_off`. Raises: DomainError `not_found` (404), `not_allowed`
    (403) for who asked, `already_settled`, `being_netted` while a payment that keeps some of it is on its way.
    """
    with transaction.atomic():
        seen = WriteOffRequest.objects.filter(pk=request_id).values_list("receivable_id", flat=True).first()
        if seen is None:
            raise DomainError("not_found", status=404, kind="write_off")
        receivable = demands.lock_receivable(seen)
        request = WriteOffRequest.objects.get(pk=request_id)
        if not may_pay(receivable.booking, actor):
            raise DomainError("not_allowed", status=403)
        if request.asked_by_id == actor.pk:
            raise DomainError("not_allowed", status=403, reason="approved by its own author")
        if request.agreed is not None:
            raise DomainError("already_settled")
        request.agreed, request.decided_by, request.decided_at = agreed, actor, clock.now()
        request.save()
        if agreed:
            if receivable.state not in UNSETTLED:
                raise DomainError("not_allowed", state=receivable.state)
            demands.require_free(receivable)
            receivables.count_interest(receivable, on=today(receivable.booking.account.scheme))
            receivables.post_recovery(
                receivable.booking,
                receivable.owed_cents,
                actor=actor,
                kind="write_off",
                key=f"writeoff:{request.pk}",
                lost=True,
            )
            fsm.apply(receivable, "write_off", actor=actor, reason=request.reason)
            InstalmentPlan.objects.filter(receivable=receivable, state=PlanState.AGREED).update(
                state=PlanState.BROKEN, closed_at=clock.now()
            )
    return request
