"""A second factor that was lost: taken away by two managers, so that its owner can set up another."""

import structlog
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import transaction

from accounts.models import FactorReset, Membership, OrganisationKind, Role, User
from accounts.services import messages
from ila.core.errors import DomainError

log = structlog.get_logger(__name__)


@transaction.atomic
def reset_factors(*, email: str, by: str, approved_by: str, reason: str) -> tuple[int, int]:
    """Take away somebody's factors and recovery codes, and end their sessions. Returns how many of each.

    email, by, approved_by: addresses of three persons; the latter two are managers of an agency.
    Raises: not_found, not_allowed, incomplete (no reason).
    Logs: a FactorReset; a mail tells the person, and they set up another factor at their next sign-in.
    """
    user, asking, approving = _user(email), _manager(by), _manager(approved_by)
    if len({user.pk, asking.pk, approving.pk}) < 3:
        raise DomainError("not_allowed", needs="three different persons")
    if not reason.strip():
        raise DomainError("incomplete", missing="reason")
    removed, _models = Authenticator.objects.filter(user=user).delete()
    sessions = list(UserSession.objects.filter(user=user))
    for session in sessions:
        session.end()
    FactorReset.objects.create(
        user=user, asked_by=asking, approved_by=approving, reason=reason.strip()[:500], removed=removed
    )
    messages.queue(recipient=user, template="factors_reset")
    log.info("factors_reset", user=user.pk, by=asking.pk, approved_by=approving.pk, removed=removed)
    return removed, len(sessions)


def _user(email: str) -> User:
    found = User.objects.filter(email__iexact=email, is_service=False).first()
    if found is None:
        raise DomainError("not_found", status=404, email=email)
    return found


def _manager(email: str) -> User:
    user = _user(email)
    manages = Membership.objects.filter(
        user=user,
        user__is_active=True,
        organisation__kind=OrganisationKind.AGENCY,
        role=Role.MANAGER,
        ended_at__isnull=True,
    )
    if not manages.exists():
        raise DomainError("not_allowed", status=403, email=email, needs="manager of an agency")
    return user
