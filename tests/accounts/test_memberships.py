"""Teams of organisations of every kind: asked by mail, joined by one's own word, and what managers may do."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

from accounts.models import (
    Invitation,
    Membership,
    MembershipChange,
    Message,
    Organisation,
    OrganisationKind,
    Role,
    User,
)
from accounts.services import memberships
from accounts.services.delivery import send_waiting
from ila.core import clock
from ila.core.errors import DomainError
from tests.factories.accounts import MembershipFactory, OrganisationFactory, UserFactory
from tests.pages.support import prove
from tests.support.queries import assert_queries_constant

pytestmark = pytest.mark.django_db

KINDS = list(OrganisationKind)


def team_of(kind: str) -> tuple[Organisation, User]:
    """An organisation with its manager."""
    organisation = OrganisationFactory.create(kind=kind)
    return organisation, with_address(
        MembershipFactory.create(organisation=organisation, role="manager").user
    )


def with_address(user: User, *, verified: bool = True) -> User:
    """Their address, as the sign-in knows it."""
    EmailAddress.objects.create(user=user, email=user.email, verified=verified, primary=True)
    return user


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    prove(client, user)
    return client


def link_in_mail() -> str:
    """The address in the last mail."""
    found = re.search(r"/organisations/join/[\w-]+/", str(mail.outbox[-1].body))
    assert found is not None
    return found[0]


@pytest.mark.parametrize("kind", KINDS)
def test_somebody_is_asked_by_mail_and_joins_by_their_own_word(kind: str) -> None:
    organisation, manager = team_of(kind)
    new = with_address(UserFactory.create(email="new@example.org"))
    role = memberships.ROLES[kind][0]
    client = client_of(manager)
    address = f"/organisations/{organisation.public_id}/team/"
    answer = client.post(address, {"email": "New@Example.org", "role": role}, follow=True)
    assert "14 days" in answer.content.decode()
    invitation = Invitation.objects.get()
    send_waiting()
    link = link_in_mail()
    assert mail.outbox[-1].to == ["new@example.org"]
    assert link.split("/")[3] not in invitation.token_hash
    stranger = with_address(UserFactory.create())
    seen = client_of(stranger).get(link)
    assert organisation.name not in seen.content.decode(), "another address learns nothing of it"
    assert client_of(stranger).post(link).status_code == 403
    assert not Membership.objects.filter(organisation=organisation).exclude(user=manager).exists()
    joined = client_of(new)
    assert organisation.name in joined.get(link).content.decode()
    assert joined.post(link).status_code == 302
    assert Membership.objects.get(user=new, ended_at=None).role == role
    memberships.accept_invitation(actor=new, token=link.split("/")[3])
    assert Membership.objects.filter(user=new).count() == 1, "twice joins once"
    assert client_of(stranger).post(link).status_code == 410
    assert list(MembershipChange.objects.order_by("pk").values_list("step", flat=True)) == [
        "invited",
        "joined",
    ]
    assert Message.objects.filter(template="team_joined", recipient=manager).exists()


def test_an_address_that_is_not_confirmed_joins_nothing() -> None:
    organisation, manager = team_of("provider")
    unconfirmed = with_address(UserFactory.create(email="new@example.org"), verified=False)
    made = memberships.invite_member(
        actor=manager, organisation=organisation, email="new@example.org", role="staff"
    )
    with pytest.raises(DomainError, match="other_address"):
        memberships.accept_invitation(actor=unconfirmed, token=memberships.token_of(made))


def test_an_invitation_ends_by_time_by_hand_and_with_its_sender() -> None:
    organisation, manager = team_of("employer")
    second = MembershipFactory.create(organisation=organisation, role="manager").user
    new = with_address(UserFactory.create(email="new@example.org"))

    def invite(email: str = "new@example.org") -> Invitation:
        return memberships.invite_member(actor=manager, organisation=organisation, email=email, role="staff")

    first, latest = invite(), invite()
    first.refresh_from_db()
    assert first.withdrawn_at is not None, "a second one takes the place of the first"
    with clock.at(clock.now()) as hand:
        hand.move(clock.now() + memberships.VALID_FOR + timedelta(seconds=1))
        with pytest.raises(DomainError, match="link_expired"):
            memberships.accept_invitation(actor=new, token=memberships.token_of(latest))
    memberships.withdraw_invitation(actor=second, organisation=organisation, public_id=latest.public_id)
    with pytest.raises(DomainError, match="link_expired"):
        memberships.accept_invitation(actor=new, token=memberships.token_of(latest))
    third = invite()
    membership = Membership.objects.get(user=manager)
    memberships.end_membership(actor=second, organisation=organisation, membership_id=membership.pk)
    with pytest.raises(DomainError, match="link_expired"):
        memberships.accept_invitation(actor=new, token=memberships.token_of(third))
    with pytest.raises(DomainError, match="not_found"):
        memberships.accept_invitation(actor=new, token="made up")


@pytest.mark.parametrize("kind", KINDS)
def test_roles_are_those_of_the_kind_and_nobody_gives_one_to_themselves(kind: str) -> None:
    organisation, manager = team_of(kind)
    for role in Role:
        fits = role in memberships.ROLES[kind]
        if fits:
            memberships.invite_member(
                actor=manager, organisation=organisation, email=f"{role}@example.org", role=role
            )
        else:
            with pytest.raises(DomainError, match="invalid"):
                memberships.invite_member(
                    actor=manager, organisation=organisation, email="a@example.org", role=role
                )
    own = Membership.objects.get(user=manager)
    with pytest.raises(DomainError, match="not_allowed"):
        memberships.invite_member(
            actor=manager, organisation=organisation, email=manager.email, role="manager"
        )
    with pytest.raises(DomainError, match="not_allowed"):
        memberships.change_role(
            actor=manager,
            organisation=organisation,
            membership_id=own.pk,
            role=memberships.ROLES[kind][0],
        )


def test_a_role_changes_and_what_it_was_stays_known() -> None:
    organisation, manager = team_of("provider")
    member = MembershipFactory.create(organisation=organisation, role="staff")
    client = client_of(manager)
    address = f"/organisations/{organisation.public_id}/team/{member.pk}/"
    assert client.post(address, {"role": "auditor"}).status_code == 422
    client.post(address, {"role": "manager"})
    rows = list(Membership.objects.filter(user=member.user).order_by("pk").values_list("role", "ended_at"))
    assert [(role, ended is None) for role, ended in rows] == [("staff", False), ("manager", True)]
    change = MembershipChange.objects.get()
    assert (change.step, change.role_before, change.role_after) == ("changed", "staff", "manager")
    assert Message.objects.get(template="team_changed").recipient == member.user
    assert "Role changed" in client.get(f"/organisations/{organisation.public_id}/team/").content.decode()


def test_the_last_manager_stays() -> None:
    organisation, manager = team_of("provider")
    MembershipFactory.create(organisation=organisation, role="staff")
    own = Membership.objects.get(user=manager)
    client = client_of(manager)
    address = f"/organisations/{organisation.public_id}/team/{own.pk}/"
    answer = client.post(address, {"end": "1"})
    assert (answer.status_code, "keeps a manager" in answer.content.decode()) == (409, True)
    second = MembershipFactory.create(organisation=organisation, role="manager")
    assert client.post(address, {"end": "1"}).status_code == 302
    assert client.get(f"/organisations/{organisation.public_id}/team/").status_code == 404
    assert Message.objects.get(template="team_ended").recipient == manager
    with pytest.raises(DomainError, match="last_manager"):
        memberships.end_membership(actor=second.user, organisation=organisation, membership_id=second.pk)


def test_who_manages_nothing_changes_nobody() -> None:
    organisation, _manager = team_of("provider")
    staff = MembershipFactory.create(organisation=organisation, role="staff")
    other = MembershipFactory.create(organisation=organisation, role="staff")
    foreign, foreign_manager = team_of("provider")
    client = client_of(staff.user)
    address = f"/organisations/{organisation.public_id}/team/"
    page = client.get(address).content.decode()
    assert "Ask somebody to join" not in page
    assert client.post(address, {"email": "a@example.org", "role": "manager"}).status_code == 403
    assert client.get(f"{address}{other.pk}/").status_code == 404
    assert client.get(f"/organisations/{foreign.public_id}/team/").status_code == 404
    assert client_of(foreign_manager).post(f"{address}{other.pk}/", {"end": "1"}).status_code == 404
    for actor in (staff.user, foreign_manager):
        with pytest.raises(DomainError, match="not_allowed"):
            memberships.end_membership(actor=actor, organisation=organisation, membership_id=other.pk)
        with pytest.raises(DomainError, match="not_allowed"):
            memberships.change_role(
                actor=actor, organisation=organisation, membership_id=other.pk, role="manager"
            )
    assert client.post(f"{address}{staff.pk}/", {"end": "1"}).status_code == 302, "but they may leave"


def test_the_page_asks_as_much_however_large_the_team() -> None:
    organisation, manager = team_of("employer")
    client = client_of(manager)

    def grow(n: int) -> None:
        for _ in range(n):
            MembershipFactory.create(organisation=organisation, role="staff")
            memberships.invite_member(
                actor=manager,
                organisation=organisation,
                email=UserFactory.build().email,
                role="staff",
            )

    assert_queries_constant(grow, lambda: client.get(f"/organisations/{organisation.public_id}/team/"))


@pytest.mark.parametrize(("first", "second"), [("agency", "provider"), ("employer", "agency")])
def test_nobody_is_on_both_sides(first: str, second: str) -> None:
    organisation, manager = team_of(second)
    other = with_address(
        MembershipFactory.create(
            organisation=OrganisationFactory.create(kind=first), role=memberships.ROLES[first][0]
        ).user
    )
    made = memberships.invite_member(
        actor=manager, organisation=organisation, email=other.email, role=memberships.ROLES[second][0]
    )
    with pytest.raises(DomainError) as refused:
        memberships.accept_invitation(actor=other, token=memberships.token_of(made))
    assert refused.value.params["reason"] == "both_sides"
