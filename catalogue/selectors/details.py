"""What a provider has told of itself: what holds on a day, what was, what waits for the authority."""

from __future__ import annotations

from datetime import date, timedelta

from django.db.models import Q, QuerySet

from catalogue.models import DetailKind, Provider, ProviderDetail
from catalogue.selectors.bookability import today_at
from ila.core import clock

__all__ = ["addresses_of", "current", "history", "today_at", "waiting"]


def current(provider: Provider, on: date) -> list[ProviderDetail]:
    """What holds on a day, and what has been told to hold later, by kind."""
    found = provider.facts_told.filter(Q(valid_until__isnull=True) | Q(valid_until__gte=on))
    return list(found.order_by("kind", "valid_from", "pk"))


def history(provider: Provider, on: date) -> QuerySet[ProviderDetail]:
    """What has ended before a day, the latest first."""
    return provider.facts_told.filter(valid_until__lt=on).order_by("-ended_at", "-pk")


def waiting() -> QuerySet[ProviderDetail]:
    """Changes that the authority has not looked at, the oldest first."""
    found = ProviderDetail.objects.filter(Q(review="waits") | Q(end_review="waits"))
    return found.select_related("provider", "entered_by", "ended_by").order_by("entered_at", "pk")


def addresses_of(provider: Provider, *, looking_back: timedelta) -> list[str]:
    """The provider's own mail addresses, with those that were replaced within a time: a thief changes them first."""
    since = clock.now() - looking_back
    found = provider.facts_told.filter(
        Q(ended_at__isnull=True) | Q(ended_at__gte=since), kind=DetailKind.CONTACT
    ).order_by("pk")
    return [str(one.facts["email"]) for one in found if one.facts.get("email")]
