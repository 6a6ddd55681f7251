"""Counsellors: a citizen lets somebody look at parts of their account for a time. Looking and suggesting, never acting.

Nobody who acts for a provider or an employer can be one: those never see a balance, by whatever door.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from uuid import UUID

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from accounts.models import (
    Citizen,
    Delegation,
    DelegationLook,
    Membership,
    NotMeKind,
    Organisation,
    OrganisationKind,
    Part,
    Role,
    User,
)
from accounts.services import messages
from ila.core import clock
from ila.core.errors import DomainError

MAX_MONTHS = 12
MAX_OPEN = 10
# Invitations go to addresses that somebody types in: no more than this of one citizen in a day.
MAX_PER_DAY = 10
# Whose interest it is that a learner spends: they see no balance.
_INTERESTED = (OrganisationKind.PROVIDER, OrganisationKind.EMPLOYER)


def today() -> date:
    """The day by which terms of counsellors are counted."""
    return clock.now().date()


def open_ones() -> Q:
    """Which delegations may still be taken up or used."""
    return Q(ended_at__isnull=True, declined_at__isnull=True, last_day__gte=today())


def addresses_of(user: User) -> set[str]:
    """The addresses that a person has confirmed as theirs, in small letters."""
    verified = EmailAddress.objects.filter(user_id=user.pk, verified=True)
    return {address.lower() for address in verified.values_list("email", flat=True)}


def may_counsel(actor: User) -> bool:
    """A person who acts neither for a provider nor for an employer, and no service."""
    if not actor.is_active or actor.is_service:
        return False
    interested = Membership.objects.filter(
        user_id=actor.pk, organisation__kind__in=_INTERESTED, ended_at__isnull=True
    )
    return not interested.exists()


def counsellors() -> QuerySet[Membership]:
    """Who may be chosen by name: the people of counselling organisations, by organisation."""
    found = Membership.objects.filter(
        organisation__kind=OrganisationKind.COUNSELLING, ended_at__isnull=True, user__is_active=True
    )
    return found.select_related("organisation", "user").order_by(
        "organisation__name", "user__display_name", "pk"
    )


@transaction.atomic
def add_counsellor(*, email: str, organisation: str) -> Membership:
    """Let somebody counsel for an organisation of that name, which is made when it is new; again, it changes nothing.

    Raises: DomainError `not_found` where nobody who may counsel has confirmed that address.
    """
    address = EmailAddress.objects.filter(email__iexact=email.strip(), verified=True).select_related("user")
    found = address.first()
    if found is None or not organisation.strip() or not may_counsel(found.user):
        raise DomainError("not_found", status=404, kind="user")
    house, _made = Organisation.objects.get_or_create(
        kind=OrganisationKind.COUNSELLING, name=organisation.strip()
    )
    member, _made = Membership.objects.get_or_create(
        user=found.user, organisation=house, role=Role.STAFF, ended_at=None
    )
    return member


@transaction.atomic
def invite(*, actor: User, email: str, parts: Iterable[str], months: int) -> Delegation:
    """Let a person look at parts of one's account for so many months; they take it up with that address confirmed.

    Both are told by mail. Locks: the citizen. Raises: DomainError `not_found` for who is no citizen, `incomplete`
    without a part, `invalid` for unknown parts, a time over 12 months or one's own address, `too_many`,
    `already_invited`.
    """
    citizen = Citizen.objects.select_for_update(no_key=True).filter(user_id=actor.pk).first()
    if citizen is None or not actor.is_active:
        raise DomainError("not_found", status=404, kind="citizen")
    chosen = [part for part in Part.values if part in set(parts)]
    if not chosen:
        raise DomainError("incomplete", status=422, what="parts")
    address = email.strip().lower()
    if not address or not 1 <= months <= MAX_MONTHS or set(parts) - set(Part.values):
        raise DomainError("invalid", status=422, what="delegation")
    if address in addresses_of(actor) | {actor.email.lower()}:
        raise DomainError("invalid", status=422, what="own_address")
    mine = Delegation.objects.filter(citizen=citizen)
    # One whose time is over makes room for the next of the same person.
    mine.filter(ended_at__isnull=True, declined_at__isnull=True, last_day__lt=today()).update(
        ended_at=clock.now()
    )
    lately = mine.filter(made_at__gt=clock.now() - timedelta(days=1)).count()
    if lately >= MAX_PER_DAY or mine.filter(open_ones()).count() >= MAX_OPEN:
        raise DomainError("too_many", status=409)
    try:
        with transaction.atomic():
            made = Delegation.objects.create(
                citizen=citizen,
                email=address,
                parts=chosen,
                last_day=today() + timedelta(days=365 * months // 12),
                made_at=clock.now(),
            )
    except IntegrityError as error:
        raise DomainError("already_invited", status=409) from error
    # To a stranger's address, in the words of who invites: nothing is told of what is in the account.
    messages.queue(
        recipient=actor,
        address=address,
        template="counsellor_invited",
        learner=name_of(citizen),
        last_day=made.last_day.isoformat(),
    )
    messages.queue(
        recipient=actor,
        template="counsellor_named",
        counsellor=address,
        last_day=made.last_day.isoformat(),
        **messages.not_me(NotMeKind.CONTACT),
    )
    return made


@transaction.atomic
def take_up(*, actor: User, public_id: UUID) -> Delegation:
    """Become the counsellor that a citizen invited, by an address confirmed as one's own. The citizen is told.

    Locks: the delegation. Raises: DomainError `not_found` (404) for an invitation of somebody else or one that is
    over; `not_allowed` (403) for who acts for a provider or an employer.
    """
    found = _locked(invitations_of(actor), public_id)
    if not may_counsel(actor):
        raise DomainError("not_allowed", status=403, what="counsel")
    found.counsellor, found.accepted_at = actor, clock.now()
    found.save(update_fields=["counsellor", "accepted_at"])
    messages.queue(
        recipient=found.citizen.user,
        template="counsellor_joined",
        counsellor=name_of_counsellor(found),
        delegation=str(found.public_id),
    )
    return found


@transaction.atomic
def decline(*, actor: User, public_id: UUID) -> Delegation:
    """Say no to an invitation. Locks: the delegation. Raises: DomainError `not_found` (404)."""
    found = _locked(invitations_of(actor), public_id)
    found.declined_at = clock.now()
    found.save(update_fields=["declined_at"])
    return found


@transaction.atomic
def end(*, actor: User, public_id: UUID) -> Delegation:
    """End it at once: by its citizen, or by its counsellor. Twice, it changes nothing. The counsellor is told.

    Locks: the delegation. Raises: DomainError `not_found` (404) for everybody else.
    """
    found = _locked(Delegation.objects.filter(Q(citizen__user=actor) | Q(counsellor=actor)), public_id)
    if found.ended_at is None:
        found.ended_at, found.ended_by = clock.now(), actor
        found.save(update_fields=["ended_at", "ended_by"])
        if found.accepted_at is not None and found.counsellor_id != actor.pk:
            messages.queue(
                recipient=found.counsellor, template="counsellor_ended", learner=name_of(found.citizen)
            )
    return found


def find(*, actor: User, public_id: UUID) -> Delegation:
    """A delegation in force whose counsellor this person is. Raises: DomainError `not_found` (404) for any other."""
    found = Delegation.objects.select_related("citizen__user").filter(
        open_ones(), public_id=public_id, counsellor_id=actor.pk, accepted_at__isnull=False
    )
    delegation = found.first()
    if delegation is None or not may_counsel(actor):
        raise DomainError("not_found", status=404, kind="delegation")
    return delegation


@transaction.atomic
def look(*, actor: User, public_id: UUID, part: str) -> Delegation:
    """Open a part of a citizen's account to their counsellor; the look is written down before anything is shown.

    Raises: DomainError `not_found` (404), also for a part that the citizen did not tick.
    """
    delegation = find(actor=actor, public_id=public_id)
    if part not in delegation.parts:
        raise DomainError("not_found", status=404, kind="delegation")
    DelegationLook.objects.create(delegation=delegation, part=part, at=clock.now())
    return delegation


def invitations_of(user: User) -> QuerySet[Delegation]:
    """What waits for an answer of this person, by the addresses they have confirmed."""
    return Delegation.objects.filter(
        open_ones(), accepted_at__isnull=True, email__in=addresses_of(user)
    ).exclude(citizen__user_id=user.pk)


def counselled_by(user: User) -> QuerySet[Delegation]:
    """Whose accounts this person may look at today."""
    if not may_counsel(user):
        return Delegation.objects.none()
    return Delegation.objects.filter(open_ones(), counsellor_id=user.pk, accepted_at__isnull=False)


def name_of(citizen: Citizen) -> str:
    """The name by which a counsellor knows a citizen."""
    return f"{citizen.given_name} {citizen.family_name}".strip()


def name_of_counsellor(delegation: Delegation) -> str:
    """The name of a counsellor, or the address that was invited."""
    return (delegation.counsellor.display_name if delegation.counsellor else "") or delegation.email


def _locked(found: QuerySet[Delegation], public_id: UUID) -> Delegation:
    delegation = (
        found.select_related("citizen__user", "counsellor")
        .select_for_update(of=("self",), no_key=True)
        .filter(public_id=public_id)
        .first()
    )
    if delegation is None:
        raise DomainError("not_found", status=404, kind="delegation")
    return delegation
