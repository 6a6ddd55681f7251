"""A learner's own part by bank transfer: asked for with their consent, recognised as it comes, and then it binds.

What the bank tells is written down at once (`take_in`); what follows of it for the booking is a transaction of its own
for each (`work_on`), so that a message with a thousand transfers holds up nobody's booking.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from accounts.models import SignIn, User
from accounts.services import messages, service_users
from funding.cards.config import own_part_today
from funding.models import (
    BankLine,
    Booking,
    BookingState,
    Bucket,
    Fund,
    OwnTransfer,
    OwnTransferReceipt,
    OwnTransferState,
)
from funding.permissions import is_learner
from funding.services import kept, ledger, own_parts
from funding.services.bookings.context import calendar_of
from funding.services.bookings.situation import lock_booking
from funding.services.bookings.texts import Shown
from funding.services.ledger import Line
from funding.services.reservations import end_reservation, reserve
from funding.services.top_ups.orders import new_reference
from funding.services.top_ups.receipts import (
    Credit,
    keys_of,
    put_receipt_aside,
    references_in,
    written_together,
)
from ila.core import clock, fsm, locks
from ila.core.calendars import WorkingCalendar
from ila.core.errors import DomainError

log = structlog.get_logger(__name__)

AT_ONCE = 500
S = OwnTransferState


def start_for_booking(*, actor: User, booking_id: int, sign_in: SignIn | None, shown: Shown) -> OwnTransfer:
    """The learner consents and is about to transfer their part: seat and rights are kept until it has come (F-11).

    Nothing is accepted yet: the proposal stands, also beyond its own term (F-21), as long as they are kept, and
    `accept` comes with the money. One transfer at a time waits for a booking.
    Locks: as `bookings.accept`. Raises: as `bookings.accept`; DomainError `transfers_not_taken`, `not_allowed` where
    they have nothing to pay, `transfer_too_late` where no transfer comes before the session starts.
    Logs: transfer `create`.
    """
    if own_part_today() != "transfer":
        raise DomainError("transfers_not_taken", status=503)
    with transaction.atomic(), ledger.refusals_named():
        booking, _earlier = lock_booking(booking_id, actor, None)
        waiting = OwnTransfer.objects.filter(booking=booking, state=S.OPENED).first()
        if waiting is not None and waiting.payer_id == actor.pk:
            return waiting
        consented = own_parts.prepare(actor=actor, booking_id=booking_id, sign_in=sign_in, shown=shown)
        booking = consented.booking
        assert booking.session.starts_at is not None
        until = kept_until(calendar_of(booking.account.scheme), clock.now(), booking.session.starts_at)
        transfer = OwnTransfer(
            reference=new_reference(),
            expires_at=until,
            answer_until=booking.next_due_at,
            **consented.kept_with_it(),
        )
        fsm.start(transfer, actor=actor)
        reserve(transfer, booking, consented.plan, actor=service_users.get("bank"))
        if booking.next_due_at is not None and booking.next_due_at < until:
            # They have answered: what they wait for is their bank.
            booking.next_due_at = until
            booking.save(update_fields=["next_due_at"])
        messages.queue(
            recipient=actor,
            template="own_transfer_wanted",
            transfer=str(transfer.public_id),
            booking=str(booking.public_id),
            title=booking.credential.title[:150],
            amount_cents=transfer.amount_cents,
            currency=transfer.currency,
            reference=transfer.shown_reference,
            until=last_day(transfer),
            iban=settings.BANK_ACCOUNT_IBAN,
            holder=settings.BANK_ACCOUNT_NAME,
        )
    return transfer


def last_day(transfer: OwnTransfer) -> str:
    """The day by which it must be here, as messages keep it (2026-05-07)."""
    return calendar_of(transfer.scheme).last_day_before(transfer.expires_at).isoformat()


def kept_until(calendar: WorkingCalendar, now: datetime, starts_at: datetime) -> datetime:
    """Until when seat and rights are kept: the end of the third bank day after now, and never beyond the start.

    Raises: DomainError `transfer_too_late` where the next bank day ends after the start: nothing may come in time.
    """
    today = calendar.local_date(now)
    if calendar.end_of_day(calendar.add_working_days(today, 1)) > starts_at:
        raise DomainError("transfer_too_late", status=409)
    return min(calendar.end_of_day(calendar.add_working_days(today, settings.OWN_TRANSFER_DAYS)), starts_at)


def leave(*, actor: User, transfer_id: int) -> OwnTransfer:
    """The learner does not want to pay: all that was kept is given back at once, and the proposal stands as before.

    What came of it already, or comes later, goes back to them. Locks: as `bookings.accept`, the transfer.
    Raises: DomainError `not_found` (404) for others, `not_allowed` where nothing waits. Logs: transfer `leave`.
    """
    found = OwnTransfer.objects.select_related("booking__account__citizen").filter(pk=transfer_id).first()
    if found is None or not is_learner(found.booking, actor):
        raise DomainError("not_found", status=404, kind="owntransfer")
    with transaction.atomic():
        transfer, booking = _lock(transfer_id)
        if transfer.state != S.OPENED:
            raise DomainError("not_allowed", transition="leave", state=transfer.state)
        _give_up(transfer, booking, "leave", reason="by the learner")
        _give_back_rest(transfer)
    return transfer


def named(credits: Sequence[Credit]) -> list[OwnTransfer | None]:  # noqa: A002
    """The own part that each credit is for: the one whose reference it carries, and no other, in its currency."""
    found = [references_in(credit) for credit in credits]
    theirs = {
        each.reference: each
        for each in OwnTransfer.objects.filter(reference__in={one for each in found for one in each})
    }
    matched = []
    for credit, references in zip(credits, found, strict=True):
        transfer = theirs.get(references[0]) if len(references) == 1 else None
        matched.append(transfer if transfer is not None and transfer.currency == credit.currency else None)
    return matched


def take_in(credits: Sequence[Credit], *, actor: User | None = None) -> list[OwnTransferReceipt]:  # noqa: A002
    """Write down transfers that name an own part: each counts once, whichever message tells of it, and how often.

    Whether it binds or goes back is decided by `work_on`. Returns a receipt for each, in their order.
    Locks: the own parts named, by id.
    """
    actor = actor or service_users.get("bank")
    of_credit = named(credits)
    wanted = {each.pk for each in of_credit if each is not None}
    locked = {
        each.pk: each
        for each in locks.acquire_set(OwnTransfer.objects.filter(pk__in=wanted).select_related("scheme"))
    }
    keys = keys_of(credits)
    known = {each.key: each for each in OwnTransferReceipt.objects.filter(key__in=keys)}
    for key, credit, own in zip(keys, credits, of_credit, strict=True):
        if key in known:
            continue
        assert own is not None
        known[key] = _receive(
            locked[own.pk],
            actor,
            key=key,
            amount_cents=credit.amount_cents,
            reference=credit.written,
            payer_name=credit.payer_name[:140],
            payer_iban=credit.payer_iban[:34],
            booked_on=credit.booked_on,
        )
    return [known[key] for key in keys]


def is_asked_for(reference: str) -> bool:
    """Whether an own part is awaited, or was, under this reference, however it is spaced."""
    return OwnTransfer.objects.filter(reference=written_together(reference)).exists()


def assign_receipt(*, actor: User, receipt_id: int, reference: str, reason: str) -> OwnTransferReceipt:
    """A person of the agency says which own part a transfer that was kept aside is for; it counts from now on.

    Locks: the transfer kept aside, the own part. Raises: as `top_ups.put_receipt_aside`; DomainError
    `unknown_reference`, `other_currency`.
    """
    with transaction.atomic():
        aside = put_receipt_aside(actor=actor, receipt_id=receipt_id, reason=reason)
        asked = OwnTransfer.objects.filter(reference=written_together(reference)).select_related("scheme")
        found = locks.acquire_set(asked)
        if not found:
            raise DomainError("unknown_reference", status=422)
        (transfer,) = found
        if transfer.currency != aside.currency:
            raise DomainError("other_currency", status=422)
        receipt = _receive(
            transfer,
            actor,
            key=aside.key,
            amount_cents=aside.amount_cents,
            reference=aside.reference[:140],
            payer_name=aside.payer_name[:140],
            payer_iban=aside.payer_iban[:34],
            booked_on=aside.booked_on,
        )
        BankLine.objects.filter(receipt=aside).update(own_receipt=receipt)
    return receipt


def undecided(now: datetime | None = None) -> QuerySet[OwnTransfer]:
    """Transfers of which something follows: all came, time is up, the booking moved on, or money is to go back."""
    open_ones = Q(state=S.OPENED)
    complete = open_ones & Q(received_cents__gte=F("amount_cents"))
    over = open_ones & (Q(expires_at__lte=now or clock.now()) | ~Q(booking__state=BookingState.PROPOSED))
    rest = ~open_ones & Q(received_cents__gt=F("applied_cents") + F("due_cents"))
    return OwnTransfer.objects.filter(complete | over | rest)


def settle_waiting() -> dict[str, int]:
    """Do what follows of transfers that came, or did not. Each once, however often and by whomever it is called.

    Returns how many were paid, lapsed and otherwise ended or given back. One that cannot be worked on keeps nobody
    else waiting: the others are, and then its error is raised.
    """
    done = {"paid": 0, "lapsed": 0, "other": 0}
    broken: list[Exception] = []
    for pk in list(undecided().order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        try:
            moved = work_on(transfer_id=pk)
        except Exception as error:
            log.exception("own_transfer_not_settled", transfer=pk)
            broken.append(error)
            continue
        done[moved if moved in done else "other"] += 1
    if broken:
        raise broken[0]
    return done


def work_on(*, transfer_id: int) -> str:
    """Bring one transfer on: accepted with its money, lapsed, left, or its rest given back. Returns the state reached.

    Of the money and the end of its time, whichever is here first under the lock wins; the other changes nothing but
    where the money goes. Locks: as `bookings.accept`, the transfer. Logs: transfer `pay`, `lapse` or `leave`; booking
    `accept`, consent `give`. Invariants 4, 5, 8, 9, 10.
    """
    with transaction.atomic():
        transfer, booking = _lock(transfer_id)
        before = transfer.state
        if transfer.state == S.OPENED:
            if booking.state != BookingState.PROPOSED:
                _give_up(transfer, booking, "leave", reason=booking.state)
            elif transfer.received_cents >= transfer.amount_cents:
                _bind(transfer)
            elif clock.now() >= transfer.expires_at:
                _give_up(transfer, booking, "lapse", reason="not paid in time")
                _tell(transfer, "own_transfer_lapsed", received_cents=transfer.received_cents)
        if transfer.state != S.OPENED:
            _give_back_rest(transfer)
        return transfer.state if transfer.state != before else ""


def _receive(transfer: OwnTransfer, actor: User, **told: Any) -> OwnTransferReceipt:
    """So much has come of it, and lies with us. told: the receipt's fields. The own part is locked."""
    receipt = OwnTransferReceipt.objects.create(transfer=transfer, **told)
    _post(transfer, "own_received", f"received:{receipt.pk}", actor, [
        Line(Bucket.APPROPRIATION, Fund.OWN, -receipt.amount_cents),
        Line(Bucket.DEPOSIT, Fund.OWN, receipt.amount_cents),
    ])  # fmt: skip
    transfer.received_cents += receipt.amount_cents
    transfer.save(update_fields=["received_cents"])
    if transfer.missing_cents:
        _tell(
            transfer,
            "own_transfer_short",
            received_cents=transfer.received_cents,
            missing_cents=transfer.missing_cents,
            reference=transfer.shown_reference,
            until=last_day(transfer),
        )
    return receipt


def _bind(transfer: OwnTransfer) -> None:
    """All of it is here: the acceptance; where it is refused now, everything goes back."""
    service = service_users.get("bank")
    fsm.apply(transfer, "pay", actor=service)
    end_reservation(transfer, actor=service)
    refused = own_parts.bind(transfer)
    if refused:
        transfer.finding = refused
        transfer.save(update_fields=["finding"])
        _answer_by_itself(transfer, Booking.objects.get(pk=transfer.booking_id))
        _tell(transfer, "own_transfer_refused")
        return
    _post(transfer, "own_applied", "applied", service, [
        Line(Bucket.DEPOSIT, Fund.OWN, -transfer.amount_cents),
        Line(Bucket.APPROPRIATION, Fund.OWN, transfer.amount_cents),
    ])  # fmt: skip
    transfer.applied_cents = transfer.amount_cents
    transfer.save(update_fields=["applied_cents"])


def _give_up(transfer: OwnTransfer, booking: Booking, transition: str, *, reason: str) -> None:
    service = service_users.get("bank")
    fsm.apply(transfer, transition, actor=service, reason=reason)
    end_reservation(transfer, actor=service)
    _answer_by_itself(transfer, booking)


def _answer_by_itself(transfer: OwnTransfer, booking: Booking) -> None:
    """The proposal lapses again when it would have without the transfer (F-21)."""
    if booking.state == BookingState.PROPOSED and booking.next_due_at is not None:
        booking.next_due_at = transfer.answer_until
        booking.save(update_fields=["next_due_at"])


def _give_back_rest(transfer: OwnTransfer) -> None:
    """What the booking did not take is the learner's: owed to them, and refunded to the account that they name."""
    cents = transfer.deposit_cents
    if not cents:
        return
    which = f"due:{transfer.due_cents + cents}"
    _post(transfer, "own_refund_due", which, service_users.get("bank"), [
        # What concerns the booking adds up to nothing in it.
        Line(Bucket.DEPOSIT, Fund.OWN, -cents),
        Line(Bucket.APPROPRIATION, Fund.OWN, cents),
        Line(Bucket.APPROPRIATION, Fund.OWN, -cents, booking_id=transfer.booking_id),
        Line(Bucket.REFUND_DUE, Fund.OWN, cents, booking_id=transfer.booking_id),
    ])  # fmt: skip
    transfer.due_cents += cents
    transfer.save(update_fields=["due_cents"])
    _tell(transfer, "own_transfer_goes_back", back_cents=cents)


def _lock(transfer_id: int) -> tuple[OwnTransfer, Booking]:
    found = OwnTransfer.objects.select_related("scheme", "payer", "sign_in").get(pk=transfer_id)
    booking, _earlier = lock_booking(found.booking_id, found.payer, None)
    transfer: OwnTransfer
    (transfer,) = locks.acquire(locks.lock(OwnTransfer, transfer_id))
    transfer.scheme, transfer.payer, transfer.sign_in = found.scheme, found.payer, found.sign_in
    transfer.booking = booking
    return transfer, booking


def _post(transfer: OwnTransfer, kind: str, which: str, actor: User, lines: list[Line]) -> None:
    key = kept.key_of(transfer, which)
    ledger.post(scheme=transfer.scheme, kind=kind, key=key, actor=actor, lines=lines)


def _tell(transfer: OwnTransfer, template: str, **facts: Any) -> None:
    messages.queue(
        recipient=transfer.payer,
        template=template,
        transfer=str(transfer.public_id),
        amount_cents=transfer.amount_cents,
        currency=transfer.currency,
        **facts,
    )
