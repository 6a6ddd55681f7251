"""Pages of debts, of bank and books, and of providers' statements: what they say, and that the queries do not grow."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.formats import date_format
from django.utils.translation import override

from funding import recovery_words
from funding.models import BankLine, BankMessage, Claim, Receivable, ReconciliationNote
from funding.selectors.daily_books import daily_books
from funding.selectors.provider_statements import statement_of
from funding.selectors.recoveries import aged_payables, aged_receivables
from ila.core import clock
from ila.core.money import in_fours
from tests.funding.recoveries.house import PRICE, House, check_books
from tests.funding.top_ups.support import Transfer, tell
from tests.pages.support import signed_in
from tests.pages.test_bookings import paper_of, text_of
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db


def statement(house: House) -> tuple[int, int, dict[str, int]]:
    organisation = house.world.provider.organisation_id
    assert organisation is not None
    day = clock.now().date()
    first = day - timedelta(days=90)
    one = statement_of(
        organisations=[organisation], currency="EUR", first=first, last=day, zone="Europe/Paris"
    )
    return one.opening_cents, one.closing_cents, one.totals


def test_a_statement_adds_up_to_what_is_payable_less_what_is_owed() -> None:
    with clock.at(MONDAY) as hand:
        house = House(hand)
        receivable, claims = house.owing(others=2)
        house.pay(claims[0])
        receivable.refresh_from_db()
        payable = sum(each.amount_cents for each in Claim.objects.filter(state__in=["approved", "in_batch"]))
        opening, closing, totals = statement(house)
        assert (opening, closing) == (0, payable - receivable.owed_cents)
        assert totals == {
            "approve_claim": 3 * PRICE,
            "payment_executed": -2 * PRICE,
            "restore_booking": -PRICE,
            "net_receivable": PRICE // 2,
        }
        check_books()


def bank_line(cents: int, day: date) -> None:
    number = f"{BankMessage.objects.count():035d}"
    message = BankMessage.objects.create(content=b"x", sha256=number, message_id=number, state="processed")
    BankLine.objects.create(
        message=message, amount_cents=cents, currency="EUR", booked_on=day, finding="unknown_payment"
    )


def test_a_day_is_equal_kept_aside_open_and_explained_for_that_difference_alone() -> None:
    with clock.at(MONDAY) as hand:
        house = House(hand)
        receivable, _ = house.owing(others=0)
        day = MONDAY.date()
        tell(Transfer(1_000, receivable.reference))
        assert [(each.difference, each.status) for each in daily_books(day, day)] == [(0, "equal")]
        tell(Transfer(PRICE, receivable.reference))
        assert [(each.difference, each.status) for each in daily_books(day, day)] == [(1_000, "kept_aside")]
        bank_line(-700, day)
        shown = text_of(signed_in(house.world.payer).get(f"/agency/reconciliation/{day}/EUR/").content)
        assert "No payment of ours" in shown
        assert "unknown_payment" not in shown
        assert [(each.difference, each.status) for each in daily_books(day, day)] == [(300, "open")]
        client = signed_in(house.world.payer)
        overview = text_of(client.get(f"/agency/reconciliation/?first={day}&last={day}").content)
        assert "1 of them belongs to nobody" in overview
        assert "Open nobody yet" in overview
        address = f"/agency/reconciliation/{day}/EUR/"
        said = {"owner": house.world.payer.pk, "note": "Fees of the bank", "explained": "on"}
        assert client.post(address, said).status_code == 302
        assert [each.status for each in daily_books(day, day)] == ["explained"]
        assert "Fees of the bank" in client.get(address).content.decode()
        bank_line(-1, day)
        assert [each.status for each in daily_books(day, day)] == ["open"]
        # It is open again, and still looked after.
        overview = text_of(client.get(f"/agency/reconciliation/?first={day}&last={day}").content)
        assert "1 day is open" in overview
        assert "belongs to nobody" not in overview
        assert f"Open {house.world.payer}" in overview
        assert ReconciliationNote.objects.count() == 1


def test_reasons_of_the_platform_are_said_in_the_readers_language() -> None:
    with override("fr"):
        assert recovery_words.reason("only 60 % was taught") == "Seuls 60 % ont été enseignés"
        assert recovery_words.reason("session never held") != "session never held"
        assert recovery_words.reason("a gift was given") == "a gift was given"


def test_debts_and_dues_stand_by_how_long_they_are_due() -> None:
    with clock.at(MONDAY) as hand:
        house = House(hand)
        receivable, claims = house.owing(others=1)
        name = str(receivable.provider.name)
        (payable,) = aged_payables(clock.now().date())
        assert (payable.name, payable.cents) == (name, [PRICE, 0, 0, 0, 0])
        due_on = claims[0].due_on
        assert due_on is not None
        for days, band in ((0, 0), (1, 1), (30, 1), (31, 2), (60, 2), (61, 3), (90, 3), (91, 4)):
            (row,) = aged_payables(due_on + timedelta(days=days))
            assert row.cents.index(PRICE) == band, days
        (owed,) = aged_receivables(clock.now().date())
        assert (owed.name, owed.total) == (name, receivable.owed_cents)
        assert aged_payables(due_on, frozenset()) == []
        lines = signed_in(house.world.payer).get("/agency/receivables/aged.csv").content.decode().splitlines()
        assert f"payable,{name},EUR,{PRICE},0,0,0,0,{PRICE}" in lines


def test_the_queries_of_bank_and_books_do_not_grow_with_the_days() -> None:
    with clock.at(MONDAY) as hand:
        House(hand)
        day = MONDAY.date()
        counts = []
        for number in range(1, 7):
            bank_line(-number, day - timedelta(days=number))
            if number in (3, 6):
                with CaptureQueriesContext(connection) as caught:
                    daily_books(day - timedelta(days=30), day)
                counts.append(len(caught))
        assert counts[0] == counts[1]


def test_a_debt_is_walked_on_its_page() -> None:
    with clock.at(MONDAY) as hand:
        house = House(hand)
        receivable, _ = house.owing(others=0)
        address = f"/agency/receivables/{receivable.pk}/"
        client, second = signed_in(house.world.payer), signed_in(house.world.second_payer)
        worker, provider = signed_in(house.world.case_worker), signed_in(house.world.provider_user)
        assert in_fours(receivable.reference) in client.get(address).content.decode()
        assert client.post(address, {"act": "demand"}).status_code == 409
        assert worker.post(address, {"act": "demand"}).status_code == 302
        letter = f"/provider/debts/{receivable.pk}/letter.pdf"
        said = paper_of(provider.get(letter).content)
        receivable.refresh_from_db()
        assert receivable.due_on is not None
        demanded = f"Please pay it by {date_format(receivable.due_on, 'j F Y')} at the latest"
        for words in (demanded, "The learner says that they did not book"):
            assert words in said
        assert client.post(address, {"act": "propose", "parts": "3", "reason": ""}).status_code == 422
        first = clock.now().date() + timedelta(days=5)
        values = {"act": "propose", "parts": "3", "first": first.isoformat(), "reason": "asked for"}
        assert client.post(address, values).status_code == 302
        assert client.post(address, {"act": "agree"}).status_code == 409
        assert second.post(address, {"act": "agree"}).status_code == 302
        assert "550" in provider.get(f"/provider/debts/{receivable.pk}/").content.decode()
        said = paper_of(provider.get(letter).content)
        assert f"{date_format(first, 'j F Y')} €550.00" in said
        assert "Please pay it by" not in said
        assert client.post(address, {"act": "write_off", "reason": "insolvent"}).status_code == 302
        assert second.post(address, {"act": "write_off_agree"}).status_code == 302
        receivable.refresh_from_db()
        assert receivable.state == "written_off"
        assert "Ended with the debt" in text_of(client.get(address).content)
        ended = paper_of(client.get(f"{address}letter.pdf").content)
        assert "Nothing is left to pay." in ended
        assert "Please pay it by" not in ended
        for page in ("/agency/receivables/", "/agency/receivables/?state=written_off", address):
            assert client.get(page).status_code == 200
        assert provider.get("/provider/statement/").status_code == 200
        assert Receivable.objects.count() == 1
