"""Awards as people may see them: their own, their provider's, or all for the agency."""

from __future__ import annotations

import enum
import uuid

from django.db.models import Count, Q, QuerySet

from accounts.models import Membership, OrganisationKind, User
from catalogue.models import Award, AwardState, PortfolioShare


class Onlooker(enum.Enum):
    """As whom a person sees an award."""

    LEARNER = "learner"
    PROVIDER = "provider"
    AGENCY = "agency"


def organisations_of(user: User) -> tuple[set[int], bool]:
    """The providers' organisations that the person acts for, and whether for an agency too."""
    held = Membership.objects.filter(user=user, ended_at__isnull=True).values_list(
        "organisation_id", "organisation__kind"
    )
    rows = list(held)
    providers = {pk for pk, kind in rows if kind == OrganisationKind.PROVIDER}
    return providers, any(kind == OrganisationKind.AGENCY for _pk, kind in rows)


def awards_of_learner(user: User) -> QuerySet[Award]:
    """The learner's awards, newest first."""
    return (
        Award.objects.filter(citizen__user=user)
        .select_related("provider", "micro_credential")
        .defer("token")
        .order_by("-issued_at", "-pk")
    )


def awards_to_manage(user: User) -> QuerySet[Award] | None:
    """The awards of the person's provider, or all for the agency; None for whoever has none to manage."""
    providers, agency = organisations_of(user)
    if not providers and not agency:
        return None
    found = Award.objects.select_related("provider", "micro_credential", "citizen").defer("token")
    if not agency:
        found = found.filter(provider__organisation__in=providers)
    return found.order_by("-issued_at", "-pk")


def find(user: User, public_id: uuid.UUID) -> tuple[Award, Onlooker] | None:
    """An award and as whom the person sees it; None for everybody whom it does not concern."""
    award = (
        Award.objects.select_related("provider", "micro_credential", "citizen")
        .filter(public_id=public_id)
        .first()
    )
    if award is None:
        return None
    if award.citizen.user_id == user.pk:
        return award, Onlooker.LEARNER
    providers, agency = organisations_of(user)
    if award.provider.organisation_id in providers:
        return award, Onlooker.PROVIDER
    return (award, Onlooker.AGENCY) if agency else None


def shares_of(user: User) -> QuerySet[PortfolioShare]:
    """The learner's links with how many awards each shows, newest first."""
    return (
        PortfolioShare.objects.filter(citizen__user=user)
        .annotate(number=Count("shared"))
        .order_by("-created_at", "-pk")
    )


def shared_awards(share: PortfolioShare) -> list[Award]:
    """What a link shows, newest first, with its standing today."""
    return list(
        Award.objects.filter(shared__share=share)
        .select_related("provider", "micro_credential")
        .defer("token")
        .order_by("-issued_at", "-pk")
    )


def standing_awards(user: User) -> QuerySet[Award]:
    """What the learner may share: awards that were not taken back."""
    return awards_of_learner(user).filter(Q(state=AwardState.ISSUED))
