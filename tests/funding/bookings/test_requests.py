"""The first steps: who may ask for what, what a provider may propose, and until when (F-17, F-20 to F-22)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Consent, Message
from accounts.services import service_users
from catalogue.models import Session
from catalogue.services import accreditations, sessions
from funding.models import Booking
from funding.services import bookings
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.funding.bookings.conftest import expect_refusal
from tests.support.rules import scheme_with
from tests.support.world import MONDAY, STARTS, Learner, World

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def paris(text: str) -> datetime:
    """A moment told in Paris's summer time."""
    return datetime.fromisoformat(f"{text}+02:00").astimezone(UTC)


def request(learner: Learner, session: Session, **changes: Any) -> Booking:
    given: dict[str, Any] = {
        "actor": learner.user,
        "account_id": learner.account.pk,
        "session_id": session.pk,
    }
    return bookings.request_booking(**(given | changes))


def propose(world: World, booking: Booking, **changes: Any) -> Booking:
    given: dict[str, Any] = {"actor": world.provider_user, "booking_id": booking.pk}
    return bookings.propose(**(given | changes))


# -- requests ------------------------------------------------------------------------------------------------


def test_a_request_takes_no_seat_and_no_money(world: World, learner: Learner) -> None:
    session = world.make_session(seats=1)
    booking = request(learner, session)
    assert (booking.state, booking.price_cents, booking.requested_at) == ("requested", 165_000, MONDAY)
    assert learner.lot().available_cents == 500_000
    assert Session.objects.get(pk=session.pk).seats.taken == 0
    log = booking.log.get()
    assert (log.transition, log.source, log.target, log.actor) == ("request", "", "requested", learner.user)


def test_nobody_asks_for_another(world: World, learner: Learner) -> None:
    others = (world.make_learner().user, world.provider_user, world.case_worker, service_users.get("replay"))
    for actor in others:
        refusal = expect_refusal(
            "not_found", None, request, learner=learner, session=world.session, actor=actor
        )
        assert refusal.status == 404
    assert not Booking.objects.exists()


def test_who_may_no_longer_sign_in_asks_for_nothing(world: World, learner: Learner) -> None:
    learner.user.is_active = False
    learner.user.save()
    expect_refusal("not_found", None, request, learner=learner, session=world.session)


def test_an_account_or_a_session_that_is_not_there(world: World, learner: Learner) -> None:
    expect_refusal("not_found", None, request, learner=learner, session=world.session, account_id=10**9)
    expect_refusal("not_found", None, request, learner=learner, session=world.session, session_id=10**9)


def test_f17_a_kind_the_scheme_does_not_pay(world: World, learner: Learner) -> None:
    session = world.make_session(world.make_credential(kind="course"))
    expect_refusal("not_bookable", "F-17", request, learner=learner, session=session)


def test_f15_a_second_light_licence(world: World) -> None:
    session = world.make_session(world.make_credential(kind="light_licence"))
    holder = world.make_learner(driving_licences=["B"])
    expect_refusal("not_eligible", "F-15", request, learner=holder, session=session)
    assert request(world.make_learner(), session).state == "requested"


def test_f25_a_suspended_account_until_the_end_of_its_last_day(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    learner.account.suspended_until = date(2026, 5, 6)
    learner.account.save()
    hand.move(paris("2026-05-06T23:59:59"))
    expect_refusal("not_eligible", "F-25", request, learner=learner, session=world.session)
    hand.move(paris("2026-05-07T00:00:00"))
    assert request(learner, world.session).state == "requested"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"starts_at": None, "ends_at": None}, "no_dates"),
        ({"recruitment_closed": True}, "recruitment_closed"),
        ({"removed_at": MONDAY}, "recruitment_closed"),
        ({"price_cents": 0}, "price_zero"),
        ({"currency": "USD"}, "currency"),
        ({"state": "planned", "opened_at": None}, "session_planned"),
        ({"state": "cancelled", "cancelled_at": MONDAY}, "session_cancelled"),
        ({"state": "running", "started_at": MONDAY}, "session_running"),
    ],
)
def test_a_session_that_takes_nobody(
    world: World, learner: Learner, facts: dict[str, Any], reason: str
) -> None:
    session = world.make_session(**facts)
    refusal = expect_refusal("not_bookable", None, request, learner=learner, session=session)
    assert refusal.params["reason"] == reason


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"total_mismatch": True}, "total_mismatch"),
        ({"state": "delisted", "delisted_at": MONDAY}, "delisted"),
        ({"state": "draft"}, "draft"),
    ],
)
def test_an_entry_that_may_not_be_booked(
    world: World, learner: Learner, facts: dict[str, Any], reason: str
) -> None:
    session = world.make_session(world.make_credential(**facts))
    refusal = expect_refusal("not_bookable", None, request, learner=learner, session=session)
    assert refusal.params["reason"] == reason


def test_a_suspended_entry_is_not_accredited(world: World, learner: Learner) -> None:
    session = world.make_session(world.make_credential(state="suspended", suspended_at=MONDAY))
    expect_refusal("not_accredited", None, request, learner=learner, session=session)


def test_a_provider_without_a_name(world: World, learner: Learner) -> None:
    world.provider.name = ""
    world.provider.save()
    refusal = expect_refusal("not_bookable", None, request, learner=learner, session=world.session)
    assert refusal.params["reason"] == "name_missing"


def test_a_provider_that_is_not_accredited(world: World, learner: Learner) -> None:
    provider = world.make_provider(accredited=False)
    session = world.make_session(world.make_credential(provider))
    expect_refusal("not_accredited", None, request, learner=learner, session=session)


def test_a_second_request_for_the_same_session(world: World, learner: Learner) -> None:
    first = request(learner, world.session)
    expect_refusal("not_allowed", None, request, learner=learner, session=world.session)
    bookings.refuse_by_learner(actor=learner.user, booking_id=first.pk)
    assert request(learner, world.session).pk != first.pk


# -- proposals -----------------------------------------------------------------------------------------------


def test_a_proposal_asks_for_consent_and_tells_the_learner(world: World, learner: Learner) -> None:
    booking = propose(world, request(learner, world.session))
    assert (booking.state, booking.proposed_at, booking.next_due) == ("proposed", MONDAY, "lapse")
    # F-21: the 4th working day after Monday the 4th; Friday the 8th is a holiday.
    assert booking.next_due_at == paris("2026-05-12T00:00:00")
    assert booking.consent is not None
    assert booking.consent.state == "asked"
    assert "Price, all taxes included: €1,650.00" in booking.consent.text
    assert booking.consent.text_hash == booking.consent.hash_of(booking.consent.text)
    assert Message.objects.get(recipient=learner.user).template == "booking_proposed"


@pytest.mark.parametrize(
    ("requested", "answered", "late"),
    [
        # F-20: two working days, to the end of the second, in Paris.
        ("2026-05-04T09:00:00", "2026-05-06T23:59:59", False),
        ("2026-05-04T09:00:00", "2026-05-07T00:00:00", True),
        # Wednesday evening: Friday 8 May is a holiday, so the term ends on Monday.
        ("2026-05-06T23:59:59", "2026-05-11T23:59:59", False),
        ("2026-05-06T23:59:59", "2026-05-12T00:00:00", True),
        # One second later it is Thursday 7 May: the first working day after is Monday the 11th.
        ("2026-05-07T00:00:00", "2026-05-12T23:59:59", False),
        ("2026-05-07T00:00:00", "2026-05-13T00:00:00", True),
    ],
)
def test_f20_a_late_answer_is_recorded_and_flagged(
    world: World, learner: Learner, hand: VirtualClock, requested: str, answered: str, late: bool
) -> None:
    hand.move(paris(requested))
    booking = request(learner, world.session)
    hand.move(paris(answered))
    assert propose(world, booking).flags == (["late_answer"] if late else [])


def test_f20_with_prerequisites_thirty_days(world: World, learner: Learner, hand: VirtualClock) -> None:
    session = world.make_session(
        world.make_credential(has_prerequisites=True), starts_at=STARTS + 60 * DAY, ends_at=STARTS + 61 * DAY
    )
    first, second = request(learner, session), request(world.make_learner(), session)
    hand.move(paris("2026-06-03T23:59:59"))
    assert propose(world, first).flags == []
    hand.move(paris("2026-06-04T00:00:00"))
    assert propose(world, second).flags == ["late_answer"]


@pytest.mark.parametrize(
    ("proposed", "starts", "allowed"),
    [
        # The 11th working day after Monday 4 May (8 and 14 May are holidays): Thursday 21 May.
        ("2026-05-04T23:59:59", "2026-05-21T00:00:00", True),
        ("2026-05-04T23:59:59", "2026-05-20T23:59:59", False),
        ("2026-05-05T00:00:00", "2026-05-21T23:59:59", False),
        ("2026-05-05T00:00:00", "2026-05-22T00:00:00", True),
        # Over Bastille Day.
        ("2026-07-10T12:00:00", "2026-07-27T09:00:00", False),
        ("2026-07-10T12:00:00", "2026-07-28T09:00:00", True),
    ],
)
def test_f22_notice_of_eleven_working_days(
    world: World, learner: Learner, hand: VirtualClock, proposed: str, starts: str, allowed: bool
) -> None:
    start = paris(starts)
    session = world.make_session(starts_at=start, ends_at=start + 5 * DAY)
    booking = request(learner, session)
    hand.move(paris(proposed))
    if allowed:
        assert propose(world, booking).state == "proposed"
    else:
        expect_refusal("too_late", "F-22", propose, world=world, booking=booking)


@pytest.mark.parametrize(
    ("proposed", "starts", "allowed"),
    [
        # Year's end: 25 December and 1 January; the 11th working day after 18 December 2026 is 6 January.
        ("2026-12-18T12:00:00+01:00", "2027-01-05T23:59:59+01:00", False),
        ("2026-12-18T12:00:00+01:00", "2027-01-06T00:00:00+01:00", True),
        # Clocks go forward on 28 March 2027, and Easter Monday is the 29th.
        ("2027-03-19T23:59:59+01:00", "2027-04-05T23:59:59+02:00", False),
        ("2027-03-19T23:59:59+01:00", "2027-04-06T00:00:00+02:00", True),
        # 22:30 in London's winter evening is the same day in Paris, 23:30; 23:30 is the next.
        ("2026-11-16T22:30:00+00:00", "2026-12-01T12:00:00+01:00", True),
        ("2026-11-16T23:30:00+00:00", "2026-12-01T12:00:00+01:00", False),
    ],
)
def test_f22_around_the_year_s_corners(
    world: World, learner: Learner, hand: VirtualClock, proposed: str, starts: str, allowed: bool
) -> None:
    start = datetime.fromisoformat(starts).astimezone(UTC)
    session = world.make_session(starts_at=start, ends_at=start + 5 * DAY)
    booking = request(learner, session)
    hand.move(datetime.fromisoformat(proposed).astimezone(UTC))
    if allowed:
        assert propose(world, booking).state == "proposed"
    else:
        expect_refusal("too_late", "F-22", propose, world=world, booking=booking)


@pytest.mark.parametrize("price", [0, -1, 165_001])
def test_a_price_above_the_session_s_or_none(world: World, learner: Learner, price: int) -> None:
    booking = request(learner, world.session)
    expect_refusal("bad_price", None, propose, world=world, booking=booking, price_cents=price)
    assert Booking.objects.get(pk=booking.pk).state == "requested"


def test_n04_a_price_above_the_register_s(world: World, learner: Learner) -> None:
    session = world.make_session(world.make_credential(register_price_cents=160_000))
    booking = request(learner, session)
    expect_refusal("bad_price", "N-04", propose, world=world, booking=booking)
    assert propose(world, booking, price_cents=160_000).price_cents == 160_000


def test_a_changed_price_holds_for_later_proposals(world: World, learner: Learner) -> None:
    booking = request(learner, world.session)
    Session.objects.filter(pk=world.session.pk).update(price_cents=200_000)
    assert propose(world, booking).price_cents == 200_000


def test_what_stopped_being_bookable_is_not_proposed(world: World, learner: Learner) -> None:
    booking = request(learner, world.session)
    (accreditation,) = world.provider.accreditations.all()
    accreditations.suspend_accreditation(
        actor=world.case_worker, accreditation_id=accreditation.pk, reason="audit"
    )
    expect_refusal("not_accredited", None, propose, world=world, booking=booking)
    accreditations.resume_accreditation(actor=world.case_worker, accreditation_id=accreditation.pk)
    Session.objects.filter(pk=world.session.pk).update(recruitment_closed=True)
    expect_refusal("not_bookable", None, propose, world=world, booking=booking)
    sessions.cancel_session(actor=world.provider_user, session_id=world.session.pk)
    expect_refusal("not_bookable", None, propose, world=world, booking=booking)
    bookings.cancel_session(actor=world.provider_user, session_id=world.session.pk)


def test_only_a_request_is_proposed(world: World, learner: Learner) -> None:
    booking = world.proposed(learner)
    expect_refusal("not_allowed", None, propose, world=world, booking=booking)


@pytest.mark.django_db
def test_a_scheme_without_a_term_to_accept() -> None:
    with clock.at(MONDAY):
        world = World(scheme=scheme_with(learner_accept_wd=None))
        booking = world.proposed(world.make_learner())
    assert (booking.state, booking.next_due, booking.next_due_at) == ("proposed", "", None)


# -- refusals ------------------------------------------------------------------------------------------------


def test_f20_a_refusal_gives_a_reason(world: World, learner: Learner) -> None:
    booking = request(learner, world.session)
    given: dict[str, Any] = {"actor": world.provider_user, "booking_id": booking.pk}
    expect_refusal("incomplete", "F-20", bookings.refuse_by_provider, **given, reason=" \n")
    booking = bookings.refuse_by_provider(**given, reason="the course is for beginners")
    assert (booking.state, booking.ended_at) == ("refused_by_provider", MONDAY)
    assert booking.log.get(transition="refuse_by_provider").reason == "the course is for beginners"
    expect_refusal("not_allowed", None, bookings.refuse_by_provider, **given, reason="again")
    expect_refusal("not_allowed", None, propose, world=world, booking=booking)


def test_f20_a_late_refusal_is_flagged(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = request(learner, world.session)
    hand.move(paris("2026-05-07T00:00:00"))
    given: dict[str, Any] = {"actor": world.provider_user, "booking_id": booking.pk}
    assert bookings.refuse_by_provider(**given, reason="full").flags == ["late_answer"]


def test_a_learner_refuses_a_proposal(world: World, learner: Learner) -> None:
    booking = world.proposed(learner)
    booking = bookings.refuse_by_learner(actor=learner.user, booking_id=booking.pk, reason="too dear")
    assert (booking.state, booking.next_due_at) == ("refused_by_learner", None)
    assert booking.consent is not None
    # Saying no to a proposal is no denial: nobody claims that the learner had agreed.
    assert Consent.objects.get(pk=booking.consent.pk).state == "lapsed"
    accept = {"actor": learner.user, "booking_id": booking.pk, "sign_in": learner.sign_in}
    expect_refusal("not_allowed", None, bookings.accept, **accept)


@pytest.mark.django_db
def test_a_booking_that_is_not_there() -> None:
    refusal = expect_refusal("not_found", None, bookings.read_booking, booking_id=10**9)
    assert refusal.status == 404
