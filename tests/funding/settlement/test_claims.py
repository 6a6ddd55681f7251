"""Claims: who may ask, who may approve, what is asked for, and what stops it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from funding.models import Claim, ClaimKind, ClaimLine
from funding.services import batches, bookings, claims, holds
from ila.core import clock
from ila.core.errors import DomainError
from tests.funding.settlement.desk import PAYDAY, balances, states
from tests.support.world import ENDS, MONDAY, STARTS, World

pytestmark = pytest.mark.django_db
PRICE = 165_000


@pytest.fixture
def world():
    with clock.at(MONDAY):
        yield World()


def validated(world: World, *, percent: int = 100):
    booking = in_training(world)
    with clock.at(ENDS):
        user = world.provider_user
        bookings.record_attendance(actor=user, booking_id=booking.pk, percent=percent)
        bookings.declare_exit(actor=user, booking_id=booking.pk, exit_reason="complete")
        bookings.declare_service(actor=user, booking_id=booking.pk)
        return bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)


def in_training(world: World, **session: Any):
    with clock.at(MONDAY) as hand:
        booking = world.accepted(world.make_learner(), world.make_session(**session))
        hand.move(STARTS)
        return bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)


def refused(code: str, rule: str | None = None):
    return pytest.raises(DomainError, match=code if rule is None else f"{code} .{rule}")


def test_f28_a_claim_is_what_was_realised_of_each_source(world) -> None:
    booking = validated(world, percent=60)
    with clock.at(PAYDAY):
        claim = claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)
    assert (claim.state, claim.amount_cents) == ("submitted", 99_000)
    lines = ClaimLine.objects.filter(claim=claim).values_list("allocation__source", "amount_cents")
    assert dict(lines) == {"rights": 90_000, "learner": 9_000}


def test_f31_the_term_of_payment_begins_when_the_claim_is_handed_in(world) -> None:
    booking = validated(world)
    with clock.at(datetime(2026, 6, 29, 22, 30, tzinfo=UTC)):  # already the 30th in Paris
        claim = claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)
    assert claim.due_on is not None
    assert claim.due_on.isoformat() == "2026-07-30"


def test_a_draft_is_no_claim_yet(world) -> None:
    booking = validated(world)
    draft = claims.create_claim(actor=world.provider_user, booking_id=booking.pk)
    assert (draft.state, draft.submitted_at) == ("draft", None)
    with refused("not_allowed"):
        claims.approve_claim(actor=world.payer, claim_id=draft.pk)
    claims.submit_claim(actor=world.provider_user, claim_id=draft.pk)
    with refused("not_allowed"):
        claims.submit_claim(actor=world.provider_user, claim_id=draft.pk)
    assert [row.transition for row in draft.log.order_by("pk")] == ["create", "submit"]


def test_f27_nothing_is_owed_before_the_service_is_validated(world) -> None:
    booking = in_training(world)
    with clock.at(ENDS):
        for step in (
            lambda: bookings.record_attendance(actor=world.provider_user, booking_id=booking.pk, percent=100),
            lambda: bookings.declare_exit(
                actor=world.provider_user, booking_id=booking.pk, exit_reason="complete"
            ),
            lambda: bookings.declare_service(actor=world.provider_user, booking_id=booking.pk),
        ):
            with refused("too_early", "F-27"):
                claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)
            step()
    assert not Claim.objects.exists()


def test_only_the_provider_claims_and_only_an_officer_decides(world) -> None:
    booking = validated(world)
    stranger = world.user_of(world.make_provider())
    for other in (stranger, world.payer, booking.account.citizen.user):
        with refused("not_allowed"):
            claims.claim_booking(actor=other, booking_id=booking.pk)
    claim = claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)
    for other in (stranger, world.provider_user, world.case_worker):
        with refused("not_allowed"):
            claims.approve_claim(actor=other, claim_id=claim.pk)
        with refused("not_allowed"):
            claims.reject_claim(actor=other, claim_id=claim.pk, reason="no")
    with refused("not_found"):
        claims.approve_claim(actor=world.payer, claim_id=10**9)
    with refused("not_found"):
        claims.create_claim(actor=world.payer, booking_id=10**9)


def test_a_booking_is_claimed_once(world) -> None:
    booking = validated(world)
    claim = claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)
    with refused("not_allowed"):
        claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)
    claims.approve_claim(actor=world.payer, claim_id=claim.pk)
    with refused("not_allowed"):
        claims.approve_claim(actor=world.second_payer, claim_id=claim.pk)
    assert balances() == {"payable": PRICE}


def test_a_rejected_claim_gives_way_to_another(world) -> None:
    booking = validated(world)
    first = claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)
    claims.approve_claim(actor=world.payer, claim_id=first.pk)
    with refused("incomplete"):
        claims.reject_claim(actor=world.payer, claim_id=first.pk, reason=" ")
    claims.reject_claim(actor=world.payer, claim_id=first.pk, reason="wrong invoice")
    assert balances() == {"held": PRICE}
    second = claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)
    claims.reject_claim(actor=world.payer, claim_id=second.pk, reason="again")
    assert balances() == {"held": PRICE}
    third = claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)
    claims.approve_claim(actor=world.payer, claim_id=third.pk)
    assert states()["claims"] == ["rejected", "rejected", "approved"]
    assert balances() == {"payable": PRICE}


@pytest.mark.parametrize("scope", ["booking", "session", "provider", "iban"])
def test_a_hold_stops_every_step(world, scope: str) -> None:
    booking = validated(world)
    where = {
        "booking": {"booking": booking},
        "session": {"session": booking.session},
        "provider": {"provider": booking.provider},
        "iban": {"iban": world.provider.iban},
    }[scope]

    def hold():
        until = clock.now() + timedelta(days=30)
        return holds.place_hold(owner=world.case_worker, reason="under control", until=until, **where)

    def release(standing) -> None:
        holds.release_hold(hold_id=standing.pk, actor=world.case_worker)

    with clock.at(PAYDAY):
        standing = hold()
        with refused("on_hold"):
            claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)
        release(standing)
        claim = claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)
        standing = hold()
        with refused("on_hold"):
            claims.approve_claim(actor=world.payer, claim_id=claim.pk)
        release(standing)
        claims.approve_claim(actor=world.payer, claim_id=claim.pk)
        standing = hold()
        with refused("on_hold"):
            batches.create_batch(actor=world.second_payer, scheme=world.scheme)
        release(standing)
        batch = batches.create_batch(actor=world.second_payer, scheme=world.scheme)
        batches.approve_batch(actor=world.third_payer, batch_id=batch.pk)
        standing = hold()
        with refused("on_hold"):
            batches.export_batch(actor=world.third_payer, batch_id=batch.pk)
        assert states()["claims"] == ["approved"]
        assert balances() == {"payable": PRICE}
        release(standing)
        again = batches.create_batch(actor=world.second_payer, scheme=world.scheme)
        batches.approve_batch(actor=world.third_payer, batch_id=again.pk)
        batches.export_batch(actor=world.third_payer, batch_id=again.pk)
    assert balances() == {"in_transit": PRICE}


def test_nothing_is_paid_while_the_learner_disputes_it(world) -> None:
    booking = validated(world)
    with clock.at(PAYDAY):
        claim = claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)
        bookings.deny_consent(actor=booking.account.citizen.user, booking_id=booking.pk)
        with refused("on_hold"):
            claims.approve_claim(actor=world.payer, claim_id=claim.pk)


def test_f24_a_late_cancellation_is_claimed_and_keeps_its_state(world) -> None:
    learner = world.make_learner()
    booking = world.accepted(learner)
    with clock.at(STARTS - timedelta(days=3)):
        bookings.cancel_by_learner(actor=learner.user, booking_id=booking.pk)
        claim = claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)
    assert claim.amount_cents == PRICE
    early = world.accepted(world.make_learner())
    with clock.at(MONDAY + timedelta(days=1)):
        bookings.withdraw(actor=early.account.citizen.user, booking_id=early.pk)
        with refused("not_allowed"):
            claims.claim_booking(actor=world.provider_user, booking_id=early.pk)


def test_f31_an_advance_of_a_quarter_after_thirty_days_of_a_long_training(world) -> None:
    short = in_training(world)
    with clock.at(STARTS + timedelta(days=2)), refused("not_allowed", "F-31"):
        claims.claim_booking(actor=world.provider_user, booking_id=short.pk, kind=ClaimKind.ADVANCE)
    booking = in_training(world, ends_at=STARTS + timedelta(days=120))
    with clock.at(STARTS + timedelta(days=29)), refused("too_early", "F-31"):
        claims.claim_booking(actor=world.provider_user, booking_id=booking.pk, kind=ClaimKind.ADVANCE)
    with clock.at(STARTS + timedelta(days=30)):
        claim = claims.claim_booking(actor=world.provider_user, booking_id=booking.pk, kind=ClaimKind.ADVANCE)
    assert claim.amount_cents == 41_250
    lines = ClaimLine.objects.filter(claim=claim).values_list("allocation__source", "amount_cents")
    assert dict(lines) == {"rights": 37_500, "learner": 3_750}
