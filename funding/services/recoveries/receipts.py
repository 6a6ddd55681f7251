"""Transfers that come in for a debt, known by its reference; each counts once, and no more of it than is owed."""

from collections.abc import Sequence

from django.db import transaction
from stdnum import iso11649

from accounts.models import User
from accounts.services import service_users
from funding.models import BankLine, Booking, Bucket, Fund, Receivable, RecoveryReceipt
from funding.models.receivables import REFERENCE_PREFIX, UNSETTLED
from funding.permissions import PAYMENT_ROLES, has_agency_role, is_for_every_scheme
from funding.services import ledger, receivables
from funding.services.bookings.context import today
from funding.services.ledger import Line
from funding.services.recoveries.demands import interest_of
from funding.services.recoveries.instalments import look_at_plan
from funding.services.top_ups.receipts import Credit, keys_of, references_in
from ila.core import clock, locks
from ila.core.errors import DomainError

_LENGTH = 19


def named_debt(credit: Credit) -> int | None:
    """The id of the debt whose reference a transfer carries, and no other; None when it is for something else."""
    found = references_in(credit)
    return debt_of(found[0]) if len(found) == 1 else None


def debt_of(reference: str) -> int | None:
    """The id of the debt that a valid reference is of; None for another's."""
    compact = iso11649.compact(reference)
    body = compact[4:]
    if not body.startswith(REFERENCE_PREFIX) or len(compact) != _LENGTH:
        return None
    digits = body.removeprefix(REFERENCE_PREFIX)
    return int(digits) if digits.isascii() and digits.isdigit() else None


def take_in(credits: Sequence[Credit], *, actor: User | None = None) -> list[RecoveryReceipt]:  # noqa: A002
    """Take transfers that name a debt: interest first, then what is owed, and what is too much is kept aside.

    Findings: `unknown_debt`, `other_currency`, `closed_debt` (all of it is too much), `paid_too_much` (a part).
    What payments on their way keep for it is not taken a second time. A transfer told again changes nothing.
    Returns a receipt for each, in their order. Locks: bookings, receivables. Logs: receivables.
    """
    actor = actor or service_users.get("bank")
    keys = keys_of(credits)
    known = {each.key: each for each in RecoveryReceipt.objects.filter(key__in=keys)}
    new = [(key, credit) for key, credit in zip(keys, credits, strict=True) if key not in known]
    debts = _lock_debts({pk for _, credit in new if (pk := named_debt(credit)) is not None})
    for key, credit in new:
        known[key] = _take(key, credit, debts.get(named_debt(credit) or 0), actor)
    return [known[key] for key in keys]


def settle_receipt(*, actor: User, receipt_id: int, reason: str) -> RecoveryReceipt:
    """A person of the agency has dealt with what came in too much: sent it back, or told what it is.

    Raises: DomainError `not_allowed` (403), `not_found` (404), `already_settled`, `incomplete` without a reason.
    """
    if not has_agency_role(actor, *PAYMENT_ROLES):
        raise DomainError("not_allowed", status=403)
    if not reason.strip():
        raise DomainError("incomplete", status=422, what="reason")
    with transaction.atomic():
        receipt = (
            RecoveryReceipt.objects.select_for_update(no_key=True, of=("self",))
            .select_related("receivable__booking__account")
            .filter(pk=receipt_id)
            .first()
        )
        if receipt is None:
            raise DomainError("not_found", status=404, kind="receipt")
        # What names no debt may be any scheme's: it is for who works for all of them.
        theirs = receipt.receivable is not None and has_agency_role(
            actor, *PAYMENT_ROLES, subject=receipt.receivable
        )
        if not theirs and not is_for_every_scheme(actor, *PAYMENT_ROLES):
            raise DomainError("not_allowed", status=403)
        if not receipt.finding or receipt.settled_at is not None:
            raise DomainError("already_settled")
        receipt.settled_at, receipt.settled_by, receipt.settlement = (
            clock.now(),
            actor,
            reason.strip()[:500],
        )
        receipt.save(update_fields=["settled_at", "settled_by", "settlement"])
        BankLine.objects.filter(recovery=receipt).update(finding="")
    return receipt


def _lock_debts(wanted: set[int]) -> dict[int, Receivable]:
    if not wanted:
        return {}
    seen = {
        each.pk: each
        for each in Receivable.objects.filter(pk__in=wanted).select_related(
            "booking__account__scheme", "booking__scheme_version"
        )
    }
    bookings = {each.booking_id for each in seen.values()}
    locked = {each.pk: each for each in locks.acquire_set(Booking.objects.filter(pk__in=bookings))}
    found = {each.pk: each for each in locks.acquire_set(Receivable.objects.filter(pk__in=wanted))}
    for pk, receivable in found.items():
        booking = locked[receivable.booking_id]
        booking.account, booking.scheme_version = seen[pk].booking.account, seen[pk].booking.scheme_version
        receivable.booking = booking
    return found


def _take(key: str, credit: Credit, receivable: Receivable | None, actor: User) -> RecoveryReceipt:
    finding, interest, applied = "", 0, 0
    if receivable is None:
        finding = "unknown_debt"
    elif credit.currency != receivable.currency:
        finding = "other_currency"
    elif receivable.state not in UNSETTLED:
        finding = "closed_debt"
    else:
        on = today(receivable.booking.account.scheme)
        interest = min(credit.amount_cents, interest_of(receivable, on=on))
        applied = min(credit.amount_cents - interest, receivable.free_cents)
        if interest + applied < credit.amount_cents:
            finding = "paid_too_much"
    receipt = RecoveryReceipt.objects.create(
        key=key,
        receivable=receivable,
        amount_cents=credit.amount_cents,
        applied_cents=applied,
        interest_cents=interest,
        currency=credit.currency,
        reference=credit.written,
        payer_name=credit.payer_name[:140],
        payer_iban=credit.payer_iban[:34],
        booked_on=credit.booked_on,
        finding=finding,
    )
    if receivable is not None and interest:
        _post_interest(receivable, interest, receipt, actor)
    if receivable is not None and applied:
        receivables.post_recovery(
            receivable.booking,
            applied,
            actor=actor,
            kind="recovery_received",
            key=f"recovery:{receipt.pk}:received",
        )
        on = today(receivable.booking.account.scheme)
        receivables.take_off(receivable, applied, actor=actor, on=on, reason=f"receipt {receipt.pk}")
        look_at_plan(receivable)
    return receipt


def _post_interest(receivable: Receivable, cents: int, receipt: RecoveryReceipt, actor: User) -> None:
    """Interest is the funder's, whatever money was owed."""
    receivables.count_interest(receivable, on=today(receivable.booking.account.scheme))
    receivable.interest_paid_cents += cents
    receivable.save(update_fields=["interest_paid_cents", "cent_days", "cent_days_until"])
    ledger.post(
        scheme=receivable.booking.account.scheme,
        kind="interest_received",
        key=f"recovery:{receipt.pk}:interest",
        actor=actor,
        lines=[
            Line(Bucket.APPROPRIATION, Fund.PUBLIC, -cents),
            Line(Bucket.RETURNED, Fund.PUBLIC, cents),
        ],
    )
