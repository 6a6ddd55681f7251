"""A suspension waits for the acceptances under way: whoever was bound was bound before it (invariant 9)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction

from catalogue.services import accreditations, micro_credentials
from funding import audit
from funding.services import bookings
from ila.core import clock
from tests.support.world import World

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]


@pytest.fixture
def world(committed_db: None) -> World:
    return World()


def suspend_provider(world: World) -> None:
    accreditations.suspend_accreditation(
        actor=world.case_worker, accreditation_id=world.provider.accreditations.get().pk, reason="complaints"
    )


def suspend_credential(world: World) -> None:
    micro_credentials.suspend_micro_credential(
        actor=world.case_worker, micro_credential_id=world.credential.pk, reason="complaints"
    )


@pytest.mark.parametrize("suspend", [suspend_provider, suspend_credential])
def test_a_suspension_waits_for_an_acceptance(world: World, suspend: Callable[[World], None]) -> None:
    later = clock.now() + timedelta(days=300)
    session = world.make_session(starts_at=later, ends_at=later)
    learner = world.make_learner()
    booking = world.proposed(learner, session)
    suspended_at = []

    def act() -> None:
        try:
            suspend(world)
            suspended_at.append(clock.now())
        finally:
            connection.close()

    thread = threading.Thread(target=act)
    with transaction.atomic():
        bookings.accept(actor=learner.user, booking_id=booking.pk, sign_in=learner.sign_in)
        thread.start()
        thread.join(timeout=0.5)
        assert thread.is_alive()
    thread.join(timeout=20)
    assert suspended_at
    accepted = bookings.read_booking(booking.pk)
    assert accepted.accepted_at is not None
    assert accepted.accepted_at < suspended_at[0]
    assert audit.run(only={9}).ok
