"""The ways a booking ends, and where each cent goes, whatever it was paid from (F-21, F-23 to F-25)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.services import service_users
from catalogue.models import SessionSeats
from catalogue.services import sessions
from funding.models import Booking, Claim, ClaimKind, Receivable
from funding.services import bookings, claims
from ila.core.clock import VirtualClock
from ila.core.errors import DomainError
from tests.funding.bookings.conftest import expect_refusal
from tests.funding.bookings.course import (
    ADVANCE_DAY,
    LONG_ENDS,
    advance_paid,
    approved,
    execute,
    exported,
    pay,
)
from tests.support.books import by_bucket
from tests.support.world import STARTS, Learner, World

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
SOURCES = {"endowment": 40_000, "rights": 50_000, "employer": 30_000, "public": 20_000}
OWN = 25_000


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.fixture
def rich(world: World) -> Learner:
    """A learner whose booking of 1,650.00 is paid from four lots and their own money."""
    learner = world.make_learner(rights_cents=0)
    for source, cents in SOURCES.items():
        world.credit(learner.account, cents, source)
    return learner


def reach(world: World, learner: Learner, hand: VirtualClock, state: str) -> Booking:
    """A booking of an RNCP qualification with two seats, in that state."""
    session = world.make_session(world.make_credential(kind="rncp"), seats=2)
    if state == "requested":
        return bookings.request_booking(
            actor=learner.user, account_id=learner.account.pk, session_id=session.pk
        )
    booking = world.proposed(learner, session)
    if state == "proposed":
        return booking
    booking = bookings.accept(
        actor=learner.user, booking_id=booking.pk, sign_in=learner.sign_in, own_part="here"
    )
    if state == "in_training":
        hand.move(STARTS)
        booking = bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
    return booking


def lots(learner: Learner) -> dict[str, tuple[int, int, int]]:
    return {
        lot.source: (lot.available_cents, lot.held_cents, lot.spent_cents)
        for lot in learner.account.lots.all()
    }


ALL_BACK = {source: (cents, 0, 0) for source, cents in SOURCES.items()}
ALL_HELD = {source: (0, cents, 0) for source, cents in SOURCES.items()}
ALL_SPENT = {source: (0, 0, cents) for source, cents in SOURCES.items()}

Verb = Callable[[World, Learner, Booking], Booking]
VERBS: dict[str, Verb] = {
    "refuse_by_provider": lambda world, _, booking: bookings.refuse_by_provider(
        actor=world.provider_user, booking_id=booking.pk, reason="full"
    ),
    "refuse_by_learner": lambda _, learner, booking: bookings.refuse_by_learner(
        actor=learner.user, booking_id=booking.pk
    ),
    "withdraw": lambda _, learner, booking: bookings.withdraw(actor=learner.user, booking_id=booking.pk),
    "cancel_by_learner": lambda _, learner, booking: bookings.cancel_by_learner(
        actor=learner.user, booking_id=booking.pk
    ),
    "cancel_by_provider": lambda world, _, booking: bookings.cancel_by_provider(
        actor=world.provider_user, booking_id=booking.pk
    ),
    "cancel_by_funder": lambda world, _, booking: bookings.cancel_by_funder(
        actor=world.case_worker, booking_id=booking.pk
    ),
    "cancel_session": lambda world, _, booking: _after(
        bookings.cancel_session(actor=world.provider_user, session_id=booking.session_id), booking
    ),
}
END_STATE = {
    "refuse_by_provider": "refused_by_provider",
    "refuse_by_learner": "refused_by_learner",
    "withdraw": "withdrawn",
    "cancel_by_learner": "cancelled_by_learner",
    "cancel_by_provider": "cancelled_by_provider",
    "cancel_by_funder": "cancelled_by_funder",
    "cancel_session": "cancelled_by_provider",
}
FROM = {
    "requested": ("refuse_by_provider", "refuse_by_learner", "cancel_by_learner"),
    "proposed": ("refuse_by_learner", "cancel_by_learner"),
    "accepted": ("withdraw",),
    "in_training": (),
}
ANYWHERE = ("cancel_by_provider", "cancel_by_funder", "cancel_session")
CASES = [(state, verb) for state, verbs in FROM.items() for verb in (*verbs, *ANYWHERE)]


def _after(_done: object, booking: Booking) -> Booking:
    return bookings.read_booking(booking.pk)


@pytest.mark.parametrize(("state", "verb"), CASES)
def test_everything_goes_back_to_where_it_came_from(
    world: World, rich: Learner, hand: VirtualClock, state: str, verb: str
) -> None:
    booking = reach(world, rich, hand, state)
    bound = state in ("accepted", "in_training")
    assert lots(rich) == (ALL_HELD if bound else ALL_BACK)
    seats = SessionSeats.objects.get(pk=booking.session_id)
    assert seats.taken == bound
    ended = VERBS[verb](world, rich, booking)
    assert (ended.state, ended.realised_percent, ended.next_due) == (END_STATE[verb], None, "")
    assert lots(rich) == ALL_BACK
    assert by_bucket(booking) == ({"refund_due": OWN} if bound else {})
    seats.refresh_from_db()
    assert seats.taken == 0
    # It is over: whatever else anybody tries changes nothing.
    for other, act in VERBS.items():
        if other != "cancel_session":
            with pytest.raises(DomainError) as refusal:
                act(world, rich, booking)
            assert refusal.value.code == "not_allowed", other
    expect_refusal(
        "not_allowed", None, claims.claim_booking, actor=world.provider_user, booking_id=booking.pk
    )
    assert lots(rich) == ALL_BACK


def test_the_consent_of_a_proposal_that_ended_lapses(world: World, rich: Learner, hand: VirtualClock) -> None:
    for verb in ("cancel_by_learner", "cancel_by_provider", "cancel_by_funder"):
        booking = VERBS[verb](world, rich, reach(world, rich, hand, "proposed"))
        assert booking.consent is not None
        booking.consent = type(booking.consent).objects.get(pk=booking.consent.pk)
        assert booking.consent.state == "lapsed"


# -- withdrawing and cancelling ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "last"),
    [
        # Fourteen working days after Monday 4 May (8, 14 and 25 May are holidays): Wednesday the 27th.
        ("2026-05-04T09:00:00+02:00", "2026-05-27T23:59:59+02:00"),
        ("2026-05-04T23:59:59+02:00", "2026-05-27T23:59:59+02:00"),
        ("2026-05-05T00:00:00+02:00", "2026-05-28T23:59:59+02:00"),
    ],
)
def test_f23_withdrawal_to_the_last_second_of_its_term(
    world: World, rich: Learner, hand: VirtualClock, accepted: str, last: str
) -> None:
    hand.move(local(accepted))
    other = world.make_learner()
    first, second = world.accepted(rich), world.accepted(other)
    hand.move(local(last))
    assert bookings.withdraw(actor=rich.user, booking_id=first.pk).state == "withdrawn"
    hand.move(local(last) + SECOND)
    expect_refusal("too_late", "F-23", bookings.withdraw, actor=other.user, booking_id=second.pk)
    # Still farther than seven working days from the start: cancelling is free, and is no withdrawal.
    assert bookings.cancel_by_learner(actor=other.user, booking_id=second.pk).state == "cancelled_by_learner"
    assert (other.lot().available_cents, other.lot().held_cents) == (500_000, 0)


def test_f23_withdrawal_ends_with_the_start(world: World, hand: VirtualClock) -> None:
    starts = local("2026-05-21T09:00:00+02:00")
    session = world.make_session(starts_at=starts, ends_at=starts + 5 * DAY)
    first, second = world.make_learner(), world.make_learner()
    bound = [world.accepted(learner, session) for learner in (first, second)]
    hand.move(starts - SECOND)
    assert bookings.withdraw(actor=first.user, booking_id=bound[0].pk).state == "withdrawn"
    hand.move(starts)
    expect_refusal("too_late", "F-23", bookings.withdraw, actor=second.user, booking_id=bound[1].pk)


def test_f23_comes_before_f24(world: World, learner: Learner, hand: VirtualClock) -> None:
    starts = local("2026-05-21T09:00:00+02:00")
    session = world.make_session(starts_at=starts, ends_at=starts + 5 * DAY)
    booking = world.accepted(learner, session)
    # Too near the start to cancel freely, and yet inside the term of withdrawal.
    hand.move(starts - DAY)
    assert bookings.cancel_by_learner(actor=learner.user, booking_id=booking.pk).state == "withdrawn"
    assert learner.lot().available_cents == 500_000


@pytest.mark.parametrize(
    ("moment", "free"),
    [
        # The 7th working day after Thursday 11 June is Monday 22 June, the start.
        ("2026-06-11T23:59:59+02:00", True),
        ("2026-06-12T00:00:00+02:00", False),
        ("2026-06-21T23:59:59+02:00", False),
        # After the start, as long as nobody has declared an entry.
        ("2026-06-22T09:00:00+02:00", False),
        ("2026-06-24T09:00:00+02:00", False),
    ],
)
def test_f24_free_until_seven_working_days_before_the_start(
    world: World, rich: Learner, hand: VirtualClock, moment: str, free: bool
) -> None:
    booking = reach(world, rich, hand, "accepted")
    hand.move(local(moment))
    booking = bookings.cancel_by_learner(actor=rich.user, booking_id=booking.pk)
    assert booking.state == "cancelled_by_learner"
    assert booking.realised_percent == (None if free else 100)
    assert lots(rich) == (ALL_BACK if free else ALL_HELD)
    assert SessionSeats.objects.get(pk=booking.session_id).taken == 0


@pytest.mark.parametrize(
    ("moment", "starts", "free"),
    [
        # Easter Monday 29 March 2027 and the clocks of the day before: start on Tuesday 6 April.
        ("2027-03-25T23:59:59+01:00", "2027-04-06T09:00:00+02:00", True),
        ("2027-03-26T00:00:00+01:00", "2027-04-06T09:00:00+02:00", False),
        # New Year: start on Monday 4 January 2027.
        ("2026-12-22T23:59:59+01:00", "2027-01-04T00:30:00+01:00", True),
        ("2026-12-23T00:00:00+01:00", "2027-01-04T00:30:00+01:00", False),
        # Bastille Day.
        ("2026-07-13T12:00:00+02:00", "2026-07-23T09:00:00+02:00", True),
        ("2026-07-13T12:00:00+02:00", "2026-07-22T09:00:00+02:00", False),
    ],
)
def test_f24_around_holidays_and_changing_clocks(
    world: World, learner: Learner, hand: VirtualClock, moment: str, starts: str, free: bool
) -> None:
    start = local(starts)
    session = world.make_session(starts_at=start, ends_at=start + 5 * DAY)
    booking = world.accepted(learner, session)
    hand.move(local(moment))
    booking = bookings.cancel_by_learner(actor=learner.user, booking_id=booking.pk)
    assert (booking.state, booking.realised_percent) == ("cancelled_by_learner", None if free else 100)


def test_f24_force_majeure_before_the_start_is_free(world: World, rich: Learner, hand: VirtualClock) -> None:
    booking = reach(world, rich, hand, "accepted")
    hand.move(STARTS - SECOND)
    booking = bookings.cancel_by_learner(actor=rich.user, booking_id=booking.pk, reason="force_majeure")
    assert (booking.state, booking.realised_percent) == ("cancelled_by_learner", None)
    assert lots(rich) == ALL_BACK


def test_f24_a_late_cancellation_is_paid_in_full_and_keeps_its_state(
    world: World, rich: Learner, hand: VirtualClock
) -> None:
    booking = reach(world, rich, hand, "accepted")
    hand.move(STARTS - DAY)
    bookings.cancel_by_learner(actor=rich.user, booking_id=booking.pk)
    booking = pay(world, booking)
    assert booking.state == "cancelled_by_learner"
    assert by_bucket(booking) == {"paid": 165_000}
    assert lots(rich) == ALL_SPENT
    # The learner may still say that it was not them: all comes back, and the provider owes it.
    bookings.deny_consent(actor=rich.user, booking_id=booking.pk)
    assert lots(rich) == ALL_BACK
    assert Receivable.objects.get(booking=booking).amount_cents == 165_000
    bookings.resolve_dispute(actor=world.case_worker, booking_id=booking.pk, upheld=False, reason="it was")
    assert bookings.read_booking(booking.pk).state == "cancelled_by_learner"
    assert lots(rich) == ALL_SPENT


# -- nobody came ---------------------------------------------------------------------------------------------


def test_f25_a_no_show_justified_and_not(world: World, rich: Learner, hand: VirtualClock) -> None:
    session = world.make_session(world.make_credential(kind="rncp"), seats=2)
    other = world.make_learner()
    excused, absent = world.accepted(other, session), world.accepted(rich, session)
    given: dict[str, Any] = {"actor": world.provider_user}
    hand.move(STARTS - SECOND)
    expect_refusal(
        "too_early", "F-25", bookings.declare_no_show, **given, booking_id=absent.pk, justified=False
    )
    hand.move(STARTS)
    excused = bookings.declare_no_show(**given, booking_id=excused.pk, justified=True, reason="ill")
    absent = bookings.declare_no_show(**given, booking_id=absent.pk, justified=False)
    assert (excused.state, excused.realised_percent) == ("no_show", None)
    assert (absent.state, absent.realised_percent) == ("no_show", 100)
    assert other.lot().available_cents == 500_000
    assert lots(rich) == ALL_HELD
    assert SessionSeats.objects.get(pk=session.pk).taken == 0
    absent = pay(world, absent)
    assert absent.state == "no_show"
    assert lots(rich) == ALL_SPENT
    expect_refusal("not_allowed", None, claims.claim_booking, **given, booking_id=excused.pk)


def test_f25_who_has_entered_is_no_no_show(world: World, rich: Learner, hand: VirtualClock) -> None:
    booking = reach(world, rich, hand, "in_training")
    expect_refusal(
        "not_allowed",
        None,
        bookings.declare_no_show,
        actor=world.provider_user,
        booking_id=booking.pk,
        justified=False,
    )


# -- a session called off ------------------------------------------------------------------------------------


def test_a_session_called_off_costs_nobody_anything(world: World, rich: Learner, hand: VirtualClock) -> None:
    """The catalogue has cancelled it, and the job that ends its bookings has not come by yet."""
    booking = reach(world, rich, hand, "accepted")
    sessions.cancel_session(actor=world.provider_user, session_id=booking.session_id)
    hand.move(STARTS + DAY)
    given: dict[str, Any] = {"actor": world.provider_user, "booking_id": booking.pk}
    expect_refusal("not_bookable", None, bookings.declare_no_show, **given, justified=False)
    expect_refusal("not_bookable", None, bookings.declare_entry, **given)
    booking = bookings.cancel_by_learner(actor=rich.user, booking_id=booking.pk)
    assert (booking.state, booking.realised_percent) == ("cancelled_by_learner", None)
    assert lots(rich) == ALL_BACK


def test_a_session_called_off_ends_all_its_bookings(world: World, hand: VirtualClock) -> None:
    session = world.make_session(seats=3)
    learners = [world.make_learner() for _ in range(5)]
    accepted = [world.accepted(learner, session) for learner in learners[:2]]
    proposed = [world.proposed(learners[2], session)]
    asked = [
        bookings.request_booking(actor=each.user, account_id=each.account.pk, session_id=session.pk)
        for each in learners[3:]
    ]
    ids = sorted(booking.pk for booking in (*accepted, *proposed, *asked))
    assert bookings.cancel_session(actor=world.provider_user, session_id=session.pk, reason="ill") == ids
    states = Booking.objects.filter(pk__in=ids).values_list("state", "ended_at")
    assert {state for state, _ in states} == {"cancelled_by_provider"}
    assert bookings.cancel_session(actor=world.provider_user, session_id=session.pk) == []


def test_an_agency_calls_a_session_off(world: World, learner: Learner) -> None:
    booking = world.accepted(learner)
    for stranger in (world.payer, learner.user, world.user_of(world.make_provider())):
        expect_refusal(
            "not_allowed", None, bookings.cancel_session, actor=stranger, session_id=world.session.pk
        )
    bookings.cancel_session(actor=world.case_worker, session_id=world.session.pk, reason="fraud")
    assert bookings.read_booking(booking.pk).state == "cancelled_by_funder"
    assert learner.lot().available_cents == 500_000
    expect_refusal("not_found", None, bookings.cancel_session, actor=world.case_worker, session_id=10**9)


def test_an_import_calls_a_session_off(world: World, learner: Learner) -> None:
    booking = world.accepted(learner)
    bookings.cancel_session(actor=service_users.get("catalogue-import"), session_id=world.session.pk)
    assert bookings.read_booking(booking.pk).state == "cancelled_by_funder"


def test_what_an_interrupted_cancellation_left_is_finished(world: World, learner: Learner) -> None:
    booking = world.accepted(learner)
    sessions.cancel_session(actor=world.provider_user, session_id=world.session.pk, reason="ill")
    assert bookings.finish_cancelled_sessions() == 1
    booking = bookings.read_booking(booking.pk)
    assert booking.state == "cancelled_by_provider"
    assert booking.log.get(target="cancelled_by_provider").reason == "ill"
    assert bookings.finish_cancelled_sessions() == 0


def test_it_is_finished_though_its_author_has_gone(world: World, learner: Learner) -> None:
    booking = world.accepted(learner)
    sessions.cancel_session(actor=world.provider_user, session_id=world.session.pk)
    world.provider_user.is_active = False
    world.provider_user.save()
    assert bookings.finish_cancelled_sessions() == 1
    assert bookings.read_booking(booking.pk).state == "cancelled_by_funder"


def test_a_booking_ended_meanwhile_stops_nobody_else_s(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    learners = [world.make_learner(), world.make_learner()]
    first, second = (world.accepted(learner) for learner in learners)
    cancel = bookings.endings.cancel_by_provider

    def after_a_withdrawal(**given: Any) -> Booking:
        if given["booking_id"] == first.pk:
            bookings.withdraw(actor=learners[0].user, booking_id=first.pk)
        return cancel(**given)

    monkeypatch.setattr(bookings.endings, "cancel_by_provider", after_a_withdrawal)
    assert bookings.cancel_session(actor=world.provider_user, session_id=world.session.pk) == [second.pk]
    assert bookings.read_booking(first.pk).state == "withdrawn"


# -- an ending while claims are on their way -----------------------------------------------------------------


def in_long_training(world: World, learner: Learner, hand: VirtualClock) -> Booking:
    session = world.make_session(world.make_credential(kind="rncp"), ends_at=LONG_ENDS)
    booking = world.accepted(learner, session)
    hand.move(STARTS)
    bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
    hand.move(ADVANCE_DAY)
    return booking


@pytest.mark.parametrize("stage", ["drafted", "submitted", "approved"])
def test_a_claim_that_has_not_left_is_called_back(
    world: World, rich: Learner, hand: VirtualClock, stage: str
) -> None:
    booking = in_long_training(world, rich, hand)
    claim = claims.create_claim(actor=world.provider_user, booking_id=booking.pk, kind=ClaimKind.ADVANCE)
    if stage != "drafted":
        claims.submit_claim(actor=world.provider_user, claim_id=claim.pk)
    if stage == "approved":
        claims.approve_claim(actor=world.payer, claim_id=claim.pk)
        assert by_bucket(booking) == {"held": 165_000 - 41_250, "payable": 41_250}
    bookings.cancel_by_provider(actor=world.provider_user, booking_id=booking.pk)
    assert Claim.objects.get(pk=claim.pk).state == "rejected"
    assert lots(rich) == ALL_BACK
    assert by_bucket(booking) == {"refund_due": OWN}


def test_what_is_on_its_way_comes_back_when_the_bank_has_spoken(
    world: World, rich: Learner, hand: VirtualClock
) -> None:
    booking = in_long_training(world, rich, hand)
    (payment,) = exported(world, approved(world, booking, ClaimKind.ADVANCE))
    bookings.cancel_by_provider(actor=world.provider_user, booking_id=booking.pk)
    assert by_bucket(booking)["in_transit"] == 41_250
    execute(payment)
    assert lots(rich) == ALL_BACK
    assert by_bucket(booking) == {"paid": 41_250, "owed": -41_250, "refund_due": OWN}
    assert Receivable.objects.get(booking=booking).amount_cents == 41_250
    assert bookings.read_booking(booking.pk).state == "cancelled_by_provider"


def test_what_was_paid_in_advance_is_owed(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = advance_paid(world, learner, hand)
    bookings.cancel_by_funder(actor=world.case_worker, booking_id=booking.pk)
    assert learner.lot().available_cents == 500_000
    assert by_bucket(booking) == {"paid": 41_250, "owed": -41_250, "refund_due": 15_000}


@pytest.mark.parametrize("paid", [False, True], ids=["held", "paid"])
def test_f24_f25_nobody_owes_for_a_session_that_is_cancelled_after_all(
    world: World, hand: VirtualClock, paid: bool
) -> None:
    late, absent = world.make_learner(), world.make_learner()
    cancelled, missed = world.accepted(late), world.accepted(absent)
    hand.move(STARTS)
    bookings.cancel_by_learner(actor=late.user, booking_id=cancelled.pk)
    bookings.declare_no_show(actor=world.provider_user, booking_id=missed.pk, justified=False)
    if paid:
        pay(world, cancelled)
        pay(world, missed)
    assert bookings.cancel_session(actor=world.provider_user, session_id=world.session.pk) == []
    for learner, owing, state in ((late, cancelled, "cancelled_by_learner"), (absent, missed, "no_show")):
        booking = bookings.read_booking(owing.pk)
        assert (booking.state, booking.realised_percent) == (state, None)
        assert learner.lot().available_cents == 500_000
        assert booking.log.filter(transition="owe_nothing").count() == 1
        expect_refusal(
            "not_allowed" if not paid else "already_settled",
            None,
            claims.claim_booking,
            actor=world.provider_user,
            booking_id=booking.pk,
        )
    assert [each.amount_cents for each in Receivable.objects.all()] == ([165_000] * 2 if paid else [])


def test_f24_a_payment_on_its_way_for_a_session_cancelled_after_all_is_owed(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = world.accepted(learner)
    hand.move(STARTS)
    bookings.cancel_by_learner(actor=learner.user, booking_id=booking.pk)
    sent = exported(world, approved(world, booking))
    bookings.cancel_session(actor=world.provider_user, session_id=world.session.pk)
    execute(*sent)
    assert learner.lot().available_cents == 500_000
    assert Receivable.objects.get(booking=booking).amount_cents == 165_000
