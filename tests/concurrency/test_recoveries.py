"""One debt, one series of numbers, one refund, many hands at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from django.db import transaction

from funding.models import Claim, Netting, NumberSeries, PaymentBatch, Remittance
from funding.services import batches, bookings, payments, receivables, refunds, remittances
from ila.core import clock
from tests.funding.recoveries.house import PRICE, House, check_books, state
from tests.funding.recoveries.test_refunds import name_account
from tests.support.parallel import codes, together
from tests.support.world import MONDAY

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]


@pytest.fixture
def house(committed_db: None) -> Iterator[House]:
    with clock.at(MONDAY) as hand:
        yield House(hand)
        check_books()


def draw_up(house: House, claim: Claim) -> PaymentBatch:
    return batches.create_batch(
        actor=house.world.second_payer, scheme=house.world.scheme, claim_ids=[claim.pk]
    )


def test_one_debt_kept_by_three_batches_at_once(house: House) -> None:
    receivable, claims = house.owing(others=3)
    assert codes(together(*(partial(draw_up, house, claim) for claim in claims))) == ["ok"] * 3
    assert state(receivable) == ("opened", PRICE, PRICE)
    assert sum(Netting.objects.values_list("amount_cents", flat=True)) == PRICE


def test_a_batch_and_a_repayment_of_the_same_debt(house: House) -> None:
    receivable, (claim,) = house.owing()
    repay = partial(
        receivables.recover,
        actor=house.world.payer,
        booking_id=receivable.booking_id,
        amount_cents=PRICE - 100,
    )
    found = codes(together(partial(draw_up, house, claim), repay))
    assert found in (["ok", "ok"], ["not_allowed", "ok"])
    _, owed, reserved = state(receivable)
    assert reserved <= owed


def test_numbers_without_a_gap_from_many_hands_some_of_which_fail(house: House) -> None:
    _, claims = house.owing(others=4)
    sent = [house.batch(claim).payments.get() for claim in claims]

    def take_and_fail() -> None:
        with transaction.atomic():
            remittances.take_numbers(house.world.scheme.pk, 1)
            raise RuntimeError("lost after the number was taken")

    acts = [partial(payments.execute_payments, payment_ids=[each.pk]) for each in sent]
    assert codes(together(*acts, take_and_fail, take_and_fail)) == ["RuntimeError"] * 2 + ["ok"] * 4
    numbers = list(Remittance.objects.order_by("number").values_list("number", flat=True))
    assert numbers == [1, 2, 3, 4, 5]
    assert NumberSeries.objects.get().last == 5


def test_one_refund_drawn_up_by_many_workers(house: House) -> None:
    ((learner, booking),) = house.accepted()
    bookings.withdraw(actor=learner.user, booking_id=booking.pk)
    name_account(learner)
    assert codes(together(*[refunds.prepare_refunds] * 4)) == ["ok"] * 4
    assert Claim.objects.filter(kind="refund").count() == 1
