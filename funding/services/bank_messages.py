"""Messages of the bank: kept as they came, then believed or refused, each once.

A message is stored in a transaction of its own before anything is made of it. It is worked on in another one:
either everything it says is written and it is `processed`, or it is `refused` with a reason and changes no balance.
"""

from collections.abc import Sequence
from typing import Any

import structlog
from django.db import connection, transaction

from accounts.models import User
from funding.banking.config import open_bank
from funding.banking.messages import (
    AccountMessage,
    BadBankMessage,
    PaymentReturn,
    PaymentStatusReport,
    TransactionStatus,
    TransferRefused,
    TransferReport,
)
from funding.banking.messages import BankMessage as ParsedMessage
from funding.banking.money import parse_amount
from funding.banking.parse import parse_bank_message
from funding.banking.port import BankPort
from funding.cards.transfers import ConnectRail
from funding.models import (
    BankMessage,
    MessageState,
    Payment,
    PaymentBatch,
    PaymentOutcome,
    Rail,
    TopUpRefund,
)
from funding.services.account_messages import process_account_message
from funding.services.batches import SENT_STATES, require_no_transaction
from funding.services.kept_messages import store_message
from funding.services.payments import ContradictionError, Settlement, Transfer
from funding.services.refusals import RefusedMessage, Report
from ila.core import clock
from ila.core.errors import DomainError

__all__ = ["process_message", "process_waiting", "receive_messages", "store_message"]

log = structlog.get_logger(__name__)

# One message after the other, whoever reads them: statements join in their order.
_QUEUE_LOCK = 0x696C_6162_616E_6B00


def receive_messages(*, bank: BankPort | None = None, again: bool = False) -> list[BankMessage]:
    """Collect what the bank has for us, store it, confirm it, and work on everything not yet worked on.

    Killed at any point and called again, nothing is lost and nothing counts twice. Outside transactions only.
    `again` also collects what was confirmed before (a bank's repeated delivery).
    Raises: BankUnreachable; RuntimeError inside a transaction. Returns the messages worked on now.
    """
    require_no_transaction()
    bank = bank or open_bank()
    arrived = bank.fetch(again=again)
    # Who always tells everything repeats itself, and nothing follows from it.
    note_repeats = not again and not isinstance(bank, ConnectRail)
    for raw in arrived:
        store_message(content=raw.content, note_repeats=note_repeats)
    bank.confirm(arrived)
    return process_waiting()


def process_waiting(*, actor: User | None = None) -> list[BankMessage]:
    """Work on every stored message that waits, in the order of arrival.

    A message that fails for a reason of ours stays and does not stop the others.
    """
    done = []
    for pk in (
        BankMessage.objects.filter(state=MessageState.RECEIVED).order_by("pk").values_list("pk", flat=True)
    ):
        try:
            done.append(process_message(message_id=pk, actor=actor))
        except DomainError as error:
            log.warning("bank_message_waits", message=pk, error=str(error))
    return done


@transaction.atomic
def process_message(*, message_id: int, actor: User | None = None) -> BankMessage:
    """Make of a stored message what it says, once; what cannot be believed is refused and shown.

    Locks: the queue of messages, then as `Settlement`. Raises: DomainError `not_found`.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_QUEUE_LOCK])
    message = BankMessage.objects.filter(pk=message_id).first()
    if message is None:
        raise DomainError("not_found", status=404, kind="bank_message")
    if message.state != MessageState.RECEIVED:
        return message
    report = Report()
    try:
        with transaction.atomic():
            parsed = parse_bank_message(bytes(message.content))
            message.kind, message.message_id = parsed.kind, parsed.msg_id
            _require_first(message)
            _process(message, parsed, report, actor=actor)
    except (BadBankMessage, RefusedMessage) as error:
        _refuse(message, error.code, error.message)
    except ContradictionError as error:
        _refuse(message, error.code, f"payment {error.payment.end_to_end_id} is {_outcome_of(error.payment)}")
    else:
        message.state = MessageState.PROCESSED
        message.detail = {**message.detail, **report.as_detail()}
    message.processed_at = clock.now()
    message.save(update_fields=["kind", "message_id", "state", "reason", "detail", "batch", "processed_at"])
    return message


def _process(message: BankMessage, parsed: ParsedMessage, report: Report, *, actor: User | None) -> None:
    if isinstance(parsed, PaymentStatusReport):
        _process_status_report(message, parsed, report, actor=actor)
    elif isinstance(parsed, PaymentReturn):
        _process_payment_return(message, parsed, report, actor=actor)
    elif isinstance(parsed, AccountMessage):
        process_account_message(message, parsed, report, actor=actor)
    elif isinstance(parsed, TransferRefused):
        _process_refused_transfer(message, parsed, report, actor=actor)
    elif isinstance(parsed, TransferReport):
        _process_transfer(message, parsed, report, actor=actor)


def _refuse(message: BankMessage, code: str, words: str) -> None:
    message.state = MessageState.REFUSED
    message.reason = code[:40]
    message.detail = {**message.detail, "message": words[:500]}
    log.warning("bank_message_refused", message=message.pk, kind=message.kind, reason=code)


def _outcome_of(payment: Transfer) -> str:
    """The stored outcome: the object in memory may have been moved before the refusal."""
    stored = type(payment).objects.values_list("outcome", flat=True)
    return str(stored.get(pk=payment.pk))


def _require_first(message: BankMessage) -> None:
    """The same identification with other content is not a second message."""
    earlier = BankMessage.objects.filter(
        kind=message.kind, message_id=message.message_id, state=MessageState.PROCESSED
    ).first()
    if earlier is not None:
        raise RefusedMessage(
            "duplicate_message", f"{message.kind} {message.message_id} came with other content"
        )


# -- pain.002 ------------------------------------------------------------------------------------------


def _process_status_report(
    message: BankMessage, report: PaymentStatusReport, result: Report, *, actor: User | None
) -> None:
    batch = _batch_of_file(report.original_msg_id, report.original_message)
    message.batch = batch
    if report.is_duplicate:
        # The first copy decides. Undoing anything here would pay it a second time.
        result.note("duplicate_file", report.original_msg_id)
        return
    work = Settlement(
        batch.payments.values_list("pk", flat=True),
        refund_ids=batch.refunds.values_list("pk", flat=True),
        actor=actor,
    )
    batch = work.batches[batch.pk]
    payments = sorted(work.transfers, key=lambda each: each.pk)
    _require_same_file(report, payments, batch)
    refused = _refused_by(report, payments)
    for payment in payments:
        status = refused.get(payment.end_to_end_id)
        if status is None:
            continue
        code, words = status
        if work.reject(payment, reason_code=code, words=words):
            result.count("rejected")
    named = {each.end_to_end_id for each in report.transactions if each.accepted}
    result.count("accepted", len(named))
    if _accepts(report):
        work.accept(batch)
    work.write(reason=f"{message.kind} {message.message_id}")


def _batch_of_file(msg_id: str, message_name: str) -> PaymentBatch:
    batch = PaymentBatch.objects.filter(msg_id=msg_id, file__isnull=False).first()
    if batch is None or (message_name and not message_name.startswith("pain.001")):
        raise RefusedMessage("unknown_file", f"no file {msg_id[:35]!r} of ours was sent")
    return batch


def _require_same_file(
    report: PaymentStatusReport, payments: Sequence[Transfer], batch: PaymentBatch
) -> None:
    """What the report repeats of our file is what our file says."""
    _require_same_totals(report.number_of_transactions, report.control_sum, payments, batch)
    by_reference = {payment.end_to_end_id: payment for payment in payments}
    for info in report.payment_infos:
        if info.payment_info_id != batch.msg_id:
            raise RefusedMessage("unknown_file", f"no bulk {info.payment_info_id!r} in {batch.msg_id}")
        _require_same_totals(info.number_of_transactions, info.control_sum, payments, batch)
    for each in report.transactions:
        payment = by_reference.get(each.end_to_end_id)
        if payment is None:
            raise RefusedMessage("unknown_payment", f"no payment {each.end_to_end_id} in {batch.msg_id}")
        if each.amount_cents is not None and (each.amount_cents, each.currency) != (
            payment.amount_cents,
            batch.currency,
        ):
            raise RefusedMessage("other_amount", f"{each.end_to_end_id}: {each.amount_cents} {each.currency}")


def _require_same_totals(
    number: int | None, control_sum: str, payments: Sequence[Transfer], batch: PaymentBatch
) -> None:
    if number is not None and number != len(payments):
        raise RefusedMessage("other_amount", f"{number} transfers reported, {len(payments)} were sent")
    total = sum(payment.amount_cents for payment in payments)
    if control_sum and parse_amount(control_sum, batch.currency, "OrgnlCtrlSum") != total:
        raise RefusedMessage("other_amount", f"a sum of {control_sum} reported, {total} cents were sent")


def _refused_by(report: PaymentStatusReport, payments: Sequence[Transfer]) -> dict[str, tuple[str, str]]:
    """Which payments the report refuses, with code and words: the whole file, whole bulks, or single ones."""
    refused: dict[str, tuple[str, str]] = {}
    if report.group_status in ("RJCT", "CANC"):
        reason = report.group_reasons[0] if report.group_reasons else None
        refused = {
            p.end_to_end_id: (reason.code if reason else "", reason.text if reason else "") for p in payments
        }
    for info in report.payment_infos:
        if info.status in ("RJCT", "CANC") and not any(each.accepted for each in report.transactions):
            reason = info.reasons[0] if info.reasons else None
            for payment in payments:
                refused.setdefault(
                    payment.end_to_end_id, (reason.code if reason else "", reason.text if reason else "")
                )
    for each in report.transactions:
        if each.refused:
            refused[each.end_to_end_id] = _reason_of(each)
    return refused


def _reason_of(each: TransactionStatus) -> tuple[str, str]:
    return (each.reasons[0].code, each.reasons[0].text) if each.reasons else ("", "")


def _accepts(report: PaymentStatusReport) -> bool:
    accepting = {"ACTC", "ACCP", "ACSP", "ACSC", "ACWC", "ACCC", "ACWP", "PART"}
    return (
        report.group_status in accepting
        or any(info.status in accepting for info in report.payment_infos)
        or any(each.accepted for each in report.transactions)
    )


# -- pacs.004 ------------------------------------------------------------------------------------------


def _process_payment_return(
    message: BankMessage, parsed: PaymentReturn, result: Report, *, actor: User | None
) -> None:
    references = [each.end_to_end_id for each in parsed.returns]
    batch = (
        _batch_of_file(parsed.original_msg_id, parsed.original_message) if parsed.original_msg_id else None
    )
    message.batch = batch
    told: dict[str, Any] = {
        "end_to_end_id__in": references,
        "batch__state__in": [*SENT_STATES, "executed", "rejected"],
    }
    work = Settlement(
        Payment.objects.filter(**told).values_list("pk", flat=True),
        refund_ids=TopUpRefund.objects.filter(**told).values_list("pk", flat=True),
        actor=actor,
    )
    for each in parsed.returns:
        payment = work.by_reference.get(each.end_to_end_id)
        if payment is None or (batch is not None and payment.batch_id != batch.pk):
            raise RefusedMessage("unknown_payment", f"{each.end_to_end_id} is no payment of that file")
        assert payment.batch is not None
        amounts = {each.original_amount_cents, each.returned_amount_cents}
        if amounts != {payment.amount_cents} or each.currency != payment.batch.currency:
            raise RefusedMessage(
                "other_amount",
                f"{each.end_to_end_id}: {each.returned_amount_cents} of {each.original_amount_cents} cents came back, "
                f"{payment.amount_cents} were sent",
            )
        was_pending = payment.outcome == PaymentOutcome.PENDING
        reason_code = each.reason.code if each.reason else ""
        if work.give_back(payment, reason_code=reason_code, on=each.settled_on):
            result.count("returned")
            if was_pending:
                result.note("returned_before_execution", each.end_to_end_id)
    if batch is None and work.batches:
        message.batch = next(iter(work.batches.values()))
    work.write(reason=f"{message.kind} {message.message_id}")


# -- transfers at Stripe -------------------------------------------------------------------------------


def _process_refused_transfer(
    message: BankMessage, parsed: TransferRefused, result: Report, *, actor: User | None
) -> None:
    work, payment = _transfer_work(message, parsed, actor)
    if work.reject(payment, reason_code=parsed.code, words=parsed.text):
        result.count("rejected")
    work.write(reason=f"{message.kind} {message.message_id}")


def _process_transfer(
    message: BankMessage, parsed: TransferReport, result: Report, *, actor: User | None
) -> None:
    work, payment = _transfer_work(message, parsed, actor)
    if (parsed.amount_cents, parsed.currency) != (payment.amount_cents, payment.batch.currency):
        raise RefusedMessage("other_amount", f"{parsed.transfer_id}: {parsed.amount_cents} {parsed.currency}")
    if parsed.account != payment.iban:
        raise RefusedMessage("other_account", f"{parsed.transfer_id} went to another account")
    if parsed.reversed_cents not in (0, payment.amount_cents):
        raise RefusedMessage(
            "other_amount",
            f"{parsed.transfer_id}: {parsed.reversed_cents} of {parsed.amount_cents} came back",
        )
    if parsed.reversed_cents:
        if work.give_back(payment, reason_code=parsed.reason, on=parsed.reversed_on):
            result.count("returned")
    elif work.execute(payment, on=parsed.made_on):
        result.count("executed")
    work.write(reason=f"{message.kind} {message.message_id}")


def _transfer_work(
    message: BankMessage, parsed: TransferRefused | TransferReport, actor: User | None
) -> tuple[Settlement, Payment]:
    """The payment that a transfer of ours is for, locked."""
    sent = PaymentBatch.objects.filter(msg_id=parsed.original_msg_id, rail=Rail.STRIPE, file__isnull=False)
    batch = sent.first()
    if batch is None:
        raise RefusedMessage(
            "unknown_file", f"no transfers {parsed.original_msg_id[:35]!r} of ours were ordered"
        )
    message.batch = batch
    known = batch.payments.filter(end_to_end_id=parsed.end_to_end_id).values_list("pk", flat=True)
    work = Settlement(known, actor=actor)
    payment = work.by_reference.get(parsed.end_to_end_id)
    if not isinstance(payment, Payment):
        raise RefusedMessage("unknown_payment", f"no payment {parsed.end_to_end_id} in {batch.msg_id}")
    return work, payment
