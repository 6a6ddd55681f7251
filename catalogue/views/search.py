"""Searching the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from catalogue import costs, words
from catalogue.forms import MONTHS, OWN, SORTS, SearchForm, as_parameter
from catalogue.selectors import finding, places
from catalogue.selectors.cards import Card
from catalogue.selectors.finding import Found
from catalogue.selectors.traits import PRICES
from catalogue.services import listings
from ila.core import clock

PER_PAGE = 20
FACETS_SHOWN = 12
MOST_COMPARED = 4
LINES_MADE_FIRST = 200
"""Entries changed since the last search whose lines are made before this one; a job makes the rest."""

# Facets in the order in which they are shown, with the words of their codes; in the codes' own order, or by number.
FACETS: dict[str, tuple[dict[str, Any], bool]] = {
    "mode": (words.MODES, False),
    "field": (words.FIELDS, False),
    "kind": (words.KINDS, False),
    "length": (words.LENGTHS, True),
    "level": (words.LEVELS, True),
    "language": (words.LANGUAGES, False),
    "grade": (words.GRADES, True),
}
IN_FILTER_FORM = ("place", "km", "price", "own", "within", "after", "before", "bookable", "guaranteed")


@login_not_required
@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    """Search micro-credentials. Every filter is part of the address: a result can be kept and shared."""
    now = clock.now()
    listings.bring_up_to_date(limit=LINES_MADE_FIRST)
    asked, senseless = SearchForm.read(request.GET)
    wallet = costs.wallet_of(request.user)
    limits = wallet.limits(asked["own"]) if wallet is not None and "own" in asked else None
    found = finding.find(asked, now, limits=limits)
    page: Page[Any] = Paginator(range(found.total), PER_PAGE).get_page(request.GET.get("page"))
    cards = found.page(offset=page.start_index() - 1, limit=PER_PAGE) if found.total else []
    address = Address(request.GET, asked)
    compared = compared_ids(request.GET.getlist("with"))[: MOST_COMPARED - 1]
    context = {
        "left_out": [SearchForm.label(name) for name in (*senseless, *found.unused)],
        "unused": found.unused,
        "asked": asked,
        "sorts": SORTS,
        "hidden": address.parameters,
        "hidden_beside_filters": [one for one in address.parameters if one[0] not in IN_FILTER_FORM],
        "page": page,
        "rows": rows_of(cards, wallet),
        "facets": [facet for name in FACETS if (facet := _facet(address, asked, found, name))["choices"]],
        "counts": found.tally.counts,
        "prices": [(n, _up_to(n), found.tally.counts["price"][str(n)]) for n in PRICES],
        "distances": places.DISTANCES,
        "default_km": places.DEFAULT_KM,
        "owns": [(n, _costs(n)) for n in OWN] if wallet is not None else [],
        "months": [(n, _within(n)) for n in MONTHS],
        "chosen": [(label_of(name, value), address(**_dropped(name))) for name, value in _filters(asked)],
        "without": _without(found, asked, address),
        "filters": len([name for name, _value in _filters(asked) if name != "q"]),
        "respelt": [(typed, ", ".join(used)) for typed, used in found.search.spellings.items()],
        "meant": _meant(found, address),
        "centre": found.search.centre,
        "compared": compared,
        "saved_query": address.saved,
        "came_from": f"?{urlencode({'from': address.here})}" if address.here else "",
    }
    return render(request, "catalogue/search.html", context)


class Address:
    """Addresses of this search with some parameters changed, at its first page. parameters: those in force.

    saved: the filters, as a kept search has them; here: with the order, as the way back has them.
    """

    def __init__(self, query: QueryDict, asked: Mapping[str, Any]) -> None:
        kept = [(name, as_parameter(value)) for name, value in asked.items()]
        self.parameters = kept + [("with", str(pk)) for pk in compared_ids(query.getlist("with"))]
        # Written once each: a page has sixty addresses that differ in one parameter.
        self._written = [(name, _written(name, value)) for name, value in self.parameters]
        self._page = reverse("catalogue")
        here = self._written[: len(kept)]
        self.saved = "&".join(text for name, text in here if name != "sort")
        self.here = "&".join(text for _name, text in here)

    def __call__(self, **changes: Any) -> str:
        """The address; None drops a parameter."""
        kept = [text for name, text in self._written if name not in changes]
        kept += [_written(name, as_parameter(value)) for name, value in changes.items() if value is not None]
        return f"{self._page}?{'&'.join(kept)}" if kept else self._page


def _written(name: str, value: str) -> str:
    return urlencode({name: value})


def compared_ids(given: list[str]) -> list[int]:
    """Ids of entries as they came in an address: numbers only, each once, four at most."""
    numbers = [int(one) for one in given if one.isascii() and one.isdigit() and len(one) < 19]
    return list(dict.fromkeys(numbers))[:MOST_COMPARED]


def label_of(name: str, value: Any) -> str:
    """What a chosen filter is called."""
    named: dict[str, Callable[[Any], Any]] = {
        "q": lambda text: f"“{text}”",
        "price": _up_to,
        "own": _costs,
        "within": _within,
        "km": lambda km: _("within %(km)s km") % {"km": km},
        "after": lambda day: _("from %(day)s") % {"day": date_format(day, "j F Y")},
        "before": lambda day: _("until %(day)s") % {"day": date_format(day, "j F Y")},
        "guaranteed": lambda _value: _("Only guaranteed sessions"),
        "bookable": lambda _value: _("Only what can be booked now"),
    }
    if name in FACETS:
        return str(words.word(FACETS[name][0], value))
    return str(named.get(name, str)(value))


def described(asked: Mapping[str, Any]) -> str:
    """A search in words: its filters in a row."""
    return ", ".join(label_of(name, value) for name, value in _filters(asked))


def _filters(asked: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What narrows: a distance alone, or an order, does not."""
    return [
        (name, value)
        for name, value in asked.items()
        if name != "sort" and not (name == "km" and "place" not in asked)
    ]


def _dropped(name: str) -> dict[str, None]:
    """What goes when a filter is dropped: a place takes its distance along."""
    return dict.fromkeys([name, "km"] if name == "place" else [name])


def _facet(address: Address, asked: Mapping[str, Any], found: Found, name: str) -> dict[str, Any]:
    _names, in_order = FACETS[name]
    counts, chosen = found.tally.counts[name], asked.get(name)
    codes = [code for code in counts if counts[code] or chosen == code]
    if not in_order:
        codes.sort(key=lambda code: -counts[code])
    language = get_language() or "en"
    return {
        "name": name,
        "label": SearchForm.label(name),
        "choices": [
            {
                "label": _spoken(name, code, language),
                "count": counts[code],
                "here": chosen == code,
                "url": address(**{name: None if chosen == code else code}),
            }
            for code in codes[:FACETS_SHOWN]
        ],
    }


@lru_cache(maxsize=1_000)
def _spoken(facet: str, code: str, _language: str) -> str:
    """What a code of a facet is called in the language in force, kept: a page says so a hundred times."""
    return str(words.word(FACETS[facet][0], code))


def _without(found: Found, asked: Mapping[str, Any], address: Address) -> list[tuple[str, str, int]]:
    """For a search that finds nothing: what dropping each single filter would find, best first."""
    if found.total:
        return []
    kept = dict(_filters(asked))
    tried = [
        (label_of(name, kept[name]), address(**_dropped(name)), count)
        for name, count in found.without_each().items()
        if count and name in kept
    ]
    tried += [
        (f"“{word}”", address(q=" ".join(other for other in found.search.words if other != word)), count)
        for word, count in found.without_each_word().items()
        if count
    ]
    return sorted(tried, key=lambda one: -one[2])


def _meant(found: Found, address: Address) -> list[tuple[str, str]]:
    """Other words that the reader may have had in mind, with the search for them."""
    made = []
    for typed, known in found.meant.items():
        text = " ".join(known if word == typed else word for word in found.search.words)
        made.append((text, address(q=text)))
    return made


def rows_of(cards: Iterable[Card], wallet: costs.Wallet | None) -> list[dict[str, Any]]:
    """Cards with the words that are shown, and what each costs the reader, if that is known."""
    return [
        _row(one, wallet.cost(one, one.from_cents) if wallet is not None and one.from_cents else None)
        for one in cards
    ]


def _row(one: Card, own: costs.Cost | None) -> dict[str, Any]:
    towns = one.towns or ([one.provider_city] if one.provider_city else [])
    language = get_language() or "en"
    facts = [_spoken("kind", one.kind, language), *(_spoken("mode", mode, language) for mode in one.modes)]
    if one.guaranteed:
        facts.insert(0, _("guaranteed to take place"))
    if one.hours:
        facts.append(_("%(n)s hours") % {"n": number_format(one.hours.normalize(), use_l10n=True)})
    by = [one.provider, *towns[:3]]
    if len(towns) > 3:
        by.append(_("and %(n)s more towns") % {"n": len(towns) - 3})
    if one.km is not None:
        by.append(_("%(km)s km away") % {"km": max(1, round(one.km))})
    return {"entry": one, "facts": facts, "by": " · ".join(by), "own": own}


def _round_price(cents: int) -> str:
    """A whole amount without a currency: each entry is compared in its own."""
    return number_format(cents // 100, force_grouping=True)


def _up_to(cents: int) -> str:
    return _("up to %(price)s") % {"price": _round_price(cents)}


def _costs(cents: int) -> str:
    return (
        _("costs you at most %(price)s") % {"price": _round_price(cents)} if cents else _("costs you nothing")
    )


def _within(months: int) -> str:
    return _("within a month") if months == 1 else _("within %(n)s months") % {"n": months}
