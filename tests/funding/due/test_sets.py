"""What is due is found by index and executed in sets; what one booking does, many do alike."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from django.db import transaction

from accounts.models import Message
from funding.models import Booking, BookingReview, JournalEntry
from funding.services import bookings, due, holds
from funding.services.bookings import in_bulk
from funding.services.due import terms as due_terms
from ila.core import clock
from ila.core.clock import VirtualClock
from ila.core.errors import DomainError
from tests.funding.bookings.course import LONG_ENDS, advance_paid, taught
from tests.support.queries import captured_queries
from tests.support.world import ENDS, MONDAY, STARTS, World


def declared(world: World, hand: VirtualClock, *, number: int, percent: int = 60) -> list[Booking]:
    """So many bookings whose service was declared at the session's end."""
    accepted = [world.accepted(world.make_learner()) for _ in range(number)]
    hand.move(max(clock.now(), STARTS))
    for booking in accepted:
        bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
    hand.move(max(clock.now(), ENDS))
    return [taught(world, booking, percent=percent) for booking in accepted]


def move_to_due(hand: VirtualClock) -> None:
    at = due.next_due_at(after=clock.now())
    assert at is not None
    hand.move(at)


def test_a_set_does_what_single_bookings_do(world: World, hand: VirtualClock) -> None:
    """One validated by a person, three by the clock: the same money goes the same way, to the cent."""
    one, *others = declared(world, hand, number=4, percent=33)
    bookings.validate_service(actor=world.case_worker, booking_id=one.pk)
    move_to_due(hand)
    assert due.run_due() == due.DueResult(validated=3)
    seen = []
    for booking in Booking.objects.filter(pk__in=[one.pk, *(each.pk for each in others)]):
        shares = booking.allocations.order_by("position")
        lot = booking.account.lots.get()
        seen.append(
            (
                booking.state,
                booking.realised_percent,
                booking.next_due,
                [(each.source, each.amount_cents, each.returned_cents, each.paid_cents) for each in shares],
                (lot.available_cents, lot.held_cents, lot.spent_cents),
                [row.transition for row in booking.log.order_by("pk")],
            )
        )
    assert seen == [seen[0]] * 4
    assert seen[0][:2] == ("service_validated", 33)
    entries = JournalEntry.objects.filter(kind="partial_service_booking")
    assert sorted(entries.values_list("idempotency_key", flat=True)) == sorted(
        f"booking:{pk}:partial_service" for pk in (one.pk, *(each.pk for each in others))
    )


def test_the_log_says_since_when_it_was_due(world: World, hand: VirtualClock) -> None:
    booking = world.proposed(world.make_learner())
    assert booking.next_due_at is not None
    hand.move(booking.next_due_at + timedelta(days=3))
    assert due.run_due().lapsed == 1
    row = booking.log.get(transition="lapse")
    assert row.data == {"due_at": booking.next_due_at.isoformat()}
    assert row.at == booking.next_due_at + timedelta(days=3)


@pytest.mark.parametrize("kind", ["lapse", "validate"])
def test_a_chunk_takes_as_many_statements_whatever_its_size(
    world: World, hand: VirtualClock, kind: str
) -> None:
    counts = []
    for number in (1, 3, 6):
        if kind == "lapse":
            session = world.make_session(starts_at=clock.now() + timedelta(60), ends_at=None)
            for _ in range(number):
                world.proposed(world.make_learner(), session)
        else:
            session = world.make_session(
                starts_at=clock.now() + timedelta(60), ends_at=clock.now() + timedelta(65)
            )
            accepted = [world.accepted(world.make_learner(), session) for _ in range(number)]
            hand.move(clock.now() + timedelta(60))
            for booking in accepted:
                bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
                taught(world, booking, percent=50)
        move_to_due(hand)
        with captured_queries() as captured:
            result = due.run_due()
        assert (result.lapsed, result.validated)[kind == "validate"] == number
        counts.append(len(captured))
    # The first run of all also writes the marks; from then on nothing grows.
    assert counts[1] == counts[2], counts


def test_several_chunks_make_one_run(world: World, hand: VirtualClock) -> None:
    for _ in range(5):
        world.proposed(world.make_learner())
    move_to_due(hand)
    with patch.object(due_terms, "CHUNK", 2):
        assert due.run_due() == due.DueResult(lapsed=5)


COPIED_ANEW = {"id", "public_id", "state", "consent_id", "next_due_at"}


def test_a_thousandth_that_is_due_is_found_by_the_index(
    committed_db: None, owner_connection: psycopg.Connection
) -> None:
    """20,000 open terms, 20 of them due: the plan reads the index up to now, and none of the rest."""
    with clock.at(MONDAY):
        world = World()
        booking = world.proposed(world.make_learner())
    names = ", ".join(
        str(field.column) for field in Booking._meta.concrete_fields if field.column not in COPIED_ANEW
    )
    # Rows that stand for open bookings: only their terms matter to the plan.
    owner_connection.execute(
        f"INSERT INTO funding_booking ({names}, public_id, state, consent_id, next_due_at)"
        f" SELECT {names}, gen_random_uuid(), 'lapsed', NULL,"
        " now() + (CASE WHEN n %% 1000 = 0 THEN -n ELSE n END) * interval '1 minute'"
        " FROM funding_booking CROSS JOIN generate_series(1, 20000) AS n WHERE id = %s",
        [booking.pk],
    )
    owner_connection.execute("ANALYZE funding_booking")
    ready = due.overdue().exclude(due.stopped()).order_by("next_due_at")
    with transaction.atomic():
        locked = ready.select_for_update(of=("self",), no_key=True, skip_locked=True)
        plan = locked[: due.CHUNK].explain(analyze=True)
    assert "booking_due" in plan, plan
    assert "Seq Scan on funding_booking" not in plan, plan
    rows_read = re.search(r"booking_due.*?actual time=\S+ rows=(\d+)", plan)
    assert rows_read is not None, plan
    assert int(rows_read[1]) <= 21, plan


def test_one_that_cannot_be_executed_stops_nobody_else(world: World, hand: VirtualClock) -> None:
    good, bad, other = (world.proposed(world.make_learner()) for _ in range(3))
    move_to_due(hand)
    lapse = in_bulk.lapse

    def refuse_one(members: list[Booking], **given: object) -> None:
        if bad.pk in [each.pk for each in members]:
            raise DomainError("not_allowed")
        lapse(members, **given)  # type: ignore[arg-type]

    with patch.object(in_bulk, "lapse", refuse_one):
        assert due.run_due() == due.DueResult(lapsed=2, failed=1)
    assert {each.state for each in Booking.objects.filter(pk__in=[good.pk, other.pk])} == {"lapsed"}
    review = BookingReview.objects.get()
    assert (review.booking_id, review.reason, review.detail) == (
        bad.pk,
        "deadline_failed",
        {"error": "not_allowed"},
    )
    # Mended, it is executed by the next run.
    assert due.run_due() == due.DueResult(lapsed=1)


def test_what_is_under_control_waits_and_does_not_hide_the_rest(world: World, hand: VirtualClock) -> None:
    first, *_ = declared(world, hand, number=3)
    holds.place_hold(
        owner=world.case_worker, reason="complaint", until=clock.now() + timedelta(days=30), booking=first
    )
    move_to_due(hand)
    with patch.object(due_terms, "CHUNK", 1):
        assert due.run_due() == due.DueResult(validated=2, held=1)
        assert due.run_due() == due.DueResult(held=1)


@pytest.mark.parametrize("scope", ["session", "provider", "iban"])
def test_a_hold_of_any_scope_stops_what_is_due(world: World, hand: VirtualClock, scope: str) -> None:
    declared(world, hand, number=1)
    scopes: dict[str, Any] = {
        "session": world.session,
        "provider": world.provider,
        "iban": world.provider.iban,
    }
    holds.place_hold(
        owner=world.case_worker,
        reason="complaint",
        until=clock.now() + timedelta(30),
        **{scope: scopes[scope]},
    )
    move_to_due(hand)
    assert due.run_due() == due.DueResult(held=1)


def test_an_advance_that_paid_all_settles_in_the_set(world: World, hand: VirtualClock) -> None:
    """25 % were paid in advance and 20 % were done: the rest comes back, the provider owes, it is settled."""
    booking = advance_paid(world, world.make_learner(), hand)
    hand.move(LONG_ENDS)
    taught(world, booking, percent=20)
    move_to_due(hand)
    assert due.run_due() == due.DueResult(validated=1)
    booking = bookings.read_booking(booking.pk)
    assert (booking.state, booking.next_due) == ("settled", "")
    assert booking.receivables.get().amount_cents == booking.price_cents * 5 // 100


def test_learners_are_told_once_each(world: World, hand: VirtualClock) -> None:
    learners = [world.make_learner() for _ in range(3)]
    for learner in learners:
        world.proposed(learner)
    move_to_due(hand)
    due.run_due()
    due.run_due()
    told = Message.objects.filter(template="booking_lapsed").values_list("recipient", flat=True)
    assert sorted(told) == sorted(learner.user.pk for learner in learners)
