"""A provider's own money: what was kept of a payment, its numbered advice, debts, statement; queries of lists."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils.formats import date_format

from funding.models import Claim, Netting, Receivable, Remittance
from funding.services import payments
from funding.services.recoveries import demands
from ila.core import clock
from ila.core.clock import VirtualClock
from ila.core.money import in_fours
from tests.funding.recoveries.house import PRICE, House, check_books
from tests.pages.support import signed_in
from tests.pages.test_bookings import paper_of
from tests.support.queries import assert_queries_constant, captured_queries
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db


@pytest.fixture
def hand() -> Iterator[VirtualClock]:
    with clock.at(MONDAY) as one:
        yield one


def shown(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def approved(house: House, n: int) -> list[Claim]:
    """n approved claims of different learners."""
    made = [booking for _, booking in house.accepted(n)]
    return [house.approved(each) for each in house.validated(*made)]


def pay_and_take_back(house: House, claims: list[Claim]) -> None:
    """Each claim paid in a batch of its own, then partly owed back after a control."""
    for claim in claims:
        house.pay(claim)
        demands.open_receivable(
            actor=house.world.payer,
            booking_id=claim.booking_id,
            amount_cents=10_000,
            reason="hours that nobody taught",
        )


def test_a_payment_says_what_was_kept_of_it_and_for_which_debt(hand: VirtualClock) -> None:
    house = House(hand)
    receivable, claims = house.owing(others=1)
    batch = house.batch(claims[0])
    client = signed_in(house.world.provider_user)
    address = f"/provider/payments/{batch.msg_id}/"
    on_its_way = shown(client, address)
    assert "€825.00" in on_its_way
    assert "Advice 2" not in on_its_way, "the number comes with the bank's execution"

    payments.execute_payments(payment_ids=[each.pk for each in batch.payments.all()])
    netting = Netting.objects.get()
    assert (netting.outcome, netting.amount_cents) == ("kept", PRICE // 2)
    advice = Remittance.objects.get(payment=netting.payment)
    page = shown(client, address)
    for said in (
        "€1,650.00",
        f"/provider/debts/{receivable.pk}/",
        in_fours(receivable.reference),
        f"Advice {advice.number}",
        f"/provider/remittances/{advice.public_id}.pdf",
        f"/provider/remittances/{advice.public_id}.csv",
        "/provider/statement/",
    ):
        assert said in page
    for ending, start in (("pdf", b"%PDF-"), ("csv", b"")):
        assert client.get(f"/provider/remittances/{advice.public_id}.{ending}").content.startswith(start)
    said = paper_of(client.get(f"/provider/remittances/{advice.public_id}.pdf").content)
    executed_at = advice.payment.executed_at
    assert executed_at is not None
    assert f"Paid on {date_format(executed_at, 'j F Y')} by Individual learning accounts" in said
    assert advice.payment.claim.booking.credential.title in said
    paper = client.get(f"{address}advice.pdf")
    assert paper.content.startswith(b"%PDF-")
    (row,) = csv.DictReader(io.StringIO(client.get(f"{address}advice.csv").content.decode("utf-8-sig")))
    assert (row["number"], row["claimed"], row["kept"], row["amount"]) == (
        str(advice.number), "1650.00", "825.00", "825.00",
    )  # fmt: skip

    batches = shown(client, "/provider/payments/")
    assert batches.count("€825.00") == 3, "kept, sent, executed"
    assert batches.count("€1,650.00") == 4, "claimed of both; the first was sent and executed in full"
    other = signed_in(house.world.user_of(house.world.make_provider()))
    assert other.get(address).status_code == 404
    assert other.get(f"/provider/remittances/{advice.public_id}.pdf").status_code == 404
    check_books()


def test_a_real_debt_is_on_the_page_of_what_is_owed_with_the_way_to_pay_it(hand: VirtualClock) -> None:
    house = House(hand)
    receivable, _ = house.owing(others=0)
    demands.demand_receivable(actor=house.world.case_worker, receivable_id=receivable.pk)
    receivable.refresh_from_db()
    assert receivable.due_on is not None
    client = signed_in(house.world.provider_user)
    page = shown(client, "/provider/money/owed/")
    assert page.count("€1,650.00") == 3, "owed in all, the debt's amount, and what of it is still owed"
    assert in_fours(receivable.reference) in page
    assert f'href="/provider/debts/{receivable.pk}/"' in page
    assert f'by <time datetime="{receivable.due_on}"' in page
    assert "/provider/statement/" in page
    money = shown(client, "/provider/money/")
    assert "You owe €1,650.00 back." in money
    assert "/provider/statement/" in money
    assert in_fours(receivable.reference) in shown(client, f"/provider/debts/{receivable.pk}/")
    other = signed_in(house.world.user_of(house.world.make_provider()))
    assert in_fours(receivable.reference) not in shown(other, "/provider/money/owed/")
    assert other.get(f"/provider/debts/{receivable.pk}/").status_code == 404


PROVIDERS_PAGES = ("/provider/money/owed/", "/provider/money/", "/provider/payments/", "/provider/statement/")


@pytest.mark.parametrize("page", PROVIDERS_PAGES)
def test_a_providers_lists_of_money_ask_as_much_however_long_they_are(hand: VirtualClock, page: str) -> None:
    house = House(hand)
    waiting = approved(house, 5)  # one of them always waits, or the money page has less to ask for
    client = signed_in(house.world.provider_user)

    def grow(n: int) -> None:
        pay_and_take_back(house, [waiting.pop() for _ in range(n)])

    assert_queries_constant(grow, lambda: shown(client, page), n=2)
    assert Receivable.objects.filter(provider=house.world.provider).count() == 4


@pytest.mark.parametrize("ending", ["", "advice.csv", "advice.pdf"])
def test_an_advice_asks_as_much_however_many_payments_keep_something(hand: VirtualClock, ending: str) -> None:
    house = House(hand)
    receivable, claims = house.owing(others=6)
    client = signed_in(house.world.provider_user)
    counts = []
    for some in (claims[:2], claims[2:]):
        batch = house.batch(*some)
        payments.execute_payments(payment_ids=[each.pk for each in batch.payments.all()])
        address = f"/provider/payments/{batch.msg_id}/{ending}"
        client.get(address)
        with captured_queries() as caught:
            assert client.get(address).status_code == 200
        counts.append(len(caught))
    assert counts[0] == counts[1]
    assert Netting.objects.filter(receivable=receivable).count() == 2


@pytest.mark.parametrize("page", ["/agency/receivables/", "/agency/receivables/aged.csv"])
def test_the_agencys_debts_and_aged_tables_ask_as_much_however_many_there_are(
    hand: VirtualClock, page: str
) -> None:
    house = House(hand)
    waiting = approved(house, 4)
    client = signed_in(house.world.case_worker)

    def grow(n: int) -> None:
        pay_and_take_back(house, [waiting.pop() for _ in range(n)])

    assert_queries_constant(grow, lambda: client.get(page), n=2)
    assert b"owed" in client.get("/agency/receivables/").content
