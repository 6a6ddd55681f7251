"""Holds and suspensions as the agency lists them, and what a reference names."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import F, Prefetch, Q, QuerySet

from catalogue.models import Provider, Session
from funding.banking.identifiers import normalise_account
from funding.models import Booking, Hold, LearningAccount, Suspension, SuspensionEnd
from funding.services import holds


def holds_for(schemes: Collection[int] | None, *, open_only: bool = True) -> QuerySet[Hold]:
    """Holds, those that end first in front; to whom works for some schemes only, those on bookings of theirs."""
    found = holds.open_holds() if open_only else Hold.objects.all()
    if schemes is not None:
        found = found.filter(booking__account__scheme__in=schemes)
    related = (
        "booking__credential",
        "booking__account__scheme",
        "session__micro_credential",
        "provider",
        "owner",
        "released_by",
    )
    order = ("expires_at", "pk") if open_only else ("-placed_at", "-pk")
    return found.select_related(*related).order_by(*order)


def scope_named(scope: str, which: str, *, schemes: Collection[int] | None) -> dict[str, Any] | None:
    """What a hold is to stop, by the reference that a person reads on a page; None when there is none of it."""
    which = which.strip()
    found: Any = None
    if scope == "booking":
        try:
            bookings = Booking.objects.filter(public_id=UUID(which))
        except ValueError:
            return None
        if schemes is not None:
            bookings = bookings.filter(account__scheme__in=schemes)
        found = bookings.select_related("credential", "provider", "account__scheme").first()
    elif scope == "session" and which.isascii() and which.isdigit() and len(which) < 19:
        found = Session.objects.select_related("micro_credential__provider").filter(pk=int(which)).first()
    elif scope == "provider":
        found = Provider.objects.filter(external_id=which).first()
    elif scope == "iban":
        try:
            found = normalise_account(which)
        except ValueError:
            return None
    return None if found is None else {scope: found}


def suspended_accounts(schemes: Collection[int] | None, today: date) -> QuerySet[LearningAccount]:
    """Accounts that are closed to new bookings on a day, the first to open again in front, with why."""
    found = LearningAccount.objects.filter(suspended_until__gte=today)
    if schemes is not None:
        found = found.filter(scheme__in=schemes)
    latest = Suspension.objects.select_related("decided_by").order_by("-decided_at", "-pk")
    return (
        found.select_related("scheme", "citizen")
        .prefetch_related(Prefetch("suspensions", queryset=latest, to_attr="decisions"))
        .order_by("suspended_until", "pk")
    )


def account_for(public_id: UUID, schemes: Collection[int] | None) -> LearningAccount | None:
    """An account of these schemes (None: of any), with its learner and scheme."""
    found = LearningAccount.objects.filter(public_id=public_id)
    if schemes is not None:
        found = found.filter(scheme__in=schemes)
    return found.select_related("scheme", "citizen__user").first()


def decisions_about(account: LearningAccount) -> tuple[list[Suspension], list[SuspensionEnd]]:
    """Every suspension of an account and every early end, newest first. Two queries."""
    return (
        list(account.suspensions.select_related("decided_by").order_by("-decided_at", "-pk")),
        list(account.suspension_ends.select_related("ended_by").order_by("-ended_at", "-pk")),
    )


def no_shows_of(account: LearningAccount) -> QuerySet[Booking]:
    """Bookings of an account that ended with an unjustified absence, the latest first: what F-25 speaks of."""
    owed = Q(state="no_show", realised_percent__isnull=False)
    return (
        Booking.objects.filter(owed, account=account)
        .select_related("credential")
        .order_by(F("ended_at").desc(nulls_last=True), "-pk")
    )
