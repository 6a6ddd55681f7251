"""Giving an employer back what lies with the platform of its orders."""

from django.db import transaction
from schwifty import IBAN
from schwifty.exceptions import SchwiftyException

from accounts.models import User
from accounts.permissions import manages_organisation
from funding.models import Bucket, Fund, TopUp, TopUpRefund, TopUpState
from funding.models.top_ups import OPEN_REFUNDS
from funding.services import ledger
from funding.services.ledger import Line
from ila.core import fsm, locks
from ila.core.errors import DomainError


def request_refund(*, actor: User, top_up_id: int, iban: str) -> TopUpRefund:
    """Ask for all that an order has to be given back: too much paid, paid twice, cancelled, unspent at its end.

    Locks: the top-up. Raises: DomainError `not_allowed` (403) unless the actor manages the organisation,
    `nothing_to_refund`, `already_waiting`, `bad_iban`. Logs: refund `create`.
    """
    try:
        account = IBAN(iban)
    except SchwiftyException as error:
        raise DomainError("bad_iban", status=422) from error
    with transaction.atomic():
        order: TopUp
        (order,) = locks.acquire(locks.lock(TopUp, top_up_id))
        if not manages_organisation(order, actor):
            raise DomainError("not_allowed", status=403)
        if order.refunds.filter(state__in=OPEN_REFUNDS).exists():
            raise DomainError("already_waiting")
        if order.refundable_cents <= 0:
            raise DomainError("nothing_to_refund")
        refund = TopUpRefund(
            top_up=order,
            organisation_id=order.organisation_id,
            amount_cents=order.refundable_cents,
            iban=account.compact,
            requested_by=actor,
        )
        fsm.start(refund, actor=actor)
    return refund


def note_refund(*, actor: User, refund_id: int, bank_reference: str) -> TopUpRefund:
    """Say that the transfer was made outside of the platform; nothing moves before another person confirms it.

    Locks: the top-up, the refund. Raises: DomainError `not_found` (404), `not_allowed` (for who asked for the refund
    too), `incomplete` without the transfer's reference. Logs: refund `note`.
    """
    if not bank_reference.strip():
        raise DomainError("incomplete", status=422, what="bank_reference")
    with transaction.atomic():
        _, refund = _lock(refund_id)
        fsm.apply(refund, "note", actor=actor, bank_reference=bank_reference.strip()[:35], by=actor)
    return refund


def confirm_refund(*, actor: User, refund_id: int) -> TopUpRefund:
    """Another person has seen the transfer that was noted: the money is back with the employer (decision 213).

    Locks: the top-up, the refund. Raises: DomainError `not_found` (404), `not_allowed` for who noted it or asked for
    the refund. Logs: refund `pay`; top-up `refund` when nothing of it is left.
    """
    with transaction.atomic():
        order, refund = _lock(refund_id)
        fsm.apply(refund, "pay", actor=actor, by=actor)
        post_refund(order, refund, actor=actor)
    return refund


def drop_refund_note(*, actor: User, refund_id: int, reason: str) -> TopUpRefund:
    """There was no such transfer: the refund waits to be paid again.

    Locks: the top-up, the refund. Raises: as `refuse_refund`. Logs: refund `drop_note`.
    """
    if not reason.strip():
        raise DomainError("incomplete", status=422, what="reason")
    with transaction.atomic():
        _, refund = _lock(refund_id)
        fsm.apply(refund, "drop_note", actor=actor, reason=reason.strip())
    return refund


def post_refund(order: TopUp, refund: TopUpRefund, *, actor: User) -> None:
    """The refund's money left: its order is refunded where nothing of it is left. Both are locked."""
    ledger.post(
        scheme=order.scheme,
        kind="top_up_refunded",
        key=f"topup:{order.pk}:refunded:{refund.pk}",
        actor=actor,
        lines=ledger.transfer(
            Line(Bucket.DEPOSIT, Fund.EMPLOYER, refund.amount_cents), Bucket.DEPOSIT, Bucket.RETURNED
        ),
    )
    order.refunded_cents += refund.amount_cents
    if order.state in (TopUpState.ALLOCATED, TopUpState.FAILED) and (
        order.refunded_cents == order.received_cents
    ):
        fsm.apply(order, "refund", actor=actor)
    else:
        order.save(update_fields=["refunded_cents"])


def undo_refund(order: TopUp, refund: TopUpRefund, *, actor: User) -> None:
    """A refund that was paid came back: its money is due to the employer again. Both are locked."""
    ledger.post(
        scheme=order.scheme,
        kind="top_up_refund_undone",
        key=f"topup:{order.pk}:refund_undone:{refund.pk}",
        actor=actor,
        lines=ledger.transfer(
            Line(Bucket.DEPOSIT, Fund.EMPLOYER, refund.amount_cents), Bucket.RETURNED, Bucket.DEPOSIT
        ),
    )
    order.refunded_cents -= refund.amount_cents
    order.save(update_fields=["refunded_cents"])


def refuse_refund(*, actor: User, refund_id: int, reason: str) -> TopUpRefund:
    """A payment officer says no, and why; the money stays where it is and may be asked for again.

    Locks: the top-up, the refund. Raises: DomainError `not_found` (404), `not_allowed`, `incomplete`.
    """
    if not reason.strip():
        raise DomainError("incomplete", status=422, what="reason")
    with transaction.atomic():
        _, refund = _lock(refund_id)
        fsm.apply(refund, "refuse", actor=actor, reason=reason.strip())
    return refund


def _lock(refund_id: int) -> tuple[TopUp, TopUpRefund]:
    order, refund = locks.acquire(
        locks.lock_through(TopUpRefund, refund_id, "top_up"), locks.lock(TopUpRefund, refund_id)
    )
    return order, refund
