"""Transfers of employers: exact, over, under, twice, late, unknown, somebody else's; each counts once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from accounts.services import employers
from funding.models import BankLine, Lot, TopUpReceipt
from funding.services import top_ups
from ila.core import clock
from ila.core.errors import DomainError
from tests.funding.top_ups.support import (
    OTHER_IBAN,
    Firm,
    Transfer,
    camt054,
    check_books,
    give,
    lot_of,
    make_employer,
    manager_of,
    repay,
    tell,
)
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm() -> Iterator[Firm]:
    with clock.at(MONDAY):
        yield Firm()
        check_books()


def balances() -> set[int]:
    return set(Lot.objects.exclude(source="rights").values_list("available_cents", flat=True))


def test_a_pledge_is_nobodys_money_until_it_is_paid(firm: Firm) -> None:
    order = firm.order(30_000, 20_000)
    assert order.state == "pending"
    assert balances() == set()
    message = firm.pay(order)
    assert (message.state, message.detail["counts"]) == ("processed", {"received": 1})
    assert (order.state, order.received_cents, order.allocated_cents) == ("allocated", 50_000, 50_000)
    assert [lot_of(order, each).available_cents for each in firm.employees] == [30_000, 20_000]
    assert {(lot.source, lot.fund) for lot in order.lots.all()} == {("endowment", "employer")}


def test_too_little_credits_nobody_until_the_rest_has_come(firm: Firm) -> None:
    order = firm.order(30_000, 20_000)
    firm.pay(order, 49_999)
    assert (order.state, order.missing_cents) == ("pending", 1)
    assert balances() == set()
    firm.pay(order, 1)
    assert (order.state, order.deposit_cents) == ("allocated", 0)


def test_too_much_and_twice_is_owed_to_the_employer(firm: Firm) -> None:
    order = firm.order(30_000)
    firm.pay(order, 30_500)
    firm.pay(order)
    assert (order.state, order.allocated_cents, order.refundable_cents) == ("allocated", 30_000, 30_500)
    refund = top_ups.request_refund(actor=firm.manager, top_up_id=order.pk, iban=OTHER_IBAN)
    with pytest.raises(DomainError, match="already_waiting"):
        top_ups.request_refund(actor=firm.manager, top_up_id=order.pk, iban=OTHER_IBAN)
    repay(firm, refund)
    order.refresh_from_db()
    assert (order.state, order.deposit_cents, order.refunded_cents) == ("allocated", 0, 30_500)
    with pytest.raises(DomainError, match="nothing_to_refund"):
        top_ups.request_refund(actor=firm.manager, top_up_id=order.pk, iban=OTHER_IBAN)


def test_the_same_movement_told_again_counts_once(firm: Firm) -> None:
    order = firm.order(30_000)
    transfer = Transfer(30_000, order.reference)
    content = camt054(transfer)
    give(content)
    give(content)
    give(camt054(transfer))
    order.refresh_from_db()
    assert order.received_cents == 30_000
    assert TopUpReceipt.objects.count() == 1
    # Told by two messages, it stands on two lines of one receipt.
    assert BankLine.objects.filter(receipt__isnull=False, finding="").count() == 2


def test_equal_transfers_without_the_banks_reference_are_told_apart(firm: Firm) -> None:
    order = firm.order(30_000)
    equal = [Transfer(15_000, order.reference, bank_reference="") for _ in range(2)]
    tell(*equal)
    tell(*equal)
    order.refresh_from_db()
    assert order.received_cents == 30_000


@pytest.mark.parametrize("how", ["spaced", "in a note", "small letters", "cut by the bank"])
def test_the_reference_is_found_as_people_write_it(firm: Firm, how: str) -> None:
    order = firm.order(30_000)
    ref = order.reference
    grouped = " ".join(ref[at : at + 4] for at in range(0, len(ref), 4))
    written = {
        "spaced": Transfer(30_000, grouped),
        "in a note": Transfer(30_000, note=f"Abondement {ref} mai 2026"),
        "small letters": Transfer(30_000, note=ref.lower()),
        "cut by the bank": Transfer(30_000, note=f"{ref[:9]} {ref[9:]}"),
    }
    tell(written[how])
    order.refresh_from_db()
    assert order.state == "paid"


def test_what_nobody_can_place_is_kept_named_and_credits_nobody(firm: Firm) -> None:
    order, second = firm.order(30_000), firm.order(20_000)
    cancelled = firm.order(10_000)
    top_ups.cancel_top_up(actor=firm.manager, top_up_id=cancelled.pk)
    closed = make_employer(firm.world, name="Gone")
    theirs = top_ups.order_top_up(
        actor=manager_of(closed),
        organisation=closed.organisation,
        scheme=firm.world.scheme,
        kind="voluntary",
        lines=[top_ups.OrderLine(firm.employees[0].account.pk, 10_000)],
    )
    employers.close_employer(actor=firm.world.case_worker, employer_id=closed.pk, reason="gone")
    tell(
        Transfer(100, note="thank you"),
        Transfer(200, "RF18539007547034"),
        Transfer(300, note=f"{order.reference} {second.reference}"),
        Transfer(400, cancelled.reference),
        Transfer(500, theirs.reference),
    )
    found = list(TopUpReceipt.objects.order_by("amount_cents").values_list("finding", flat=True))
    assert found == [
        "no_reference",
        "unknown_reference",
        "several_references",
        "closed_order",
        "closed_employer",
    ]
    assert set(BankLine.objects.values_list("finding", flat=True)) == {"unknown_credit"}
    assert balances() == set()


def test_another_currency_is_kept(firm: Firm) -> None:
    order = firm.order(30_000)
    tell(Transfer(30_000, order.reference), currency="CHF")
    assert TopUpReceipt.objects.get().finding == "other_currency"
    order.refresh_from_db()
    assert order.received_cents == 0


def test_somebody_elses_account_with_our_reference_is_kept(firm: Firm) -> None:
    other = make_employer(firm.world, name="Other")
    theirs = top_ups.order_top_up(
        actor=manager_of(other),
        organisation=other.organisation,
        scheme=firm.world.scheme,
        kind="voluntary",
        lines=[top_ups.OrderLine(firm.employees[0].account.pk, 10_000)],
    )
    tell(Transfer(10_000, theirs.reference, iban=OTHER_IBAN))
    order = firm.order(30_000)
    tell(Transfer(30_000, order.reference, iban=OTHER_IBAN))
    receipt = TopUpReceipt.objects.get(amount_cents=30_000)
    assert (receipt.finding, receipt.top_up) == ("other_payer", None)


def test_a_person_of_the_agency_settles_what_was_kept(firm: Firm) -> None:
    order = firm.order(30_000)
    tell(Transfer(30_000, note="pay rise"), Transfer(70, note="?"))
    placed, odd = TopUpReceipt.objects.order_by("-amount_cents")
    with pytest.raises(DomainError, match="not_allowed"):
        top_ups.assign_receipt(
            actor=firm.manager, receipt_id=placed.pk, reference=order.reference, reason="ours"
        )
    with pytest.raises(DomainError, match="incomplete"):
        top_ups.assign_receipt(
            actor=firm.world.payer, receipt_id=placed.pk, reference=order.reference, reason=" "
        )
    with pytest.raises(DomainError, match="unknown_reference"):
        top_ups.assign_receipt(
            actor=firm.world.payer, receipt_id=placed.pk, reference="RF18539007547034", reason="called"
        )
    top_ups.assign_receipt(
        actor=firm.world.payer, receipt_id=placed.pk, reference=order.reference, reason="They called."
    )
    top_ups.put_receipt_aside(actor=firm.world.payer, receipt_id=odd.pk, reason="Sent back.")
    for receipt in (placed, odd):
        with pytest.raises(DomainError, match="already_settled"):
            top_ups.put_receipt_aside(actor=firm.world.payer, receipt_id=receipt.pk, reason="again")
    order.refresh_from_db()
    assert order.state == "paid"
    assert not BankLine.objects.exclude(finding="").exists()


def test_a_cancelled_pledge_gives_back_what_had_come(firm: Firm) -> None:
    order = firm.order(30_000)
    firm.pay(order, 10_000)
    with pytest.raises(DomainError, match="not_allowed"):
        top_ups.cancel_top_up(actor=firm.employees[0].user, top_up_id=order.pk)
    order = top_ups.cancel_top_up(actor=firm.manager, top_up_id=order.pk)
    assert (order.state, order.refundable_cents) == ("failed", 10_000)
    refund = top_ups.request_refund(actor=firm.manager, top_up_id=order.pk, iban=OTHER_IBAN)
    repay(firm, refund)
    order.refresh_from_db()
    assert order.state == "refunded"
    allocated = firm.order(100)
    firm.pay(allocated)
    with pytest.raises(DomainError, match="not_allowed"):
        top_ups.cancel_top_up(actor=firm.manager, top_up_id=allocated.pk)


def test_what_is_unspent_on_the_last_day_is_the_employers_again(firm: Firm) -> None:
    order = firm.order(30_000, 20_000, ends_on=date(2026, 7, 31))
    firm.pay(order)
    spender = firm.employees[0]
    booking = firm.book(spender, price_cents=25_000)
    assert lot_of(order, spender).held_cents == 25_000
    assert top_ups.end_top_ups(on=date(2026, 7, 31)) == 0
    assert top_ups.end_top_ups(on=date(2026, 8, 1)) == 2
    assert top_ups.end_top_ups(on=date(2026, 8, 1)) == 0
    order.refresh_from_db()
    assert (order.ended_cents, order.refundable_cents) == (25_000, 25_000)
    assert lot_of(order, spender).held_cents == 25_000
    assert booking.allocations.get(source="endowment").amount_cents == 25_000


def test_a_pledge_that_was_never_paid_ends_with_its_last_day(firm: Firm) -> None:
    order = firm.order(30_000, ends_on=date(2026, 7, 31))
    assert top_ups.fail_overdue(on=date(2026, 7, 31)) == 0
    assert top_ups.fail_overdue(on=date(2026, 8, 1)) == 1
    order.refresh_from_db()
    assert order.state == "failed"


def test_an_earmark_pays_only_what_it_is_for_and_is_drawn_first(firm: Firm) -> None:
    learner = firm.employees[0]
    welding = firm.order(30_000, earmark="isced:07", kind="supplementary")
    free = firm.order(30_000)
    firm.pay(free)
    firm.pay(welding)
    office = firm.world.make_credential(isced_field="0415")
    weld = firm.world.make_credential(isced_field="0715")
    booked = firm.world.accepted(learner, firm.world.make_session(office, price_cents=10_000))
    assert {each.lot_id for each in booked.allocations.all()} == {lot_of(free, learner).pk}
    booked = firm.world.accepted(learner, firm.world.make_session(weld, price_cents=35_000))
    assert [each.lot_id for each in booked.allocations.order_by("position")][:2] == [
        lot_of(welding, learner).pk,
        lot_of(free, learner).pk,
    ]


def test_one_entry_alone(firm: Firm) -> None:
    learner = firm.employees[0]
    entry = firm.world.make_credential()
    order = firm.order(30_000, earmark=f"entry:{entry.pk}")
    firm.pay(order)
    other = firm.world.accepted(learner, firm.world.make_session(price_cents=10_000))
    assert not other.allocations.filter(lot__top_up=order).exists()
    booked = firm.world.accepted(learner, firm.world.make_session(entry, price_cents=10_000))
    assert booked.allocations.get(lot__top_up=order).amount_cents == 10_000


def test_a_kind_gives_its_least(firm: Firm) -> None:
    with pytest.raises(DomainError, match="F-05"):
        firm.order(299_999, kind="corrective")
    order = firm.order(300_000, kind="corrective")
    assert order.source == "corrective"
    for bad in ((0,), (-5,), ()):
        with pytest.raises(DomainError, match="invalid"):
            firm.order(*bad)
    with pytest.raises(DomainError, match="invalid"):
        firm.order(5, 5, learners=[firm.employees[0], firm.employees[0]])
    with pytest.raises(DomainError, match="already_over"):
        firm.order(5, ends_on=date(2026, 5, 3))
