"""What learners pay themselves where no card is taken: never out of public money (decision 205)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from funding.cards.config import OwnPart
from funding.models import Allocation, Booking, Claim, ClaimKind, Receivable
from funding.selectors.bookings import money_of
from funding.services import bookings, claims
from ila.core.clock import VirtualClock
from tests.funding.bookings.conftest import expect_refusal
from tests.funding.bookings.course import ADVANCE_DAY, LONG_ENDS, pay, taught
from tests.funding.top_ups.support import check_books
from tests.support.books import by_bucket
from tests.support.rules import scheme_with
from tests.support.world import ENDS, STARTS, Learner, World

PRICE, OWN = 165_000, 15_000
RIGHTS = PRICE - OWN


@pytest.fixture
def learner(world: World) -> Learner:
    """A learner whose rights are not enough for the price of 1,650.00."""
    return world.make_learner(rights_cents=RIGHTS)


def accepted(world: World, learner: Learner, **session: Any) -> Booking:
    booking = world.proposed(learner, world.make_session(**session) if session else None)
    return bookings.accept(actor=learner.user, booking_id=booking.pk, sign_in=learner.sign_in)


def validated(world: World, booking: Booking, hand: VirtualClock, *, percent: int) -> Booking:
    hand.move(STARTS)
    bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
    hand.move(ENDS)
    taught(world, booking, percent=percent)
    return bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)


def test_it_is_held_as_the_learners_to_pay_to_the_provider(world: World, learner: Learner) -> None:
    booking = accepted(world, learner)
    parts = Allocation.objects.filter(booking=booking).values_list("source", "amount_cents", "direct")
    assert set(parts) == {("rights", RIGHTS, False), ("learner", OWN, True)}
    # The booking's page does not say that it is held here.
    assert dict(money_of(booking).places) == {
        "held": RIGHTS, "payable": 0, "in_transit": 0, "paid": 0, "direct": OWN, "returned": 0,
    }  # fmt: skip
    check_books()


def test_no_claim_pays_it_and_the_booking_is_settled_all_the_same(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = validated(world, accepted(world, learner), hand, percent=60)
    # Of both sources 40 % come back; what is the learner's own never came, and nobody owes it to them.
    assert by_bucket(booking) == {
        "held": RIGHTS * 60 // 100,
        "paid": OWN * 60 // 100,
        "returned": OWN * 40 // 100,
    }
    assert pay(world, booking).state == "settled"
    assert Claim.objects.get().amount_cents == RIGHTS * 60 // 100
    assert learner.lot().available_cents == RIGHTS * 40 // 100
    check_books()


def test_an_advance_is_a_share_of_what_we_pay(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = accepted(world, learner, ends_at=LONG_ENDS)
    hand.move(STARTS)
    bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
    hand.move(ADVANCE_DAY)
    claim = claims.claim_booking(actor=world.provider_user, booking_id=booking.pk, kind=ClaimKind.ADVANCE)
    assert claim.amount_cents == RIGHTS * 25 // 100
    check_books()


def test_a_share_lowered_after_the_payment_is_owed_of_what_we_paid(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    """What the learner still owes the provider covers nothing that public money paid too much."""
    booking = validated(world, accepted(world, learner), hand, percent=90)
    pay(world, booking)
    assert bookings.read_booking(booking.pk).state == "settled"
    bookings.reduce_service(
        actor=world.case_worker, booking_id=booking.pk, percent=50, reason="half was taught"
    )
    assert Receivable.objects.get().amount_cents == RIGHTS * 40 // 100
    assert learner.lot().available_cents == RIGHTS // 2
    # The learner reads what of their own part is not owed any more.
    money = money_of(bookings.read_booking(booking.pk))
    assert (dict(money.places)["direct"], money.not_owed_cents) == (OWN // 2, OWN // 2)
    check_books()
    bookings.reduce_service(actor=world.case_worker, booking_id=booking.pk, percent=0, reason="nobody came")
    assert money_of(bookings.read_booking(booking.pk)).not_owed_cents == OWN
    check_books()


@pytest.mark.parametrize("own_part", ["direct", "here"])
def test_a_share_lowered_before_the_payment_gives_back_the_difference(
    world: World, learner: Learner, hand: VirtualClock, own_part: OwnPart
) -> None:
    """Less and less turns out to have been taught of what was validated in part: each time, that much goes back."""
    asked = world.proposed(learner)
    booking = bookings.accept(
        actor=learner.user, booking_id=asked.pk, sign_in=learner.sign_in, own_part=own_part
    )
    validated(world, booking, hand, percent=90)
    for percent in (60, 40):
        bookings.reduce_service(
            actor=world.case_worker, booking_id=booking.pk, percent=percent, reason="looked again"
        )
        assert learner.lot().available_cents == RIGHTS * (100 - percent) // 100
        check_books()
    claim = claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)
    assert claim.amount_cents == (RIGHTS if own_part == "direct" else PRICE) * 40 // 100
    check_books()


def test_an_advance_beyond_the_share_is_owed_whole(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = accepted(world, learner, ends_at=LONG_ENDS)
    hand.move(STARTS)
    bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
    hand.move(ADVANCE_DAY)
    pay(world, booking, kind=ClaimKind.ADVANCE)
    hand.move(LONG_ENDS)
    taught(world, booking, percent=10)
    bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)
    assert Receivable.objects.get().amount_cents == RIGHTS * 15 // 100
    assert learner.lot().available_cents == RIGHTS * 90 // 100
    check_books()


@pytest.mark.parametrize("way", ["withdraw", "cancel_by_provider"])
def test_nothing_that_never_came_is_owed_back(world: World, learner: Learner, way: str) -> None:
    booking = accepted(world, learner)
    actor = learner.user if way == "withdraw" else world.provider_user
    getattr(bookings, way)(actor=actor, booking_id=booking.pk)
    assert by_bucket(booking) == {"returned": OWN}
    assert learner.lot().available_cents == RIGHTS
    check_books()


def test_a_price_that_is_owed_is_owed_by_both(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = accepted(world, learner)
    hand.move(STARTS - timedelta(days=1))
    bookings.cancel_by_learner(actor=learner.user, booking_id=booking.pk)
    assert by_bucket(booking) == {"held": RIGHTS, "paid": OWN}
    booking = pay(world, booking)
    assert by_bucket(booking) == {"paid": PRICE}
    # "It was not me": the provider owes what we paid, and not what the learner is said to have paid them.
    bookings.deny_consent(actor=learner.user, booking_id=booking.pk)
    assert Receivable.objects.get(booking=booking).amount_cents == RIGHTS
    assert learner.lot().available_cents == RIGHTS
    bookings.resolve_dispute(actor=world.case_worker, booking_id=booking.pk, upheld=False, reason="it was")
    assert by_bucket(booking) == {"paid": PRICE}
    check_books()


def test_who_pays_alone_leaves_nothing_to_claim(hand: VirtualClock) -> None:
    world = World(scheme=scheme_with(participation_cents=PRICE, participation_mode="max"))
    booking = validated(world, accepted(world, world.make_learner()), hand, percent=100)
    assert booking.state == "settled"
    assert by_bucket(booking) == {"paid": PRICE}
    expect_refusal(
        "already_settled", None, claims.claim_booking, actor=world.provider_user, booking_id=booking.pk
    )
    check_books()
