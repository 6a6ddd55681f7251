"""Texts of providers on our pages."""

from __future__ import annotations

import re
from typing import Any

import nh3
from django import template
from django.utils.safestring import SafeString, mark_safe

from catalogue import words
from catalogue.importing.html import ALLOWED_TAGS
from catalogue.models import Award

register = template.Library()

_LOW_HEADING = re.compile(r"(</?)h[45]\b")


@register.filter
def cleaned(html: str) -> SafeString:
    """A provider's HTML once more reduced to harmless tags, however it came into the database.

    Its headings become the level below ours, so that the page's outline has no hole.
    """
    safe = nh3.clean(
        html,
        tags=ALLOWED_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https"},
        link_rel="nofollow noopener",
    )
    return mark_safe(_LOW_HEADING.sub(r"\1h3", safe))  # noqa: S308 - cleaned in the line above


@register.simple_tag
def awards_of(source: Any) -> list[Award]:
    """The awards that a proof has led to (a booking, by its public id), the one that stands first."""
    found = Award.objects.filter(source=source).select_related("provider").defer("token", "claims")
    return list(found.order_by("state", "-issued_at", "-pk"))


@register.filter
def revocation(code: str) -> Any:
    """Why an award was taken back, as a sentence."""
    return words.word(words.REVOCATIONS, code)
