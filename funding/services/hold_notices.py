"""Whoever is held is told: the reason, the end, and how to answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from accounts.models import Membership, Role
from accounts.services import messages
from catalogue.models import Provider
from funding.models import Hold


def tell_subjects(held: Iterable[Hold]) -> int:
    """Write to the managers of each provider concerned, once for holds of the same reason and end.

    Returns how many mails were written. Call it in the transaction that placed the holds.
    """
    grouped: dict[tuple[int, str, datetime], list[Hold]] = defaultdict(list)
    for hold in held:
        for provider in _providers(hold):
            if provider.organisation_id is not None:
                grouped[provider.organisation_id, hold.reason, hold.expires_at].append(hold)
    told = 0
    for (organisation, reason, until), theirs in sorted(grouped.items()):
        managers = Membership.objects.filter(
            organisation=organisation, role=Role.MANAGER, ended_at__isnull=True, user__is_active=True
        )
        for membership in managers.select_related("user").order_by("pk"):
            messages.queue(
                recipient=membership.user,
                template="payments_held",
                reason=reason,
                until=until.date().isoformat(),
                bookings=sum(each.booking_id is not None for each in theirs),
                number=theirs[0].pk,
            )
            told += 1
    return told


def _providers(hold: Hold) -> list[Provider]:
    """Whose money it stops."""
    if hold.provider is not None:
        return [hold.provider]
    if hold.booking is not None:
        return [hold.booking.provider]
    if hold.session is not None:
        return [hold.session.micro_credential.provider]
    return list(Provider.objects.filter(iban=hold.iban).order_by("pk"))
