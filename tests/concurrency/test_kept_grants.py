"""Grants kept while learners pay: one budget, seat and count, whoever comes, pays and lapses at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import psycopg
import pytest

from funding.cards.config import open_cards
from funding.models import Application, Budget, GrantCount, JournalEntry, Reservation
from funding.services import card_events, card_payments
from funding.services.bookings.context import read_booking
from ila.core.errors import DomainError
from tests.funding.cards.conftest import fake, stripe_process  # noqa: F401 - fixtures
from tests.funding.top_ups.support import check_books
from tests.funding.windows.keeping import GRANT, Counter
from tests.funding.windows.stap import apply, make_learner
from tests.support.fake_stripe.process import FakeStripe
from tests.support.parallel import codes, meeting, meeting_before_moves, together, unlocked

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]
MANY = 4


def everybody(counter: Counter) -> list[Any]:
    return together(*[partial(counter.start, make_learner(counter.world)) for _ in range(MANY)])


def test_control_look_first_and_keep_then(
    committed_db: None,
    fake: FakeStripe,  # noqa: F811 - a fixture
    owner_connection: psycopg.Connection,
) -> None:
    """Without the conditional update, and without the constraint behind it, the last grant is kept many times."""
    owner_connection.execute("ALTER TABLE funding_budget DROP CONSTRAINT budget_not_negative")
    window = Counter(fake, grants=1).window

    def look_and_keep() -> None:
        if Budget.objects.get(pk=window.budget_id).available_cents < GRANT:
            raise DomainError("budget_exhausted")
        meet()
        owner_connection.execute(
            "UPDATE funding_budget SET available_cents = available_cents - %s WHERE id = %s",
            [GRANT, window.budget_id],
        )

    with meeting(MANY) as meet:
        assert codes(together(*[look_and_keep] * MANY)) == ["ok"] * MANY
    assert Budget.objects.get(pk=window.budget_id).available_cents == GRANT * (1 - MANY)


@pytest.mark.parametrize("scarce", ["budget", "parts", "seat", "count"])
def test_the_last_one_is_kept_for_one(fake: FakeStripe, scarce: str) -> None:  # noqa: F811 - a fixture
    counter = Counter(
        fake,
        grants=1 if scarce in ("budget", "parts") else 2 * MANY,
        slices=MANY if scarce == "parts" else 1,
        seats=1 if scarce == "seat" else None,
    )
    if scarce == "count":
        credential = counter.world.session.micro_credential
        GrantCount.objects.create(scheme=counter.world.scheme, credential=credential, year=2026, granted=299)
    refusal = {"seat": "session_full", "count": "grant_ceiling"}.get(scarce, "budget_exhausted")
    outcomes = everybody(counter)
    assert codes(outcomes) == sorted([*[refusal] * (MANY - 1), "ok"])
    if scarce != "count":
        check_books()
    (payment,) = [each for each in outcomes if not isinstance(each, BaseException)]
    before = counter.taken()
    # It comes back once, whoever gives it back at the same moment, and is there for exactly one of the others.
    acts = [partial(card_payments.close_unpaid, payment_id=payment.pk, finding="gone")] * 2
    assert codes(together(*acts)) == ["ok", "ok"]
    assert counter.taken() == (before[0] - 1, before[1] - 1, before[2] + GRANT)
    assert codes(everybody(counter)) == sorted([*[refusal] * (MANY - 1), "ok"])


def test_one_learner_with_two_devices_keeps_one(fake: FakeStripe) -> None:  # noqa: F811 - a fixture
    counter = Counter(fake)
    other = counter.world.make_session(price_cents=GRANT + 1)
    outcomes = together(*[counter.start] * 2, partial(counter.start, session_id=other.pk))
    kept = {each.pk for each in outcomes if not isinstance(each, BaseException)}
    assert len(kept) == Reservation.objects.filter(ended_at__isnull=True).count() == 1
    check_books()


def paid(counter: Counter) -> tuple[Any, Any]:
    """A payment that was made and not told of, and what was seen of it before: that it is over."""
    payment = counter.keep()
    assert payment.session_id is not None
    seen = replace(open_cards().read_payment(payment.session_id), session_status="expired")
    counter.pay(payment)
    return payment, seen


def test_control_without_the_lock_money_and_lapse_both_move(fake: FakeStripe) -> None:  # noqa: F811 - a fixture
    """Both read a payment that waits: the one grants what the other gives back."""
    counter = Counter(fake)
    payment, seen = paid(counter)
    with unlocked(), meeting_before_moves():
        outcomes = together(
            partial(card_payments.refresh, payment_id=payment.pk),
            partial(card_payments.apply_seen, payment_id=payment.pk, seen=seen),
        )
    assert codes(outcomes) != ["ok", "ok"]


def test_the_money_and_the_lapse_at_once_end_one_way(fake: FakeStripe) -> None:  # noqa: F811 - a fixture
    counter = Counter(fake, grants=1)
    payment, seen = paid(counter)
    with meeting_before_moves():
        outcomes = together(
            partial(card_payments.refresh, payment_id=payment.pk),
            partial(card_payments.apply_seen, payment_id=payment.pk, seen=seen),
        )
    assert codes(outcomes) == ["ok", "ok"]
    card_events.sweep()
    payment.refresh_from_db()
    state = read_booking(payment.booking_id).state
    if state == "accepted":
        assert (payment.refunded_cents, counter.taken()) == (0, (1, 1, 0))
    else:
        assert (state, payment.refunded_cents) == ("lapsed", payment.amount_cents)
        assert counter.taken() == (0, 0, GRANT)
    check_books()


def test_two_sweeps_grant_once_while_others_apply(fake: FakeStripe) -> None:  # noqa: F811 - a fixture
    counter = Counter(fake, grants=2)
    payment = counter.keep()
    counter.pay(payment)
    cheap = counter.world.make_session(price_cents=GRANT)
    learners = [make_learner(counter.world) for _ in range(2)]
    acts: list[Callable[[], Any]] = [partial(card_payments.refresh, payment_id=payment.pk)] * 2
    acts += [partial(apply, counter.world, counter.window, each, session_id=cheap.pk) for each in learners]
    assert codes(together(*acts)) == ["budget_exhausted", "ok", "ok", "ok"]
    assert Application.objects.count() == 2
    assert JournalEntry.objects.filter(kind="hold_booking").count() == 2
    check_books()
