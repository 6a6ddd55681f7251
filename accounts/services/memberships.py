"""Who acts for an organisation: people asked by e-mail, who join by their own word, with roles that managers give.

The same for providers, employers and agencies. Every change is written down and mailed to whom it concerns.
"""

from __future__ import annotations

import hashlib
import uuid
from base64 import urlsafe_b64encode
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from accounts.models import (
    Invitation,
    Membership,
    MembershipChange,
    MembershipStep,
    Message,
    Organisation,
    OrganisationKind,
    Role,
    User,
)
from accounts.services import messages
from ila.core import clock, locks
from ila.core.errors import DomainError

VALID_FOR = timedelta(days=14)
MAX_OPEN = 50

# Which roles an organisation of a kind has: those of agencies are given by an agency's manager alone.
ROLES: dict[str, tuple[Role, ...]] = {
    OrganisationKind.PROVIDER: (Role.STAFF, Role.MANAGER),
    OrganisationKind.EMPLOYER: (Role.STAFF, Role.MANAGER),
    OrganisationKind.COUNSELLING: (Role.STAFF, Role.MANAGER),
    OrganisationKind.AGENCY: (
        Role.CASE_WORKER,
        Role.PAYMENT_OFFICER,
        Role.AUDITOR,
        Role.INVESTIGATOR,
        Role.MANAGER,
    ),
}


def manages(organisation: Organisation, actor: User) -> bool:
    """Whether a person manages the organisation today; no service does."""
    if not actor.is_active or actor.is_service:
        return False
    return standing(organisation).filter(user=actor, role=Role.MANAGER).exists()


def standing(organisation: Organisation) -> QuerySet[Membership]:
    """The memberships of today, in the order in which people came."""
    return (
        Membership.objects.filter(organisation=organisation, ended_at__isnull=True)
        .select_related("user")
        .order_by("created_at", "pk")
    )


@transaction.atomic
def invite_member(*, actor: User, organisation: Organisation, email: str, role: str) -> Invitation:
    """Ask somebody by e-mail to act for the organisation; nothing tells whether they sign in here already.

    An open invitation to the same address is withdrawn. The link is in the mail alone: here is only its hash.
    Locks: the organisation. Logs: `invited`. Raises: DomainError `not_allowed` (403) for who does not manage it or
    asks themselves, `invalid` for a role that it does not have, `too_many`.
    """
    organisation = _managed(organisation, actor)
    _check_role(organisation, role)
    address = email.strip().lower()
    if address == actor.email.lower() or _own_address(actor, address):
        raise DomainError("not_allowed", status=403, reason="own_role")
    open_ones = Invitation.objects.filter(
        organisation=organisation, accepted_at__isnull=True, withdrawn_at__isnull=True
    )
    open_ones.filter(email=address).update(withdrawn_at=clock.now())
    if open_ones.filter(expires_at__gt=clock.now()).count() >= MAX_OPEN:
        raise DomainError("too_many", limit=MAX_OPEN)
    invitation = Invitation(
        organisation=organisation,
        email=address,
        role=role,
        invited_by=actor,
        invited_at=clock.now(),
        expires_at=clock.now() + VALID_FOR,
    )
    invitation.token_hash = hash_of(token_of(invitation))
    invitation.save(force_insert=True)
    _log(organisation, MembershipStep.INVITED, actor=actor, email=address, after=role)
    # The recipient is who asked: whoever has the address may have no sign-in yet.
    messages.queue(
        recipient=actor,
        template="team_invited",
        address=address,
        organisation=organisation.name,
        invitation=str(invitation.public_id),
        until=invitation.expires_at.date().isoformat(),
    )
    return invitation


def token_of(invitation: Invitation) -> str:
    """The secret of an invitation's link (256 bits): made anew from the server's key whenever its mail is written."""
    what = f"{invitation.public_id}:{invitation.invited_at.isoformat()}"
    digest = salted_hmac("ila.invitation", what, secret=settings.SECRET_KEY, algorithm="sha256").digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def hash_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def link_for(message: Message) -> str:
    """The token for a mail that carries an invitation; empty for any other mail."""
    wanted = message.context.get("invitation", "")
    if message.template != "team_invited" or not wanted:
        return ""
    return token_of(Invitation.objects.get(public_id=wanted))


def find_invitation(token: str) -> Invitation | None:
    """The invitation that a token opens, used or not, over or not; None for any other token."""
    found = Invitation.objects.select_related("organisation", "invited_by")
    return found.filter(token_hash=hash_of(token)).first()


def may_accept(invitation: Invitation, user: User) -> bool:
    """Whether the person has shown that the address of the invitation is theirs."""
    return not user.is_service and user.is_active and _own_address(user, invitation.email)


@transaction.atomic
def accept_invitation(*, actor: User, token: str) -> Membership:
    """The person asked joins, signed in with that verified address. Doing it twice joins once.

    Locks: the organisation. Logs: `joined`. Raises: DomainError `not_found` (404), `link_expired` (410) for one that
    is over, withdrawn or used by another, or whose sender no longer manages; `other_address` (403); `not_allowed`
    (403) for who works for an agency already and is asked by whom agencies decide about, or the other way round.
    """
    seen = find_invitation(token)
    if seen is None:
        raise DomainError("not_found", status=404, kind="invitation")
    (organisation,) = locks.acquire(locks.lock(Organisation, seen.organisation_id))
    invitation = Invitation.objects.select_related("invited_by").get(pk=seen.pk)
    if invitation.accepted_by_id == actor.pk:
        joined = standing(organisation).filter(user=actor, role=invitation.role).first()
        if joined is not None:
            return joined
    if not is_open(invitation) or not manages(organisation, invitation.invited_by):
        raise DomainError("link_expired", status=410)
    if not may_accept(invitation, actor):
        raise DomainError("other_address", status=403)
    if _on_the_other_side(organisation, actor):
        raise DomainError("not_allowed", status=403, reason="both_sides")
    before = standing(organisation).filter(user=actor, role=invitation.role).first()
    membership = before or Membership.objects.create(
        user=actor, organisation=organisation, role=invitation.role, created_at=clock.now()
    )
    invitation.accepted_at, invitation.accepted_by = clock.now(), actor
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    _log(organisation, MembershipStep.JOINED, actor=actor, user=actor, after=invitation.role)
    _tell_managers(organisation, "team_joined", name=str(actor), role=invitation.role)
    return membership


@transaction.atomic
def withdraw_invitation(*, actor: User, organisation: Organisation, public_id: uuid.UUID) -> Invitation:
    """A manager takes an invitation back. Logs: `withdrawn`.

    Locks: the organisation. Raises: DomainError `not_allowed` (403), `not_found` (404) for one that is not open.
    """
    organisation = _managed(organisation, actor)
    invitation = Invitation.objects.filter(organisation=organisation, public_id=public_id).first()
    if invitation is None or invitation.accepted_at is not None or invitation.withdrawn_at is not None:
        raise DomainError("not_found", status=404, kind="invitation")
    invitation.withdrawn_at = clock.now()
    invitation.save(update_fields=["withdrawn_at"])
    _log(organisation, MembershipStep.WITHDRAWN, actor=actor, email=invitation.email, before=invitation.role)
    return invitation


@transaction.atomic
def change_role(*, actor: User, organisation: Organisation, membership_id: int, role: str) -> Membership:
    """A manager gives a member another role; never themselves. The member is told.

    The old membership ends and a new one begins, so that what somebody could do on a day stays known.
    Locks: the organisation. Logs: `changed`. Raises: DomainError `not_allowed` (403), `invalid`, `not_found` (404),
    `last_manager`.
    """
    organisation = _managed(organisation, actor)
    _check_role(organisation, role)
    membership = _member(organisation, membership_id)
    if membership.user_id == actor.pk:
        raise DomainError("not_allowed", status=403, reason="own_role")
    if membership.role == role:
        return membership
    _end(organisation, membership)
    made, _ = Membership.objects.get_or_create(
        user=membership.user,
        organisation=organisation,
        role=role,
        ended_at=None,
        defaults={"created_at": clock.now()},
    )
    _log(
        organisation,
        MembershipStep.CHANGED,
        actor=actor,
        user=membership.user,
        before=membership.role,
        after=role,
    )
    messages.queue(
        recipient=membership.user, template="team_changed", organisation=organisation.name, role=role
    )
    return made


@transaction.atomic
def end_membership(*, actor: User, organisation: Organisation, membership_id: int) -> Membership:
    """Somebody no longer acts for the organisation: a manager says so, or they leave themselves. They are told.

    Locks: the organisation. Logs: `ended`. Raises: DomainError `not_found` (404), `not_allowed` (403),
    `last_manager`: an organisation keeps one.
    """
    (organisation,) = locks.acquire(locks.lock(Organisation, organisation.pk))
    membership = _member(organisation, membership_id)
    if membership.user_id != actor.pk and not manages(organisation, actor):
        raise DomainError("not_allowed", status=403)
    _end(organisation, membership)
    _log(organisation, MembershipStep.ENDED, actor=actor, user=membership.user, before=membership.role)
    messages.queue(recipient=membership.user, template="team_ended", organisation=organisation.name)
    return membership


def is_open(invitation: Invitation) -> bool:
    """Whether an invitation waits for its answer."""
    answered = invitation.accepted_at is not None or invitation.withdrawn_at is not None
    return not answered and clock.now() < invitation.expires_at


def _managed(organisation: Organisation, actor: User) -> Organisation:
    """The organisation, locked. Raises: DomainError `not_allowed` (403) for who does not manage it."""
    locked: Organisation
    (locked,) = locks.acquire(locks.lock(Organisation, organisation.pk))
    if not manages(locked, actor):
        raise DomainError("not_allowed", status=403)
    return locked


def _check_role(organisation: Organisation, role: str) -> None:
    if role not in ROLES[organisation.kind]:
        raise DomainError("invalid", status=422, role=role)


def _member(organisation: Organisation, membership_id: int) -> Membership:
    membership = standing(organisation).filter(pk=membership_id).first()
    if membership is None:
        raise DomainError("not_found", status=404, kind="membership")
    return membership


def _end(organisation: Organisation, membership: Membership) -> None:
    managers = standing(organisation).filter(role=Role.MANAGER)
    if membership.role == Role.MANAGER and not managers.exclude(user=membership.user_id).exists():
        raise DomainError("last_manager")
    membership.ended_at = clock.now()
    membership.save(update_fields=["ended_at"])


def _on_the_other_side(organisation: Organisation, user: User) -> bool:
    """Whether the person works for an agency already, and this is none, or the other way round."""
    held = Membership.objects.filter(user=user, ended_at__isnull=True)
    agency = OrganisationKind.AGENCY
    if organisation.kind == agency:
        return held.exclude(organisation__kind=agency).exists()
    return held.filter(organisation__kind=agency).exists()


def _own_address(user: User, address: str) -> bool:
    return bool(EmailAddress.objects.filter(user=user, email__iexact=address, verified=True).exists())


def _log(
    organisation: Organisation,
    step: MembershipStep,
    *,
    actor: User,
    user: User | None = None,
    email: str = "",
    before: str = "",
    after: str = "",
) -> None:
    MembershipChange.objects.create(
        organisation=organisation,
        step=step,
        user=user,
        email=email,
        role_before=before,
        role_after=after,
        actor=actor,
        at=clock.now(),
    )


def _tell_managers(organisation: Organisation, template: str, **context: str) -> None:
    for membership in standing(organisation).filter(role=Role.MANAGER):
        messages.queue(
            recipient=membership.user, template=template, organisation=organisation.name, **context
        )
