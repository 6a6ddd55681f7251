"""Holds: reasoned stops of money, with an owner and an end (N-16)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.services import service_users
from catalogue.models import Session
from funding.models import Booking, Hold
from funding.services import bookings, due, holds
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.factories.accounts import MembershipFactory, officer
from tests.funding.bookings.conftest import expect_refusal
from tests.funding.bookings.course import entered, taught
from tests.support.world import ENDS, IBAN, MONDAY, Learner, World

WEEK = timedelta(days=7)
SECOND = timedelta(seconds=1)


def place(world: World, **changes: Any) -> Hold:
    given: dict[str, Any] = {
        "owner": world.case_worker,
        "reason": "under control",
        "until": clock.now() + WEEK,
    }
    return holds.place_hold(**(given | changes))


def accept(learner: Learner, booking: Booking) -> Booking:
    return bookings.accept(actor=learner.user, booking_id=booking.pk, sign_in=learner.sign_in)


@pytest.mark.parametrize("scope", ["booking", "session", "provider"])
def test_nobody_is_bound_while_one_is_open(world: World, learner: Learner, scope: str) -> None:
    booking = world.proposed(learner)
    hold = place(world, **{scope: getattr(booking, scope, booking)})
    expect_refusal("on_hold", None, accept, learner=learner, booking=booking)
    assert learner.lot().available_cents == 500_000
    holds.release_hold(hold_id=hold.pk, actor=world.case_worker)
    assert accept(learner, booking).state == "accepted"


def test_another_s_hold_stops_nobody(world: World, learner: Learner) -> None:
    booking, other = world.proposed(learner), world.proposed(world.make_learner())
    place(world, booking=other)
    place(world, session=world.make_session())
    place(world, provider=world.make_provider(iban=""))
    place(world, iban="DE89370400440532013000")
    assert accept(learner, booking).state == "accepted"


def test_a_hold_on_a_bank_account_stops_payment_alone(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = world.proposed(learner)
    place(world, iban=IBAN, until=ENDS + WEEK)
    accept(learner, booking)
    assert list(holds.holds_on(booking).values_list("iban", flat=True)) == [IBAN]


def test_it_ends_by_itself(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = world.proposed(learner)
    place(world, booking=booking, until=MONDAY + timedelta(days=1))
    hand.move(MONDAY + timedelta(days=1) - SECOND)
    expect_refusal("on_hold", None, accept, learner=learner, booking=booking)
    hand.move(MONDAY + timedelta(days=1))
    assert accept(learner, booking).state == "accepted"


def test_n16_a_reason_an_end_and_one_scope(world: World) -> None:
    session: Session = world.session
    expect_refusal("incomplete", "N-16", place, world=world, session=session, reason="  ")
    expect_refusal("incomplete", "N-16", place, world=world, session=session, until=MONDAY)
    expect_refusal("incomplete", None, place, world=world)
    expect_refusal("incomplete", None, place, world=world, session=session, provider=world.provider)
    expect_refusal("incomplete", None, place, world=world, session=session, iban=IBAN)
    assert not Hold.objects.exists()


def test_who_may_stop_money_and_let_it_go(world: World, learner: Learner) -> None:
    inactive = MembershipFactory.create(case_worker=True).user
    inactive.is_active = False
    inactive.save()
    strangers = (world.provider_user, learner.user, officer("auditor"), officer("staff"), inactive)
    for stranger in strangers:
        refusal = expect_refusal(
            "not_allowed", None, place, world=world, owner=stranger, session=world.session
        )
        assert refusal.status == 403
    friends = (world.case_worker, world.payer, officer("investigator"), service_users.get("clock"))
    for friend in friends:
        hold = place(world, owner=friend, session=world.session)
        for stranger in strangers:
            expect_refusal("not_allowed", None, holds.release_hold, hold_id=hold.pk, actor=stranger)
        released = holds.release_hold(hold_id=hold.pk, actor=friend)
        assert (released.released_at, released.released_by) == (MONDAY, friend)


def test_what_is_over_is_not_released(world: World, hand: VirtualClock) -> None:
    hold = place(world, session=world.session)
    holds.release_hold(hold_id=hold.pk, actor=world.case_worker)
    expect_refusal("not_allowed", None, holds.release_hold, hold_id=hold.pk, actor=world.case_worker)
    other = place(world, session=world.session)
    hand.move(MONDAY + WEEK)
    expect_refusal("not_allowed", None, holds.release_hold, hold_id=other.pk, actor=world.case_worker)
    expect_refusal("not_found", None, holds.release_hold, hold_id=10**9, actor=world.case_worker)


def test_f27_a_declared_service_under_control_waits_for_the_hold_s_end(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = entered(world, learner, hand)
    hand.move(ENDS)
    booking = taught(world, booking, percent=100)
    assert booking.next_due_at is not None
    until = booking.next_due_at + WEEK
    place(world, provider=world.provider, until=until)
    hand.move(until - SECOND)
    assert (due.run_due().validated, due.run_due().held) == (0, 1)
    expect_refusal("on_hold", None, bookings.validate_service, actor=world.case_worker, booking_id=booking.pk)
    hand.move(until)
    assert due.run_due().validated == 1
    assert bookings.read_booking(booking.pk).state == "service_validated"
