"""Organisations, founded by whoever speaks for them; what they may do is decided by others later."""

from django.db import transaction

from accounts.models import Membership, Organisation, OrganisationKind, Role, User
from accounts.permissions import may_found
from ila.core.errors import DomainError

MAX_NAME = 300


@transaction.atomic
def found_organisation(*, actor: User, kind: OrganisationKind, name: str) -> Organisation:
    """A new organisation with its founder as its first manager. By itself it may do nothing but apply.

    Raises: DomainError `not_allowed` for who works for an agency (nobody decides about their own) or for no person;
    `incomplete` without a name, `invalid` for one that is too long.
    """
    if not may_found(actor):
        raise DomainError("not_allowed", status=403, what="found_organisation")
    if not name.strip():
        raise DomainError("incomplete", status=422, what="name")
    if len(name.strip()) > MAX_NAME:
        raise DomainError("invalid", status=422, what="name", at_most=MAX_NAME)
    organisation = Organisation.objects.create(kind=kind, name=name.strip())
    Membership.objects.create(user=actor, organisation=organisation, role=Role.MANAGER)
    return organisation
