"""Who holds which role at an agency."""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.models import Membership, OrganisationKind, User


def holders(user: User) -> QuerySet[Membership]:
    """Everybody who works at the agencies of this person today, by name. Three queries, however many."""
    own = Membership.objects.filter(
        user=user, ended_at__isnull=True, organisation__kind=OrganisationKind.AGENCY
    )
    found = Membership.objects.filter(
        organisation__in=own.values("organisation"), ended_at__isnull=True
    ).select_related("user", "organisation")
    return found.prefetch_related("scheme_limits__scheme").order_by("user__display_name", "user_id", "role")
