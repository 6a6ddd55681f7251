"""What payments by card move in the books: received, put to their purpose, taken back, given again.

Money of an employer's order lies in `deposit`, as a transfer's does. A learner's own money lies there too until the
booking takes it. What a payer's bank takes back leaves for `returned`: from what lies there first, and what had been
spent already is owed: `debt`.
"""

from dataclasses import dataclass

from django.db.models import Sum

from accounts.models import User
from funding.models import Bucket, CardPayment, Fund, PayerDebt, PayerDebtState, Posting, TopUp
from funding.models.top_ups import OPEN_REFUNDS
from funding.services import ledger
from funding.services.ledger import Line
from ila.core import fsm, locks


@dataclass(frozen=True, slots=True)
class Parts:
    """Where cents came from or went to: owed for a booking that ended, lying with us, owed by the payer."""

    due: int = 0
    deposit: int = 0
    debt: int = 0

    @property
    def total(self) -> int:
        return self.due + self.deposit + self.debt


def key_of(payment: CardPayment, *words: object) -> str:
    """The key of an entry: an order's entries are found by the order, a learner's by the payment."""
    start = f"topup:{payment.top_up_id}" if payment.top_up_id else f"card:{payment.pk}"
    return ":".join([start, *map(str, words)])


def due_cents(payment: CardPayment) -> int:
    """What the learner is owed for the payment's booking, in cents, and no refund has been begun of."""
    if payment.booking_id is None:
        return 0
    postings = Posting.objects.filter(booking_id=payment.booking_id, bucket=Bucket.REFUND_DUE, fund=Fund.OWN)
    return int(postings.aggregate(cents=Sum("amount_cents"))["cents"] or 0)


def deposit_of(payment: CardPayment, order: TopUp | None) -> int:
    """What lies with us of it, in cents, that is promised to nobody else."""
    if order is None:
        return payment.deposit_cents
    promised = order.refunds.filter(state__in=OPEN_REFUNDS).aggregate(cents=Sum("amount_cents"))["cents"] or 0
    return max(0, order.deposit_cents - promised)


def receive_own(payment: CardPayment, *, actor: User) -> None:
    """A learner's money has come; it lies with us until a booking takes it."""
    _post(payment, "own_received", "received", actor, [
        Line(Bucket.APPROPRIATION, Fund.OWN, -payment.amount_cents),
        Line(Bucket.DEPOSIT, Fund.OWN, payment.amount_cents),
    ])  # fmt: skip
    payment.deposit_cents += payment.amount_cents


def apply_own(payment: CardPayment, cents: int, *, actor: User) -> None:
    """The booking holds the learner's part now: it came from here."""
    _post(payment, "own_applied", "applied", actor, [
        Line(Bucket.DEPOSIT, Fund.OWN, -cents),
        Line(Bucket.APPROPRIATION, Fund.OWN, cents),
    ])  # fmt: skip
    payment.deposit_cents -= cents
    payment.applied_cents += cents


def take(
    payment: CardPayment, order: TopUp | None, cents: int, *, what: str, which: str, actor: User
) -> Parts:
    """So many cents have left us for the payer: out of what lies there, the rest is owed by them from now on.

    what: `card_refund` or `taken_back`. The payment and its order are locked, and saved by the caller.
    """
    due = min(cents, due_cents(payment))
    deposit = min(cents - due, deposit_of(payment, order))
    parts = Parts(due, deposit, cents - due - deposit)
    _move(payment, order, parts, -1, what=what, which=which, actor=actor)
    if parts.debt:
        _owe(payment, parts.debt, actor=actor)
    return parts


def put_back(
    payment: CardPayment, order: TopUp | None, cents: int, *, what: str, which: str, actor: User
) -> Parts:
    """So many cents have come back to us: what the payer owes is paid first, the rest is theirs to have."""
    debt = min(cents, owed_cents(payment))
    parts = Parts(0, cents - debt, debt)
    _move(payment, order, parts, 1, what=what, which=which, actor=actor)
    if debt:
        recover(payment, debt, actor=actor)
    return parts


def settle_with_due(payment: CardPayment, *, actor: User) -> int:
    """What the learner is owed pays first what they owe us. Returns the cents."""
    cents = min(due_cents(payment), owed_cents(payment))
    if not cents:
        return 0
    number = PayerDebt.objects.get(payment=payment).log.count()
    _post(payment, "own_debt_netted", f"netted:{number}", actor, [
        Line(Bucket.REFUND_DUE, Fund.OWN, -cents, booking_id=payment.booking_id),
        Line(Bucket.DEBT, Fund.OWN, cents, booking_id=payment.booking_id),
    ])  # fmt: skip
    recover(payment, cents, actor=actor)
    return cents


def pay_debt(payment: CardPayment, cents: int, *, which: str, actor: User) -> None:
    """So many cents of what is owed of a payment came back from outside. The payment is locked, its debt is not."""
    booking = payment.booking_id
    kind = "top_up" if payment.top_up_id else "own"
    _post(payment, f"{kind}_debt_paid", f"debt_paid:{which}", actor, [
        Line(Bucket.RETURNED, payment.fund, -cents, booking_id=booking),
        Line(Bucket.DEBT, payment.fund, cents, booking_id=booking),
    ])  # fmt: skip
    recover(payment, cents, actor=actor)


def pay_debt_from(repayment: CardPayment, payment: CardPayment, cents: int, *, actor: User) -> None:
    """What came by one payment pays so many cents of what is owed of another. Both are locked."""
    booking = payment.booking_id
    lines = [
        Line(Bucket.DEPOSIT, repayment.fund, -cents),
        Line(Bucket.DEBT, payment.fund, cents, booking_id=booking),
    ]
    if booking:
        # What concerns the booking adds up to nothing in it.
        lines.append(Line(Bucket.RETURNED, payment.fund, -cents, booking_id=booking))
        lines.append(Line(Bucket.RETURNED, payment.fund, cents))
    _post(repayment, "own_debt_repaid", "debt_repaid", actor, lines)
    repayment.deposit_cents -= cents
    repayment.applied_cents += cents
    recover(payment, cents, actor=actor)


def owed_cents(payment: CardPayment) -> int:
    """What the payer owes after charge-backs of it, in cents."""
    debt = PayerDebt.objects.filter(payment=payment).first()
    return 0 if debt is None else debt.owed_cents


def recover(payment: CardPayment, cents: int, *, actor: User) -> None:
    """So many cents of the payer's debt are paid, by whatever. Logs: debt `recover_part` or `recover_rest`."""
    debt = _lock_debt(payment)
    assert debt is not None
    if cents == debt.owed_cents:
        fsm.apply(debt, "recover_rest", actor=actor)
    else:
        fsm.apply(debt, "recover_part", actor=actor, amount_cents=cents)


def _owe(payment: CardPayment, cents: int, *, actor: User) -> None:
    debt = _lock_debt(payment)
    if debt is None:
        debt = PayerDebt(payment=payment, amount_cents=cents, currency=payment.currency)
        fsm.start(debt, actor=actor, transition="open")
    elif debt.state == PayerDebtState.OPENED:
        fsm.apply(debt, "owe_more", actor=actor, amount_cents=cents)
    else:
        fsm.apply(debt, "owe_again", actor=actor, amount_cents=cents)


def _lock_debt(payment: CardPayment) -> PayerDebt | None:
    pk = PayerDebt.objects.filter(payment=payment).values_list("pk", flat=True).first()
    if pk is None:
        return None
    debt: PayerDebt
    (debt,) = locks.acquire(locks.lock(PayerDebt, pk))
    return debt


def _move(
    payment: CardPayment, order: TopUp | None, parts: Parts, sign: int, *, what: str, which: str, actor: User
) -> None:
    """Out to the payer (sign −1) or back (1), with what is stored of it."""
    fund = payment.fund
    # What concerns the booking adds up to nothing in the booking: what leaves it and where it went name it both.
    booking = payment.booking_id
    in_booking = parts.due + (parts.debt if booking else 0)
    _post(payment, f"{'top_up' if order else 'own'}_{what}", f"{what}:{which}", actor, [
        Line(Bucket.REFUND_DUE, fund, sign * parts.due, booking_id=booking),
        Line(Bucket.DEBT, fund, sign * parts.debt, booking_id=booking),
        Line(Bucket.RETURNED, fund, -sign * in_booking, booking_id=booking),
        Line(Bucket.DEPOSIT, fund, sign * parts.deposit),
        Line(Bucket.RETURNED, fund, -sign * (parts.total - in_booking)),
    ])  # fmt: skip
    if order is not None:
        order.refunded_cents -= sign * parts.deposit
        order.save(update_fields=["refunded_cents"])
    else:
        payment.deposit_cents += sign * parts.deposit


def _post(payment: CardPayment, kind: str, which: str, actor: User, lines: list[Line]) -> None:
    ledger.post(scheme=payment.scheme, kind=kind, key=key_of(payment, which), actor=actor, lines=lines)
