"""Whoever is held is told: the reason, the end, and how to answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from accounts.models import Membership, Message, Role, User
from accounts.services import messages
from catalogue.models import Provider
from funding.models import Hold


def tell_subjects(held: Iterable[Hold]) -> int:
    """Write to the managers of each provider concerned, once for holds of the same reason and end.

    Returns how many mails were written. Call it in the transaction that placed the holds.
    """
    holds = {each.pk: each for each in held}
    grouped: dict[tuple[int, str, datetime], list[Hold]] = defaultdict(list)
    for pk, providers in providers_of(holds).items():
        hold = holds[pk]
        for organisation in {each.organisation_id for each in providers if each.organisation_id is not None}:
            grouped[organisation, hold.reason, hold.expires_at].append(hold)
    told: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for (organisation, reason, until), theirs in sorted(grouped.items()):
        told[organisation].append(
            {
                "reason": reason,
                "until": until.date().isoformat(),
                "bookings": sum(each.booking_id is not None for each in theirs),
                "number": theirs[0].pk,
            }
        )
    return write_to_managers("payments_held", told)


def write_to_managers(template: str, told: Mapping[int, Iterable[Mapping[str, Any]]]) -> int:
    """One mail for each of these to each manager of its organisation (by id). Two queries. Returns how many."""
    rows = Membership.objects.filter(
        organisation__in=list(told), role=Role.MANAGER, ended_at__isnull=True, user__is_active=True
    )
    managers: dict[int, list[User]] = defaultdict(list)
    for membership in rows.select_related("user").order_by("pk"):
        managers[membership.organisation_id].append(membership.user)
    drafts = [
        message
        for organisation, contexts in sorted(told.items())
        for context in contexts
        for user in managers[organisation]
        for message in messages.draft(recipient=user, template=template, **context)
    ]
    Message.objects.bulk_create(drafts, batch_size=1000)
    return len(drafts)


def providers_of(hold_ids: Collection[int]) -> dict[int, list[Provider]]:
    """By hold, whose money it stops; for a bank account all that are paid into it. Two queries."""
    related = ("provider", "booking__provider", "session__micro_credential__provider")
    rows = list(Hold.objects.filter(pk__in=list(hold_ids)).select_related(*related).order_by("pk"))
    by_iban: dict[str, list[Provider]] = defaultdict(list)
    ibans = {each.iban for each in rows if each.iban}
    if ibans:
        for provider in Provider.objects.filter(iban__in=ibans).order_by("pk"):
            by_iban[provider.iban].append(provider)
    return {each.pk: _own(each) or by_iban[each.iban] for each in rows}


def _own(hold: Hold) -> list[Provider]:
    if hold.provider is not None:
        return [hold.provider]
    if hold.booking is not None:
        return [hold.booking.provider]
    if hold.session is not None:
        return [hold.session.micro_credential.provider]
    return []
