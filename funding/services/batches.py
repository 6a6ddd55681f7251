"""Payment batches: approved claims put together, approved by another person, written once and sent."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from django.db import connection, transaction

from accounts.models import User
from accounts.services import service_users
from catalogue.payees import payees_are_configured
from catalogue.selectors.account_changes import former_accounts
from catalogue.services import account_changes
from funding import permissions
from funding.banking.config import paying_party
from funding.banking.identifiers import new_reference, normalise_account
from funding.banking.pain001 import MAX_TRANSFERS, CreditTransfer, CreditTransferFile, Party, build_pain001
from funding.banking.port import Acknowledgement, BankPort, OutgoingFile
from funding.banking.transfers import TransferFile, TransferOrder, build_transfers
from funding.cards.config import require_own_account
from funding.models import (
    BatchState,
    Booking,
    BookingState,
    Bucket,
    Claim,
    ClaimKind,
    ClaimLog,
    ClaimState,
    PayeeCheck,
    Payment,
    PaymentBatch,
    PaymentFile,
    Rail,
    Scheme,
    TopUpRefund,
)
from funding.rails import open_rail, payable_by
from funding.selectors.payees import creditor_name, find_unverified, has_account, unready_accounts
from funding.services import gates, holds
from funding.services.bookings.context import today
from funding.services.kept_messages import store_message
from funding.services.payments import lines_of, post_moves, unwind_ended
from funding.services.recoveries.netting import forget_nettings, plan_nettings, write_nettings
from funding.services.refunds import failed_refunds, refresh_accounts
from funding.services.top_ups import refund_batches
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError
from ila.core.money import format_cents

SENT_STATES = (BatchState.EXPORTED, BatchState.ACKNOWLEDGED, BatchState.PARTLY_REJECTED)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A claim that cannot be paid now: `on_hold`, `bad_iban`, `account_not_ready`, `not_allowed` (who approved it).

    Or the first payment into an account that nobody vouches for: `payee_unasked`, or `payee_` and what the bank said.
    """

    claim: Claim
    code: str
    check: PayeeCheck | None = None


@transaction.atomic
def create_batch(
    *,
    actor: User,
    scheme: Scheme,
    value_date: date | None = None,
    claim_ids: Collection[int] | None = None,
    rail: str = Rail.SEPA,
) -> PaymentBatch:
    """Put approved claims of a scheme together to be paid on a day (the next that banks book); one payment for each.

    rail: how they travel; a batch holds payments to accounts of that rail alone.

    What a provider owes back is kept of its payments as far as the rules allow (`plan_nettings`).

    Without `claim_ids` every approved claim goes in that can; with them, all of these must. Whoever approved a
    claim puts it into no batch (invariant 7).

    Locks: the claims, the receivables of their providers. Logs: PaymentBatchLog, ClaimLog.
    Raises: DomainError `not_allowed`, `on_hold`, `bad_iban`, `payee_unasked`, `payee_close_match`, `payee_no_match`,
    `payee_not_possible`, `incomplete` when nothing is to be paid.
    """
    if not permissions.may_pay(scheme, actor):
        raise DomainError("not_allowed", status=403)
    # Payments go to the account in force at this moment, whether the job that changes accounts has run or not.
    account_changes.put_due_into_force()
    refresh_accounts()
    payable = Claim.objects.filter(
        payable_by(rail), state=ClaimState.APPROVED, booking__account__scheme=scheme
    )
    if claim_ids is not None:
        payable = payable.filter(pk__in=claim_ids)
    chosen = list(payable.order_by("pk").values_list("pk", flat=True)[:MAX_TRANSFERS])
    claims: list[Claim] = locks.acquire_set(Claim.objects.filter(pk__in=chosen, state=ClaimState.APPROVED))
    if claim_ids is not None and len(claims) != len(set(claim_ids)):
        missing = sorted(set(claim_ids) - {claim.pk for claim in claims})
        raise DomainError("not_allowed", reason="not approved", claims=missing[:20])
    ready, left_out = sort_payable(claims, actor=actor)
    if left_out and (claim_ids is not None or not ready):
        first = left_out[0]
        raise DomainError(first.code, claim=first.claim.pk)
    if not ready:
        raise DomainError("incomplete", what="no approved claim", scheme=scheme.code)
    batch = PaymentBatch(
        scheme=scheme,
        msg_id=new_reference("ILA"),
        rail=rail,
        currency=scheme.currency,
        value_date=value_date or today(scheme),
        author=actor,
        created_at=clock.now(),
    )
    fsm.start(batch, actor=actor)
    planned = plan_nettings(ready, scheme=scheme)
    netted = {pk: sum(part.amount_cents for part in parts) for pk, parts in planned.items()}
    written = Payment.objects.bulk_create(
        (
            Payment(
                batch=batch,
                claim=claim,
                end_to_end_id=new_reference("E"),
                iban=normalise_account(claim.payee_iban or claim.provider.iban),
                creditor_name=creditor_name(claim),
                amount_cents=claim.amount_cents - netted.get(claim.pk, 0),
                netted_cents=netted.get(claim.pk, 0),
            )
            for claim in ready
        ),
        batch_size=1000,
    )
    write_nettings(written, planned)
    fsm.bulk_log([fsm.move(claim, "include", actor=actor) for claim in ready], model=ClaimLog)
    fsm.set_states(
        [claim.pk for claim in ready], model=Claim, source=ClaimState.APPROVED, target=ClaimState.IN_BATCH
    )
    return batch


def sort_payable(claims: Sequence[Claim], *, actor: User) -> tuple[list[Claim], list[LeftOut]]:
    """Which of these locked claims may go into a batch of this actor, and why the others may not."""
    related = {
        claim.pk: claim
        for claim in Claim.objects.filter(pk__in=[claim.pk for claim in claims]).select_related(
            "booking__account", "booking__provider", "provider__organisation"
        )
    }
    for claim in claims:
        claim.booking, claim.provider = related[claim.pk].booking, related[claim.pk].provider
    stopped = stopped_bookings([claim.booking for claim in claims])
    failed = failed_refunds(claims)
    unready = unready_accounts(claims)
    ready: list[Claim] = []
    left_out: list[LeftOut] = []
    for claim in claims:
        if claim.booking_id in stopped and claim.kind != ClaimKind.REFUND:
            left_out.append(LeftOut(claim, "on_hold"))
        elif not has_account(claim) or claim.pk in failed:
            left_out.append(LeftOut(claim, "bad_iban"))
        elif claim.pk in unready:
            left_out.append(LeftOut(claim, "account_not_ready"))
        elif claim.approver_id == actor.pk:
            left_out.append(LeftOut(claim, "not_allowed"))
        else:
            ready.append(claim)
    if not payees_are_configured():
        return ready, left_out
    unverified = find_unverified(ready)
    left_out += [
        LeftOut(claim, unverified[claim.pk].code, unverified[claim.pk].check)
        for claim in ready
        if claim.pk in unverified
    ]
    return [claim for claim in ready if claim.pk not in unverified], left_out


def stopped_bookings(bookings: Sequence[Booking], *, ibans: Sequence[str] = ()) -> set[int]:
    """Ids of bookings that must not be paid now: disputed, ended without owing anything, or on hold by any scope.

    A hold on an account stops its provider's payments into a later account too.
    Bookings come with their provider. `ibans`: accounts that payments of these bookings, in the same order, go to.
    """
    open_holds = list(holds.open_holds().values_list("booking_id", "session_id", "provider_id", "iban"))
    by_booking, by_session, by_provider = ({row[n] for row in open_holds if row[n]} for n in range(3))
    by_iban = {_compact(row[3]) for row in open_holds if row[3]}
    former = former_accounts({booking.provider_id for booking in bookings}) if by_iban else {}
    stopped = set()
    for position, booking in enumerate(bookings):
        known = {booking.provider.iban, *former.get(booking.provider_id, ()), *ibans[position : position + 1]}
        paid_to = {_compact(iban) for iban in known}
        if (
            booking.state == BookingState.DISPUTED
            or booking.is_all_back
            or booking.pk in by_booking
            or booking.session_id in by_session
            or booking.provider_id in by_provider
            or paid_to & by_iban
        ):
            stopped.add(booking.pk)
    return stopped


@transaction.atomic
def approve_batch(*, actor: User, batch_id: int) -> PaymentBatch:
    """Another person releases the batch: not its author, and nobody who wrote or approved a claim in it (invariant 7).

    Locks: the batch. Logs: PaymentBatchLog. Raises: DomainError `not_allowed`.
    """
    batch: PaymentBatch = locks.acquire(locks.lock(PaymentBatch, batch_id))[0]
    if batch.author_id == actor.pk:
        raise DomainError("not_allowed", status=403, reason="approved by its own author", batch=batch.msg_id)
    theirs = Claim.objects.filter(payments__batch=batch)
    if theirs.filter(author=actor).exists() or theirs.filter(approver=actor).exists():
        raise DomainError(
            "not_allowed", status=403, reason="has a claim of the same person", batch=batch.msg_id
        )
    fsm.apply(batch, "approve", actor=actor, approver=actor)
    return batch


@transaction.atomic
def drop_batch(*, actor: User, batch_id: int, reason: str) -> PaymentBatch:
    """A batch that nobody has released is not wanted: its claims are approved again, what it kept for debts is free.

    Who may release batches may drop them, the author too. Its payments never went to a bank: they are forgotten, and
    the log of each claim names the batch.
    Locks: bookings, batch, claims, payments, receivables. Logs: PaymentBatchLog `drop`, ClaimLog `approve_again`.
    Raises: DomainError `incomplete` without a reason; `not_allowed`, also once it is released.
    """
    if not reason.strip():
        raise DomainError("incomplete", status=422, what="reason")
    payments = _lock_payments(batch_id)
    batch: PaymentBatch
    (batch,) = locks.acquire(locks.lock(PaymentBatch, batch_id)) if not payments else (payments[0].batch,)
    fsm.apply(batch, "drop", actor=actor, reason=reason.strip())
    _take_out(payments, reason=f"batch {batch.msg_id} dropped")
    refunds = refund_batches.lock_refunds(batch_id)
    refund_batches.take_out(refunds, actor=actor, reason=f"batch {batch.msg_id} dropped")
    return batch


def export_batch(*, actor: User, batch_id: int) -> PaymentFile:
    """Write the batch's file once; what was payable is in transit. Called again, it returns the same file.

    What is about to be paid is looked at first, on the facts of this moment (`gates.check_payments`). Claims that were
    stopped since the batch was made are taken out of it and are approved again.

    Locks: bookings, batch, claims, payments, lots. Logs: PaymentBatchLog, ClaimLog.
    Raises: DomainError `not_allowed` before the batch is approved, `not_screened` when it could not be looked at,
    `on_hold` when nothing is left in it; BadPaymentFile for what a bank would refuse.
    """
    if PaymentBatch.objects.filter(pk=batch_id, state=BatchState.APPROVED, file__isnull=True).exists():
        gates.check_payments(batch_id=batch_id)
    payment_file = _export(actor=actor, batch_id=batch_id)
    if payment_file is None:
        raise DomainError("on_hold", reason="every claim of the batch is stopped", batch=batch_id)
    return payment_file


@transaction.atomic
def _export(*, actor: User, batch_id: int) -> PaymentFile | None:
    written = PaymentFile.objects.filter(batch_id=batch_id).first()
    if written is not None:
        return written
    payments = _lock_payments(batch_id)
    (batch,) = locks.acquire(locks.lock(PaymentBatch, batch_id)) if not payments else (payments[0].batch,)
    # Another export may have come first while this one waited for the locks.
    written = PaymentFile.objects.filter(batch_id=batch_id).first()
    if written is not None:
        return written
    if batch.state != BatchState.APPROVED:
        raise DomainError("not_allowed", state=batch.state, batch=batch.msg_id)
    payments = _without_stopped(payments)
    refunds = refund_batches.lock_refunds(batch_id)
    if not payments and not refunds:
        fsm.apply(batch, "empty", actor=actor, reason="every claim was stopped")
        return None
    batch.scheme = Scheme.objects.get(pk=batch.scheme_id)
    batch.value_date = max(batch.value_date, today(batch.scheme))
    fsm.apply(batch, "export", actor=actor)
    content = (
        build_transfers(_to_transfers(batch, payments))
        if batch.rail == Rail.STRIPE
        else build_pain001(_to_file(batch, payments, refunds))
    )
    post_moves(
        [
            ("exported", payment, Bucket.PAYABLE, Bucket.IN_TRANSIT)
            for payment in payments
            # A learner's own money is due to them until the bank has paid it (decision 0188).
            if payment.claim.kind != ClaimKind.REFUND
        ],
        lines=lines_of([payment.claim_id for payment in payments]),
        actor=actor,
    )
    return PaymentFile.objects.create(
        batch=batch, content=content, sha256=hashlib.sha256(content).hexdigest(), created_at=clock.now()
    )


def send_batch(*, batch_id: int, bank: BankPort | None = None) -> Acknowledgement:
    """Take the batch's kept file to the bank; the bytes are the same however often it is sent.

    The bank refuses a second copy by its MsgId, so that sending again after a crash pays nothing twice.
    Outside transactions only.

    Raises: DomainError `not_allowed` before the export; BankUnreachable, BankRefusedDelivery; RuntimeError inside a
    transaction.
    """
    require_no_transaction()
    payment_file = PaymentFile.objects.select_related("batch").filter(batch_id=batch_id).first()
    if payment_file is None:
        raise DomainError("not_allowed", reason="not exported", batch=batch_id)
    content = bytes(payment_file.content)
    if hashlib.sha256(content).hexdigest() != payment_file.sha256:
        raise DomainError("file_changed", status=500, batch=payment_file.batch.msg_id)
    bank = bank or open_rail(payment_file.batch.rail)
    if payment_file.batch.rail == Rail.STRIPE:
        require_own_account()
    acknowledgement = bank.send(OutgoingFile(payment_file.batch.msg_id, content))
    # Kept before it is noted as sent: who dies between the two asks again and is told the same.
    for answer in acknowledgement.answers:
        store_message(content=answer, note_repeats=False)
    PaymentBatch.objects.filter(pk=batch_id, sent_at__isnull=True).update(sent_at=clock.now())
    return acknowledgement


def send_unsent(*, bank: BankPort | None = None, rail: str = Rail.SEPA) -> list[PaymentBatch]:
    """Send every exported batch of a rail that its bank is not known to hold, oldest first. Returns those sent."""
    waiting = PaymentBatch.objects.filter(
        rail=rail, sent_at__isnull=True, state__in=SENT_STATES, file__isnull=False
    )
    sent = []
    for batch in waiting.order_by("exported_at", "pk"):
        send_batch(batch_id=batch.pk, bank=bank)
        sent.append(batch)
    return sent


def require_no_transaction() -> None:
    """Raise RuntimeError inside a transaction: what waits for a bank must not hold locks. A test's own is forgiven."""
    if any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
        raise RuntimeError("the bank is never called inside a transaction")


def _lock_payments(batch_id: int) -> list[Payment]:
    """The batch's payments, locked with their bookings, batch and claims, related rows filled in."""
    seen = Payment.objects.filter(batch_id=batch_id)
    related = {
        each.pk: each
        for each in Booking.objects.filter(claims__payments__in=seen).select_related(
            "account__scheme", "provider"
        )
    }
    bookings = {each.pk: each for each in locks.acquire_set(Booking.objects.filter(pk__in=list(related)))}
    (batch,) = locks.acquire(locks.lock(PaymentBatch, batch_id))
    claims = {each.pk: each for each in locks.acquire_set(Claim.objects.filter(payments__in=seen))}
    payments: list[Payment] = locks.acquire_set(seen)
    for payment in payments:
        payment.batch = batch
        payment.claim = claims[payment.claim_id]
        booking = bookings[payment.claim.booking_id]
        booking.account, booking.provider = related[booking.pk].account, related[booking.pk].provider
        payment.claim.booking = booking
    return payments


def _without_stopped(payments: list[Payment]) -> list[Payment]:
    """Take out what must not be paid now: it never went to the bank, so its payment is forgotten."""
    stopped = stopped_bookings(
        [payment.claim.booking for payment in payments], ibans=[payment.iban for payment in payments]
    )
    out = [
        payment
        for payment in payments
        if payment.claim.booking_id in stopped and payment.claim.kind != ClaimKind.REFUND
    ]
    _take_out(out, reason="on_hold")
    gone = {payment.claim_id for payment in out}
    return [payment for payment in payments if payment.claim_id not in gone]


def _take_out(out: list[Payment], *, reason: str) -> None:
    """Forget payments that never went to the bank: their claims are approved again, or called back."""
    if not out:
        return
    service = service_users.get("bank")
    rows = [fsm.move(payment.claim, "approve_again", actor=service, reason=reason) for payment in out]
    fsm.bulk_log(rows, model=ClaimLog)
    fsm.set_states(
        [payment.claim_id for payment in out],
        model=Claim,
        source=ClaimState.IN_BATCH,
        target=ClaimState.APPROVED,
    )
    forget_nettings(out)
    Payment.objects.filter(pk__in=[payment.pk for payment in out]).delete()
    unwind_ended(out)


def _to_file(
    batch: PaymentBatch, payments: Sequence[Payment], refunds: Sequence[TopUpRefund]
) -> CreditTransferFile:
    assert batch.exported_at is not None
    return CreditTransferFile(
        msg_id=batch.msg_id,
        created_at=batch.exported_at,
        debtor=paying_party(),
        execution_date=batch.value_date,
        transfers=(
            *(
                CreditTransfer(
                    end_to_end_id=payment.end_to_end_id,
                    amount_cents=payment.amount_cents,
                    currency=batch.currency,
                    creditor=Party(payment.creditor_name, payment.iban),
                    # The booking's public id is what the provider knows; no learner is named.
                    remittance=_remittance(batch, payment),
                )
                for payment in payments
            ),
            *refund_batches.transfers_of(batch, refunds),
        ),
    )


def _to_transfers(batch: PaymentBatch, payments: Sequence[Payment]) -> TransferFile:
    return TransferFile(
        msg_id=batch.msg_id,
        currency=batch.currency,
        transfers=tuple(
            TransferOrder(
                payment.end_to_end_id, payment.amount_cents, payment.iban, _remittance(batch, payment)
            )
            for payment in payments
        ),
    )


def _remittance(batch: PaymentBatch, payment: Payment) -> str:
    text = f"{batch.scheme.code} {payment.claim.booking.public_id} claim {payment.claim_id}"
    if payment.netted_cents:
        text += f", {format_cents(payment.netted_cents, batch.currency)} kept for a debt"
    return text


def _compact(iban: str) -> str:
    return "".join(iban.split()).upper()
