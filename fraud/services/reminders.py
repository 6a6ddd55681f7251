"""Once a day: who works on cases is told by mail what is due."""

from __future__ import annotations

from datetime import UTC, datetime, time

from django.db import transaction

from accounts.models import Membership, Message, OrganisationKind, User
from accounts.services import messages
from fraud import deadlines, permissions
from ila.core import clock

TEMPLATE = "fraud_deadlines"


def remind() -> int:
    """Write to each investigator and manager what waits for them, once a day. Returns to how many. May be repeated."""
    roles = Membership.objects.filter(
        organisation__kind=OrganisationKind.AGENCY,
        ended_at__isnull=True,
        role__in=permissions.INVESTIGATOR_ROLES,
        user__is_active=True,
    )
    people = User.objects.filter(pk__in=roles.values("user")).order_by("pk")
    return sum(_remind(each) for each in people)


@transaction.atomic
def _remind(user: User) -> int:
    # One after the other: two runs of a day are one.
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    morning = datetime.combine(clock.now().date(), time(0), UTC)
    if Message.objects.filter(recipient=user, template=TEMPLATE, created_at__gte=morning).exists():
        return 0
    counts = deadlines.counts_for(user)
    if not counts:
        return 0
    messages.queue(recipient=user, template=TEMPLATE, waiting=counts)
    return 1
