"""Searching the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from catalogue import costs, words
from catalogue.forms import MONTHS, OWN, SearchForm, as_parameter
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


@login_not_required
@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    """Search micro-credentials. Every filter is part of the address: a result can be kept and shared."""
    now = clock.now()
    listings.bring_up_to_date(limit=LINES_MADE_FIRST)
    form = SearchForm(request.GET)
    asked = form.asked()
    wallet = costs.wallet_of(request.user)
    limits = wallet.limits(asked["own"]) if wallet is not None and "own" in asked else None
    found = finding.find(asked, now, limits=limits)
    page: Page[Any] = Paginator(range(found.total), PER_PAGE).get_page(request.GET.get("page"))
    cards = found.page(offset=page.start_index() - 1, limit=PER_PAGE) if found.total else []
    address = Address(request.GET, asked)
    compared = compared_ids(request.GET.getlist("with"))[: MOST_COMPARED - 1]
    context = {
        "form": form,
        "left_out": [*form.left_out(), *([form.fields["own"].label] if "own" in found.unused else [])],
        "asked": asked,
        "hidden": address.parameters,
        "page": page,
        "rows": rows_of(cards, wallet),
        "facets": [
            facet for name in FACETS if (facet := _facet(form, address, asked, found, name))["choices"]
        ],
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
        self.saved = _encoded([(name, value) for name, value in kept if name != "sort"])
        self.here = _encoded(kept)
        self.parameters = kept + [("with", str(pk)) for pk in compared_ids(query.getlist("with"))]

    def __call__(self, **changes: Any) -> str:
        """The address; None drops a parameter."""
        kept = [(name, value) for name, value in self.parameters if name not in changes]
        kept += [(name, as_parameter(value)) for name, value in changes.items() if value is not None]
        text = _encoded(kept)
        return f"{reverse('catalogue')}?{text}" if text else reverse("catalogue")


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


def _encoded(parameters: list[tuple[str, str]]) -> str:
    made = QueryDict(mutable=True)
    for name, value in parameters:
        made.appendlist(name, value)
    return made.urlencode()


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


def _facet(
    form: SearchForm, address: Address, asked: Mapping[str, Any], found: Found, name: str
) -> dict[str, Any]:
    names, in_order = FACETS[name]
    counts = found.tally.counts[name]
    codes = [code for code in counts if counts[code] or asked.get(name) == code]
    if not in_order:
        codes.sort(key=lambda code: -counts[code])
    return {
        "name": name,
        "label": form.fields[name].label,
        "choices": [
            {
                "label": words.word(names, code),
                "count": counts[code],
                "here": asked.get(name) == code,
                "url": address(**{name: None if asked.get(name) == code else code}),
            }
            for code in codes[:FACETS_SHOWN]
        ],
    }


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
    facts = [words.word(words.KINDS, one.kind), *(words.word(words.MODES, mode) for mode in one.modes)]
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
