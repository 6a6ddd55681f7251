"""Windows and applications: the services themselves, their records, and who may what (N-03, N-17)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from funding import audit
from funding.models import Application, BookingLog, Budget, GrantCount, JournalEntry, Place, Window
from funding.selectors.windows import PublishedGrant, published_grants
from funding.services import bookings, refunds, windows
from funding.services.windows import applying
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.factories.accounts import SignInFactory
from tests.factories.funding import LearningAccountFactory, SchemeFactory
from tests.funding.bookings.conftest import expect_refusal
from tests.funding.windows.stap import CLOSES, OPENS, PRICE, apply, make_learner, make_world, open_window
from tests.support import books
from tests.support.queries import assert_queries_constant
from tests.support.world import World

pytestmark = pytest.mark.django_db
# What a grant pays at most (N-01).
GRANT_MOST = 100_000


@pytest.fixture
def hand(db: None) -> Iterator[VirtualClock]:
    with clock.at(OPENS) as virtual:
        yield virtual
    assert books.faults() == []
    assert audit.run().ok


@pytest.fixture
def world(hand: VirtualClock) -> World:
    return make_world()


def test_n06_a_grant_is_one_act_with_its_records(world: World) -> None:
    window, learner = open_window(world), make_learner(world)
    booking = apply(world, window, learner)
    assert booking.state == "accepted"
    assert booking.consent is not None
    assert booking.consent.sign_in == learner.sign_in
    rows = BookingLog.objects.filter(subject=booking).order_by("pk")
    assert [(row.transition, row.actor_id) for row in rows] == [
        ("request", learner.user.pk),
        ("grant", learner.user.pk),
    ]
    evidence = rows[1].data
    assert evidence["facts"]["insured_months"] == 24
    assert set(evidence["facts"]) == {"birth_date", "insured_months", "student_finance"}
    assert evidence["why"] == [{"rule": "N-01", "code": "granted", "values": {"cents": PRICE}}]
    application = Application.objects.get()
    assert (application.booking, application.grant_cents, application.year) == (booking, PRICE, 2026)
    assert application.once_key == "2026"
    assert Budget.objects.get(window=window).available_cents == 10**7 - PRICE
    assert GrantCount.objects.get().granted == 1


def test_the_same_key_returns_the_first_grant(world: World) -> None:
    window, learner = open_window(world), make_learner(world)
    first = apply(world, window, learner, key="k1")
    assert apply(world, window, learner, key="k1").pk == first.pk
    other = world.make_session(price_cents=PRICE)
    values = {"key": "k1", "session_id": other.pk, "world": world, "window": window, "learner": learner}
    expect_refusal("idempotency_mismatch", None, apply, **values)
    expect_refusal("already_granted", "N-01", apply, world=world, window=window, learner=learner, key="k2")
    assert Application.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"closes_at": OPENS}, "invalid"),
        ({"closes_at": OPENS - timedelta(hours=1)}, "invalid"),
        ({"budget_cents": -1}, "invalid"),
    ],
)
def test_a_window_that_cannot_be(world: World, changes: dict[str, Any], fault: str) -> None:
    expect_refusal(fault, None, open_window, world=world, **changes)
    assert not Window.objects.exists()


def test_who_opens_windows_and_where(world: World) -> None:
    values: dict[str, Any] = {"name": "X", "budget_cents": 1, "opens_at": OPENS, "closes_at": CLOSES}
    for actor in (world.provider_user, make_learner(world).user, world.payer):
        expect_refusal("not_allowed", None, windows.open_window, actor=actor, scheme=world.scheme, **values)
    cpf = SchemeFactory.create(code="cpf")
    expect_refusal("not_allowed", None, windows.open_window, actor=world.case_worker, scheme=cpf, **values)
    windows.open_window(actor=world.case_worker, scheme=world.scheme, **values)
    expect_refusal(
        "not_allowed", None, windows.open_window, actor=world.case_worker, scheme=world.scheme, **values
    )


def test_only_for_oneself_with_ones_own_strong_sign_in(world: World) -> None:
    window, learner, other = open_window(world), make_learner(world), make_learner(world)
    given: dict[str, Any] = {"world": world, "window": window, "learner": learner}
    expect_refusal("not_found", None, apply, **given, actor=other.user)
    expect_refusal("not_found", None, apply, **given, actor=world.provider_user)
    expect_refusal("consent_missing", None, apply, **given, sign_in=None)
    expect_refusal("consent_missing", None, apply, **given, sign_in=other.sign_in)
    weak = SignInFactory.create(user=learner.citizen.user, assurance="weak")
    expect_refusal("weak_identity", "F-32", apply, **given, sign_in=weak)
    old = SignInFactory.create(user=learner.citizen.user, at=OPENS - timedelta(minutes=10))
    expect_refusal("sign_in_too_old", "F-32", apply, **given, sign_in=old)
    elsewhere = LearningAccountFactory.create(
        citizen=learner.citizen, scheme=SchemeFactory.create(code="cpf")
    )
    expect_refusal("not_found", None, apply, **given, account_id=elsewhere.pk)
    assert not Application.objects.exists()


def test_a_full_session_grants_nothing(world: World) -> None:
    window = open_window(world)
    session = world.make_session(price_cents=PRICE, seats=1)
    apply(world, window, make_learner(world), session_id=session.pk)
    second = make_learner(world)
    expect_refusal(
        "session_full", None, apply, world=world, window=window, learner=second, session_id=session.pk
    )
    assert Budget.objects.get(window=window).available_cents == 10**7 - PRICE
    assert GrantCount.objects.get().granted == 1
    apply(world, window, second)


def test_a_suspended_account_and_a_hold(world: World, hand: VirtualClock) -> None:
    window, learner = open_window(world), make_learner(world)
    learner.account.suspended_until = OPENS.date()
    learner.account.save()
    expect_refusal("not_eligible", "F-25", apply, world=world, window=window, learner=learner)
    hand.move(OPENS + timedelta(days=1))
    apply(world, window, learner)


def test_what_comes_back_is_the_funders_and_leaves_the_window_as_it_was(world: World) -> None:
    window, learner = open_window(world, PRICE), make_learner(world)
    booking = apply(world, window, learner)
    bookings.withdraw(actor=learner.user, booking_id=booking.pk)
    assert Budget.objects.get(window=window).available_cents == 0
    returned = sum(row.amount_cents for row in booking.postings.filter(bucket="returned"))
    assert returned == PRICE
    expect_refusal("budget_exhausted", "N-03", apply, world=world, window=window, learner=make_learner(world))


def test_what_is_above_a_grant_never_came_in_and_nothing_of_it_is_owed_back(world: World) -> None:
    window, learner = open_window(world), make_learner(world)
    session = world.make_session(price_cents=GRANT_MOST + 20_000)
    booking = apply(world, window, learner, session_id=session.pk)
    held = {row.fund: row.amount_cents for row in booking.postings.filter(bucket="held")}
    assert held == {"public": GRANT_MOST, "own": 20_000}
    bookings.withdraw(actor=learner.user, booking_id=booking.pk)
    assert refunds.due_refunds() == []
    assert refunds.prepare_refunds() == 0
    assert not booking.postings.filter(bucket="refund_due").exists()
    back = {row.fund: row.amount_cents for row in booking.postings.filter(bucket="returned")}
    assert back == {"public": GRANT_MOST, "own": 20_000}


def test_n17_the_published_register_names_nobody(world: World) -> None:
    window = open_window(world)
    apply(world, window, make_learner(world, birth_date=OPENS.date().replace(year=1990), status="retired"))
    apply(
        world, window, make_learner(world, birth_date=(OPENS + timedelta(days=1)).date().replace(year=1988))
    )
    found = list(published_grants(world.scheme, year=2026))
    assert {(each.age_band, each.status) for each in found} == {("28-37", "retired"), ("28-37", "employed")}
    assert set(PublishedGrant.__dataclass_fields__) == {
        "window",
        "provider",
        "programme",
        "grant_cents",
        "age_band",
        "status",
        "education_level",
    }
    assert list(published_grants(world.scheme, year=2025)) == []


def test_a_budget_in_parts_grants_what_it_has_together(world: World) -> None:
    """Each part alone is too small: they are gathered, and the last cent that suffices is granted (decision 0081)."""
    window = open_window(world, 2 * PRICE + 7, slices=5)
    assert window.slices.count() == 4
    assert window.left_cents == 2 * PRICE + 7
    learner = make_learner(world)
    first = apply(world, window, learner)
    assert first.state == "accepted"
    assert Window.objects.get(pk=window.pk).left_cents == PRICE + 7
    apply(world, window, make_learner(world))
    expect_refusal("budget_exhausted", "N-03", apply, world=world, window=window, learner=make_learner(world))
    assert Window.objects.get(pk=window.pk).left_cents == 7
    gathered = JournalEntry.objects.filter(kind="gather_budget")
    assert gathered.count() == 1
    assert {line.bucket for line in gathered.get().postings.all()} == {"budget"}
    withdrawn = bookings.withdraw(actor=learner.user, booking_id=first.pk)
    assert sum(row.amount_cents for row in withdrawn.postings.filter(bucket="returned")) == PRICE


def test_an_application_takes_from_the_part_of_its_account_while_that_has_enough(world: World) -> None:
    window = open_window(world, 8 * PRICE, slices=2)
    budgets = [window.budget_id, window.slices.get().budget_id]
    for _ in range(4):
        learner = make_learner(world)
        booking = apply(world, window, learner)
        (grant,) = booking.allocations.filter(source="grant")
        assert grant.budget_id == budgets[learner.account.pk % 2]
    assert not JournalEntry.objects.filter(kind="gather_budget").exists()


@pytest.mark.parametrize("slices", [0, 65])
def test_parts_that_cannot_be(world: World, slices: int) -> None:
    expect_refusal("invalid", None, open_window, world=world, slices=slices)


def test_who_gave_the_place_back_after_the_grant_has_not_jumped(world: World) -> None:
    window, learner = open_window(world, admissions_per_s=Decimal(1)), make_learner(world)
    windows.take_place(actor=learner.user, window_id=window.pk)
    apply(world, window, learner)
    windows.leave_place(actor=learner.user, window_id=window.pk)
    assert audit.run().ok


def test_the_audit_finds_a_grant_before_its_turn(world: World) -> None:
    window, learner = open_window(world, admissions_per_s=Decimal(1)), make_learner(world)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(applying, "check_turn", lambda *_: None)
        apply(world, window, learner)
    found = [fault.code for result in audit.run().invariants for fault in result.findings]
    assert found == ["granted_before_its_turn"]
    Place.objects.create(window=window, account=learner.account, number=1, taken_at=OPENS, turn_at=OPENS)


def test_an_application_asks_as_much_of_the_database_whatever_there_is(world: World) -> None:
    window = open_window(world)

    def more(n: int) -> None:
        for _ in range(n):
            apply(world, window, make_learner(world), session_id=world.make_session(price_cents=PRICE).pk)

    learners = iter([make_learner(world) for _ in range(4)])
    assert_queries_constant(more, lambda: apply(world, window, next(learners)))
