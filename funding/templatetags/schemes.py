"""Countries and last days, as pages about schemes write them."""

from __future__ import annotations

from datetime import date, timedelta

from django import template

from ila.core.countries import country_name

register = template.Library()


@register.filter
def country(code: str) -> str:
    """A country's name in the reader's language."""
    return country_name(code)


@register.filter
def day_before(first: date | None) -> date | None:
    """The last day before the first one of what comes next."""
    return None if first is None else first - timedelta(days=1)
