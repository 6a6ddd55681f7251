"""What is over or begins at a moment: holds, suspensions, windows; credits that come with a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Message, User
from catalogue.services import sessions
from funding.models import Booking, BookingReview, Hold, LearningAccount, Scheme
from funding.services import bookings, due, holds, schemes, windows
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.factories.accounts import CitizenFactory, MembershipFactory
from tests.factories.funding import BudgetFactory, LearningAccountFactory, SchemeFactory
from tests.funding.bookings.course import entered, taught
from tests.support.world import ENDS, Learner, World

SECOND = timedelta(seconds=1)


def declared(world: World, learner: Learner, hand: VirtualClock) -> Booking:
    booking = entered(world, learner, hand)
    hand.move(ENDS)
    return taught(world, booking, percent=100)


@pytest.mark.parametrize("scope", ["booking", "session", "provider", "iban"])
def test_n16_a_hold_ends_by_itself_and_a_person_hears_of_it(
    world: World, learner: Learner, hand: VirtualClock, scope: str
) -> None:
    booking = declared(world, learner, hand)
    scopes: dict[str, Any] = {
        "booking": booking,
        "session": booking.session,
        "provider": world.provider,
        "iban": world.provider.iban,
    }
    until = ENDS + timedelta(days=40)
    hold = holds.place_hold(
        owner=world.case_worker, reason="complaint", until=until, **{scope: scopes[scope]}
    )
    hand.move(until - SECOND)
    assert due.run_due() == due.DueResult(held=1)
    hand.move(until)
    assert due.run_due() == due.DueResult(validated=1, holds_ended=1)
    assert due.run_due() == due.DueResult()
    review = BookingReview.objects.get()
    assert (review.booking_id, review.reason, review.detail) == (booking.pk, "hold_ended", {"hold": hold.pk})
    message = Message.objects.get(template="hold_ended")
    assert (message.recipient, message.context) == (world.case_worker, {"hold": hold.pk})


def test_a_hold_that_was_released_ends_without_a_word(world: World, hand: VirtualClock) -> None:
    hold = holds.place_hold(
        owner=world.case_worker, reason="x", until=clock.now() + timedelta(1), provider=world.provider
    )
    holds.release_hold(hold_id=hold.pk, actor=world.case_worker)
    hand.move(clock.now() + timedelta(2))
    assert due.run_due() == due.DueResult()


def test_holds_that_end_together_are_not_parted(
    world: World, hand: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("funding.services.due.moments.CHUNK", 2)
    end = clock.now() + timedelta(1)
    for minutes in (0, 1, 1, 1, 2):
        holds.place_hold(
            owner=world.case_worker,
            reason="x",
            until=end + timedelta(minutes=minutes),
            provider=world.provider,
        )
    hand.move(end + timedelta(hours=1))
    assert due.run_due().holds_ended == Hold.objects.count() == 5
    assert due.run_due().holds_ended == 0


def test_f25_a_suspension_ends_with_its_last_day(world: World, learner: Learner, hand: VirtualClock) -> None:
    last_day = date(2026, 10, 25)  # clocks go back that night
    LearningAccount.objects.filter(pk=learner.account.pk).update(suspended_until=last_day)
    over = datetime(2026, 10, 25, 23, 0, tzinfo=UTC)
    hand.move(over - SECOND)
    assert due.run_due() == due.DueResult()
    hand.move(over)
    assert due.run_due() == due.DueResult(suspensions_ended=1)
    assert due.run_due() == due.DueResult()
    assert Message.objects.get(template="account_active_again").recipient == learner.user
    # The day stays written down: it is no state.
    learner.account.refresh_from_db()
    assert learner.account.suspended_until == last_day
    # And a second suspension ends by itself too.
    LearningAccount.objects.filter(pk=learner.account.pk).update(suspended_until=date(2026, 11, 30))
    hand.move(over + timedelta(days=60))
    assert due.run_due() == due.DueResult(suspensions_ended=1)


def test_bookings_of_cancelled_sessions_are_finished(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = world.accepted(learner)
    sessions.cancel_session(session_id=world.session.pk, actor=world.case_worker, reason="flood")
    assert bookings.finish_cancelled_sessions() == 1
    assert bookings.finish_cancelled_sessions() == 0
    assert bookings.read_booking(booking.pk).state == "cancelled_by_funder"


def test_n03_windows_open_and_close(world: World, hand: VirtualClock) -> None:
    manager = MembershipFactory.create(organisation=world.agency, role="manager").user
    stap = SchemeFactory.create(code="stap")
    opens, closes = clock.now() + timedelta(days=1), clock.now() + timedelta(days=3)
    open_window(stap, manager, opens=opens, closes=closes)
    hand.move(opens - SECOND)
    assert due.run_due() == due.DueResult()
    hand.move(opens)
    assert due.run_due() == due.DueResult(windows_opened=1)
    assert due.run_due() == due.DueResult()
    hand.move(closes)
    assert due.run_due() == due.DueResult(windows_closed=1)
    told = Message.objects.filter(recipient=manager).order_by("pk")
    assert list(told.values_list("template", flat=True)) == ["window_opened", "window_closed"]


def open_window(scheme: Scheme, actor: User, *, opens: datetime, closes: datetime) -> None:
    windows.open_window(
        scheme=scheme, name="2026-5", budget_cents=10_000_000, opens_at=opens, closes_at=closes, actor=actor
    )


def test_s01_a_credit_comes_on_the_birthday_in_the_scheme_s_time_zone(hand: VirtualClock) -> None:
    scheme = SchemeFactory.create(code="skillsfuture")
    BudgetFactory.create(scheme=scheme)
    citizen = CitizenFactory.create(birth_date=date(2001, 6, 10), citizenship="SG", residence="SG")
    account = LearningAccountFactory.create(scheme=scheme, citizen=citizen)
    birthday = datetime(2026, 6, 9, 16, 0, tzinfo=UTC)
    hand.move(birthday - SECOND)
    assert due.credit_due()["age_credits"] == 0
    hand.move(birthday)
    assert due.credit_due()["age_credits"] == 1
    assert due.credit_due()["age_credits"] == 0
    assert account.lots.get().available_cents == 50_000


def test_a_flat_year_comes_on_the_first_of_january(hand: VirtualClock) -> None:
    scheme = SchemeFactory.create(code="canada")
    BudgetFactory.create(scheme=scheme)
    LearningAccountFactory.create(
        scheme=scheme, citizen=CitizenFactory.create(citizenship="CA", residence="CA")
    )
    due.credit_due()
    new_year = datetime(2027, 1, 1, 12, tzinfo=UTC)
    hand.move(datetime(2026, 12, 31, 12, tzinfo=UTC))
    assert due.credit_due()["yearly_credit"] == 0
    hand.move(new_year)
    assert due.credit_due()["yearly_credit"] == 1
    assert due.credit_due()["yearly_credit"] == 0


def test_a_scheme_without_money_stops_no_other(hand: VirtualClock) -> None:
    poor, rich = SchemeFactory.create(code="canada"), SchemeFactory.create(code="skillsfuture")
    BudgetFactory.create(scheme=rich)
    LearningAccountFactory.create(
        scheme=poor, citizen=CitizenFactory.create(citizenship="CA", residence="CA")
    )
    account = LearningAccountFactory.create(
        scheme=rich,
        citizen=CitizenFactory.create(birth_date=date(2001, 6, 10), citizenship="SG", residence="SG"),
    )
    hand.move(datetime(2026, 7, 1, tzinfo=UTC))
    with pytest.raises(due.CreditsFailed, match="canada yearly_credit: budget_exhausted"):
        due.credit_due()
    assert account.lots.get().available_cents == 50_000
    schemes.appropriate(
        scheme=poor,
        budget_name="Late",
        amount_cents=10**9,
        actor=MembershipFactory.create(role="manager").user,
        idempotency_key="late",
    )
    assert due.credit_due()["yearly_credit"] == 1
