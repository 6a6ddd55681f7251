"""What payers owe after a charge-back, paid again: by transfer known by its reference, or by card."""

from __future__ import annotations

import pytest

from funding.models import CardPayment, PayerDebt, RecoveryReceipt
from funding.selectors import agency_cards
from funding.selectors.daily_stripe import daily_stripe, movements_of_day
from funding.services import card_events, card_payments, payer_debts, transfers
from funding.services.recoveries.receipts import settle_receipt
from ila.core import clock
from ila.core.errors import DomainError
from tests.funding.cards.support import Till, bucket_sums, owed
from tests.funding.cards.test_kills import survive
from tests.funding.top_ups.support import Transfer, check_books, tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def spent(till: Till) -> CardPayment:
    """A learner's own part of a booking that stands, taken back by their bank."""
    learner = till.firm.employees[0]
    _booking, payment = till.booked(learner)
    dispute = till.stripe.act("dispute", intent=payment.intent_id)
    till.stripe.act("close_dispute", dispute=dispute["id"], won=False)
    till.tell_all()
    payment.refresh_from_db()
    assert owed(payment) == payment.amount_cents
    return payment


def transfer(debt: PayerDebt, cents: int, *, currency: str = "EUR") -> RecoveryReceipt:
    tell(Transfer(cents, structured=debt.reference), currency=currency)
    return RecoveryReceipt.objects.latest("pk")


def test_by_transfer_exact_in_parts_over_and_twice(spent: CardPayment) -> None:
    debt = spent.debt
    part = transfer(debt, 5_000)
    assert (part.payer_debt_id, part.applied_cents, part.finding) == (debt.pk, 5_000, "")
    debt.refresh_from_db()
    assert (debt.state, debt.owed_cents) == ("partly_recovered", spent.amount_cents - 5_000)
    over = transfer(debt, spent.amount_cents)
    assert (over.applied_cents, over.finding) == (spent.amount_cents - 5_000, "paid_too_much")
    late = transfer(debt, 100)
    assert (late.applied_cents, late.finding) == (0, "closed_debt")
    debt.refresh_from_db()
    assert (debt.state, owed(spent)) == ("recovered", 0)
    check_books()


def test_in_another_currency_or_of_no_debt_it_changes_nothing(spent: CardPayment, till: Till) -> None:
    before = bucket_sums("own")
    other = transfer(spent.debt, 5_000, currency="CHF")
    assert (other.applied_cents, other.finding) == (0, "other_currency")
    unknown = PayerDebt(pk=999_999, payment=spent, amount_cents=1, currency="EUR")
    none = transfer(unknown, 5_000)
    assert (none.payer_debt_id, none.finding) == (None, "unknown_debt")
    assert bucket_sums("own") == before
    settle_receipt(actor=till.world.payer, receipt_id=none.pk, reason="sent back")
    check_books()


def test_by_card_once_and_what_is_too_much_goes_back(spent: CardPayment, till: Till) -> None:
    learner = till.firm.employees[0]
    payment = payer_debts.start_by_card(actor=learner.user, debt_id=spent.debt.pk)
    assert payer_debts.start_by_card(actor=learner.user, debt_id=spent.debt.pk).pk == payment.pk
    payment = card_payments.open_at_stripe(payment_id=payment.pk)
    # A transfer is faster with a part of it.
    transfer(spent.debt, 5_000)
    till.pay(payment)
    till.tell_all()
    till.tell_all()
    card_events.sweep()
    payment.refresh_from_db()
    assert (payment.state, payment.refunded_cents, owed(spent)) == ("succeeded", 5_000, 0)
    assert payment.refunds.get().status == "succeeded"
    with pytest.raises(DomainError, match="nothing_owed"):
        payer_debts.start_by_card(actor=learner.user, debt_id=spent.debt.pk)
    check_books()


def test_nobody_pays_anothers_debt_by_card(spent: CardPayment, till: Till) -> None:
    for actor in (till.firm.employees[1].user, till.firm.manager, till.world.payer):
        with pytest.raises(DomainError, match="not_found"):
            payer_debts.start_by_card(actor=actor, debt_id=spent.debt.pk)


def test_a_repayment_that_is_taken_back_is_owed_again(spent: CardPayment, till: Till) -> None:
    learner = till.firm.employees[0]
    payment = payer_debts.start_by_card(actor=learner.user, debt_id=spent.debt.pk)
    payment = card_payments.open_at_stripe(payment_id=payment.pk)
    intent = till.pay(payment)
    till.tell_all()
    dispute = till.stripe.act("dispute", intent=intent["id"])
    till.stripe.act("close_dispute", dispute=dispute["id"], won=False)
    till.tell_all()
    payment.refresh_from_db()
    assert (owed(spent), owed(payment)) == (0, payment.amount_cents)
    transfer(payment.debt, payment.amount_cents)
    assert owed(payment) == 0
    check_books()


@pytest.mark.parametrize("call", range(1, 5))
def test_killed_between_an_answer_and_its_commit(
    spent: CardPayment, till: Till, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    learner = till.firm.employees[0]
    payment = payer_debts.start_by_card(actor=learner.user, debt_id=spent.debt.pk)
    survive(lambda: card_payments.open_at_stripe(payment_id=payment.pk), call, monkeypatch)
    card_events.sweep()
    payment.refresh_from_db()
    till.pay(payment)
    survive(card_events.sweep, call, monkeypatch)
    card_events.sweep()
    assert owed(spent) == 0
    assert CardPayment.objects.filter(repays=spent.debt, state="succeeded").count() == 1
    check_books()


def test_an_employers_debt_is_paid_by_its_managers(till: Till) -> None:
    order, payment = till.paid_order(30_000)
    till.world.accepted(till.firm.employees[0], till.world.make_session(price_cents=30_000))
    dispute = till.stripe.act("dispute", intent=payment.intent_id)
    till.stripe.act("close_dispute", dispute=dispute["id"], won=False)
    till.tell_all()
    debt = PayerDebt.objects.get()
    assert [each.pk for each in agency_cards.open_debts()] == [debt.pk]
    assert list(agency_cards.matters()) == [payment]
    transfer(debt, debt.owed_cents)
    assert owed(payment) == 0
    order.refresh_from_db()
    assert order.state == "charged_back"
    check_books()


def test_what_moved_at_stripe_is_what_our_books_say(spent: CardPayment, till: Till) -> None:
    transfers.keep_movements()
    day = clock.now().date()
    (books,) = daily_stripe(day, day)
    assert (books.bank_in, books.bank_out) == (spent.amount_cents, -spent.amount_cents)
    assert books.status == "equal"
    # Somebody moved money there that nobody told us of: open, and named.
    till.stripe.act("fund_by_hand", amount=-700)
    transfers.keep_movements()
    (books,) = daily_stripe(day, day)
    assert (books.difference, books.status) == (-700, "open")
    assert [each.movement.amount_cents for each in movements_of_day(day, "EUR") if not each.is_known] == [
        -700
    ]


def test_a_payment_without_a_movement_is_a_difference(till: Till) -> None:
    till.booked(till.firm.employees[0])
    day = clock.now().date()
    (books,) = daily_stripe(day, day)
    assert (books.books_in, books.bank_in, books.status) == (15_000, 0, "open")
