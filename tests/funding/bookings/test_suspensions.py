"""Accreditation as a training is accepted and as it begins: suspensions, expiry, and their ends (invariant 9)."""

from datetime import date, timedelta

import pytest

from catalogue.services import accreditations, micro_credentials
from funding import audit
from funding.services import bookings
from ila.core import clock
from ila.core.errors import DomainError
from tests.support.world import MONDAY, STARTS, World

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def refused(code: str) -> pytest.RaisesExc[DomainError]:
    return pytest.raises(DomainError, match=f"^{code}")


def test_a_suspended_micro_credential_is_not_accredited_in_any_regime() -> None:
    with clock.at(MONDAY) as hand:
        world = World()
        learner = world.make_learner()
        booking = world.proposed(learner)
        micro_credentials.suspend_micro_credential(
            actor=world.case_worker, micro_credential_id=world.credential.pk, reason="complaints"
        )
        with refused("not_accredited"):
            world.proposed(world.make_learner())
        with refused("not_accredited"):
            bookings.accept(actor=learner.user, booking_id=booking.pk, sign_in=learner.sign_in)
        hand.move(MONDAY + HOUR)
        micro_credentials.resume_micro_credential(
            actor=world.case_worker, micro_credential_id=world.credential.pk
        )
        bookings.accept(actor=learner.user, booking_id=booking.pk, sign_in=learner.sign_in)


def test_no_entry_while_suspended_and_entry_once_it_is_over() -> None:
    with clock.at(MONDAY) as hand:
        world = World()
        booking = world.accepted(world.make_learner())
        accreditation = world.provider.accreditations.get()
        hand.move(STARTS - HOUR)
        accreditations.suspend_accreditation(
            actor=world.case_worker, accreditation_id=accreditation.pk, reason="audit"
        )
        hand.move(STARTS + HOUR)
        with refused("not_accredited"):
            bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
        accreditations.resume_accreditation(actor=world.case_worker, accreditation_id=accreditation.pk)
        hand.move(STARTS + 2 * HOUR)
        bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
        assert audit.run(only={9}).ok


def test_a_late_entry_counts_the_accreditation_of_the_start() -> None:
    with clock.at(MONDAY) as hand:
        world = World()
        booking = world.accepted(world.make_learner())
        accreditation = world.provider.accreditations.get()
        accreditations.change_validity(
            actor=world.case_worker,
            accreditation_id=accreditation.pk,
            valid_from=date(2025, 1, 1),
            valid_until=STARTS.date(),
            reason="ends on the day of the start",
        )
        hand.move(STARTS + timedelta(days=1))
        bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
        assert audit.run(only={9}).ok


def test_no_entry_where_the_accreditation_ended_before_the_start() -> None:
    with clock.at(MONDAY) as hand:
        world = World()
        booking = world.accepted(world.make_learner())
        accreditation = world.provider.accreditations.get()
        accreditations.change_validity(
            actor=world.case_worker,
            accreditation_id=accreditation.pk,
            valid_from=date(2025, 1, 1),
            valid_until=STARTS.date() - timedelta(days=1),
            reason="ends the day before",
        )
        hand.move(STARTS + HOUR)
        with refused("not_accredited"):
            bookings.declare_entry(actor=world.provider_user, booking_id=booking.pk)
