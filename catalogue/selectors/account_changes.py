"""What is known of changes of accounts: who may confirm one, what waits, which accounts were paid into before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from django.db.models import QuerySet

from accounts.models import User
from catalogue.connect import is_connected_account
from catalogue.models import OPEN_CHANGES, AccountChange, AccountChangeState


def second_persons(change: AccountChange) -> QuerySet[User]:
    """Who may confirm it: people of the provider's organisation beside who asked, and no newer in it than that."""
    return (
        User.objects.filter(
            memberships__organisation=change.provider.organisation_id,
            memberships__ended_at__isnull=True,
            memberships__created_at__lte=change.asked_at,
            is_active=True,
            is_service=False,
        )
        .exclude(pk=change.asked_by_id)
        .distinct()
    )


def waiting() -> QuerySet[AccountChange]:
    """Open changes, the oldest first."""
    return (
        AccountChange.objects.filter(state__in=OPEN_CHANGES)
        .select_related("provider__organisation", "asked_by", "confirmed_by", "approved_by")
        .order_by("asked_at", "pk")
    )


def former_accounts(provider_ids: Collection[int]) -> dict[int, set[str]]:
    """The accounts that each provider was paid into before the present one."""
    found: dict[int, set[str]] = defaultdict(set)
    rows = AccountChange.objects.filter(
        provider__in=provider_ids, state=AccountChangeState.IN_FORCE, iban_before__gt=""
    )
    for provider_id, iban in rows.values_list("provider_id", "iban_before"):
        found[provider_id].add(iban)
    return found


def masked(iban: str) -> str:
    """An account as a page shows it: its country, or that it is at Stripe, and the last four signs."""
    if is_connected_account(iban):
        return f"Stripe •••• {iban[-4:]}"
    return f"{iban[:2]}•• •••• {iban[-4:]}" if iban else ""
