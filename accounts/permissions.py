"""Who may do what with the facts about people. What no predicate allows is denied."""

from typing import Any

from accounts.models import Membership, OrganisationKind, Role

FACT_ROLES = (Role.CASE_WORKER, Role.MANAGER)


def may_correct_facts(actor: Any) -> bool:
    """A case worker or manager of an agency, or one of the platform's own services; never the citizen alone."""
    if not actor.is_active:
        return False
    if actor.is_service:
        return True
    return Membership.objects.filter(
        user=actor,
        organisation__kind=OrganisationKind.AGENCY,
        role__in=FACT_ROLES,
        ended_at__isnull=True,
    ).exists()
