"""What learners say of who brought them to a training: asked as they book, for nothing but finding misuse."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.models import User
from catalogue.models import DetailKind, Provider, ProviderDetail
from catalogue.selectors.details import today_at
from funding.models import Booking, Introduction
from funding.models.introductions import LONGEST_NAME, IntroducedBy
from funding.permissions import is_learner
from ila.core import clock
from ila.core.errors import DomainError


@dataclass(frozen=True, slots=True)
class Answer:
    """Who brought a learner: nobody, a declared partner of the provider, or somebody else with or without a name."""

    kind: IntroducedBy
    partner_id: int | None = None
    name: str = ""


def partners_of(provider: Provider) -> QuerySet[ProviderDetail]:
    """The agents and subcontractors that the provider has declared and works with today (F-35), by name."""
    today = today_at(provider)
    there = Q(valid_until__isnull=True) | Q(valid_until__gte=today)
    found = provider.facts_told.filter(there, kind=DetailKind.PARTNER, valid_from__lte=today)
    return found.order_by("facts__name", "pk")


@transaction.atomic
def tell_introduction(*, actor: User, booking_id: int, answer: Answer) -> Introduction:
    """Keep who brought the learner, by their own word; it takes the place of what they said before.

    The booking stays as it is, and the provider is not told. Raises: DomainError `not_found` (404) for anybody but the
    booking's learner; `invalid` for a partner that is none of the provider's today, or words that are too long.
    """
    booking = Booking.objects.select_related("account__citizen", "provider").filter(pk=booking_id).first()
    if booking is None or not is_learner(booking, actor):
        raise DomainError("not_found", status=404, kind="booking")
    partner_id = answer.partner_id if answer.kind == IntroducedBy.PARTNER else None
    name = answer.name if answer.kind == IntroducedBy.OTHER else ""
    if len(name) > LONGEST_NAME:
        raise DomainError("invalid", status=422, what="name")
    partners = partners_of(booking.provider)
    if answer.kind == IntroducedBy.PARTNER and (
        partner_id is None or not partners.filter(pk=partner_id).exists()
    ):
        raise DomainError("invalid", status=422, what="partner")
    before = booking.introductions.order_by("-pk").first()
    if before is not None and (before.kind, before.partner_id, before.name) == (
        answer.kind,
        partner_id,
        name,
    ):
        return before
    return Introduction.objects.create(
        booking=booking,
        kind=answer.kind,
        partner_id=partner_id,
        name=name,
        told_by=actor,
        told_at=clock.now(),
    )
