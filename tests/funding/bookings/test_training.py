"""Entry, attendance, exit, the declared service and what is paid for it (F-26 to F-29, F-31, N-08)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Message
from accounts.services import service_users
from catalogue.services import accreditations, sessions
from funding.models import Attendance, Booking, Certificate, ClaimKind, Receivable
from funding.services import bookings, claims, due
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.funding.bookings.conftest import expect_refusal
from tests.funding.bookings.course import (
    ADVANCE_DAY,
    LONG_ENDS,
    advance_paid,
    approved,
    entered,
    execute,
    exported,
    pay,
    taught,
    validated,
)
from tests.support.books import by_bucket
from tests.support.rules import scheme_with
from tests.support.world import ENDS, MONDAY, STARTS, Learner, World

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def by_provider(world: World, booking: Booking, **more: Any) -> dict[str, Any]:
    return {"actor": world.provider_user, "booking_id": booking.pk, **more}


# -- entry ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "flags"),
    [
        # F-26: the start is Monday 22 June, three working days later is Thursday.
        ("2026-06-22T00:00:00+02:00", []),
        ("2026-06-25T23:59:59+02:00", []),
        ("2026-06-26T00:00:00+02:00", ["late_entry"]),
        ("2026-09-01T00:00:00+02:00", ["late_entry"]),
    ],
)
def test_f26_a_late_entry_is_recorded_and_flagged(
    world: World, learner: Learner, hand: VirtualClock, moment: str, flags: list[str]
) -> None:
    booking = world.accepted(learner)
    hand.move(local(moment))
    booking = bookings.declare_entry(**by_provider(world, booking))
    assert (booking.state, booking.entered_at, booking.flags) == ("in_training", local(moment), flags)


def test_f26_not_before_the_day_of_the_start(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = world.accepted(learner)
    hand.move(local("2026-06-21T23:59:59+02:00"))
    expect_refusal("too_early", "F-26", bookings.declare_entry, **by_provider(world, booking))


@pytest.mark.parametrize(
    ("starts", "last"),
    [
        # Over Easter Monday 2027 and the change of clocks.
        ("2027-03-25T09:00:00+01:00", "2027-03-31T23:59:59+02:00"),
        # Over New Year.
        ("2026-12-30T09:00:00+01:00", "2027-01-05T23:59:59+01:00"),
        # Over 1 and 8 May 2027, Saturdays: only weekends count. Ascension is Thursday 6 May.
        ("2027-04-30T09:00:00+02:00", "2027-05-05T23:59:59+02:00"),
        ("2027-05-04T09:00:00+02:00", "2027-05-10T23:59:59+02:00"),
    ],
)
def test_f26_over_holidays(
    world: World, learner: Learner, hand: VirtualClock, starts: str, last: str
) -> None:
    session = world.make_session(starts_at=local(starts), ends_at=None)
    other = world.make_learner()
    in_time, late = world.accepted(learner, session), world.accepted(other, session)
    hand.move(local(last))
    assert bookings.declare_entry(**by_provider(world, in_time)).flags == []
    hand.move(local(last) + SECOND)
    assert bookings.declare_entry(**by_provider(world, late)).flags == ["late_entry"]


def test_inv9_no_entry_while_suspended(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = world.accepted(learner)
    (accreditation,) = world.provider.accreditations.all()
    given: dict[str, Any] = {"actor": world.case_worker, "accreditation_id": accreditation.pk}
    hand.move(STARTS - SECOND)
    accreditations.suspend_accreditation(**given, reason="audit")
    hand.move(STARTS + SECOND)
    expect_refusal("not_accredited", None, bookings.declare_entry, **by_provider(world, booking))
    accreditations.resume_accreditation(**given)
    assert bookings.declare_entry(**by_provider(world, booking)).state == "in_training"


def test_inv9_a_suspension_after_the_start_stops_a_late_entry(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = world.accepted(learner)
    (accreditation,) = world.provider.accreditations.all()
    hand.move(STARTS + SECOND)
    accreditations.suspend_accreditation(
        actor=world.case_worker, accreditation_id=accreditation.pk, reason="audit"
    )
    hand.move(STARTS + DAY)
    expect_refusal("not_accredited", None, bookings.declare_entry, **by_provider(world, booking))


def test_only_what_was_accepted_is_entered(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = world.proposed(learner)
    hand.move(STARTS)
    expect_refusal("not_allowed", None, bookings.declare_entry, **by_provider(world, booking))
    assert bookings.lapse(booking_id=booking.pk)


# -- attendance ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "percent"),
    [
        ([], 0),
        ([{"percent": 70}], 70),
        ([{"percent": 70}, {"percent": 40}], 40),
        ([{"hours": Decimal(30)}], 60),
        ([{"hours": Decimal("14.99")}, {"hours": Decimal(15)}], 59),
        ([{"hours": Decimal("49.99")}], 99),
        ([{"hours": Decimal(80)}], 100),
        ([{"hours": Decimal(10)}, {"percent": 90}], 90),
        ([{"percent": 90}, {"hours": Decimal(10)}, {"hours": Decimal(5)}], 30),
        ([{"hours": Decimal(0)}], 0),
    ],
)
def test_f28_the_realised_share_is_rounded_down(
    world: World, learner: Learner, hand: VirtualClock, records: list[dict[str, Any]], percent: int
) -> None:
    booking = entered(world, learner, hand)
    for record in records:
        bookings.record_attendance(**by_provider(world, booking), **record)
    bookings.declare_exit(**by_provider(world, booking), exit_reason="complete")
    assert bookings.declare_service(**by_provider(world, booking)).declared_percent == percent


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"percent": 50, "hours": Decimal(1)},
        {"percent": 101},
        {"percent": -1},
        {"hours": Decimal("-0.01")},
        {"hours": Decimal(100_000)},
        {"hours": Decimal("NaN")},
    ],
)
def test_a_figure_that_is_none(
    world: World, learner: Learner, hand: VirtualClock, record: dict[str, Any]
) -> None:
    booking = entered(world, learner, hand)
    expect_refusal("incomplete", None, bookings.record_attendance, **by_provider(world, booking), **record)
    assert not Attendance.objects.exists()


def test_attendance_only_in_the_course(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = world.accepted(learner)
    expect_refusal("not_allowed", None, bookings.record_attendance, **by_provider(world, booking, percent=1))
    hand.move(STARTS)
    bookings.declare_entry(**by_provider(world, booking))
    strangers = (learner.user, world.case_worker, world.user_of(world.make_provider()))
    for actor in strangers:
        given = by_provider(world, booking, percent=1) | {"actor": actor}
        expect_refusal("not_allowed", None, bookings.record_attendance, **given)
    taught(world, booking, percent=50)
    expect_refusal("not_allowed", None, bookings.record_attendance, **by_provider(world, booking, percent=1))


def test_hours_of_an_unknown_length(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = world.accepted(learner, world.make_session(world.make_credential(hours=None)))
    hand.move(STARTS)
    bookings.declare_entry(**by_provider(world, booking))
    bookings.record_attendance(**by_provider(world, booking, hours=Decimal(10)))
    bookings.declare_exit(**by_provider(world, booking), exit_reason="complete")
    expect_refusal("incomplete", "F-28", bookings.declare_service, **by_provider(world, booking))
    bookings.record_attendance(**by_provider(world, booking, percent=33))
    assert bookings.declare_service(**by_provider(world, booking)).declared_percent == 33


def test_proofs(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = world.accepted(learner)
    expect_refusal("not_allowed", None, bookings.record_certificate, **by_provider(world, booking))
    hand.move(STARTS)
    bookings.declare_entry(**by_provider(world, booking))
    expect_refusal("incomplete", "N-08", bookings.record_certificate, **by_provider(world, booking, kind="x"))
    stranger = by_provider(world, booking) | {"actor": learner.user}
    expect_refusal("not_allowed", None, bookings.record_certificate, **stranger)
    bookings.record_certificate(**by_provider(world, booking))
    bookings.record_certificate(**by_provider(world, booking, kind="exam"))
    assert list(Certificate.objects.order_by("pk").values_list("kind", flat=True)) == ["certificate", "exam"]


# -- exit ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "flags"),
    [
        # The session ends on Friday 26 June; three working days later is Wednesday 1 July.
        ("2026-06-23T12:00:00+02:00", []),
        ("2026-07-01T23:59:59+02:00", []),
        ("2026-07-02T00:00:00+02:00", ["late_exit"]),
    ],
)
def test_f26_a_late_exit_is_recorded_and_flagged(
    world: World, learner: Learner, hand: VirtualClock, moment: str, flags: list[str]
) -> None:
    booking = entered(world, learner, hand)
    hand.move(local(moment))
    booking = bookings.declare_exit(**by_provider(world, booking), exit_reason="learner")
    assert (booking.state, booking.left_at, booking.flags) == ("left", local(moment), flags)


@pytest.mark.parametrize("reason", ["complete", "learner", "provider_postponed", "provider", "force_majeure"])
def test_f29_every_reason_pays_by_the_realised_share(
    world: World, learner: Learner, hand: VirtualClock, reason: str
) -> None:
    booking = entered(world, learner, hand)
    hand.move(ENDS)
    bookings.declare_exit(**by_provider(world, booking), exit_reason=reason)
    bookings.declare_service(**by_provider(world, booking), percent=50)
    bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)
    assert by_bucket(booking) == {"held": 82_500, "refund_due": 7_500}
    assert learner.lot().available_cents == 350_000 + 75_000


@pytest.mark.parametrize("reason", ["", "bored", "COMPLETE"])
def test_f29_no_other_reason(world: World, learner: Learner, hand: VirtualClock, reason: str) -> None:
    booking = entered(world, learner, hand)
    given = by_provider(world, booking, exit_reason=reason)
    expect_refusal("incomplete", "F-29", bookings.declare_exit, **given)


@pytest.mark.django_db
def test_f29_only_the_scheme_s_own_reasons() -> None:
    with clock.at(MONDAY) as hand:
        world = World(scheme=scheme_with(exit_reasons=["complete", "learner"]))
        booking = entered(world, world.make_learner(), hand)
        given = by_provider(world, booking, exit_reason="provider")
        expect_refusal("incomplete", "F-29", bookings.declare_exit, **given)


def test_f26_the_exit_counts_once_the_service_is_declared(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = entered(world, learner, hand)
    expect_refusal("not_allowed", None, bookings.declare_service, **by_provider(world, booking, percent=100))
    hand.move(ENDS)
    bookings.declare_exit(**by_provider(world, booking), exit_reason="complete")
    expect_refusal("too_early", "F-27", claims.claim_booking, **by_provider(world, booking))
    assert bookings.read_booking(booking.pk).next_due_at is None


# -- service -------------------------------------------------------------------------------------------------


def test_f28_a_declared_service_tells_the_learner(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = entered(world, learner, hand)
    hand.move(ENDS)
    booking = taught(world, booking, percent=80)
    assert (booking.state, booking.declared_percent, booking.realised_percent) == (
        "service_declared",
        80,
        None,
    )
    message = Message.objects.get(recipient=learner.user, template="service_declared")
    assert message.context["percent"] == 80


@pytest.mark.parametrize("percent", [-1, 101])
def test_f28_a_percent_that_is_none(world: World, learner: Learner, hand: VirtualClock, percent: int) -> None:
    booking = entered(world, learner, hand)
    bookings.declare_exit(**by_provider(world, booking), exit_reason="complete")
    given = by_provider(world, booking, percent=percent)
    expect_refusal("incomplete", "F-28", bookings.declare_service, **given)


@pytest.mark.parametrize(
    ("percent", "provider_cents"),
    [(0, 0), (1, 1_650), (33, 54_450), (59, 97_350), (60, 99_000), (99, 163_350), (100, 165_000)],
)
def test_f28_the_provider_s_part_and_the_rest(
    world: World, learner: Learner, hand: VirtualClock, percent: int, provider_cents: int
) -> None:
    booking = validated(world, learner, hand, percent=percent)
    buckets = by_bucket(booking)
    assert buckets.get("held", 0) == provider_cents
    back = 165_000 - provider_cents
    own = buckets.get("refund_due", 0)
    # In proportion to what each gave: 15,000 of 165,000 is a eleventh.
    assert own == round(back / 11)
    assert learner.lot().available_cents == 350_000 + back - own


def test_worked_example_12_sixty_percent(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = entered(world, learner, hand)
    bookings.record_attendance(**by_provider(world, booking, hours=Decimal(30)))
    hand.move(ENDS)
    bookings.declare_exit(**by_provider(world, booking), exit_reason="learner")
    bookings.declare_service(**by_provider(world, booking))
    booking = bookings.validate_service(actor=service_users.get("clock"), booking_id=booking.pk)
    kept = {each.source: (each.outstanding_cents, each.returned_cents) for each in booking.allocations.all()}
    assert kept == {"rights": (90_000, 60_000), "learner": (9_000, 6_000)}
    booking = pay(world, booking)
    assert booking.state == "settled"
    assert by_bucket(booking) == {"paid": 99_000, "refund_due": 6_000}
    lot = learner.lot()
    assert (lot.available_cents, lot.held_cents, lot.spent_cents) == (410_000, 0, 90_000)


def test_nothing_done_is_nothing_to_claim(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = validated(world, learner, hand, percent=0)
    expect_refusal("incomplete", None, claims.claim_booking, **by_provider(world, booking))
    assert learner.lot().available_cents == 500_000


@pytest.mark.django_db
def test_n08_where_completion_is_asked_for() -> None:
    with clock.at(MONDAY) as hand:
        world = World(scheme=scheme_with(attendance_min_percent=80))
        booking = entered(world, world.make_learner(), hand)
        hand.move(ENDS)
        bookings.declare_exit(**by_provider(world, booking), exit_reason="complete")
        given = by_provider(world, booking, percent=79)
        expect_refusal("incomplete", "N-08", bookings.declare_service, **given)
        # An examination counts in a publicly funded programme only.
        bookings.record_certificate(**by_provider(world, booking, kind="exam"))
        expect_refusal("incomplete", "N-08", bookings.declare_service, **given)
        bookings.record_certificate(**by_provider(world, booking))
        assert bookings.declare_service(**given).declared_percent == 79


# -- advances ------------------------------------------------------------------------------------------------


def test_f31_an_advance_and_the_rest(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = advance_paid(world, learner, hand)
    assert booking.state == "in_training"
    assert by_bucket(booking) == {"held": 165_000 - 41_250, "paid": 41_250}
    hand.move(LONG_ENDS)
    taught(world, booking, percent=80)
    bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)
    booking = pay(world, booking)
    assert booking.state == "settled"
    assert by_bucket(booking) == {"paid": 132_000, "refund_due": 3_000}


@pytest.mark.parametrize("percent", [0, 10, 24])
def test_f31_less_done_than_was_advanced(
    world: World, learner: Learner, hand: VirtualClock, percent: int
) -> None:
    booking = advance_paid(world, learner, hand)
    hand.move(LONG_ENDS)
    taught(world, booking, percent=percent)
    booking = bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)
    done = 165_000 * percent // 100
    buckets = by_bucket(booking)
    assert (buckets["paid"], buckets["owed"]) == (41_250, done - 41_250)
    assert Receivable.objects.get(booking=booking).amount_cents == 41_250 - done
    assert "held" not in buckets
    # All that is owed has been paid, and with 0 % nothing has.
    assert booking.state == ("settled" if percent else "service_validated")
    code = "already_settled" if percent else "incomplete"
    expect_refusal(code, None, claims.claim_booking, **by_provider(world, booking))


def test_f31_exactly_what_was_advanced(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = advance_paid(world, learner, hand)
    hand.move(LONG_ENDS)
    taught(world, booking, percent=25)
    booking = bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)
    assert booking.state == "settled"
    assert not Receivable.objects.exists()
    assert by_bucket(booking) == {"paid": 41_250, "refund_due": 11_250}


def test_f31_an_advance_that_the_bank_still_has(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = world.accepted(learner, world.make_session(ends_at=LONG_ENDS))
    hand.move(STARTS)
    bookings.declare_entry(**by_provider(world, booking))
    hand.move(ADVANCE_DAY)
    (payment,) = exported(world, approved(world, booking, ClaimKind.ADVANCE))
    hand.move(LONG_ENDS)
    taught(world, booking, percent=10)
    bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)
    assert by_bucket(booking)["in_transit"] == 41_250
    assert not Receivable.objects.exists()
    execute(payment)
    assert Receivable.objects.get(booking=booking).amount_cents == 41_250 - 16_500
    assert bookings.read_booking(booking.pk).state == "settled"


def test_f31_an_advance_nobody_has_approved_yet_is_covered_by_the_rest(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = world.accepted(learner, world.make_session(ends_at=LONG_ENDS))
    hand.move(STARTS)
    bookings.declare_entry(**by_provider(world, booking))
    hand.move(ADVANCE_DAY - DAY)
    advance = by_provider(world, booking, kind=ClaimKind.ADVANCE)
    expect_refusal("too_early", "F-31", claims.claim_booking, **advance)
    hand.move(ADVANCE_DAY)
    claim = claims.claim_booking(**advance)
    hand.move(LONG_ENDS)
    taught(world, booking, percent=100)
    bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)
    assert type(claim).objects.get(pk=claim.pk).state == "rejected"
    assert pay(world, booking).state == "settled"
    assert by_bucket(booking) == {"paid": 165_000}


def test_a_session_that_was_never_held_takes_nobody_in(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = world.accepted(learner)
    hand.move(STARTS)
    sessions.start_session(actor=world.provider_user, session_id=world.session.pk)
    sessions.mark_session_never_held(
        actor=world.case_worker, session_id=world.session.pk, reason="nobody there"
    )
    expect_refusal("not_bookable", None, bookings.declare_entry, **by_provider(world, booking))
    expect_refusal(
        "not_bookable", None, bookings.declare_no_show, **by_provider(world, booking, justified=False)
    )
    assert bookings.cancel_by_learner(actor=learner.user, booking_id=booking.pk).realised_percent is None
    assert learner.lot().available_cents == 500_000


def _never_held(world: World) -> None:
    sessions.start_session(actor=world.provider_user, session_id=world.session.pk)
    sessions.mark_session_never_held(
        actor=world.case_worker, session_id=world.session.pk, reason="nobody there"
    )


def test_f27_nothing_of_a_session_that_was_never_held_is_declared_and_the_funder_cancels(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = entered(world, learner, hand)
    _never_held(world)
    bookings.declare_exit(**by_provider(world, booking, exit_reason="complete"))
    refusal = expect_refusal("not_allowed", None, bookings.declare_service, **by_provider(world, booking))
    assert refusal.params["reason"] == "session_never_held"
    assert bookings.cancel_by_funder(actor=world.case_worker, booking_id=booking.pk).state == (
        "cancelled_by_funder"
    )
    assert learner.lot().available_cents == 500_000


def test_f27_a_declared_service_of_a_session_never_held_neither_validates_itself_nor_is_paid(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = entered(world, learner, hand)
    taught(world, booking, percent=100)
    _never_held(world)
    hand.move(STARTS + 30 * DAY)
    due.run_due(scheme=world.scheme)
    assert bookings.read_booking(booking.pk).state == "service_declared"
    validate = {"actor": world.case_worker, "booking_id": booking.pk}
    expect_refusal("not_allowed", None, bookings.validate_service, **validate)
    bookings.cancel_by_funder(actor=world.case_worker, booking_id=booking.pk)
    assert learner.lot().available_cents == 500_000


def test_a_claim_for_a_session_never_held_is_refused_and_called_back(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = entered(world, learner, hand)
    taught(world, booking, percent=100)
    bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)
    claim = claims.claim_booking(**by_provider(world, booking))
    _never_held(world)
    expect_refusal("not_allowed", None, claims.approve_claim, actor=world.payer, claim_id=claim.pk)
    bookings.cancel_by_funder(actor=world.case_worker, booking_id=booking.pk)
    assert type(claim).objects.get(pk=claim.pk).state == "rejected"
    assert learner.lot().available_cents == 500_000


def test_what_was_taught_is_not_cancelled_by_the_funder(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = validated(world, learner, hand)
    expect_refusal(
        "not_allowed", None, bookings.cancel_by_funder, actor=world.case_worker, booking_id=booking.pk
    )
