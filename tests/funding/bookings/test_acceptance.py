"""The moment that binds: who may bind themselves, to what, when, and what it takes from whom."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Consent, Message, SignIn, User
from accounts.services import service_users
from catalogue.models import Session, SessionSeats
from catalogue.services import accreditations
from funding.models import Booking, BookingLog, JournalEntry, Scheme, SchemeVersion
from funding.services import bookings
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.factories.accounts import SignInFactory
from tests.funding.bookings.conftest import expect_refusal
from tests.support.books import by_bucket
from tests.support.rules import scheme_with
from tests.support.world import MONDAY, STARTS, Learner, World

SECOND = timedelta(seconds=1)


def accept(learner: Learner, booking: Booking, **changes: Any) -> Booking:
    given: dict[str, Any] = {
        "actor": learner.user,
        "booking_id": booking.pk,
        "sign_in": learner.sign_in,
    }
    return bookings.accept(**(given | changes))


def refuse(code: str, rule: str | None, learner: Learner, booking: Booking, **changes: Any) -> None:
    """The acceptance is refused, and not a row is different."""
    before = snapshot()
    expect_refusal(code, rule, accept, learner=learner, booking=booking, **changes)
    assert snapshot() == before


def snapshot() -> list[Any]:
    models = (Booking, Consent, SessionSeats)
    rows: list[Any] = [list(model.objects.order_by("pk").values()) for model in models]
    return [*rows, JournalEntry.objects.count(), BookingLog.objects.count(), Message.objects.count()]


# -- what it does --------------------------------------------------------------------------------------------


def test_what_is_written(world: World, learner: Learner) -> None:
    session = world.make_session(seats=2)
    booking = accept(learner, world.proposed(learner, session))
    stored = bookings.read_booking(booking.pk)
    assert (stored.state, stored.accepted_at, stored.next_due_at) == ("accepted", MONDAY, None)
    assert stored.scheme_version is not None
    assert stored.scheme_version.valid_from == date(2026, 4, 2)
    assert stored.consent is not None
    consent = stored.consent
    assert (consent.state, consent.sign_in, consent.answered_at) == ("given", learner.sign_in, MONDAY)
    assert consent.text_hash == Consent.hash_of(consent.text)
    assert "Paid from Acquired rights: €1,500.00" in consent.text
    assert "You pay yourself: €150.00" in consent.text
    assert consent.log.get(transition="give").actor == learner.user
    log = stored.log.get(transition="accept")
    assert (log.source, log.target, log.actor, log.at) == ("proposed", "accepted", learner.user, MONDAY)
    assert SessionSeats.objects.get(pk=session.pk).taken == 1
    assert by_bucket(stored) == {"held": 165_000}
    assert Message.objects.filter(recipient=learner.user, template="booking_accepted").count() == 1


def test_f07_endowments_then_rights_then_top_ups_then_own_money(world: World) -> None:
    learner = world.make_learner(rights_cents=50_000)
    for source, cents in (("endowment", 40_000), ("employer", 30_000), ("public", 20_000)):
        world.credit(learner.account, cents, source)
    session = world.make_session(world.make_credential(kind="rncp"))
    booking = world.accepted(learner, session)
    drawn = [(each.source, each.fund, each.amount_cents) for each in booking.allocations.order_by("position")]
    assert drawn == [
        ("endowment", "employer", 40_000),
        ("rights", "public", 50_000),
        ("employer", "employer", 30_000),
        ("public", "public", 20_000),
        ("learner", "own", 25_000),
    ]


@pytest.mark.parametrize(
    ("day", "participation"),
    [
        # F-08: each day's own amount, on the day of acceptance, from midnight in Paris.
        ("2026-04-01T23:59:59+02:00", 10_320),
        ("2026-04-02T00:00:00+02:00", 15_000),
        ("2025-12-31T23:59:59+01:00", 10_223),
        ("2026-01-01T00:00:00+01:00", 10_320),
    ],
)
@pytest.mark.django_db
def test_f08_the_rules_of_the_day_of_acceptance(day: str, participation: int) -> None:
    moment = datetime.fromisoformat(day).astimezone(UTC)
    with clock.at(moment - timedelta(hours=6)) as hand:
        world = World()
        learner = world.make_learner()
        session = world.make_session(world.make_credential(kind="rncp"), starts_at=STARTS)
        booking = world.proposed(learner, session)
        hand.move(moment)
        accept(learner, booking)
    own = booking.allocations.get(source="learner")
    assert own.amount_cents == participation


def test_the_last_seat_goes_once(world: World, learner: Learner) -> None:
    session = world.make_session(seats=1)
    other = world.make_learner()
    first, second = world.proposed(learner, session), world.proposed(other, session)
    accept(learner, first)
    refuse("session_full", None, other, second)
    bookings.withdraw(actor=learner.user, booking_id=first.pk)
    assert accept(other, second).state == "accepted"


# -- who -----------------------------------------------------------------------------------------------------


def test_nobody_accepts_for_another(world: World, learner: Learner) -> None:
    booking = world.proposed(learner)
    strangers: list[User] = [
        world.make_learner().user,
        world.provider_user,
        world.case_worker,
        world.payer,
        service_users.get("replay"),
    ]
    for actor in strangers:
        refuse("not_allowed", None, learner, booking, actor=actor)
        # Under their own sign-in they do not even come so far.
        refuse(
            "consent_missing", None, learner, booking, actor=actor, sign_in=SignInFactory.create(user=actor)
        )


def test_who_may_no_longer_sign_in_does_not_accept(world: World, learner: Learner) -> None:
    booking = world.proposed(learner)
    User.objects.filter(pk=learner.user.pk).update(is_active=False)
    refuse("not_allowed", None, learner, booking, actor=User.objects.get(pk=learner.user.pk))


def test_f32_a_strong_identity_of_one_s_own(world: World, learner: Learner) -> None:
    booking = world.proposed(learner)
    refuse("consent_missing", None, learner, booking, sign_in=None)
    refuse("consent_missing", None, learner, booking, sign_in=world.make_learner().sign_in)
    weak: SignIn = SignInFactory.create(user=learner.user, weak=True)
    refuse("weak_identity", "F-32", learner, booking, sign_in=weak)


@pytest.mark.django_db
def test_f32_an_ordinary_sign_in_where_the_scheme_is_content() -> None:
    with clock.at(MONDAY):
        world = World(scheme=scheme_with(strong_identity_required=False))
        learner = world.make_learner()
        weak = SignInFactory.create(user=learner.user, weak=True)
        assert accept(learner, world.proposed(learner), sign_in=weak).state == "accepted"


# -- when and what -------------------------------------------------------------------------------------------


def test_only_a_proposal_and_once(world: World, learner: Learner) -> None:
    booking = bookings.request_booking(
        actor=learner.user, account_id=learner.account.pk, session_id=world.session.pk
    )
    refuse("not_allowed", None, learner, booking)
    bookings.propose(actor=world.provider_user, booking_id=booking.pk)
    accept(learner, booking)
    refuse("not_allowed", None, learner, booking)
    expect_refusal("not_found", None, accept, learner=learner, booking=booking, booking_id=10**9)


def test_not_once_the_session_has_started(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = world.proposed(learner)
    # The provider's file moves the session nearer after the proposal.
    Session.objects.filter(pk=world.session.pk).update(starts_at=MONDAY + timedelta(days=1))
    hand.move(MONDAY + timedelta(days=1))
    refuse("too_late", None, learner, booking)


def test_f25_not_from_a_suspended_account(world: World, learner: Learner) -> None:
    booking = world.proposed(learner)
    learner.account.suspended_until = date(2026, 5, 4)
    learner.account.save()
    refuse("not_eligible", "F-25", learner, booking)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"recruitment_closed": True}, "recruitment_closed"),
        ({"removed_at": MONDAY}, "recruitment_closed"),
        ({"starts_at": None, "ends_at": None}, "no_dates"),
    ],
)
def test_not_a_session_that_takes_nobody_any_more(
    world: World, learner: Learner, change: dict[str, Any], reason: str
) -> None:
    booking = world.proposed(learner)
    Session.objects.filter(pk=world.session.pk).update(**change)
    refuse("not_bookable", None, learner, booking)


def test_not_without_accreditation_on_the_day(world: World, learner: Learner, hand: VirtualClock) -> None:
    booking = world.proposed(learner)
    (accreditation,) = world.provider.accreditations.all()
    given: dict[str, Any] = {"actor": world.case_worker, "accreditation_id": accreditation.pk}
    accreditations.suspend_accreditation(**given, reason="audit")
    refuse("not_accredited", None, learner, booking)
    hand.move(MONDAY + SECOND)
    accreditations.resume_accreditation(**given)
    # Valid through yesterday, told before anybody's job had it expire.
    accreditations.change_validity(**given, valid_from=date(2025, 1, 1), valid_until=date(2026, 5, 3))
    refuse("not_accredited", None, learner, booking)
    accreditations.change_validity(**given, valid_from=date(2026, 5, 4), valid_until=date(2026, 5, 4))
    assert accept(learner, booking).state == "accepted"


@pytest.mark.parametrize("regime", ["programme", "both"])
@pytest.mark.django_db
def test_a_scheme_that_accredits_programmes(regime: str) -> None:
    with clock.at(MONDAY):
        world = World(scheme=scheme_with(accreditation=regime))
        learner = world.make_learner()
        expect_refusal("not_accredited", None, world.proposed, learner=learner)
        accreditations.record_accreditation(
            actor=world.case_worker, authority="Register", micro_credential=world.credential
        )
        assert world.accepted(learner).state == "accepted"


def test_not_without_any_usable_right(world: World) -> None:
    learner = world.make_learner(rights_cents=0)
    booking = world.proposed(learner)
    refuse("insufficient_rights", None, learner, booking)
    world.credit(learner.account, 1)
    assert accept(learner, booking).state == "accepted"


def test_rights_held_elsewhere_are_not_there(world: World) -> None:
    learner = world.make_learner(rights_cents=150_000)
    second = world.proposed(learner, world.make_session())
    world.accepted(learner)
    refuse("insufficient_rights", None, learner, second)


def test_f14_a_light_licence_without_co_funding(world: World, learner: Learner) -> None:
    session = world.make_session(world.make_credential(kind="light_licence"))
    booking = world.proposed(learner, session)
    refuse("not_eligible", "F-14", learner, booking)
    world.credit(learner.account, 100, "employer")
    assert accept(learner, booking).allocations.get(source="employer").amount_cents == 100


@pytest.mark.django_db
def test_f13_where_the_rest_may_not_fall_to_the_learner() -> None:
    with clock.at(MONDAY):
        world = World(scheme=scheme_with(shortfall_to_learner=False))
        learner = world.make_learner()
        refuse("usage_cap", "F-13", learner, world.proposed(learner))


@pytest.mark.django_db
def test_no_rules_in_force() -> None:
    with clock.at(MONDAY):
        world = World(scheme=scheme_with())
        learner = world.make_learner()
        booking = world.proposed(learner)
        last = SchemeVersion.objects.filter(scheme=world.scheme).latest("valid_from")
        SchemeVersion.objects.filter(pk=last.pk).update(valid_until=date(2026, 5, 4))
        assert Scheme.objects.filter(pk=world.scheme.pk).exists()
        refuse("not_bookable", None, learner, booking)


# -- the same request twice ----------------------------------------------------------------------------------


def test_inv10_the_same_key_returns_the_first_result(world: World, learner: Learner) -> None:
    booking = world.proposed(learner)
    first = accept(learner, booking, idempotency_key="k1")
    before = snapshot()
    again = accept(learner, booking, idempotency_key="k1")
    assert (again.pk, again.state, again.accepted_at) == (first.pk, "accepted", MONDAY)
    assert snapshot() == before


def test_inv10_even_when_the_booking_has_gone_on(world: World, learner: Learner) -> None:
    booking = world.proposed(learner)
    accept(learner, booking, idempotency_key="k1")
    bookings.withdraw(actor=learner.user, booking_id=booking.pk)
    before = snapshot()
    assert accept(learner, booking, idempotency_key="k1").state == "withdrawn"
    assert snapshot() == before


def test_inv10_a_key_for_something_else_is_refused(world: World, learner: Learner) -> None:
    first, second = world.proposed(learner), world.proposed(learner, world.make_session())
    accept(learner, first, idempotency_key="k1")
    refuse("idempotency_mismatch", None, learner, second, idempotency_key="k1")
    accept(learner, second, idempotency_key="k2")


def test_inv10_a_refused_request_uses_up_no_key(world: World) -> None:
    learner = world.make_learner(rights_cents=0)
    booking = world.proposed(learner)
    refuse("insufficient_rights", None, learner, booking, idempotency_key="k1")
    world.credit(learner.account, 200_000)
    assert accept(learner, booking, idempotency_key="k1").state == "accepted"


def test_inv10_keys_belong_to_people(world: World, learner: Learner) -> None:
    other = world.make_learner()
    accept(learner, world.proposed(learner), idempotency_key="k1")
    assert accept(other, world.proposed(other), idempotency_key="k1").state == "accepted"
    # Somebody else's key opens nothing.
    booking = Booking.objects.get(account=learner.account)
    refuse("not_allowed", None, other, booking, idempotency_key="k2")
