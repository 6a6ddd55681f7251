"""Whom learners name as having brought them, by provider: what F-35 and detectors are looked at with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Lower

from funding.models import IntroducedBy, Introduction
from ila.core import clock

LOOKED_BACK = timedelta(days=365)
# A name that fewer have told may be anybody's aunt: it is nobody's business.
LEAST_TOLD = 3


def _told(schemes: Collection[int] | None) -> QuerySet[Introduction]:
    """What was said last of each booking within a year, in these schemes (None: in every one)."""
    found = Introduction.objects.filter(told_at__gte=clock.now() - LOOKED_BACK)
    if schemes is not None:
        found = found.filter(booking__account__scheme__in=schemes)
    latest = found.order_by("booking", "-pk").distinct("booking").values("pk")
    return Introduction.objects.filter(pk__in=latest)


def by_provider(schemes: Collection[int] | None) -> QuerySet[Introduction, Any]:
    """Providers whose learners said that somebody brought them, those with most whom they have not declared first."""
    counted = (
        _told(schemes)
        .values("booking__provider", "booking__provider__name")
        .annotate(
            told=Count("pk"),
            declared=Count("pk", filter=Q(kind=IntroducedBy.PARTNER)),
            others=Count("pk", filter=Q(kind=IntroducedBy.OTHER)),
        )
    )
    somebody = counted.filter(Q(declared__gt=0) | Q(others__gt=0))
    return somebody.order_by("-others", "-declared", "booking__provider")


def names_of(providers: Iterable[int], schemes: Collection[int] | None) -> dict[int, list[tuple[str, int]]]:
    """By provider: names that several learners told and it has not declared, with how many told them."""
    found = _told(schemes).filter(booking__provider__in=list(providers)).exclude(name="")
    counted = found.annotate(plain=Lower("name")).values("booking__provider", "plain")
    names: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for row in counted.annotate(told=Count("pk")).filter(told__gte=LEAST_TOLD).order_by("-told", "plain"):
        names[row["booking__provider"]].append((row["plain"], row["told"]))
    return names
