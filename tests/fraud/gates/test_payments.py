"""Nothing leaves that was not looked at on today's facts; what detectors hold stays, and what nobody could see too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Message
from accounts.models.consents import Assurance
from accounts.services import sign_ins
from catalogue.models import Provider
from fraud.detection.registry import DETECTORS
from fraud.gates import payments
from fraud.models import Alert, AutomaticHold, PaymentScreening
from fraud.services import findings, watch
from funding.models import Booking, Claim, ClaimState, Hold, PaymentBatch
from funding.services import batches, bookings, holds
from ila.core import clock
from ila.core.clock import VirtualClock
from ila.core.errors import DomainError
from tests.funding.bookings.course import approved, exported, taught
from tests.support.world import ENDS, MONDAY, STARTS, Learner, World

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fraud_at_the_gates")]


@pytest.fixture
def hand() -> Iterator[VirtualClock]:
    with clock.at(MONDAY) as virtual:
        yield virtual


@pytest.fixture
def world(hand: VirtualClock) -> World:
    return World()


def sign_in_at(learner: Learner, address: str) -> None:
    learner.last_sign_in = sign_ins.record_sign_in(
        user=learner.user, method="e-identity", assurance=Assurance.STRONG, address=address, device=address
    )


def make_claims(world: World, hand: VirtualClock, number: int, *, agents: bool = False) -> list[Claim]:
    """Claims of so many learners of the session; agents: all signed up from one device within minutes."""
    made = []
    for place in range(number):
        learner = world.make_learner()
        sign_in_at(learner, "198.51.100.7" if agents else f"192.0.2.{place}")
        made.append(world.accepted(learner))
    hand.move(STARTS)
    for booking in made:
        bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
    hand.move(ENDS)
    for booking in made:
        taught(world, booking, percent=100)
        bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)
    return [approved(world, booking) for booking in made]


def ready_batch(world: World, claims: list[Claim]) -> PaymentBatch:
    batch = batches.create_batch(
        actor=world.second_payer, scheme=world.scheme, claim_ids=[claim.pk for claim in claims]
    )
    return batches.approve_batch(actor=world.third_payer, batch_id=batch.pk)


def states(claims: list[Claim]) -> list[str]:
    return [str(Claim.objects.get(pk=claim.pk).state) for claim in claims]


def deny(booking: Booking) -> None:
    user = booking.account.citizen.user
    assert user is not None
    bookings.deny_consent(actor=user, booking_id=booking.pk, reason="not me")


def share_account(world: World) -> Provider:
    """Another provider, paid into the same account: a hard fact (D05)."""
    return world.make_provider(iban=world.provider.iban)


def test_honest_claims_are_looked_at_and_paid(world: World, hand: VirtualClock) -> None:
    claims = make_claims(world, hand, 2)
    assert len(exported(world, *claims)) == 2
    screening = PaymentScreening.objects.get()
    assert (screening.outcome, screening.looked_at, screening.held, screening.failed) == ("passed", 2, 0, {})
    assert not Hold.objects.exists()


def test_a_hard_fact_holds_what_it_is_about_and_the_batch_pays_the_rest(
    world: World, hand: VirtualClock
) -> None:
    claims = make_claims(world, hand, 2)
    batch = ready_batch(world, claims)
    deny(claims[0].booking)
    batches.export_batch(actor=world.third_payer, batch_id=batch.pk)
    assert states(claims) == [ClaimState.APPROVED, ClaimState.IN_BATCH]
    hold = Hold.objects.get()
    assert (hold.booking_id, hold.reason[:4]) == (claims[0].booking_id, "D03:")
    assert hold.expires_at > clock.now()
    assert Alert.objects.get(detector="D03").case is not None
    assert "1 of 2" in payments.say_screening(batch_id=batch.pk)


def test_what_no_case_could_hold_is_held_all_the_same(
    world: World, hand: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    share_account(world)
    claims = make_claims(world, hand, 1)
    batch = ready_batch(world, claims)

    def broken(_result: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(findings, "store", broken)
    with pytest.raises(DomainError, match="on_hold"):
        batches.export_batch(actor=world.third_payer, batch_id=batch.pk)
    (kept,) = AutomaticHold.objects.select_related("hold")
    assert (kept.detector, kept.booking_id) == ("D05", claims[0].booking_id)
    assert kept.hold.expires_at == clock.now() + timedelta(days=30)
    assert f"bookings:{claims[0].booking.public_id}" in kept.evidence
    assert PaymentScreening.objects.get().failed == {"alerts": "ZeroDivisionError"}
    payments.screen_payable()
    assert Hold.objects.count() == 1
    # Whoever is held is told the reason, the end and how to answer, also without a case.
    told = Message.objects.get(template="payments_held", recipient=world.provider_user)
    held = AutomaticHold.objects.get().hold
    assert told.context["reason"] == held.reason
    assert told.context["until"] == held.expires_at.date().isoformat()


def test_mass_enrolment_by_an_agent_is_not_paid(world: World, hand: VirtualClock) -> None:
    """The seed's case: signed up from one device within minutes, and the account is not the provider's alone."""
    share_account(world)
    claims = make_claims(world, hand, 9, agents=True)
    batch = ready_batch(world, claims)
    with pytest.raises(DomainError, match="on_hold"):
        batches.export_batch(actor=world.third_payer, batch_id=batch.pk)
    assert states(claims) == [ClaimState.APPROVED] * 9
    held = Hold.objects.filter(released_at__isnull=True).values_list("booking", flat=True)
    assert set(held) - {None} == {claim.booking_id for claim in claims}
    with pytest.raises(DomainError, match="on_hold"):
        batches.create_batch(actor=world.second_payer, scheme=world.scheme)


def test_what_a_person_released_is_not_held_again(world: World, hand: VirtualClock) -> None:
    share_account(world)
    (claim,) = make_claims(world, hand, 1)
    batch = ready_batch(world, [claim])
    with pytest.raises(DomainError, match="on_hold"):
        batches.export_batch(actor=world.third_payer, batch_id=batch.pk)
    payments.screen_payable()
    placed = set(Hold.objects.values_list("pk", flat=True))
    for pk in placed:
        holds.release_hold(hold_id=pk, actor=world.case_worker)
    assert len(exported(world, claim)) == 1
    assert set(Hold.objects.values_list("pk", flat=True)) == placed


def test_what_could_not_be_looked_at_waits(
    world: World, hand: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = make_claims(world, hand, 1)
    batch = ready_batch(world, claims)

    def broken() -> Any:
        raise watch.FactsBehindError({"bookings": "OperationalError"})

    with monkeypatch.context() as patch:
        patch.setattr(watch, "detect_today", broken)
        with pytest.raises(DomainError, match="not_screened"):
            batches.export_batch(actor=world.third_payer, batch_id=batch.pk)
    assert PaymentBatch.objects.get(pk=batch.pk).state == "approved"
    assert "bookings" in payments.say_screening(batch_id=batch.pk)
    batches.export_batch(actor=world.third_payer, batch_id=batch.pk)
    assert states(claims) == [ClaimState.IN_BATCH]
    assert "nothing was stopped" in payments.say_screening(batch_id=batch.pk)


@pytest.mark.parametrize(("detector", "waits"), [("D17", True), ("D25", False)])
def test_a_detector_that_fails_stops_money_if_it_may_hold(
    world: World, hand: VirtualClock, monkeypatch: pytest.MonkeyPatch, detector: str, waits: bool
) -> None:
    claims = make_claims(world, hand, 1)
    batch = ready_batch(world, claims)

    def fail(*_args: Any) -> Any:
        raise ZeroDivisionError

    broken = {**DETECTORS, detector: _with(DETECTORS[detector], fail)}
    monkeypatch.setattr(watch, "DETECTORS", broken)
    if waits:
        with pytest.raises(DomainError, match="not_screened"):
            batches.export_batch(actor=world.third_payer, batch_id=batch.pk)
    else:
        batches.export_batch(actor=world.third_payer, batch_id=batch.pk)
    assert PaymentScreening.objects.latest("pk").failed == {detector: "ZeroDivisionError"}
    assert states(claims) == [ClaimState.IN_BATCH]
    assert PaymentBatch.objects.get(pk=batch.pk).state == ("approved" if waits else "exported")


def test_a_rejected_dispute_is_no_reason_to_hold(world: World, hand: VirtualClock) -> None:
    (claim,) = make_claims(world, hand, 1)
    booking: Booking = claim.booking
    deny(booking)
    bookings.resolve_dispute(actor=world.case_worker, booking_id=booking.pk, upheld=False, reason="it was")
    assert len(exported(world, claim)) == 1
    assert not Hold.objects.exists()


def _with(detector: Any, find: Any) -> Any:
    values = {name: getattr(detector, name) for name in detector.__dataclass_fields__}
    return type(detector)(**{**values, "find": find})
