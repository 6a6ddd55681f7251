"""Who may do what with a booking: every transition against everybody, from a table written here."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from accounts.models import Role
from accounts.services import service_users
from funding import permissions
from funding.models import Booking
from ila.core import clock, fsm
from tests.factories.accounts import MembershipFactory, OrganisationFactory, UserFactory, officer
from tests.support.machines import Rows
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db

LEARNER, PROVIDER, FUNDER, CLOCK, JUDGE = "learner", "provider", "funder", "clock", "judge"
WHO = {
    "propose": PROVIDER,
    "accept": LEARNER,
    "apply": LEARNER,
    "grant": LEARNER,
    "refuse_by_provider": PROVIDER,
    "refuse_by_learner": LEARNER,
    "lapse": CLOCK,
    "withdraw": LEARNER,
    "cancel_by_learner": LEARNER,
    "cancel_by_provider": PROVIDER,
    "cancel_by_funder": FUNDER,
    "declare_no_show": PROVIDER,
    "enter": PROVIDER,
    "leave": PROVIDER,
    "declare_service": PROVIDER,
    "validate_service": FUNDER,
    "settle": FUNDER,
    "dispute": LEARNER,
    "reject_dispute": JUDGE,
    "uphold_dispute": JUDGE,
    "reinstate": JUDGE,
}
# Who they are → what they may do.
ACTORS: dict[str, set[str]] = {
    "the booking's learner": {LEARNER},
    "another learner": set(),
    "the provider's manager": {PROVIDER},
    "the provider's staff": {PROVIDER},
    "a former member of the provider": set(),
    "a locked-out member of the provider": set(),
    "another provider's manager": set(),
    "an employer's manager": set(),
    "a case worker": {FUNDER, JUDGE},
    "a manager of the agency": {FUNDER, JUDGE},
    "a former case worker": set(),
    "a locked-out case worker": set(),
    "a payment officer": set(),
    "an auditor": set(),
    "an investigator": set(),
    "staff of the agency": set(),
    "an administrator of the site": set(),
    "nobody": set(),
    **{f"the service {name}": {FUNDER, CLOCK} for name in service_users.NAMES},
}


def everybody(rows: Rows) -> dict[str, Any]:
    world = rows.world
    organisation = world.provider.organisation
    former = MembershipFactory.create(organisation=organisation, role=Role.STAFF, ended_at=MONDAY).user
    locked_out = MembershipFactory.create(organisation=organisation, user__is_active=False).user
    employer = OrganisationFactory.create(employer=True)
    actors = {
        "the booking's learner": rows.learner.user,
        "another learner": world.make_learner().user,
        "the provider's manager": world.provider_user,
        "the provider's staff": MembershipFactory.create(organisation=organisation, role=Role.STAFF).user,
        "a former member of the provider": former,
        "a locked-out member of the provider": locked_out,
        "another provider's manager": world.user_of(world.make_provider()),
        "an employer's manager": MembershipFactory.create(organisation=employer, role=Role.MANAGER).user,
        "a case worker": world.case_worker,
        "a manager of the agency": officer(Role.MANAGER),
        "a former case worker": MembershipFactory.create(case_worker=True, ended_at=MONDAY).user,
        "a locked-out case worker": MembershipFactory.create(case_worker=True, user__is_active=False).user,
        "a payment officer": world.payer,
        "an auditor": officer(Role.AUDITOR),
        "an investigator": officer(Role.INVESTIGATOR),
        "staff of the agency": officer(Role.STAFF),
        "an administrator of the site": UserFactory.create(is_staff=True, is_superuser=True),
    }
    return actors | {f"the service {name}": service_users.get(name) for name in service_users.NAMES}


def test_the_table_names_every_transition() -> None:
    assert WHO.keys() == fsm.transitions_of(Booking).keys()


def test_every_transition_against_everybody() -> None:
    with clock.at(MONDAY):
        rows = Rows()
        actors = everybody(rows)
        assert set(actors) == set(ACTORS) - {"nobody"}
        wrong = []
        for transition, who in WHO.items():
            moves = fsm.transitions_of(Booking)[transition]._django_fsm.transitions
            for source, move in moves.items():
                booking = rows.make[Booking](source)
                for name, actor in actors.items():
                    if move.has_perm(booking, actor) != (who in ACTORS[name]):
                        wrong.append(f"{transition} from {source} by {name}")
        assert wrong == []


def test_who_has_not_signed_in_may_do_nothing() -> None:
    nobody = AnonymousUser()
    with clock.at(MONDAY):
        booking = Rows().make[Booking]("accepted")
    assert not permissions.is_learner(booking, nobody)
    assert not permissions.acts_for_provider(booking, nobody)
    assert not permissions.acts_for_funder(booking, nobody)


def test_a_learner_who_may_no_longer_sign_in() -> None:
    with clock.at(MONDAY):
        rows = Rows()
        booking = rows.make[Booking]("accepted")
        user = rows.learner.user
        user.is_active = False
        assert not permissions.is_learner(booking, user)


def test_a_provider_without_an_organisation_has_no_members() -> None:
    with clock.at(MONDAY):
        rows = Rows()
        rows.world.provider.organisation = None
        rows.world.provider.save()
        booking: Any = rows.make[Booking]("requested")
        assert not permissions.acts_for_provider(booking, rows.world.case_worker)
        assert not permissions.acts_for_provider(booking, rows.learner.user)
