"""The long lists of a search's page: facets and cards.

A page has sixty links and twenty cards; made node by node by a template they take as long as the database does. Here
each is one text. Whatever goes into it goes through `escape`, or is made of such.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ila.core.money import format_cents
from ila.core.templatetags.ila import day

register = template.Library()

_MUTED = "ila-muted govuk-!-font-weight-regular"


@register.simple_tag
def facet_choices(choices: Iterable[Mapping[str, Any]]) -> SafeString:
    """The links of a facet, each with what it leaves."""
    return mark_safe("".join(map(_choice, choices)))  # noqa: S308 - every part is escaped


@register.simple_tag
def result_cards(rows: Iterable[Mapping[str, Any]], came_from: str) -> SafeString:
    """The cards of a page of results. came_from: a query that leads an entry's page back to this one."""
    said = {
        "bookable": f'<strong class="govuk-tag govuk-tag--green">{escape(_("Bookable"))}</strong>',
        "closed": f'<strong class="govuk-tag govuk-tag--grey">{escape(_("Not bookable now"))}</strong>',
        "no_price": f'<span class="{_MUTED}">{escape(_("no price"))}</span>',
        "from": f'<span class="{_MUTED}">{escape(_("from"))}</span> ',
        "compare": escape(_("Compare")),
        "next_start": escape(_("next start")),
        "costs_you": escape(_("costs you")),
        "language": get_language() or "en",
    }
    # The address of an entry is put together once: of twenty, only the numbers differ.
    before, after = reverse("entry", args=[0]).rsplit("0", 1)
    said |= {"before": before, "after": after + escape(came_from)}
    return mark_safe("".join(_card(row, said) for row in rows))  # noqa: S308 - every part is escaped


def grouped(number: int) -> str:
    """A number with its thousands parted, as `intcomma` does it."""
    return str(number) if number < 1000 else intcomma(number)


def _choice(one: Mapping[str, Any]) -> str:
    current = ' aria-current="true"' if one["here"] else ""
    return (
        f'<li><a class="govuk-link ila-facet__choice" href="{escape(one["url"])}"{current}>'
        f"<span>{escape(str(one['label']))}</span>"
        f'<span class="ila-facet__count">{escape(grouped(one["count"]))}</span></a></li>'
    )


def _card(row: Mapping[str, Any], said: Mapping[str, str]) -> str:
    entry = row["entry"]
    pk, title = int(entry.pk), escape(entry.title)
    foot = [said["bookable"] if entry.can_book else said["closed"]]
    foot += [f"<span>{escape(str(fact))}</span>" for fact in row["facts"]]
    if entry.next_start:
        foot.append(f"<span>{said['next_start']} {_day(entry.next_start, entry.time_zone, said)}</span>")
    return f"""
      <li class="ila-card{"" if entry.can_book else " ila-card--closed"}">
        <div class="govuk-checkboxes govuk-checkboxes--small ila-card__pick"><div class="govuk-checkboxes__item">\
<input class="govuk-checkboxes__input" type="checkbox" id="compare-{pk}" name="entry" value="{pk}" form="compare">\
<label class="govuk-label govuk-checkboxes__label" for="compare-{pk}">{said["compare"]}\
<span class="govuk-visually-hidden"> {title}</span></label></div></div>
        <h3 class="ila-card__title"><a class="govuk-link" href="{said["before"]}{pk}{said["after"]}">\
{title}</a></h3>
        <p class="ila-card__by">{escape(row["by"])}</p>
        <p class="ila-card__foot">{" ".join(foot)} <span class="ila-card__price">{_price(entry, said)}</span></p>
        {_own(row["own"], said)}
      </li>"""


def _day(moment: datetime, zone: str, said: Mapping[str, str]) -> str:
    return _day_in_words(moment.astimezone(ZoneInfo(zone or "UTC")).date(), said["language"])


@lru_cache(maxsize=2_000)
def _day_in_words(one: date, _language: str) -> str:
    """As `day` writes it in the language in force, kept: many cards have the same days."""
    return str(day(one))


def _price(entry: Any, said: Mapping[str, str]) -> str:
    if not entry.from_cents:
        return said["no_price"]
    least = said["from"] if entry.price_cents is None else ""
    return least + escape(format_cents(entry.from_cents, entry.currency, said["language"]))


def _own(cost: Any, said: Mapping[str, str]) -> str:
    """What it costs the reader, if that is known."""
    if not cost:
        return ""
    amount = escape(format_cents(cost.own_cents, cost.currency, said["language"]))
    return (
        f'<p class="govuk-body-s govuk-!-margin-bottom-0 govuk-!-margin-top-2">{said["costs_you"]}'
        f' <strong>{amount}</strong> <span class="ila-muted">({escape(str(cost.scheme))})</span></p>'
    )
