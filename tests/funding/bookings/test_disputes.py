"""A learner says "this was not me": what comes back, what is owed, and what happens when it was them after all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from funding.models import Booking, Receivable
from funding.sentences import sentence
from funding.services import bookings, claims, receivables
from ila.core.clock import VirtualClock
from tests.funding.bookings.conftest import expect_refusal
from tests.funding.bookings.course import LONG_ENDS, advance_paid, pay, taught, validated
from tests.support.books import by_bucket
from tests.support.world import ENDS, STARTS, Learner, World


def deny(world: World, learner: Learner, booking: Booking) -> Booking:
    return bookings.deny_consent(actor=learner.user, booking_id=booking.pk)


def resolve(world: World, booking: Booking, *, upheld: bool) -> Booking:
    return bookings.resolve_dispute(
        actor=world.case_worker, booking_id=booking.pk, upheld=upheld, reason="heard"
    )


def balances(learner: Learner) -> tuple[int, int, int]:
    lot = learner.lot()
    return lot.available_cents, lot.held_cents, lot.spent_cents


def test_denied_before_a_proposal_ends_it_and_says_so_later(world: World, learner: Learner) -> None:
    booking = bookings.request_booking(
        actor=learner.user, account_id=learner.account.pk, session_id=world.session.pk
    )
    booking = deny(world, learner, booking)
    assert booking.state == "refused_by_learner"
    assert booking.consent is not None
    assert booking.consent.log.get(transition="deny").actor == learner.user
    expect_refusal(
        "consent_denied",
        None,
        bookings.accept,
        actor=learner.user,
        booking_id=booking.pk,
        sign_in=learner.sign_in,
    )


def test_denied_before_acceptance_ends_it(world: World, learner: Learner) -> None:
    booking = deny(world, learner, world.proposed(learner))
    assert booking.state == "refused_by_learner"
    expect_refusal(
        "consent_denied",
        None,
        bookings.accept,
        actor=learner.user,
        booking_id=booking.pk,
        sign_in=learner.sign_in,
    )


def test_only_the_learner_denies(world: World, learner: Learner) -> None:
    booking = world.accepted(learner)
    for actor in (world.make_learner().user, world.provider_user, world.case_worker):
        refusal = expect_refusal(
            "not_allowed", None, bookings.deny_consent, actor=actor, booking_id=booking.pk
        )
        assert refusal.status == 403


def test_what_was_never_accepted_cannot_be_disputed(world: World, learner: Learner) -> None:
    booking = world.proposed(learner)
    bookings.cancel_by_learner(actor=learner.user, booking_id=booking.pk)
    expect_refusal("not_allowed", None, deny, world=world, learner=learner, booking=booking)


def test_a_disputed_session_is_not_booked_a_second_time(world: World, learner: Learner) -> None:
    booking = world.accepted(learner)
    deny(world, learner, booking)
    expect_refusal(
        "not_allowed",
        None,
        bookings.request_booking,
        actor=learner.user,
        account_id=learner.account.pk,
        session_id=world.session.pk,
    )
    assert resolve(world, booking, upheld=False).state == "accepted"


def test_rejected_in_a_session_called_off_meanwhile_is_cancelled(world: World, learner: Learner) -> None:
    booking = world.accepted(learner)
    deny(world, learner, booking)
    bookings.cancel_session(actor=world.provider_user, session_id=world.session.pk)
    booking = resolve(world, booking, upheld=False)
    assert booking.state == "cancelled_by_funder"
    assert balances(learner) == (500_000, 0, 0)


def test_upheld_before_payment_gives_everything_back(world: World, learner: Learner) -> None:
    booking = world.accepted(learner)
    deny(world, learner, booking)
    assert balances(learner) == (350_000, 150_000, 0)
    booking = resolve(world, booking, upheld=True)
    assert booking.state == "cancelled_by_funder"
    assert balances(learner) == (500_000, 0, 0)
    assert by_bucket(booking) == {"refund_due": 15_000}
    assert not Receivable.objects.exists()


def test_a_claim_waits_while_disputed_and_is_called_back_when_upheld(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = validated(world, learner, hand)
    claim = claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)
    deny(world, learner, booking)
    expect_refusal("on_hold", None, claims.approve_claim, actor=world.payer, claim_id=claim.pk)
    resolve(world, booking, upheld=True)
    claim.refresh_from_db(fields=["amount_cents"])
    assert type(claim).objects.get(pk=claim.pk).state == "rejected"
    assert balances(learner) == (500_000, 0, 0)


def test_an_approved_claim_is_called_back_when_upheld(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = validated(world, learner, hand)
    claim = claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)
    claims.approve_claim(actor=world.payer, claim_id=claim.pk)
    deny(world, learner, booking)
    assert by_bucket(booking) == {"payable": 165_000}
    resolve(world, booking, upheld=True)
    assert by_bucket(booking) == {"refund_due": 15_000}


def test_denied_after_payment_restores_the_learner_first(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = validated(world, learner, hand)
    pay(world, booking)
    assert balances(learner) == (350_000, 0, 150_000)
    booking = deny(world, learner, bookings.read_booking(booking.pk))
    assert booking.state == "disputed"
    assert balances(learner) == (500_000, 0, 0)
    receivable = Receivable.objects.get(booking=booking)
    assert (receivable.state, receivable.amount_cents) == ("opened", 165_000)
    assert by_bucket(booking) == {"paid": 165_000, "owed": -165_000, "refund_due": 15_000}
    booking = resolve(world, booking, upheld=True)
    assert booking.state == "cancelled_by_funder"
    receivables.recover(actor=world.payer, booking_id=booking.pk, amount_cents=165_000)
    assert by_bucket(booking) == {"refund_due": 15_000}


def test_rejected_after_payment_takes_it_back(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = validated(world, learner, hand)
    pay(world, booking)
    deny(world, learner, booking)
    booking = resolve(world, booking, upheld=False)
    assert booking.state == "settled"
    assert balances(learner) == (350_000, 0, 150_000)
    assert Receivable.objects.get(booking=booking).state == "written_off"
    assert by_bucket(booking) == {"paid": 165_000}


def test_rejected_after_the_learner_spent_it_again_is_refused(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = validated(world, learner, hand)
    pay(world, booking)
    deny(world, learner, booking)
    lot = learner.lot()
    other = world.make_session(
        world.make_credential(kind="rncp"),
        starts_at=ENDS + timedelta(days=60),
        ends_at=ENDS + timedelta(days=61),
        price_cents=lot.available_cents,
    )
    world.accepted(learner, other)
    refusal = expect_refusal("insufficient_rights", None, resolve, world=world, booking=booking, upheld=False)
    assert refusal.params["reason"] == "spent_meanwhile"
    assert "The learner is not charged" in sentence(refusal)
    assert bookings.read_booking(booking.pk).state == "disputed"


@pytest.mark.parametrize("amount", [1, 165_000], ids=["in part", "in full"])
def test_rejected_after_the_provider_paid_back_is_refused(
    world: World, learner: Learner, hand: VirtualClock, amount: int
) -> None:
    booking = validated(world, learner, hand)
    pay(world, booking)
    deny(world, learner, booking)
    receivables.recover(actor=world.payer, booking_id=booking.pk, amount_cents=amount)
    expect_refusal("not_allowed", None, resolve, world=world, booking=booking, upheld=False)


def test_rejecting_a_dispute_leaves_an_overpaid_advance_owed(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = advance_paid(world, learner, hand)
    hand.move(LONG_ENDS)
    taught(world, booking, percent=10)
    bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)
    # 25 % paid in advance, 10 % realised: 15 % are owed whatever the dispute comes to.
    over = 41_250 - 16_500
    assert by_bucket(booking)["owed"] == -over
    deny(world, learner, booking)
    assert by_bucket(booking)["owed"] == -41_250
    booking = resolve(world, booking, upheld=False)
    assert booking.state == "settled"
    assert by_bucket(booking)["owed"] == -over
    assert sum(each.paid_cents for each in booking.allocations.all()) == 16_500
    states = Receivable.objects.filter(booking=booking).order_by("pk").values_list("state", "amount_cents")
    assert list(states) == [("opened", over), ("written_off", 16_500)]


def test_a_second_denial_is_refused(world: World, learner: Learner) -> None:
    booking = world.accepted(learner)
    deny(world, learner, booking)
    resolve(world, booking, upheld=False)
    expect_refusal("not_allowed", None, deny, world=world, learner=learner, booking=booking)
    assert bookings.read_booking(booking.pk).state == "accepted"


def test_a_declared_service_waits_anew_after_a_rejected_dispute(
    world: World, learner: Learner, hand: VirtualClock
) -> None:
    booking = world.accepted(learner)
    hand.move(STARTS)
    bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
    hand.move(ENDS)
    taught(world, booking, percent=100)
    before = bookings.read_booking(booking.pk).next_due_at
    deny(world, learner, booking)
    assert bookings.read_booking(booking.pk).next_due_at is None
    hand.move(ENDS + timedelta(days=3))
    booking = resolve(world, booking, upheld=False)
    assert before is not None
    assert booking.next_due_at is not None
    assert (booking.state, booking.next_due) == ("service_declared", "validate")
    assert booking.next_due_at > before


def test_upheld_frees_the_seat(world: World, learner: Learner) -> None:
    session = world.make_session(seats=1)
    booking = world.accepted(learner, session)
    deny(world, learner, booking)
    other = world.make_learner()
    waiting = world.proposed(other, session)
    expect_refusal(
        "session_full", None, bookings.accept, actor=other.user, booking_id=waiting.pk, sign_in=other.sign_in
    )
    resolve(world, booking, upheld=True)
    bookings.accept(actor=other.user, booking_id=waiting.pk, sign_in=other.sign_in)


def test_no_service_and_no_payment_officer_decides(world: World, learner: Learner) -> None:
    booking = world.accepted(learner)
    deny(world, learner, booking)
    for actor in (world.payer, world.provider_user, learner.user):
        expect_refusal(
            "not_allowed", None, bookings.resolve_dispute, actor=actor, booking_id=booking.pk, upheld=True
        )
