"""What payers owe after their bank took money back that was spent: paid again by transfer, or by card."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from stdnum import iso11649

from accounts.models import User
from accounts.permissions import manages_organisation
from accounts.services import service_users
from funding.cards.config import cards_are_taken
from funding.models import CardPayment, PayerDebt, PayerDebtState, RecoveryReceipt
from funding.models.card_payments import DEBT_PREFIX, WAITING
from funding.services import card_money
from funding.services.card_refunds import lock_with_order
from funding.services.top_ups.receipts import Credit, keys_of, references_in
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError

_LENGTH = 19
PAY_WITHIN = timedelta(hours=12)
OWED = (PayerDebtState.OPENED, PayerDebtState.PARTLY_RECOVERED)


def named_debt(credit: Credit) -> int | None:
    """The id of the payer's debt whose reference a transfer carries, and no other; None for something else."""
    found = references_in(credit)
    return debt_of(found[0]) if len(found) == 1 else None


def debt_of(reference: str) -> int | None:
    """The id of the payer's debt that a valid reference is of; None for another's."""
    compact = iso11649.compact(reference)
    digits = compact[4:].removeprefix(DEBT_PREFIX)
    if not compact[4:].startswith(DEBT_PREFIX) or len(compact) != _LENGTH:
        return None
    return int(digits) if digits.isascii() and digits.isdigit() else None


def take_in(credits: Sequence[Credit], *, actor: User | None = None) -> list[RecoveryReceipt]:  # noqa: A002
    """Take transfers that name a payer's debt: no more than is owed; what is too much is kept aside and named.

    Findings: `unknown_debt`, `other_currency`, `closed_debt`, `paid_too_much`. A transfer told again changes nothing.
    Returns a receipt for each, in their order. Locks: as `lock_with_order`, debts by id. Logs: debts.
    """
    actor = actor or service_users.get("bank")
    keys = keys_of(credits)
    known = {each.key: each for each in RecoveryReceipt.objects.filter(key__in=keys)}
    new = [(key, credit) for key, credit in zip(keys, credits, strict=True) if key not in known]
    # In one order, whoever comes: two messages about the same debts never wait for each other.
    for key, credit in sorted(new, key=lambda each: (named_debt(each[1]) or 0, each[0])):
        known[key] = _take(key, credit, actor)
    return [known[key] for key in keys]


def _take(key: str, credit: Credit, actor: User) -> RecoveryReceipt:
    debt = PayerDebt.objects.select_related("payment").filter(pk=named_debt(credit) or 0).first()
    payment = None
    if debt is not None:
        payment, _order = lock_with_order(debt.payment_id)
        debt = PayerDebt.objects.get(pk=debt.pk)
    finding, applied = "", 0
    if debt is None:
        finding = "unknown_debt"
    elif credit.currency != debt.currency:
        finding = "other_currency"
    elif debt.state not in OWED:
        finding = "closed_debt"
    else:
        applied = min(credit.amount_cents, debt.owed_cents)
        finding = "paid_too_much" if applied < credit.amount_cents else ""
    receipt = RecoveryReceipt.objects.create(
        key=key,
        payer_debt=debt,
        amount_cents=credit.amount_cents,
        applied_cents=applied,
        currency=credit.currency,
        reference=credit.written,
        payer_name=credit.payer_name[:140],
        payer_iban=credit.payer_iban[:34],
        booked_on=credit.booked_on,
        finding=finding,
    )
    if payment is not None and applied:
        card_money.pay_debt(payment, applied, which=f"transfer:{receipt.pk}", actor=actor)
    return receipt


def start_by_card(*, actor: User, debt_id: int, language: str = "en") -> CardPayment:
    """Ask for what is owed by card or debit. One payment at a time waits for a debt. The caller opens it at Stripe.

    Locks: the payment that was taken back, with its order or booking. Raises: DomainError `cards_not_configured`,
    `not_found` (404) for others' debts, `nothing_owed`. Logs: payment `create`.
    """
    if not cards_are_taken():
        raise DomainError("cards_not_configured", status=503)
    with transaction.atomic():
        seen = PayerDebt.objects.select_related("payment__top_up").filter(pk=debt_id).first()
        if seen is None or not may_pay_debt(seen, actor):
            raise DomainError("not_found", status=404, kind="debt")
        payment, _order = lock_with_order(seen.payment_id)
        debt = PayerDebt.objects.get(pk=debt_id)
        if debt.state not in OWED:
            raise DomainError("nothing_owed")
        waiting = debt.repayments.filter(state__in=WAITING).first()
        if waiting is not None:
            return waiting
        made = CardPayment(
            scheme_id=payment.scheme_id,
            repays=debt,
            payer=actor,
            fund=payment.fund,
            amount_cents=debt.owed_cents,
            currency=debt.currency,
            language=language,
            expires_at=(clock.now() + PAY_WITHIN).replace(microsecond=0),
        )
        fsm.start(made, actor=actor)
    return made


def may_pay_debt(debt: PayerDebt, user: User) -> bool:
    """Whoever paid owes it; for an employer, whoever manages it today."""
    order = debt.payment.top_up
    return manages_organisation(order, user) if order is not None else debt.payment.payer_id == user.pk


def repay(payment: CardPayment, *, actor: User) -> None:
    """A payment for a debt has come, and is locked: the debt is paid; what is too much lies there to be sent back.

    The payment that was taken back is locked by `lock_repaid` before this one.
    """
    assert payment.repays is not None
    card_money.receive_own(payment, actor=actor)
    target = CardPayment.objects.select_related("scheme").get(pk=payment.repays.payment_id)
    cents = min(payment.amount_cents, card_money.owed_cents(target))
    if cents:
        card_money.pay_debt_from(payment, target, cents, actor=actor)


def lock_repaid(debt_id: int) -> None:
    """Lock what a debt is of, before the payment that repays it: that one is newer."""
    lock_with_order(PayerDebt.objects.values_list("payment", flat=True).get(pk=debt_id))
    locks.acquire(locks.lock(PayerDebt, debt_id))
