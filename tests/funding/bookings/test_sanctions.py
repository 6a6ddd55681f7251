"""Accounts closed for a time: by whom, for what, for how long (F-25, N-09, S-10); and endowments (F-05)."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from funding.models import Claim, Suspension
from funding.services import bookings, claims, endowments, sanctions
from ila.core.clock import VirtualClock
from tests.factories.funding import LearningAccountFactory, SchemeFactory
from tests.funding.bookings.conftest import expect_refusal
from tests.support.world import MONDAY, Learner, World

pytestmark = pytest.mark.django_db

TODAY = MONDAY.date()


def suspend(world: World, learner: Learner, last_day: date, **changes: Any) -> Suspension:
    values: dict[str, Any] = {
        "actor": world.case_worker,
        "account_id": learner.account.pk,
        "rule": "F-25",
        "last_day": last_day,
        "reason": "absent without a word",
    }
    return sanctions.suspend_account(**{**values, **changes})


def test_f25_from_a_week_to_a_year(world: World, learner: Learner) -> None:
    given = {"world": world, "learner": learner}
    expect_refusal("not_allowed", "F-25", suspend, **given, last_day=TODAY + timedelta(days=6))
    expect_refusal("not_allowed", "F-25", suspend, **given, last_day=TODAY + timedelta(days=366))
    suspend(world, learner, TODAY + timedelta(days=7))
    learner.account.refresh_from_db()
    assert learner.account.suspended_until == TODAY + timedelta(days=7)


def test_f25_no_new_booking_until_it_is_over(world: World, learner: Learner, hand: VirtualClock) -> None:
    suspend(world, learner, TODAY + timedelta(days=7))
    request: dict[str, Any] = {
        "actor": learner.user,
        "account_id": learner.account.pk,
        "session_id": world.session.pk,
    }
    expect_refusal("not_eligible", "F-25", bookings.request_booking, **request)
    hand.move(MONDAY + timedelta(days=8))
    assert bookings.request_booking(**request).state == "requested"


def test_a_shorter_suspension_does_not_end_a_longer_one(world: World, learner: Learner) -> None:
    suspend(world, learner, TODAY + timedelta(days=30))
    suspend(world, learner, TODAY + timedelta(days=10))
    learner.account.refresh_from_db()
    assert learner.account.suspended_until == TODAY + timedelta(days=30)
    assert Suspension.objects.count() == 2


def test_who_decides_and_why(world: World, learner: Learner) -> None:
    until = TODAY + timedelta(days=7)
    for actor in (world.provider_user, learner.user, world.payer):
        expect_refusal(
            "not_allowed", None, suspend, world=world, learner=learner, last_day=until, actor=actor
        )
    expect_refusal("incomplete", "F-25", suspend, world=world, learner=learner, last_day=until, reason=" ")


def test_n09_a_breach_excludes_who_is_at_fault_for_two_years_at_most(world: World) -> None:
    stap = LearningAccountFactory.create(scheme=SchemeFactory.create(code="stap"))
    given: dict[str, Any] = {
        "actor": world.case_worker,
        "account_id": stap.pk,
        "rule": "N-09",
        "reason": "breach",
    }
    two_years = date(2028, 5, 4)
    refused = {**given, "last_day": two_years, "at_fault": False}
    expect_refusal("not_allowed", "N-09", partial(sanctions.suspend_account, **refused))
    late = {**given, "last_day": two_years + timedelta(days=1)}
    expect_refusal("not_allowed", "N-09", partial(sanctions.suspend_account, **late))
    assert sanctions.suspend_account(**given, last_day=two_years).last_day == two_years


def test_a_sanction_that_the_scheme_does_not_have(world: World, learner: Learner) -> None:
    for rule in ("N-09", "S-10", "X-99"):
        expect_refusal("not_allowed", rule, partial(suspend, world, learner, TODAY, rule=rule))


def test_s10_false_information_rejects_the_other_claims(hand: VirtualClock) -> None:
    world = World(scheme=SchemeFactory.create(code="skillsfuture"))
    learner = world.make_learner(citizenship="SG")
    session = world.make_session(currency="SGD", starts_at=MONDAY + timedelta(days=30))
    session.micro_credential.currency = "SGD"
    booking = world.accepted(learner, session)
    claim = claims.claim_booking(actor=world.provider_user, booking_id=booking.pk)
    claims.approve_claim(actor=world.payer, claim_id=claim.pk)
    suspend(world, learner, date(2030, 1, 1), rule="S-10", reason="invented certificates")
    assert Claim.objects.get().state == "rejected"
    assert learner.lot().held_cents == 165_000
    assert bookings.read_booking(booking.pk).state == "accepted"


# -- endowments ------------------------------------------------------------------------------------------


def endow(world: World, learner: Learner, kind: str, cents: int) -> Any:
    return endowments.endow(
        account=learner.account,
        kind=kind,
        amount_cents=cents,
        actor=world.case_worker,
        idempotency_key=f"endow:{kind}:{cents}",
    )


@pytest.mark.parametrize(
    ("kind", "source", "least"),
    [
        ("voluntary", "endowment", 1),
        ("supplementary", "endowment", 1),
        ("corrective", "corrective", 300_000),
        ("dismissal", "endowment", 300_000),
        ("whistle_blower", "endowment", 1),
    ],
)
def test_f04_f05_endowments_by_kind(
    world: World, learner: Learner, kind: str, source: str, least: int
) -> None:
    lot = endow(world, learner, kind, least)
    assert (lot.source, lot.fund, lot.available_cents) == (source, "employer", least)
    # No ceiling, whatever rights there are.
    endow(world, learner, kind, 10_000_000)
    if least > 1:
        expect_refusal("invalid", "F-05", endow, world=world, learner=learner, kind=kind, cents=least - 1)


def test_f05_no_other_kind(world: World, learner: Learner) -> None:
    expect_refusal("invalid", "F-05", endow, world=world, learner=learner, kind="gift", cents=1)
