"""Users, services, citizens, organisations: what the database holds true of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.db import transaction
from django.db.models import ProtectedError
from django.db.utils import IntegrityError

from accounts.models import Citizen, Membership, User
from accounts.services import service_users
from ila.core import clock
from tests.factories.accounts import CitizenFactory, MembershipFactory, OrganisationFactory, UserFactory
from tests.support.world import MONDAY

pytestmark = pytest.mark.django_db


def refused(constraint: str) -> Any:
    return pytest.raises(IntegrityError, match=constraint)


def test_an_address_belongs_to_one_person_in_whatever_case() -> None:
    UserFactory.create(email="Ada@example.org")
    with refused("user_email_once_in_any_case"), transaction.atomic():
        UserFactory.create(email="aDA@example.org")


def test_a_person_signs_in_with_a_password_and_not_without() -> None:
    User.objects.create_user("ada@example.org", "correct horse battery staple")
    assert authenticate(email="ada@example.org", password="correct horse battery staple") is not None
    assert authenticate(email="ada@example.org", password="wrong") is None
    silent = User.objects.create_user("bob@example.org")
    assert not silent.has_usable_password()
    superuser = User.objects.create_superuser("root@example.org", "correct horse battery staple")
    assert (superuser.is_staff, superuser.is_superuser) == (True, True)


def test_a_user_s_name_gives_no_address_away() -> None:
    assert "@" not in str(User(pk=7, email="ada@example.org"))
    assert str(User(pk=7, email="ada@example.org", display_name="Ada")) == "Ada"


def test_the_services_are_there_and_privileged_in_nothing() -> None:
    for name in service_users.NAMES:
        service = service_users.get(name)
        assert (service.is_service, service.is_active) == (True, True)
        assert (service.is_staff, service.is_superuser) == (False, False)
        assert not service.has_usable_password()
        assert authenticate(email=service.email, password="!") is None
        assert not Membership.objects.filter(user=service).exists()
    with pytest.raises(ValueError, match="no service user is called 'ghost'"):
        service_users.get("ghost")


@pytest.mark.parametrize("privilege", ["is_staff", "is_superuser"])
def test_a_service_is_given_no_privilege(privilege: str) -> None:
    with refused("user_service_has_no_privilege"), transaction.atomic():
        User.objects.filter(pk=service_users.get("clock").pk).update(**{privilege: True})


def test_preparing_twice_makes_no_second_service() -> None:
    before = User.objects.filter(is_service=True).count()
    service_users.ensure()
    assert User.objects.filter(is_service=True).count() == before == len(service_users.NAMES)


def test_who_has_acted_is_never_deleted() -> None:
    user = CitizenFactory.create().user
    assert user is not None
    with pytest.raises(ProtectedError):
        user.delete()


def test_public_ids_cannot_be_guessed() -> None:
    first, second = CitizenFactory.create(), CitizenFactory.create()
    assert first.public_id.version == 4
    assert first.public_id != second.public_id
    assert str(first) == f"citizen {first.public_id}"


@pytest.mark.parametrize(
    ("facts", "constraint"),
    [
        ({"hours_ratio": Decimal("-0.1")}, "citizen_hours_ratio_not_negative"),
        ({"work_incapacity_percent": 101}, "citizen_incapacity_at_most_100"),
    ],
)
def test_facts_that_are_none(facts: dict[str, Any], constraint: str) -> None:
    with refused(constraint), transaction.atomic():
        CitizenFactory.create(**facts)
    assert not Citizen.objects.exists()


def test_a_role_is_held_once_at_a_time_and_again_later() -> None:
    membership = MembershipFactory.create()
    again = {"user": membership.user, "organisation": membership.organisation, "role": membership.role}
    with refused("membership_role_once_at_a_time"), transaction.atomic():
        Membership.objects.create(**again)
    with clock.at(MONDAY):
        membership.ended_at = clock.now()
        membership.save()
        assert Membership.objects.create(**again).created_at == MONDAY


def test_an_organisation_with_members_stays() -> None:
    organisation = OrganisationFactory.create(employer=True)
    MembershipFactory.create(organisation=organisation)
    with pytest.raises(ProtectedError):
        organisation.delete()
