"""For which schemes a role at the agency counts."""

from collections.abc import Collection

from django.db import transaction

from accounts.models import Membership, OrganisationKind, User
from funding import permissions
from funding.models import Scheme, SchemeLimit, SchemeLimitLog
from ila.core import clock, locks
from ila.core.errors import DomainError


@transaction.atomic
def limit_membership(
    *, actor: User, membership_id: int, schemes: Collection[Scheme], reason: str
) -> Membership:
    """A manager says for which schemes another person's role counts; none named: for every scheme.

    It holds from the next request on. Locks: the membership.
    Raises: DomainError `not_allowed` for oneself, another agency's role, or a manager whose own role is limited;
    `incomplete` without a reason; `not_found` (404) for what is no role at an agency today.
    """
    if not reason.strip():
        raise DomainError("incomplete", what="reason")
    seen = Membership.objects.filter(
        pk=membership_id, ended_at__isnull=True, organisation__kind=OrganisationKind.AGENCY
    )
    if not seen.exists():
        raise DomainError("not_found", status=404, kind="membership")
    membership: Membership = locks.acquire(locks.lock(Membership, membership_id))[0]
    if not permissions.may_limit_roles(membership, actor):
        raise DomainError("not_allowed", status=403, what="limit_membership")
    wanted = {scheme.pk: scheme.code for scheme in schemes}
    SchemeLimit.objects.filter(membership=membership).exclude(scheme__in=wanted).delete()
    SchemeLimit.objects.bulk_create(
        [SchemeLimit(membership=membership, scheme_id=pk) for pk in wanted], ignore_conflicts=True
    )
    SchemeLimitLog.objects.create(
        membership=membership,
        schemes=sorted(wanted.values()),
        reason=reason.strip(),
        actor=actor,
        at=clock.now(),
    )
    return membership
