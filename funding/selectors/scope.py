"""What of a list somebody at the agency may see, whose role may be limited to schemes (decisions 173 and 198)."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from accounts.models import Role, User
from funding.models import LearningAccount
from funding.permissions import schemes_of

M = TypeVar("M", bound=Model)


def within(found: QuerySet[M], path: str, user: User, *roles: Role) -> QuerySet[M]:
    """What belongs to the schemes for which they hold one of the roles. path: from a row to its scheme."""
    schemes = schemes_of(user, *roles)
    return found if schemes is None else found.filter(**{f"{path}__in": schemes})


def of_people(found: QuerySet[M], path: str, schemes: frozenset[int] | None) -> QuerySet[M]:
    """What is about people who have an account in one of these schemes; None: about anybody. path: to their user."""
    if schemes is None:
        return found
    accounts: Any = LearningAccount.objects.filter(scheme__in=schemes)
    return found.filter(**{f"{path}__in": accounts.values("citizen__user")})
