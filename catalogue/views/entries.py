"""The public catalogue: searching it, and one entry with its sessions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from catalogue import words
from catalogue.forms import MONTHS, PRICES, SearchForm
from catalogue.models import Accreditation, MicroCredential, Offer, Session
from catalogue.selectors import bookability, listing
from ila.core import clock

PER_PAGE = 20
SESSIONS_PER_PAGE = 15
FACETS_SHOWN = 10


@login_not_required
@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    """Search micro-credentials. Every filter is part of the address: a result can be kept and shared."""
    now = clock.now()
    form = SearchForm(request.GET)
    asked = form.asked()
    found = listing.narrowed(asked, now)
    count = found.count()
    # Only ids are put in order: whole rows carry long texts.
    paginator = Paginator(listing.ordered(found, asked, count=count).values_list("pk", flat=True), PER_PAGE)
    paginator.count = count
    page = paginator.get_page(request.GET.get("page"))
    entries = listing.described(list(page), now)
    offers = Offer.objects.filter(micro_credential__in=[one.pk for one in entries], removed_at=None)
    places: dict[int, list[Offer]] = {}
    for offer in offers.order_by("pk"):
        places.setdefault(offer.micro_credential_id, []).append(offer)
    context = {
        "form": form,
        "asked": asked,
        "page": page,
        "rows": [_row(one, places.get(one.pk, [])) for one in entries],
        "kinds": _choices(request, asked, "kind", words.KINDS, now),
        "modes": _choices(request, asked, "mode", words.MODES, now),
        "prices": [(n, _("up to %(price)s") % {"price": _round_price(n)}) for n in PRICES],
        "months": [(n, _within(n)) for n in MONTHS],
        "chosen": _chosen(request, asked),
        "without": _without_each(request, asked, now) if not page.paginator.count else [],
        "filters": len([name for name in asked if name not in {"q", "sort"}]),
    }
    return render(request, "catalogue/search.html", context)


@login_not_required
@require_safe
def entry(request: HttpRequest, pk: int) -> HttpResponse:
    """One micro-credential: what is learnt, by whom, when, for how much, and why it cannot be booked."""
    now = clock.now()
    one = (
        MicroCredential.objects.select_related("provider")
        .filter(pk=pk)
        .exclude(state__in=["draft", "submitted"])
        .first()
    )
    if one is None:
        raise Http404
    accreditations = list(
        Accreditation.objects.filter(provider=one.provider).order_by("-created_at", "-pk")[:5]
    )
    day = bookability.today_at(one.provider)
    valid = [each for each in accreditations if _covers(each, day)]
    sessions = (
        Session.objects.filter(micro_credential=one, removed_at__isnull=True)
        .exclude(ends_at__lt=now)
        .select_related("offer", "seats")
        .order_by("starts_at", "pk")
    )
    page = Paginator(sessions, SESSIONS_PER_PAGE).get_page(request.GET.get("page"))
    of_entry = bookability.entry_reasons(one, accredited=bool(valid))
    rows = []
    for session in page:
        reasons = of_entry | bookability.session_reasons(session, one.provider, day)
        if listing.is_full(session):
            reasons.add("session_full")
        # What is the matter with the whole entry is said once, beside its price.
        rows.append({"session": session, "bookable": not reasons, "reasons": _sentences(reasons - of_entry)})
    has_sessions = bool(page.paginator.count) or Session.objects.filter(micro_credential=one).exists()
    if has_sessions and not page.paginator.count:
        of_entry.add("too_late")
    context = {
        "entry": one,
        "provider": one.provider,
        "zone": one.provider.time_zone,
        "kind": words.word(words.KINDS, one.kind),
        "language": words.word(words.LANGUAGES, one.language) if one.language else "",
        "accreditations": [
            (each, words.word(words.ACCREDITATION_STATES, each.state), each in valid)
            for each in accreditations
        ],
        "accredited": bool(valid),
        "reasons": _sentences(of_entry),
        "page": page,
        "rows": rows,
        "offers": [(each, words.word(words.MODES, each.mode) if each.mode else "") for each in _offers(one)],
        "price_from": min((session.price_cents for session in page), default=one.price_cents),
        "has_sessions": has_sessions,
        "back": _back(request),
    }
    return render(request, "catalogue/entry.html", context)


def _offers(one: MicroCredential) -> list[Offer]:
    return list(Offer.objects.filter(micro_credential=one, removed_at=None).order_by("city", "pk")[:30])


def _covers(one: Accreditation, day: date) -> bool:
    """Whether the accreditation stands on that day."""
    begun = one.valid_from is None or one.valid_from <= day
    return one.state == "accredited" and begun and (one.valid_until is None or day <= one.valid_until)


def _sentences(reasons: set[str]) -> list[Any]:
    return [text for code, text in words.REASONS.items() if code in reasons]


def _row(one: Any, offers: list[Offer]) -> dict[str, Any]:
    modes = [words.word(words.MODES, mode) for mode in dict.fromkeys(offer.mode for offer in offers) if mode]
    towns = list(dict.fromkeys(offer.city for offer in offers if offer.city)) or [one.provider.city]
    return {
        "entry": one,
        "kind": words.word(words.KINDS, one.kind),
        "modes": modes,
        "towns": [town for town in towns if town][:3],
        "more_towns": max(0, len(towns) - 3),
    }


def _address(request: HttpRequest, **changes: str | None) -> str:
    """This search with some parameters changed, at its first page."""
    query: QueryDict = request.GET.copy()
    query.pop("page", None)
    for name, value in changes.items():
        query.pop(name, None)
        if value is not None:
            query[name] = value
    for name in [name for name, value in query.items() if not value]:
        query.pop(name)
    text = query.urlencode()
    return f"{reverse('catalogue')}?{text}" if text else reverse("catalogue")


def _choices(
    request: HttpRequest, asked: dict[str, Any], name: str, names: dict[str, Any], now: Any
) -> list[dict[str, Any]]:
    chosen = asked.get(name)
    made = [
        {
            "label": words.word(names, facet.value),
            "count": facet.count,
            "here": facet.value == chosen,
            "url": _address(request, **{name: None if facet.value == chosen else facet.value}),
        }
        for facet in listing.facets(asked, name, now)
    ]
    return made[:FACETS_SHOWN]


def _label(name: str, value: Any) -> str:
    """What a chosen filter is called."""
    named: dict[str, Callable[[Any], Any]] = {
        "q": lambda text: f"“{text}”",
        "kind": lambda code: words.word(words.KINDS, code),
        "mode": lambda code: words.word(words.MODES, code),
        "price": lambda cents: _("up to %(price)s") % {"price": _round_price(cents)},
        "within": _within,
        "bookable": lambda _value: _("Only what can be booked now"),
    }
    return str(named.get(name, str)(value))


def _chosen(request: HttpRequest, asked: dict[str, Any]) -> list[tuple[str, str]]:
    """Each filter in force, with the address of the same search without it."""
    return [
        (_label(name, value), _address(request, **{name: None}))
        for name, value in asked.items()
        if name != "sort"
    ]


def _without_each(request: HttpRequest, asked: dict[str, Any], now: Any) -> list[tuple[str, str, int]]:
    """For a search that finds nothing: what dropping each single filter would find, best first."""
    tried = []
    for name, value in asked.items():
        if name == "sort":
            continue
        rest = {key: other for key, other in asked.items() if key != name}
        if count := listing.narrowed(rest, now).count():
            tried.append((_label(name, value), _address(request, **{name: None}), count))
    return sorted(tried, key=lambda one: -one[2])


def _round_price(cents: int) -> str:
    """A whole amount without a currency: each entry is compared in its own."""
    return number_format(cents // 100, force_grouping=True)


def _within(months: int) -> str:
    return _("within a month") if months == 1 else _("within %(n)s months") % {"n": months}


def _back(request: HttpRequest) -> str:
    """The search one came from, when one did: a query of our own catalogue, nothing else."""
    query = QueryDict(request.GET.get("from", ""))
    allowed = {name: query[name] for name in SearchForm().fields if query.get(name)}
    if not allowed:
        return reverse("catalogue")
    again = QueryDict(mutable=True)
    again.update(allowed)
    return f"{reverse('catalogue')}?{again.urlencode()}"
