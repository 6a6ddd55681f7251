"""What the catalogue's search finds, and what may be booked today, for whole lists at a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

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
    When,
)

from catalogue import registers
from catalogue.importing.values import folded
from catalogue.models import (
    Accreditation,
    AccreditationState,
    CredentialState,
    MicroCredential,
    Offer,
    Session,
    SessionSeats,
)
from catalogue.models.sessions import BOOKABLE_STATES
from catalogue.selectors import bookability

_LISTED = (CredentialState.REGISTERED, CredentialState.SUSPENDED)
_WORD = re.compile(r"\w+", re.UNICODE)
MAX_WORDS = 12
RANKED_AT_MOST = 1000


@dataclass(frozen=True, slots=True)
class Facet:
    """One value that a list can be narrowed to, and how many entries it leaves."""

    value: str
    count: int


def listed() -> QuerySet[MicroCredential]:
    """Entries that the public catalogue shows: registered or suspended ones."""
    return MicroCredential.objects.filter(state__in=_LISTED)


def _per_register(build: Callable[[registers.Register, date], Q], now: datetime) -> Q:
    """A condition for each register, on the day it is there."""
    parts = (build(one, now.astimezone(one.calendar.zone).date()) for one in registers.REGISTERS.values())
    return reduce(or_, parts)


def _early_enough(register: registers.Register, day: date) -> Q:
    first = register.calendar.start_of_day(bookability.earliest_start(register.code, day))
    return Q(micro_credential__provider__register=register.code, starts_at__gte=first)


def _accredited(register: registers.Register, day: date) -> Q:
    standing = Accreditation.objects.filter(
        Q(valid_from__isnull=True) | Q(valid_from__lte=day),
        Q(valid_until__isnull=True) | Q(valid_until__gte=day),
        provider=OuterRef("provider_id"),
        state=AccreditationState.ACCREDITED,
    )
    return Q(provider__register=register.code) & Q(Exists(standing))


def bookable_sessions(now: datetime) -> QuerySet[Session]:
    """Sessions that take bookings now, whoever the provider is (as `bookability.session_reasons` says)."""
    full = SessionSeats.objects.filter(session=OuterRef("pk"), seats__isnull=False, taken__gte=F("seats"))
    return Session.objects.filter(
        _per_register(_early_enough, now),
        ~Exists(full),
        state__in=BOOKABLE_STATES,
        recruitment_closed=False,
        removed_at__isnull=True,
        ends_at__isnull=False,
        price_cents__gt=0,
    )


def with_bookability(found: QuerySet[MicroCredential], now: datetime) -> QuerySet[Any]:
    """Annotate `can_book`: 1 when something of the entry may be booked now (as `bookability.view_entries` says)."""
    sessions = Session.objects.filter(micro_credential=OuterRef("pk"))
    open_sessions = bookable_sessions(now).filter(micro_credential=OuterRef("pk"))
    fit = (
        Q(state=CredentialState.REGISTERED, total_mismatch=False, provider__name__isnull=False)
        & ~Q(provider__name="")
        & ~Q(price_cents=0, price_cents__isnull=False)
        & _per_register(_accredited, now)
        & (Q(Exists(open_sessions)) | ~Q(Exists(sessions)))
    )
    annotated: QuerySet[Any] = found.annotate(
        can_book=Case(When(fit, then=1), default=0, output_field=IntegerField())
    )
    return annotated


def search_query(text: str) -> SearchQuery | None:
    """The words asked for, each as a beginning of a word, all of them; None for no word at all."""
    words = _WORD.findall(folded(text))[:MAX_WORDS]
    if not words:
        return None
    return SearchQuery(" & ".join(f"{word}:*" for word in words), search_type="raw", config="simple")


def described(ids: list[int], now: datetime) -> list[Any]:
    """These entries in this order, with what a list shows of them. One query."""
    shown = _with_facts(MicroCredential.objects.filter(pk__in=ids), now).select_related("provider")
    by_id = {
        one.pk: one for one in shown.defer("goals_html", "content_html", "facts", "search_text", "search")
    }
    return [by_id[pk] for pk in ids if pk in by_id]


def _with_facts(found: QuerySet[MicroCredential], now: datetime) -> QuerySet[Any]:
    """Annotate `can_book`, `from_cents` (what it costs at least) and `next_start`."""
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
    annotated: QuerySet[Any] = with_bookability(found, now).annotate(
        from_cents=Case(When(price_cents__isnull=False, then=F("price_cents")), default=Subquery(cheapest)),
        next_start=Subquery(soonest),
    )
    return annotated


def narrowed(asked: dict[str, Any], now: datetime) -> QuerySet[Any]:
    """Listed entries that fit all that was asked for, with the facts of `described`."""
    found = _with_facts(listed(), now)
    if (query := search_query(asked.get("q", ""))) is not None:
        found = found.filter(search=query)
    if kind := asked.get("kind"):
        found = found.filter(kind=kind)
    if mode := asked.get("mode"):
        found = found.filter(
            Exists(Offer.objects.filter(micro_credential=OuterRef("pk"), mode=mode, removed_at=None))
        )
    if place := asked.get("place"):
        here = Offer.objects.filter(micro_credential=OuterRef("pk"), city__icontains=place, removed_at=None)
        fits = Q(Exists(here)) | Q(provider__city__icontains=place)
        if (folded_place := search_query(place)) is not None:
            # Towns are among the words an entry is found by, there without accents.
            fits |= Q(search=folded_place)
        found = found.filter(fits)
    if price := asked.get("price"):
        found = found.filter(from_cents__lte=price)
    if within := asked.get("within"):
        found = found.filter(next_start__lte=now + timedelta(days=round(30.5 * within)))
    if asked.get("bookable"):
        found = found.filter(can_book=1)
    return found


def ordered(found: QuerySet[Any], asked: dict[str, Any], *, count: int) -> QuerySet[Any]:
    """What can be booked first; then by what was asked for, and always in one same order.

    count: how many there are. Too many are not ranked by their words: that reads the texts of all of them,
    and a word that is everywhere tells nothing apart.
    """
    soonest = F("next_start").asc(nulls_last=True)
    query = search_query(asked.get("q", "")) if count <= RANKED_AT_MOST else None
    by = {"price": F("from_cents").asc(nulls_last=True), "start": soonest}.get(asked.get("sort", ""))
    if by is None:
        by = SearchRank("search", query).desc() if query is not None else soonest
    in_order: QuerySet[Any] = found.order_by("-can_book", by, "title", "pk")
    return in_order


def facets(asked: dict[str, Any], name: str, now: datetime) -> list[Facet]:
    """What narrowing by `kind` or `mode` would leave, under everything else that was asked for."""
    others = narrowed({key: value for key, value in asked.items() if key != name}, now)
    column = {"kind": "kind", "mode": "offers__mode"}[name]
    if name == "mode":
        others = others.filter(offers__removed_at=None)
    rows = others.order_by().values_list(column).annotate(n=Count("pk", distinct=True)).order_by("-n", column)
    return [Facet(value, count) for value, count in rows if value]


def is_full(session: Session) -> bool:
    """Whether every seat is taken; a session without a limit never is."""
    seats = getattr(session, "seats", None)
    return seats is not None and seats.seats is not None and seats.taken >= seats.seats
