"""What the catalogue's search finds, and what may be booked today, for whole lists at a time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, cast

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    IntegerField,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)

from catalogue import registers
from catalogue.importing.values import folded
from catalogue.models import MicroCredential, Offer, Session, SessionSeats
from catalogue.models.micro_credentials import CredentialState
from catalogue.models.sessions import BOOKABLE_STATES
from catalogue.selectors.accreditation import provider_in_force

_LISTED = (CredentialState.REGISTERED, CredentialState.SUSPENDED)
_WORD = re.compile(r"\w+", re.UNICODE)
MAX_WORDS = 12


@dataclass(frozen=True, slots=True)
class Facet:
    """One value that a list can be narrowed to, and how many entries it leaves."""

    value: str
    count: int


def listed() -> QuerySet[MicroCredential]:
    """Entries that the public catalogue shows: registered or suspended ones."""
    return MicroCredential.objects.filter(state__in=_LISTED)


def first_bookable_moment(register: registers.Register, now: datetime) -> datetime:
    """The earliest start that a session of this register may have to be booked at `now` (F-22)."""
    calendar = register.calendar
    return calendar.start_of_day(calendar.add_working_days(calendar.local_date(now), register.notice_wd))


def _per_register(build: Any) -> Q:
    return cast("Q", reduce(or_, (build(register) for register in registers.REGISTERS.values())))


def bookable_sessions(now: datetime) -> QuerySet[Session]:
    """Sessions that take bookings now, whoever the provider is."""
    early_enough = _per_register(
        lambda register: Q(
            micro_credential__provider__register=register.code,
            starts_at__gte=first_bookable_moment(register, now),
        )
    )
    full = SessionSeats.objects.filter(session=OuterRef("pk"), seats__isnull=False, taken__gte=F("seats"))
    return Session.objects.filter(
        early_enough,
        ~Exists(full),
        state__in=BOOKABLE_STATES,
        recruitment_closed=False,
        removed_at__isnull=True,
        price_cents__gt=0,
    )


def with_bookability(found: QuerySet[MicroCredential], now: datetime) -> QuerySet[MicroCredential]:
    """Annotate `can_book`: 1 when something of the entry may be booked now."""
    accredited = _per_register(
        lambda register: (
            Q(provider__register=register.code)
            & Q(provider_in_force(now, register.calendar.zone, "provider_id"))
        )
    )
    sessions = Session.objects.filter(micro_credential=OuterRef("pk"))
    open_sessions = bookable_sessions(now).filter(micro_credential=OuterRef("pk"))
    taught = Q(Exists(open_sessions)) | (~Q(Exists(sessions)) & Q(price_cents__gt=0))
    fit = (
        Q(state=CredentialState.REGISTERED, total_mismatch=False)
        & ~Q(provider__name="")
        & accredited
        & taught
    )
    return found.annotate(
        can_book=Case(When(fit, then=Value(1)), default=Value(0), output_field=IntegerField())
    )


def search_query(text: str) -> SearchQuery | None:
    """The words asked for, each as a beginning of a word, all of them; None for no word at all."""
    words = _WORD.findall(folded(text))[:MAX_WORDS]
    if not words:
        return None
    return SearchQuery(" & ".join(f"{word}:*" for word in words), search_type="raw", config="simple")


def narrowed(asked: dict[str, Any], now: datetime) -> QuerySet[MicroCredential]:
    """Listed entries that fit all that was asked for, with `can_book`, `from_cents` and `next_start`."""
    found = with_bookability(listed(), now)
    upcoming = Session.objects.filter(
        micro_credential=OuterRef("pk"),
        removed_at__isnull=True,
        state__in=BOOKABLE_STATES,
        starts_at__gte=now,
    )
    cheapest = (
        upcoming.order_by().values("micro_credential").annotate(least=Min("price_cents")).values("least")
    )
    soonest = upcoming.order_by().values("micro_credential").annotate(first=Min("starts_at")).values("first")
    found = found.annotate(
        from_cents=Case(When(price_cents__isnull=False, then=F("price_cents")), default=Subquery(cheapest)),
        next_start=Subquery(soonest),
    )
    if (query := search_query(asked.get("q", ""))) is not None:
        found = found.filter(search=query).annotate(rank=SearchRank("search", query))
    if kind := asked.get("kind"):
        found = found.filter(kind=kind)
    if mode := asked.get("mode"):
        found = found.filter(
            Exists(Offer.objects.filter(micro_credential=OuterRef("pk"), mode=mode, removed_at=None))
        )
    if place := asked.get("place"):
        here = Offer.objects.filter(micro_credential=OuterRef("pk"), city__icontains=place, removed_at=None)
        found = found.filter(Q(Exists(here)) | Q(provider__city__icontains=place))
    if price := asked.get("price"):
        found = found.filter(from_cents__lte=price)
    if within := asked.get("within"):
        found = found.filter(next_start__lte=now + timedelta(days=round(30.5 * within)))
    if asked.get("bookable"):
        found = found.filter(can_book=1)
    return found


def ordered(found: QuerySet[MicroCredential], asked: dict[str, Any]) -> QuerySet[MicroCredential]:
    """What can be booked first; then by what was asked for, and always in one same order."""
    by = {"price": [F("from_cents").asc(nulls_last=True)], "start": [F("next_start").asc(nulls_last=True)]}
    best = [F("rank").desc()] if "rank" in found.query.annotations else []
    return found.order_by("-can_book", *by.get(asked.get("sort", ""), best), "title", "pk")


def facets(asked: dict[str, Any], name: str, now: datetime) -> list[Facet]:
    """What narrowing by `kind` or `mode` would leave, under everything else that was asked for."""
    others = narrowed({key: value for key, value in asked.items() if key != name}, now)
    column = {"kind": "kind", "mode": "offers__mode"}[name]
    if name == "mode":
        others = others.filter(offers__removed_at=None)
    rows = others.order_by().values_list(column).annotate(n=Count("pk", distinct=True)).order_by("-n", column)
    return [Facet(value, count) for value, count in rows if value]


def session_reasons(session: Session, *, accredited: bool, now: datetime) -> list[str]:
    """Why a session cannot be booked now; nothing: it can. Its entry, provider and seats must be loaded."""
    entry, provider = session.micro_credential, session.micro_credential.provider
    seats = getattr(session, "seats", None)
    reasons = entry_reasons(entry, accredited=accredited)
    if session.state == "cancelled":
        reasons.append("cancelled")
    elif session.removed_at is not None or session.recruitment_closed or session.state not in BOOKABLE_STATES:
        reasons.append("recruitment_closed")
    if session.starts_at is None or session.ends_at is None:
        reasons.append("no_dates")
    elif session.starts_at < first_bookable_moment(provider.namespace, now):
        reasons.append("too_late")
    if session.price_cents <= 0:
        reasons.append("price_zero")
    if seats is not None and seats.seats is not None and seats.taken >= seats.seats:
        reasons.append("session_full")
    return reasons


def entry_reasons(entry: MicroCredential, *, accredited: bool) -> list[str]:
    """Why nothing of an entry can be booked, whatever the session."""
    reasons = []
    if not accredited:
        reasons.append("not_accredited")
    if entry.state != CredentialState.REGISTERED:
        reasons.append("delisted")
    if entry.total_mismatch:
        reasons.append("total_mismatch")
    if entry.provider.name == "":
        reasons.append("name_missing")
    return reasons
