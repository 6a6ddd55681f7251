"""A learner's own part by bank transfer, before the acceptance binds: exact, short, over, twice, late, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from funding.models import (
    Allocation,
    BankLine,
    Claim,
    OwnTransfer,
    OwnTransferReceipt,
    Reservation,
    TopUpReceipt,
)
from funding.selectors.daily_books import daily_books
from funding.services import bookings, holds, own_transfers, refund_accounts, refunds
from funding.services.bookings.context import calendar_of
from ila.core import clock
from ila.core.errors import DomainError
from tests.funding.cards.support import bucket_sums, shown_to
from tests.funding.own_transfers.support import OWN, RIGHTS, Awaited, booking_of, kept
from tests.funding.top_ups.support import Transfer, camt054, check_books, give, tell
from tests.support.books import by_bucket

pytestmark = pytest.mark.django_db


def test_asked_for_and_kept(awaited: Awaited) -> None:
    transfer = awaited.start(seats=1)
    assert (booking_of(transfer).state, transfer.state, transfer.amount_cents) == ("proposed", "opened", OWN)
    assert kept(transfer, awaited.learner) == (1, RIGHTS)
    assert bucket_sums("public")["reserved"] == RIGHTS
    # Until the end of the third bank day after Monday the 4th: Friday is a holiday in France.
    assert transfer.expires_at == datetime(2026, 5, 7, 22, 0, tzinfo=UTC)
    # Sent twice, the second time finds the transfer that waits.
    assert awaited.consent(booking_of(transfer)).pk == transfer.pk
    check_books()


def test_exact_and_the_booking_is_accepted_with_the_consent_of_then(awaited: Awaited) -> None:
    transfer = awaited.start(seats=1)
    awaited.later(days=2)
    awaited.pay(transfer)
    booking = booking_of(transfer)
    assert (booking.state, transfer.state, transfer.applied_cents) == ("accepted", "paid", OWN)
    assert booking.consent is not None
    assert booking.consent.answered_at == transfer.opened_at
    assert set(Allocation.objects.values_list("source", "amount_cents", "direct")) == {
        ("rights", RIGHTS, False),
        ("learner", OWN, False),
    }
    assert kept(transfer, awaited.learner) == (1, RIGHTS)
    assert bucket_sums("own") == {"appropriation": -OWN, "held": OWN}
    assert "reserved" not in bucket_sums("public")
    line = BankLine.objects.get()
    assert (line.own_receipt, line.finding) == (OwnTransferReceipt.objects.get(), "")
    check_books()


def test_short_waits_for_the_rest(awaited: Awaited) -> None:
    transfer = awaited.start()
    awaited.pay(transfer, OWN - 100)
    assert (transfer.state, transfer.missing_cents, booking_of(transfer).state) == ("opened", 100, "proposed")
    check_books()
    awaited.pay(transfer, 100)
    assert (transfer.state, booking_of(transfer).state) == ("paid", "accepted")
    check_books()


def test_short_until_the_end_goes_back(awaited: Awaited) -> None:
    transfer = awaited.start()
    awaited.pay(transfer, OWN - 100)
    awaited.later(days=4)
    awaited.settle(transfer)
    assert (transfer.state, transfer.due_cents, kept(transfer, awaited.learner)) == (
        "lapsed",
        OWN - 100,
        (0, 0),
    )
    assert by_bucket(booking_of(transfer)) == {"refund_due": OWN - 100}
    check_books()


def test_too_much_and_twice_go_back_and_the_booking_stands(awaited: Awaited) -> None:
    transfer = awaited.start()
    awaited.pay(transfer, OWN + 700)
    assert (booking_of(transfer).state, transfer.due_cents) == ("accepted", 700)
    awaited.pay(transfer)
    assert (transfer.due_cents, by_bucket(booking_of(transfer))["refund_due"]) == (OWN + 700, OWN + 700)
    check_books()


def test_late_goes_back(awaited: Awaited) -> None:
    transfer = awaited.start(seats=1)
    awaited.later(days=3, hours=16)
    awaited.settle(transfer)
    assert (transfer.state, kept(transfer, awaited.learner)) == ("lapsed", (0, 0))
    assert Reservation.objects.get().ended_at is not None
    awaited.pay(transfer)
    assert (transfer.state, transfer.due_cents, booking_of(transfer).accepted_at) == ("lapsed", OWN, None)
    check_books()


def test_told_in_time_it_counts_though_the_job_comes_late(awaited: Awaited) -> None:
    transfer = awaited.start()
    awaited.pay(transfer, work=False)
    awaited.later(days=4)
    awaited.settle(transfer)
    assert (transfer.state, booking_of(transfer).state) == ("paid", "accepted")
    check_books()


def test_each_counts_once_whichever_message_tells_of_it(awaited: Awaited) -> None:
    transfer = awaited.start()
    sent = awaited.pay(transfer)
    tell(sent)
    give(camt054(sent))
    awaited.settle(transfer)
    assert (transfer.received_cents, OwnTransferReceipt.objects.count()) == (OWN, 1)
    assert BankLine.objects.filter(own_receipt__isnull=False).count() == 3
    check_books()


def test_leaving_gives_everything_back_at_once(awaited: Awaited) -> None:
    transfer = awaited.start(seats=1)
    with pytest.raises(DomainError, match="not_found"):
        own_transfers.leave(actor=awaited.other.user, transfer_id=transfer.pk)
    awaited.pay(transfer, 100)
    own_transfers.leave(actor=awaited.learner.user, transfer_id=transfer.pk)
    transfer.refresh_from_db()
    assert (transfer.state, transfer.due_cents, kept(transfer, awaited.learner)) == ("left", 100, (0, 0))
    awaited.pay(transfer)
    assert (transfer.due_cents, booking_of(transfer).state) == (OWN + 100, "proposed")
    check_books()
    # The proposal stands, and may be agreed to again.
    again = awaited.consent(booking_of(transfer))
    awaited.pay(again)
    assert booking_of(again).state == "accepted"
    check_books()


def test_saying_no_gives_everything_back_at_once(awaited: Awaited) -> None:
    transfer = awaited.start(seats=1)
    bookings.refuse_by_learner(actor=awaited.learner.user, booking_id=transfer.booking_id)
    transfer.refresh_from_db()
    assert (transfer.state, kept(transfer, awaited.learner)) == ("left", (0, 0))
    awaited.pay(transfer)
    assert transfer.due_cents == OWN
    check_books()


def test_refused_when_it_comes_gives_everything_back(awaited: Awaited) -> None:
    transfer = awaited.start(seats=1)
    holds.place_hold(
        owner=awaited.world.case_worker,
        reason="looked into",
        booking=booking_of(transfer),
        until=clock.now() + timedelta(days=10),
    )
    awaited.pay(transfer)
    assert (transfer.state, transfer.finding, transfer.due_cents) == ("paid", "on_hold", OWN)
    assert (booking_of(transfer).state, kept(transfer, awaited.learner)) == ("proposed", (0, 0))
    check_books()


def test_the_term_to_answer_waits_with_the_transfer_and_no_longer(awaited: Awaited) -> None:
    """F-21: they have answered in time; what they wait for is their bank."""
    transfer = awaited.start()
    booking = booking_of(transfer)
    term = transfer.answer_until
    assert term is not None
    awaited.hand.move(term - timedelta(hours=2))
    own_transfers.leave(actor=awaited.learner.user, transfer_id=transfer.pk)
    again = awaited.consent(booking_of(transfer))
    assert booking_of(again).next_due_at == again.expires_at
    assert again.expires_at > term
    awaited.hand.move(term + timedelta(hours=2))
    assert bookings.lapse(booking_id=booking.pk) is False
    awaited.hand.move(again.expires_at)
    awaited.settle(again)
    assert (again.state, booking_of(again).next_due_at) == ("lapsed", term)
    assert bookings.lapse(booking_id=booking.pk) is True
    check_books()


def test_what_starts_too_soon_is_refused_with_a_reason(awaited: Awaited) -> None:
    soon = clock.now() + timedelta(days=1, hours=8)
    calendar = calendar_of(awaited.world.scheme)
    with pytest.raises(DomainError, match="transfer_too_late"):
        own_transfers.kept_until(calendar, clock.now(), soon)
    # Never beyond the start: what is kept for longer nobody could use.
    in_two_days = clock.now() + timedelta(days=2)
    assert own_transfers.kept_until(calendar, clock.now(), in_two_days) == in_two_days


def test_other_money_and_unknown_references_are_kept_and_named(awaited: Awaited) -> None:
    transfer = awaited.start()
    tell(Transfer(OWN, transfer.reference), currency="USD")
    tell(Transfer(OWN, "RF18539007547034"))
    awaited.settle(transfer)
    assert (transfer.received_cents, OwnTransferReceipt.objects.count()) == (0, 0)
    assert list(TopUpReceipt.objects.order_by("pk").values_list("finding", flat=True)) == [
        "other_currency",
        "unknown_reference",
    ]
    check_books()


def test_withdrawn_it_is_refunded_by_transfer_to_the_learners_own_account(awaited: Awaited) -> None:
    """F-23, F-11: own money comes back from here, never from the provider; what came in vain with it."""
    transfer = awaited.booked()
    awaited.pay(transfer, 700)
    bookings.withdraw(actor=awaited.learner.user, booking_id=transfer.booking_id)
    assert by_bucket(booking_of(transfer)) == {"refund_due": OWN + 700}
    refund_accounts.set_account(
        actor=awaited.learner.user,
        sign_in=awaited.learner.sign_in,
        iban="NL91ABNA0417164300",
        holder="Camille Durand",
    )
    assert refunds.prepare_refunds() == 1
    claim = Claim.objects.get()
    assert (claim.kind, claim.amount_cents, claim.payee_iban) == ("refund", OWN + 700, "NL91ABNA0417164300")
    assert sum(line.amount_cents for line in claim.lines.all()) == OWN
    assert refunds.prepare_refunds() == 0
    # What comes later still is another refund.
    awaited.pay(transfer, 900)
    assert refunds.prepare_refunds() == 1
    assert Claim.objects.latest("pk").amount_cents == 900
    check_books()


def test_nobody_starts_where_it_is_not_the_way(awaited: Awaited, settings: Any) -> None:
    booking = awaited.world.proposed(awaited.learner)
    settings.BANK_ACCOUNT_IBAN = ""
    with pytest.raises(DomainError, match="transfers_not_taken"):
        own_transfers.start_for_booking(
            actor=awaited.learner.user,
            booking_id=booking.pk,
            sign_in=awaited.learner.sign_in,
            shown=shown_to(booking),
        )
    assert not OwnTransfer.objects.exists()


def test_without_its_reference_a_person_says_whose_it_is(awaited: Awaited) -> None:
    transfer = awaited.start()
    tell(Transfer(OWN, "no reference at all"))
    aside = TopUpReceipt.objects.get()
    assert BankLine.objects.get().finding == "unknown_credit"
    settle = partial(own_transfers.assign_receipt, actor=awaited.world.payer, receipt_id=aside.pk)
    for wrong, reference, reason in (
        ("incomplete", transfer.reference, " "),
        ("unknown_reference", "RF18539007547034", "Told by phone"),
    ):
        with pytest.raises(DomainError, match=wrong):
            settle(reference=reference, reason=reason)
    with pytest.raises(DomainError, match="not_allowed"):
        own_transfers.assign_receipt(
            actor=awaited.learner.user, receipt_id=aside.pk, reference=transfer.reference, reason="Mine"
        )
    assert OwnTransferReceipt.objects.count() == 0
    settle(reference=transfer.shown_reference.lower(), reason="Told by phone")
    with pytest.raises(DomainError, match="already_settled"):
        settle(reference=transfer.reference, reason="Told again")
    awaited.settle(transfer)
    assert (booking_of(transfer).state, transfer.received_cents) == ("accepted", OWN)
    line = BankLine.objects.get()
    assert (line.own_receipt, line.finding) == (OwnTransferReceipt.objects.get(), "")
    assert line.booked_on is not None
    (day,) = daily_books(line.booked_on, line.booked_on)
    assert (day.books_in, day.kept_aside) == (OWN, 0)
    check_books()
