"""What happens on the platform becomes facts: once, in order, however late, and with no personal data in plain."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import SignIn
from accounts.models.consents import Assurance
from accounts.services import sign_ins
from fraud.facts.tables import TABLES
from fraud.models import LIVE, FeedCursor, FeedState
from fraud.services import feeds
from fraud.services.feeds import runs
from fraud.services.feeds.registry import FEEDS
from funding.services import bookings
from ila.core import clock
from ila.core.clock import VirtualClock
from tests.funding.bookings.course import pay, validated
from tests.support.world import MONDAY, STARTS, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def hand() -> Iterator[VirtualClock]:
    with clock.at(MONDAY) as virtual:
        yield virtual


@pytest.fixture
def world(hand: VirtualClock) -> World:
    return World()


def rows(table: str) -> list[dict[str, Any]]:
    return list(LIVE[table]._default_manager.order_by("id").values())


def events(booking: Any) -> list[str]:
    found = [row for row in rows("booking_events") if row["booking_id"] == str(booking.public_id)]
    return [row["event"] for row in sorted(found, key=lambda row: (row["recorded_at"], row["id"]))]


def test_a_paid_booking_is_told_from_its_request_to_its_payment(world: World, hand: VirtualClock) -> None:
    learner = world.make_learner()
    booking = pay(world, validated(world, learner, hand))
    result = feeds.catch_up()
    assert result.failed == {}
    (told,) = rows("bookings")
    assert told["booking_id"] == str(booking.public_id)
    assert told["learner_id"] == str(learner.citizen.public_id)
    assert (told["amount_cents"], told["own_cents"]) == (150_000, 15_000)
    assert (told["actor"], told["created_at"], told["consent_at"]) == ("learner", MONDAY, MONDAY)
    assert sorted(events(booking)) == ["claim", "entry", "exit", "paid", "service_declared"]
    (paid,) = [row for row in rows("booking_events") if row["event"] == "paid"]
    assert paid["amount_cents"] == 150_000
    (session,) = rows("sessions")
    assert (session["session_id"], session["status"]) == (str(world.session.pk), "planned")
    assert [row["starts_at"].isoweekday() for row in rows("slots")] == [1, 2, 3, 4, 5]
    assert rows("slots")[0]["starts_at"] == STARTS
    assert [row["amount_cents"] for row in rows("credits")] == [500_000]
    assert {state.table for state in FeedState.objects.all()} == {feed.table for feed in FEEDS}


def test_told_twice_is_told_once(world: World, hand: VirtualClock) -> None:
    learner = world.make_learner()
    booking = pay(world, validated(world, learner, hand))
    feeds.catch_up()
    before = {name: rows(name) for name in TABLES}
    for _ in range(3):
        assert feeds.catch_up().total == 0
    FeedCursor.objects.update(settled_id=0, read_id=0, pending_id=0, pending_xid=0)
    assert feeds.catch_up().total == 0
    assert feeds.compare_everything().total == 0
    assert {name: rows(name) for name in TABLES} == before
    hand.move(clock.now() + timedelta(days=1))
    bookings.deny_consent(actor=learner.user, booking_id=booking.pk, reason="not me")
    assert feeds.catch_up().rows["booking_events"] == 1
    assert events(booking)[-1] == "denied"


def test_what_happened_while_the_feed_was_off_keeps_its_own_time(world: World, hand: VirtualClock) -> None:
    booking = validated(world, world.make_learner(), hand)
    hand.move(clock.now() + timedelta(days=40))
    fed = {feed.table for feed in FEEDS}
    assert [each.table for each in feeds.standings() if each.is_behind] == [
        name for name in TABLES if name in fed
    ]
    feeds.catch_up()
    assert [each.table for each in feeds.standings() if each.is_behind] == []
    recorded = {row["event"]: row["recorded_at"] for row in rows("booking_events")}
    assert recorded["entry"] == booking.entered_at
    assert rows("bookings")[0]["recorded_at"] == MONDAY
    hand.move(clock.now() + timedelta(hours=1))
    assert {each.table for each in feeds.standings() if each.is_behind} == fed


def test_rounds_are_small_and_all_of_them_come_to_the_end(
    world: World, hand: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [world.accepted(world.make_learner())]
    feeds.catch_up()
    # From here on, numbers follow one another: those of other tests' rows lie behind.
    monkeypatch.setattr("fraud.services.feeds.sources.CHUNK", 3)
    before = FeedCursor.objects.get(source="funding_bookinglog").read_id
    made += [world.accepted(world.make_learner()) for _ in range(4)]
    feeds.catch_up(at_most=1)
    assert FeedCursor.objects.get(source="funding_bookinglog").read_id == before + 3
    feeds.catch_up()
    assert sorted(row["booking_id"] for row in rows("bookings")) == sorted(str(one.public_id) for one in made)


def test_a_table_that_fails_is_seen_and_the_others_go_on(
    world: World, hand: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.accepted(world.make_learner())
    whole = runs.statement

    def broken(feed: Any, *, everything: bool) -> str:
        return "SELECT 1/0" if feed.table == "logins" else whole(feed, everything=everything)

    monkeypatch.setattr(runs, "statement", broken)
    assert feeds.catch_up().failed == {"logins": "DivisionByZero"}
    assert len(rows("bookings")) == 1
    state = FeedState.objects.get(table="logins")
    assert (state.error, state.fed_at) == ("DivisionByZero", None)
    monkeypatch.setattr(runs, "statement", whole)
    assert feeds.catch_up().rows["logins"] == 1
    assert FeedState.objects.get(table="logins").error == ""
    assert len(rows("bookings")) == 1


def test_a_changed_row_counts_later_and_a_day_no_longer_taught_has_no_length(
    world: World, hand: VirtualClock
) -> None:
    feeds.catch_up()
    session = world.session
    session.starts_at = STARTS + timedelta(days=1)
    session.save(update_fields=["starts_at"])
    hand.move(clock.now() + timedelta(hours=1))
    feeds.compare_everything()
    last = rows("slots")[-1]
    assert (last["starts_at"], last["ends_at"], last["recorded_at"]) == (STARTS, STARTS, clock.now())


def test_contact_data_are_hashed_and_the_first_ones_stay(world: World, hand: VirtualClock) -> None:
    learner = world.make_learner()
    sign_ins.record_sign_in(
        user=learner.user, method="password", assurance=Assurance.WEAK, address="192.0.2.1", device="Firefox"
    )
    feeds.catch_up()
    (first,) = rows("learners")
    user = learner.user
    earlier, user.email = user.email, "Other@Example.org"
    user.save(update_fields=["email"])
    hand.move(clock.now() + timedelta(days=2))
    assert feeds.compare_everything().rows["contact_changes"] == 1
    assert feeds.compare_everything().total == 0
    (change,) = rows("contact_changes")
    assert (change["subject_id"], change["field"]) == (str(learner.citizen.public_id), "email")
    assert change["old_hash"] == first["email_hash"] != change["new_hash"]
    user.email = earlier
    user.save(update_fields=["email"])
    assert feeds.compare_everything().rows["contact_changes"] == 1
    back = rows("contact_changes")[-1]
    assert (back["old_hash"], back["new_hash"]) == (change["new_hash"], first["email_hash"])
    assert [row["email_hash"] for row in rows("learners")] == [first["email_hash"]]
    (login,) = [row for row in rows("logins") if row["device_hash"]]
    assert login["ip_hash"] == SignIn.objects.latest("pk").ip_hash
    text = repr([rows(name) for name in TABLES]).lower()
    for plain in (earlier, "other@example.org", world.provider.iban, "192.0.2.1", "firefox"):
        assert plain.lower() not in text


def test_a_session_that_was_called_off(world: World, hand: VirtualClock) -> None:
    made = [world.accepted(world.make_learner()) for _ in range(2)]
    feeds.catch_up()
    hand.move(clock.now() + timedelta(days=1))
    bookings.cancel_session(actor=world.case_worker, session_id=world.session.pk, reason="ill")
    feeds.catch_up()
    assert [row["status"] for row in rows("sessions")] == ["planned", "cancelled"]
    assert rows("sessions")[1]["recorded_at"] == clock.now()
    assert all(events(one) == ["cancelled"] for one in made)


def test_the_number_of_statements_does_not_grow_with_the_rows(world: World, hand: VirtualClock) -> None:
    counts = []
    feeds.catch_up()
    for number in (2, 4):
        for _ in range(number):
            world.accepted(world.make_learner())
        counter = _Counter()
        with connection.execute_wrapper(counter):
            feeds.catch_up()
        counts.append(counter.number)
    assert counts[0] == counts[1]


class _Counter:
    """Counts the statements that go through a connection."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.number += 1
        return execute(sql, params, many, context)
