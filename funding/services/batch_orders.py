"""Ordering payments by hand: a batch as its dry run showed it, and its way to the bank as a job."""

from datetime import date

from django.db import transaction

from accounts.models import User
from funding import permissions
from funding.banking.value_dates import first_value_date, is_value_date
from funding.models import BatchState, PaymentBatch, Rail, Scheme
from funding.rails import rail_is_configured
from funding.selectors.agency_batches import plan_batch
from funding.services import bank_messages, batches
from ila.core import clock
from ila.core.errors import DomainError


@transaction.atomic
def create_planned_batch(
    *, actor: User, scheme: Scheme, value_date: date | None, seen: str, rail: str = Rail.SEPA
) -> PaymentBatch:
    """Draw up the batch that the dry run showed: the same claims and accounts, or none.

    value_date: a working day on which the bank can still execute; None: the first one.
    Locks: as `create_batch`. Raises: DomainError `plan_changed` when other claims would go in now,
    `bad_value_date`; else as `create_batch`.
    """
    now = clock.now()
    if value_date is not None and not is_value_date(scheme, value_date, now):
        raise DomainError("bad_value_date", first=first_value_date(scheme, now).isoformat())
    plan = plan_batch(scheme, actor=actor, rail=rail)
    if plan.seen != seen:
        raise DomainError("plan_changed")
    return batches.create_batch(
        actor=actor,
        scheme=scheme,
        value_date=value_date or first_value_date(scheme, now),
        claim_ids=[claim.pk for claim in plan.ready],
        rail=rail,
    )


def check_sendable(*, actor: User, batch: PaymentBatch) -> None:
    """Raise DomainError `not_allowed` unless this person may have the batch written and sent now."""
    if not permissions.may_pay(batch, actor):
        raise DomainError("not_allowed", status=403, batch=batch.msg_id)
    waits = batch.state in batches.SENT_STATES and batch.sent_at is None and rail_is_configured(batch.rail)
    if batch.state != BatchState.APPROVED and not waits:
        raise DomainError("not_allowed", reason="batch_state", batch=batch.msg_id)


def export_and_send(*, actor: User, batch_id: int) -> bool:
    """Write a batch's file and hand it to the bank, where one is set up. Returns whether the bank has it.

    May be done again at any point: the file is written once, and the bank refuses a second copy. The bank is
    called outside of transactions. Raises: as `export_batch` and `send_batch`.
    """
    batches.export_batch(actor=actor, batch_id=batch_id)
    rail = PaymentBatch.objects.values_list("rail", flat=True).get(pk=batch_id)
    if not rail_is_configured(rail):
        return False
    batches.send_batch(batch_id=batch_id)
    if rail == Rail.STRIPE:
        # Its answers came at once; whatever a webhook tells of them later is no news.
        bank_messages.process_waiting()
    return True
